"""The lines of a run on the terminal: its header, its summary, and its last line."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reports import verdicts
from reports.render import content
from reports.render.escaping import visible

MOST_FINDINGS = 40


def header(target: Mapping[str, Any] | None, deviations: Sequence[str], suite: str) -> list[str]:
    """Return the header of a run: suite, target, and deviations."""
    if target is None:
        return [f"openemr-conformance {suite}"]
    declared = target["declared_version"]
    found = target["version"] or "unknown"
    version = found if declared in (None, found) else f"{found} (declared {declared})"
    site = target["site"]
    waived = ", ".join(deviations) or "none"
    features = f"{len(target['features'])} on, {len(target['not_declared'])} off"
    return [
        f"openemr-conformance {suite}: judges {target['name']} at {target['url']}",
        f"  version {visible(version)}, site {site}, features: {features}, deviations: {waived}",
    ]


def summary(data: Mapping[str, Any]) -> Iterable[str]:
    """Yield the result, the counts, and a line for each requirement that is not fulfilled."""
    yield data["result"] + (f" (exit code {data['exit_code']})" if data["exit_code"] else "")
    if data["run"]["partial"]:
        yield f"partial: {data['run']['partial_reason']}"
    for kind in ("requirements", "checks"):
        counted = ", ".join(f"{n} {v}" for v, n in data["counts"][kind].items() if n)
        yield f"{kind}: {counted or 'none'}"
    yield from _findings(data["requirements"], verdicts.FAIL)
    yield from _findings(data["requirements"], verdicts.BLOCKED)
    if "baseline" in data:
        yield f"baseline: {content.baseline(data)}"
        for name in data["baseline"]["regressed"][:MOST_FINDINGS]:
            yield f"  regressed {name}"
    for stale in data["deviations"]["stale"]:
        yield f"  stale    {stale['where']}: {stale['why']}; delete the entry"


def _findings(requirements: Sequence[Mapping[str, Any]], verdict: str) -> Iterable[str]:
    found = [each for each in requirements if each["verdict"] == verdict]
    for each in found[:MOST_FINDINGS]:
        yield f"  {verdict:<8} {each['id']} ({each['level']}) {each['text']}"
    if len(found) > MOST_FINDINGS:
        yield f"  ... and {len(found) - MOST_FINDINGS} more"


def written(paths: Iterable[Path], base: Path) -> str:
    """Return the line that names the files of a run."""
    shown = [
        str(path.relative_to(base)) if path.is_relative_to(base) else str(path) for path in paths
    ]
    return f"written: {' '.join(shown)}"


def judged(target: Mapping[str, Any]) -> str:
    """Return the last line: the target that the run judged."""
    if target["kind"] == "embedded":
        return "judged the embedded server and nothing else"
    version = f", OpenEMR {visible(target['version'])}" if target["version"] else ""
    return f"judged {target['name']} at {target['url']}{version}"
