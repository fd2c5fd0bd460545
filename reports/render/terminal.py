"""What a run says on the terminal: its header and its summary."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reports import verdicts
from reports.render import content

MOST_FINDINGS = 40


def header(target: Mapping[str, Any] | None, deviations: Sequence[str], suite: str) -> list[str]:
    """Say which suite judges which target, and what is waived."""
    if target is None:
        return [f"openemr-conformance {suite}"]
    declared = target["declared_version"]
    found = target["version"] or "unknown"
    version = found if declared in (None, found) else f"{found} (declared {declared})"
    waived = ", ".join(deviations) or "none"
    features = f"{len(target['features'])} on, {len(target['not_declared'])} off"
    return [
        f"openemr-conformance {suite}: judges {target['name']} at {target['url']}",
        f"  version {version}, site {target['site']}, features: {features}, deviations: {waived}",
    ]


def summary(data: Mapping[str, Any]) -> Iterable[str]:
    """Say the result, and each requirement that keeps it from being better, in one line."""
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
    """Say where the files of the run are."""
    shown = [
        str(path.relative_to(base)) if path.is_relative_to(base) else str(path) for path in paths
    ]
    return f"written: {' '.join(shown)}"


def judged(target: Mapping[str, Any]) -> str:
    """Say what the run judged: the last line of all."""
    if target["kind"] == "embedded":
        return "judged the embedded server and nothing else"
    version = f", OpenEMR {target['version']}" if target["version"] else ""
    return f"judged {target['name']} at {target['url']}{version}"
