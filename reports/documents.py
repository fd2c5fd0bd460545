"""The parts of README.md and docs/ that are written by a program: outputs, tables and badges.

Such a part stands between `<!-- output: NAME -->` and `<!-- end -->`. It comes from the shipped
runs in reports/baselines, from the catalogue, or from a run on the embedded server.
"""

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reports import releases
from reports.comparing import baselines
from reports.comparing.verdict_changes import compare
from reports.judging import catalogue
from reports.judging.catalogue import ROOT
from reports.render import badge, comparison, terminal

#: Where the badges of README.md are.
BADGES = Path("docs") / "badges"
#: The shipped run that is shown as an example, and the release that it is compared with.
SHOWN, NEWER = "7.0.3", "8.1"
#: The example of a finding: a defect of the embedded server, and the requirement that it breaks.
DEFECT, REQUIREMENT = "codes_reusable", "RFC6749-4.1.3-code-single-use"
LONGEST_SECONDS = 300

MARKED = re.compile(
    r"(?P<begin><!-- output: (?P<name>[\w.-]+) -->\n)(?P<text>.*?)(?P<end><!-- end -->)", re.DOTALL
)
#: Parts of an output that differ from run to run: ports, secrets, identifiers and times.
VARYING = re.compile(
    r"(?<=127\.0\.0\.1:)\d+|(?<=port {14})\d+|(?<= )[0-9a-f]{4}(?=>)|(?<=client_id=)[\w-]+"
    r"|(?<=\bin )\d+\.\d+s(?: \([\d:]+\))?|=+$|^=+(?= \d)",
    re.MULTILINE,
)
#: The folders of checks by the words of the table of checks.
GROUPS = {
    "OAuth2, OpenID Connect, scopes of all routes": ("oauth",),
    "SMART": ("smart",),
    "REST": ("rest",),
    "portal": ("portal",),
    "FHIR with bulk export": ("fhir",),
    "settings and upgrades (containers)": ("settings", "upgrade"),
    "apps, client libraries": ("app", "interop"),
}


class NotWritten(Exception):
    """A part of a document cannot be written; the message says why and what to do."""


def documents(root: Path = ROOT) -> list[Path]:
    """Return the documents that may have parts that are written by a program."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def same(one: str, other: str) -> bool:
    """Return whether two outputs differ only in what differs from run to run."""
    return VARYING.sub("", one) == VARYING.sub("", other)


def names(text: str) -> list[str]:
    """Return the names of the marked parts of a document."""
    return [found["name"] for found in MARKED.finditer(text)]


def renewed(text: str) -> str:
    """Return a document with its marked parts as they are now; NotWritten for an unknown name.

    A part that differs only in what differs from run to run stays as it is.
    """

    def part(found: re.Match[str]) -> str:
        if found["name"] not in PARTS:
            raise NotWritten(f"output: {found['name']}: give one of {', '.join(PARTS)}")
        now = PARTS[found["name"]]()
        return f"{found['begin']}{found['text'] if same(found['text'], now) else now}{found['end']}"

    return MARKED.sub(part, text)


def badges(root: Path = ROOT) -> dict[str, str]:
    """Return the badges of README.md by the names of their files."""
    with (root / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    shipped = baselines.names()
    shown = {
        "openemr.svg": ("OpenEMR", f"{shipped[0]} to {shipped[-1]}"),
        "requirements.svg": ("requirements", str(len(catalogue.load(root).requirements))),
        "python.svg": ("Python", project["requires-python"].replace(">=", "") + " or newer"),
        "licence.svg": ("licence", project["license"]),
    }
    return {name: badge.svg(*texts, badge.NEUTRAL) for name, texts in shown.items()}


def table_of_releases() -> str:
    """Return a row for each shipped run: what it missed, and when it was judged."""
    rows = [
        "| OpenEMR | MUSTs missed | critical | SHOULDs and MAYs | good practice | judged on |",
        "|---|---|---|---|---|---|",
    ]
    for data in map(baselines.load, baselines.names()):
        misses, version = data["misses"], data["target"]["version"]
        rows.append(
            f"| {version} | {misses['must']} | {misses['critical']} "
            f"| {misses['should'] + misses['may']} | {misses.get('practice', 0)} "
            f"| {data['started'][:10]} |"
        )
    return _lines(rows)


def table_by_area() -> str:
    """Return the table of all shipped runs by area."""
    with (baselines.SHIPPED / "run-on.toml").open("rb") as file:
        run_on = tomllib.load(file)
    missing = sorted(set(baselines.names()) ^ set(run_on))
    if missing:
        raise NotWritten(
            f"reports/baselines/run-on.toml and the shipped runs differ in {', '.join(missing)}: "
            "say there on what each run was made"
        )
    shown = [releases.count(baselines.load(name), words) for name, words in run_on.items()]
    return "\n" + releases.as_markdown(shown) + "\n"


def statement() -> str:
    """Return the end of the shipped run of SHOWN as the terminal shows it."""
    return _console(terminal.summary(baselines.load(SHOWN)))


def compared() -> str:
    """Return the first lines of the comparison of two shipped runs, up to the first requirement."""
    lines = comparison.as_markdown(_comparison(SHOWN, NEWER)).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("- **"))
    return _block("markdown", lines[: first + 1])


def upgrade() -> str:
    """Return the result of comparing two shipped releases of which one can be upgraded."""
    return _console([str(_comparison(SHOWN, "8.0.0")["result"])])


def finding() -> str:
    """Return the finding of a run on the embedded server with DEFECT, as the terminal shows it."""
    with embedded() as url:
        output = command(
            f"--target={url}/~{DEFECT}", "--deviations=none", f"--requirement={REQUIREMENT}",
            *("-p", "no:randomly", "-p", "no:cacheprovider"),
        )  # fmt: skip
    found = re.search(r"^=+ findings =+\n(.*?)\n\n", output, re.MULTILINE | re.DOTALL)
    if found is None:
        raise NotWritten(f"the run with the defect {DEFECT} has no finding:\n{output[-2000:]}")
    return _console(found[1].splitlines())


def doctor() -> str:
    """Return the doctor's output for the embedded server."""
    return _console(command("doctor", "--target=embedded").splitlines())


def size() -> str:
    """Return a sentence about the size of the suite."""
    requirements = catalogue.load().requirements.values()
    areas = len({each.area for each in requirements})
    alarms = sum(1 for each in requirements if each.watch is not None)
    return (
        f"The catalogue has {len(requirements)} requirements in {areas} areas. "
        f"{sum(_checks().values()):,} checks judge them, and {alarms} alarms, which look at every "
        "exchange of a run.\n"
    )


def table_of_checks() -> str:
    """Return the number of checks by the API that they judge."""
    found = dict(_checks())
    rows = ["| checks by API | |", "|---|---|"]
    for words, folders in GROUPS.items():
        rows.append(f"| {words} | {sum(found.pop(each, 0) for each in folders):,} |")
    if found:
        raise NotWritten(f"checks in conformance/{next(iter(found))} are in no group: add them")
    return _lines(rows)


#: How each part is made, by its name.
PARTS: Mapping[str, Callable[[], str]] = {
    "checks": table_of_checks,
    "compared": compared,
    "doctor": doctor,
    "finding": finding,
    "releases": table_of_releases,
    "releases-by-area": table_by_area,
    "size": size,
    "statement": statement,
    "upgrade": upgrade,
}


@contextlib.contextmanager
def embedded() -> Iterator[str]:
    """Serve the embedded server in a process of its own, and give its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fixtures.embedded", "--while-stdin"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield str(process.stdout.readline()).strip() if process.stdout else ""
        finally:
            process.terminate()


def command(*arguments: str) -> str:
    """Run `openemr-conformance` in an empty folder, and return its standard output."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("OPENEMR_")}
    for name in ("PYTEST_ADDOPTS", "GITHUB_STEP_SUMMARY", "PYTEST_CURRENT_TEST"):
        own.pop(name, None)
    with tempfile.TemporaryDirectory() as folder:
        finished = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "openemr_conformance", *arguments],
            cwd=folder,
            env=own | {"OPENEMR_ADMIN_PASSWORD": "pass", "COLUMNS": "80", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    if finished.returncode > 1:
        said = (finished.stdout + finished.stderr)[-2000:]
        raise NotWritten(f"openemr-conformance {' '.join(arguments)} ended with {said}")
    return finished.stdout


@functools.cache
def _checks() -> Mapping[str, int]:
    """Return the number of checks in each folder of conformance/."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checks.json"
        command("--collect-only", "-q", f"--list-checks={path}", "-p", "no:cacheprovider")
        listed = json.loads(path.read_text("utf-8"))
    counts: dict[str, int] = {}
    for name in {each for several in listed.values() for each in several}:
        group = name.split("/")[1]
        counts[group] = counts.get(group, 0) + 1
    return counts


@functools.cache
def _comparison(old: str, new: str) -> Mapping[str, Any]:
    return compare(baselines.load(old), baselines.load(new))


def _console(lines: Any) -> str:
    return _block("console", lines)


def _block(language: str, lines: Any) -> str:
    return f"```{language}\n" + "\n".join(lines).rstrip() + "\n```\n"


def _lines(rows: list[str]) -> str:
    return "\n".join(["", *rows, "", ""])
