"""Lists every requirement with its checks and its defects: `openemr-conformance catalogue`.

Exit codes: 0 listed, 4 the catalogue has errors.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fixtures.embedded.defects import load as load_defects
from reports.judging.catalogue import (
    ROOT,
    WATCH,
    Catalogue,
    CatalogueError,
    Requirement,
    load,
)
from reports.verdicts import LEVELS


def collect_checks(root: Path = ROOT) -> dict[str, list[str]]:
    """Collect the checks without starting a target, as node ids by requirement."""
    quiet = [f"-pno:{name}" for name in ("xdist", "randomly", "cacheprovider")]
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "checks.json"
        arguments = ["--collect-only", "-q", "--rootdir", str(root), f"--list-checks={listed}"]
        with contextlib.redirect_stdout(printed):
            status = pytest.main([*arguments, *quiet, str(root / "conformance")])
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise CatalogueError(f"the checks could not be collected\n{printed.getvalue()}")
        return dict(json.loads(listed.read_text("utf-8")))


def collect_defects() -> dict[str, list[str]]:
    """Name the defects of the embedded server that prove each requirement."""
    proved: dict[str, list[str]] = {}
    for name, defect in load_defects().items():
        for requirement in defect.proves:
            proved.setdefault(requirement, []).append(name)
    return proved


def listing(
    catalogue: Catalogue, checks: Mapping[str, Sequence[str]], defects: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Join requirements, checks and defects into plain data."""
    return [
        {
            "id": requirement.id,
            "area": requirement.area,
            "level": requirement.level,
            "severity": requirement.severity,
            "text": requirement.text,
            "source": requirement.source,
            "url": requirement.url,
            "needs": list(requirement.needs),
            "checks": _checks(requirement, checks),
            "defects": sorted(defects.get(requirement.id, ())),
            "untested": requirement.untested,
            "unproved": requirement.unproved,
        }
        for requirement in catalogue.requirements.values()
    ]


def _checks(requirement: Requirement, checks: Mapping[str, Sequence[str]]) -> list[str]:
    watch = [] if requirement.watch is None else [requirement.watch_id]
    return [*sorted(checks.get(requirement.id, ())), *watch]


def gaps(entry: Mapping[str, Any]) -> list[str]:
    """Return what an entry of the listing lacks, with its reason if it gives one."""
    found = []
    if not entry["checks"]:
        found.append("NO CHECK" + (f": {entry['untested']}" if entry["untested"] else ""))
    if entry["checks"] and not entry["defects"]:
        found.append("NO DEFECT" + (f": {entry['unproved']}" if entry["unproved"] else ""))
    return found


def _counts(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    ids = [check for entry in entries for check in entry["checks"]]
    alarms = sum(1 for each in ids if each.startswith(WATCH))
    watch = f" and {alarms} alarms, which look at every exchange of a run" if alarms else ""
    levels = Counter(entry["level"] for entry in entries)
    lines = [
        f"{len(entries)} requirements, {len(ids) - alarms} checks{watch}",
        ", ".join(f"{levels[level]} {level}" for level in LEVELS),
    ]
    checked = [entry for entry in entries if entry["checks"]]
    for what, reason, some in (("check", "untested", entries), ("defect", "unproved", checked)):
        bare = [entry for entry in some if not entry[f"{what}s"]]
        silent = [entry["id"] for entry in bare if not entry[reason]]
        lines.append(
            f"{len(bare)} without a {what}, {len(silent)} of them without a reason"
            + (f": {', '.join(silent)}" if silent else "")
        )
    return lines


def as_text(entries: Sequence[Mapping[str, Any]]) -> str:
    """Render the listing for a terminal."""
    lines = _counts(entries)
    area = None
    for entry in entries:
        if entry["area"] != area:
            area = entry["area"]
            lines += ["", area]
        lines.append(f"  {entry['id']} ({entry['level']}, {entry['severity']}) {entry['text']}")
        lines.append(f"      {entry['source']}  {entry['url']}")
        lines.append(
            f"      checks: {len(entry['checks'])}  defects: {', '.join(entry['defects']) or '-'}"
        )
        lines += [f"  !   {gap}" for gap in gaps(entry)]
    return "\n".join(lines)


def as_markdown(entries: Sequence[Mapping[str, Any]]) -> str:
    """Render the listing as Markdown, with a table for each area."""
    lines = ["# Requirements", "", *(f"- {count}" for count in _counts(entries))]
    area = None
    for entry in entries:
        if entry["area"] != area:
            area = entry["area"]
            lines += ["", f"## {area}", ""]
            lines += ["| requirement | level | severity | text | checks | defects |"]
            lines += ["|---|---|---|---|---|---|"]
        text = entry["text"].replace("|", "\\|") + "".join(
            f"<br>**{gap}**".replace("|", "\\|") for gap in gaps(entry)
        )
        defects = ", ".join(f"`{name}`" for name in entry["defects"])
        lines.append(
            f"| [{entry['id']}]({entry['url']}) | {entry['level']} | {entry['severity']} | {text} "
            f"| {len(entry['checks'])} | {defects} |"
        )
    return "\n".join(lines)


def main(
    arguments: Sequence[str] | None = None, program: str = "openemr-conformance catalogue"
) -> int:
    """List the catalogue on standard output."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--format", choices=("text", "md", "json"), default="text")
    options = parser.parse_args(arguments)
    try:
        entries = listing(load(), collect_checks(), collect_defects())
    except CatalogueError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    if options.format == "json":
        text = json.dumps({"requirements": entries}, indent=2, ensure_ascii=False)
    else:
        text = as_text(entries) if options.format == "text" else as_markdown(entries)
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
