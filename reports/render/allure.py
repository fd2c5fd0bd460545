"""Allure's results, written from conformance.json.

A file for each check, in the format of allure-python-commons' TestResult, and what Allure shows
beside them: categories and environment. Names, labels and ids are those of allure-pytest, so that
history and trends of earlier reports go on.
"""

import hashlib
import json
import re
import socket
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reports import verdicts
from reports.judging import evidence, findings
from reports.judging.catalogue import WATCH

Data = Mapping[str, Any]

#: Allure's severities, whose first one (blocker) no requirement has: critical means the same.
SEVERITY = {"critical": "critical", "high": "normal", "medium": "minor", "low": "trivial"}
STATUS = {
    verdicts.PASS: "passed",
    verdicts.FAIL: "failed",
    verdicts.BLOCKED: "broken",
    verdicts.WARN: "skipped",
    verdicts.KNOWN: "skipped",
    verdicts.NOT_APPLICABLE: "skipped",
    verdicts.UNTESTED: "skipped",
}

#: The patterns are read by Java (Allure 2) and by JavaScript (3): neither knows the other's flags.
CATEGORIES = [
    {"name": "Known deviations", "messageRegex": r"^XFAIL known deviation[\s\S]*"},
    {
        "name": "Good practice not followed",
        "messageRegex": r"^(XFAIL PRACTICE not met|\S+ \(PRACTICE, )[\s\S]*",
        "matchedStatuses": ["skipped", "failed"],
    },
    {"name": "Warnings: a SHOULD or MAY not met", "messageRegex": r"^XFAIL [\s\S]*not met[\s\S]*"},
    {
        "name": "Not applicable: not declared by the target",
        "messageRegex": r"^Skipped: n/a[\s\S]*",
        "matchedStatuses": ["skipped"],
    },
    {"name": "Skipped for another reason", "matchedStatuses": ["skipped"]},
    {
        "name": "Stale deviations",
        "messageRegex": r"[\s\S]*\n  stale  [\s\S]*",
        "matchedStatuses": ["failed"],
    },
    {"name": "Requirements not fulfilled", "matchedStatuses": ["failed"]},
    {"name": "Could not be judged", "matchedStatuses": ["broken"]},
]


def files(data: Data) -> Iterator[tuple[str, str]]:
    """Yield the files of `results/allure` by name, for a parsed conformance.json."""
    stale = {each["where"]: each for each in data["deviations"]["stale"]}
    for requirement in data["requirements"]:
        for check in requirement["checks"]:
            if not check["id"].startswith(WATCH):
                yield from _check(requirement, check, stale)
    yield "environment.properties", environment(data)
    yield "categories.json", json.dumps(CATEGORIES, indent=2)


def write(folder: Path, data: Data) -> None:
    """Write the results into a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files(data):
        (folder / name).write_text(text, "utf-8")


def environment(data: Data) -> str:
    """Return what Allure shows of the target and the suite, as Java properties."""
    target = data["target"]
    shown = {key: target[key] for key in ("name", "kind", "url", "site")}
    shown |= {"version": target["version"] or "unknown", "suite": data["suite_version"]}
    shown = {"target": shown.pop("name"), **shown}
    return "".join(f"{key}={_property(str(value))}\n" for key, value in shown.items())


def _property(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", " ")


def _check(requirement: Data, check: Data, stale: Mapping[str, Data]) -> Iterator[tuple[str, str]]:
    result = str(uuid.uuid4())
    place = Place(str(check["id"]))
    parameters: dict[str, str] = check.get("parameters", {})
    start = int(check.get("start", 0))
    data: dict[str, Any] = {
        "uuid": result,
        "name": place.name,
        "fullName": place.full_name,
        "titlePath": place.title_path,
        "testCaseId": _md5(place.full_name),
        "historyId": _md5(place.full_name, *(_text(v) for _, v in sorted(parameters.items()))),
        "status": "failed" if check.get("stale") else STATUS[check["verdict"]],
        "description": requirement["text"],
        "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
        "start": start,
        "stop": start + round(check["ms"]),
        "labels": [{"name": name, "value": v} for name, v in _labels(requirement, check, place)],
        "links": [{"type": "link", "url": requirement["url"], "name": requirement["source"]}],
    }
    if message := _message(requirement, check, stale):
        data["statusDetails"] = {"message": message}
    if exchanges := evidence.as_text(check):
        source = f"{uuid.uuid4()}-attachment.txt"
        data["attachments"] = [{"name": "exchanges", "source": source, "type": "text/plain"}]
        yield source, exchanges
    yield f"{result}-result.json", json.dumps(data, ensure_ascii=False)


def _labels(requirement: Data, check: Data, place: "Place") -> Iterator[tuple[str, str]]:
    yield "epic", requirement["area"]
    yield "feature", place.module.removeprefix("test_")
    yield "story", requirement["id"]
    yield "severity", SEVERITY[requirement["severity"]]
    for tag in (
        *(requirement[key].lower() for key in ("level", "severity", "area")),
        *check.get("tags", ()),
    ):
        yield "tag", tag
    yield "parentSuite", place.parent
    yield "suite", place.module
    if place.classes:
        yield "subSuite", " > ".join(place.classes)
    yield "host", socket.gethostname()
    yield "thread", check.get("worker", "main")
    yield "framework", "pytest"
    yield "language", "cpython3"
    yield "package", place.package


def _message(requirement: Data, check: Data, stale: Mapping[str, Data]) -> str:
    """Return what Allure shows first of a check that did not pass; its categories go by it."""
    verdict = check["verdict"]
    if check.get("stale"):
        named = {"where": check["stale"], "reason": "", "link": ""}
        return findings.stale_text(requirement, stale.get(check["stale"], named))
    if verdict in {verdicts.NOT_APPLICABLE, verdicts.UNTESTED}:
        prefix = verdicts.NOT_APPLICABLE_PREFIX if verdict == verdicts.NOT_APPLICABLE else ""
        return f"Skipped: {prefix}{check.get('reason', '')}"
    if verdict == verdicts.PASS:
        return ""
    text = findings.text(requirement, check)
    if verdict == verdicts.WARN:
        return f"XFAIL {requirement['level']} not met\n\n{text}"
    if verdict == verdicts.KNOWN:
        known = requirement.get("deviations", [])[check.get("deviation", 0)]
        return f"XFAIL known deviation: {known['reason']} {known['link']}\n\n{text}"
    return text


class Place:
    """Where a check stands, in Allure's words, by its node id."""

    def __init__(self, nodeid: str) -> None:
        named, bracket, params = nodeid.partition("[")
        path, *self.classes, function = named.split("::")
        self.name = f"{function}{bracket}{params}"
        folders = re.sub(r"\.py$", "", path).split("/")
        self.module = folders[-1]
        self.parent = ".".join(folders[:-1])
        self.package = ".".join(folders)
        self.full_name = f"{'.'.join([self.package, *self.classes])}#{function}"
        self.title_path = [*path.split("/"), *self.classes]


def _text(parameter: str) -> str:
    """Return the parameter by which Allure knows a check again: a string without its quotes."""
    return parameter[1:-1] if parameter.startswith("'") else parameter


def _md5(*texts: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for each in texts:
        digest.update(each.encode())
    return digest.hexdigest()
