"""The pictures in docs/: pages of the shipped runs, as headless Chromium shows them.

`docs/pictures.json` has two digests for each picture: of the runs that it shows, and of the page
that was photographed. A picture is made again if one of them differs.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fixtures.target.releases import PREFIX
from reports import allure_report
from reports.comparing import baselines
from reports.comparing.verdict_changes import compare
from reports.documents import NEWER, SHOWN
from reports.judging.catalogue import ROOT
from reports.render import allure, comparison, page

FOLDER = Path("docs")
DIGESTS = "pictures.json"
#: The names of the program, in the order in which they are tried.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=10000",
)
LONGEST_SECONDS = 180


class NoPicture(Exception):
    """A picture cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Picture:
    """A picture: the shipped runs that it shows, its height in pixels, and its page.

    `page` writes the page into a folder and returns its path. The digest of a page is that of the
    file, or of the file `source` where a program of others makes the page out of it.
    """

    runs: tuple[str, ...]
    height: int
    source: Callable[[], str]
    page: Callable[[Path, str], Path]

    @property
    def digest(self) -> str:
        """The digest of the runs."""
        packed = [baselines.SHIPPED / f"{PREFIX}{name}{baselines.SUFFIX}" for name in self.runs]
        return hashlib.sha256(b"".join(path.read_bytes() for path in packed)).hexdigest()


def stale(root: Path = ROOT) -> list[str]:
    """Return the pictures that are missing, or that show other runs than the shipped ones."""
    recorded = _recorded(root)
    return [
        name
        for name, picture in PICTURES.items()
        if not (root / FOLDER / name).is_file()
        or recorded.get(name, {}).get("runs") != picture.digest
    ]


def renew(root: Path = ROOT) -> tuple[list[str], list[str]]:
    """Make the pictures whose runs or pages have changed; return those made, and why not others."""
    recorded = dict(_recorded(root))
    outdated, made, problems = stale(root), [], []
    for name, picture in PICTURES.items():
        source = picture.source()
        digests = {"runs": picture.digest, "page": hashlib.sha256(source.encode()).hexdigest()}
        if name not in outdated and recorded.get(name) == digests:
            continue
        try:
            _photograph(picture, source, root / FOLDER / name)
        except (NoPicture, allure_report.NotWritten) as error:
            problems.append(f"{FOLDER / name}: {error}")
            continue
        recorded[name] = digests
        made.append(name)
    text = json.dumps({name: recorded[name] for name in sorted(recorded)}, indent=1)
    (root / FOLDER / DIGESTS).write_text(f"{text}\n", "utf-8")
    return made, problems


def _photograph(picture: Picture, source: str, path: Path) -> None:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise NoPicture("there is no Chromium; install it (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        shown = picture.page(Path(folder), source)
        taken = Path(folder) / "picture.png"
        command = [
            program,
            *FLAGS,
            f"--user-data-dir={folder}/profile",
            f"--window-size=1280,{picture.height}",
            f"--screenshot={taken}",
            shown.resolve().as_uri(),
        ]
        try:
            subprocess.run(  # noqa: S603 - our own command
                command, capture_output=True, timeout=LONGEST_SECONDS, check=True
            )
            path.write_bytes(taken.read_bytes())
        except (subprocess.SubprocessError, OSError) as error:
            raise NoPicture(f"{program} took no picture: {error}") from None


def _recorded(root: Path) -> Mapping[str, Mapping[str, str]]:
    path = root / FOLDER / DIGESTS
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def _statement() -> str:
    return page.render(baselines.load(SHOWN))


def _comparison() -> str:
    return comparison.as_html(compare(baselines.load(SHOWN), baselines.load(NEWER)))


def _results() -> str:
    data = baselines.load(SHOWN)
    return json.dumps([allure_report.PACKAGE, *allure.files(data)])


def _own_page(folder: Path, source: str) -> Path:
    path = folder / "page.html"
    path.write_text(source, "utf-8")
    return path


def _allure_page(folder: Path, source: str) -> Path:
    _, *files = json.loads(source)
    results = folder / "allure"
    results.mkdir()
    for name, text in files:
        (results / name).write_text(text, "utf-8")
    if allure_report.main([str(folder)]):
        raise NoPicture("Allure wrote no report")
    return folder / "allure-report" / "index.html"


PICTURES = {
    "statement.png": Picture((SHOWN,), 1500, _statement, _own_page),
    "comparison.png": Picture((SHOWN, NEWER), 1180, _comparison, _own_page),
    "allure.png": Picture((SHOWN,), 900, _results, _allure_page),
}
