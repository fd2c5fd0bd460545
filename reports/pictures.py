"""The pictures in docs/: pages of the shipped runs, as headless Chromium shows them.

`docs/pictures.json` has three digests for each picture: of the picture, of the runs that it shows,
and of the page that was photographed. A picture is made again if one of them differs.
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
from reports.comparing import baselines
from reports.comparing.verdict_changes import compare
from reports.documents import NEWER, SHOWN
from reports.judging.catalogue import ROOT
from reports.render import comparison, page

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
    """A picture: the shipped runs that it shows, its height in pixels, and its page as HTML."""

    runs: tuple[str, ...]
    height: int
    page: Callable[[], str]

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
        if recorded.get(name, {}).get("runs") != picture.digest
        or recorded[name].get("picture") != _digest_of(root / FOLDER / name)
    ]


def renew(root: Path = ROOT) -> tuple[list[str], list[str]]:
    """Make the pictures whose runs or pages have changed; return those made, and why not others."""
    recorded = dict(_recorded(root))
    outdated, made, problems = stale(root), [], []
    for name, picture in PICTURES.items():
        text = picture.page()
        page_digest = hashlib.sha256(text.encode()).hexdigest()
        if name not in outdated and recorded[name].get("page") == page_digest:
            continue
        try:
            _photograph(picture, text, root / FOLDER / name)
        except NoPicture as error:
            problems.append(f"{FOLDER / name}: {error}")
            continue
        recorded[name] = {
            "picture": _digest_of(root / FOLDER / name),
            "runs": picture.digest,
            "page": page_digest,
        }
        made.append(name)
    listed = json.dumps({name: recorded[name] for name in sorted(recorded)}, indent=1)
    (root / FOLDER / DIGESTS).write_text(f"{listed}\n", "utf-8")
    return made, problems


def _photograph(picture: Picture, text: str, path: Path) -> None:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise NoPicture("there is no Chromium; install it (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        shown = Path(folder) / "page.html"
        shown.write_text(text, "utf-8")
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


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _recorded(root: Path) -> Mapping[str, Mapping[str, str]]:
    path = root / FOLDER / DIGESTS
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def _statement() -> str:
    return page.render(baselines.load(SHOWN))


def _comparison() -> str:
    return comparison.as_html(compare(baselines.load(SHOWN), baselines.load(NEWER)))


PICTURES = {
    "statement.png": Picture((SHOWN,), 1500, _statement),
    "comparison.png": Picture((SHOWN, NEWER), 1180, _comparison),
}
