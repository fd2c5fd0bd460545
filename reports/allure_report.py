"""Allure's report as HTML, without Java: `openemr-conformance report`.

It runs the npm package `allure` 3 on the results of one run or of several shards, keeps a history
beside them, so that the next report shows trends, and takes the tracking script out of every page.
Exit codes: 0 written, 4 not written.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.render.allure import CATEGORIES

#: The version whose pages are known, tracking script included.
PACKAGE = "allure@3.18.0"
#: Runs that the history keeps: each costs about 1.5 MB.
HISTORY_LIMIT = 20
LONGEST_SECONDS = 900

#: Words that no page may contain.
TRACKERS = ("googletagmanager.com", "google-analytics.com")
TRACKING = re.compile(
    r"<script[^>]*>(?:(?!</script>).)*(?:googletagmanager|gtag\()(?:(?!</script>).)*</script>"
    r"|<script[^>]*googletagmanager[^>]*>\s*</script>",
    re.DOTALL,
)


class NotWritten(Exception):
    """There is no report; the message says why and what to do."""


def configuration(output: Path, history: Path, name: str, *, several: bool) -> dict[str, Any]:
    """Return Allure's configuration: a tree by area, topic and requirement, and our categories."""
    awesome = {
        "reportName": name,
        "groupBy": ["epic", "feature", "story"],
        "singleFile": not several,
        "theme": "auto",
        "reportLanguage": "en",
        "sections": ["charts"],  # the trend over the runs that the history knows
    }
    return {
        "name": name,
        "output": str(output),
        "historyPath": str(history),
        "historyLimit": HISTORY_LIMIT,
        "categories": CATEGORIES,
        "plugins": {"awesome": {"options": awesome}},
    }


def generate(folders: Sequence[Path], config: Mapping[str, Any]) -> None:
    """Run Allure on folders of results, or raise NotWritten."""
    npx = shutil.which("npx")
    if npx is None:
        raise NotWritten("there is no npx; install Node.js 20 or newer (Debian: apt install npm)")
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "allurerc.json"
        path.write_text(json.dumps(config), "utf-8")
        command = [npx, "--yes", PACKAGE, "generate", "--config", str(path)]
        try:
            finished = subprocess.run(  # noqa: S603 - our own command
                [*command, *map(os.fspath, folders)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LONGEST_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotWritten(f"{PACKAGE} did not run: {error}") from None
    if finished.returncode or not (Path(config["output"]) / "index.html").is_file():
        said = "\n".join(finished.stdout.strip().splitlines()[-12:])
        raise NotWritten(
            f"{PACKAGE} wrote no report (exit code {finished.returncode}); is the npm registry "
            f"reachable?\n{said}"
        )


def main(
    arguments: Sequence[str] | None = None, program: str = "openemr-conformance report"
) -> int:
    """Write the report."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument(
        "results", nargs="*", default=["results"], help="where runs left their results"
    )
    parser.add_argument("--output", metavar="DIR", help="default: allure-report in the results")
    parser.add_argument("--history", metavar="FILE", help="default: allure-history.jsonl there")
    parser.add_argument("--name", default="OpenEMR conformance")
    parser.add_argument(
        "--many-files",
        action="store_true",
        help="small files to be served by a web server, in place of one page that opens by itself",
    )
    options = parser.parse_args(arguments)
    try:
        first, *_ = folders = [_folder(Path(each)) for each in options.results]
        output = Path(options.output) if options.output else first.parent / "allure-report"
        history = (
            Path(options.history) if options.history else first.parent / "allure-history.jsonl"
        )
        config = configuration(
            output.resolve(), history.resolve(), options.name, several=options.many_files
        )
        _make_way(output)
        generate([folder.resolve() for folder in folders], config)
        removed = _without_tracking(output)
    except NotWritten as error:
        sys.stderr.write(f"no report: {error}\n")
        return 4
    sys.stdout.write(f"written: {output}/index.html ({removed} tracking scripts taken out)\n")
    return 0


def strip_tracking(folder: Path) -> int:
    """Take the tracking scripts out of every page of a generated report; return how many."""
    removed = 0
    for page in folder.rglob("*.html"):
        text, count = TRACKING.subn("", page.read_text("utf-8"))
        if count:
            page.write_text(text, "utf-8")
            removed += count
    return removed


def _make_way(output: Path) -> None:
    """Remove an earlier report, and nothing else."""
    if output.exists() and not (output / "index.html").is_file() and any(output.iterdir()):
        raise NotWritten(f"{output} holds something else than a report: name another folder")
    shutil.rmtree(output, ignore_errors=True)


def _folder(results: Path) -> Path:
    """Return the folder of Allure's results in the results of a run."""
    folder = results / "allure" if (results / "allure").is_dir() else results
    if not any(folder.glob("*-result.json")):
        raise NotWritten(f"{results} holds no results of Allure; run openemr-conformance first")
    return folder


def _without_tracking(output: Path) -> int:
    """Take the tracking scripts out and return how many; no report is better than one with them."""
    removed = strip_tracking(output)
    for page in output.rglob("*.html"):
        text = page.read_text("utf-8", "replace")
        if any(word in text for word in TRACKERS):
            shutil.rmtree(output)
            raise NotWritten(f"a tracking script could not be taken out of {page.name}")
    return removed


if __name__ == "__main__":
    sys.exit(main())
