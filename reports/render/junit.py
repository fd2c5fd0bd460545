"""junit.xml as pytest wrote it, completed from conformance.json.

Every test case of a check gets its requirement, level, area and verdict as properties, and the
judged exchange as output. A check that passed though a deviation says otherwise is no failure: what
fails is the entry, and it stands as a test case of its own, as every stale entry does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from reports.judging import evidence
from reports.render.files import write

Data = Mapping[str, Any]

#: Properties that pytest wrote for the reports of the suite; they are replaced.
REPLACED = frozenset(
    (
        *("requirement", "level", "severity", "area", "verdict", "deviation", "described"),
        *("finding", "server_log", "exchanges", "judged", "exchange_count", "waiting_ms"),
        *("alarms", "scopes"),
    )
)
DEVIATIONS = "deviations"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def complete(path: Path, data: Data, prefix: str | None = None) -> None:
    """Complete a junit.xml; `prefix` is pytest's option --junit-prefix."""
    tree = ET.parse(path)  # noqa: S314 - pytest wrote it
    checks = {
        _address(check["id"], prefix): (requirement, check)
        for requirement in data["requirements"]
        for check in requirement["checks"]
    }
    for suite in tree.iter("testsuite"):
        removed = 0
        for case in suite.iter("testcase"):
            found = checks.get((case.get("classname", ""), case.get("name", "")))
            if found is not None:
                removed += _complete_case(case, *found)
        stale = list(_stale(data["deviations"]["stale"]))
        suite.extend(stale)
        _add(suite, "tests", len(stale))
        _add(suite, "failures", len(stale) - removed)
    root = tree.getroot()
    write(path, str(ET.tostring(root, encoding="utf-8", xml_declaration=True), "utf-8"))


def _address(nodeid: str, prefix: str | None) -> tuple[str, str]:
    """Return the class name and the name under which pytest writes a check."""
    named, bracket, params = nodeid.partition("[")
    path, *classes, function = named.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    names = [prefix, module, *classes] if prefix else [module, *classes]
    return ".".join(names), f"{function}{bracket}{params}"


def remove_empty(path: Path | None) -> Path | None:
    """Remove a junit.xml without a test case, which reads as a run without failures; return it."""
    try:
        # pytest wrote it, if it is there
        if path is None or ET.parse(path).getroot().find(".//testcase") is not None:  # noqa: S314
            return None
        path.unlink()
    except (OSError, ET.ParseError):
        return None
    return path


def _complete_case(case: ET.Element, requirement: Data, check: Data) -> int:
    """Complete a test case, and return how many failures were removed from it."""
    properties = case.find("properties")
    if properties is None:
        properties = ET.Element("properties")
        case.insert(0, properties)
    for each in [each for each in properties if each.get("name") in REPLACED]:
        properties.remove(each)
    for name, value in _properties(requirement, check):
        ET.SubElement(properties, "property", name=name, value=value)
    failures = case.findall("failure") if check.get("stale") else []
    for failure in failures:
        case.remove(failure)
    if exchanges := evidence.as_text(check):
        output = case.find("system-out")
        if output is None:
            output = ET.SubElement(case, "system-out")
        output.text = "\n\n".join(filter(None, (printable(exchanges), output.text)))
    return len(failures)


def _properties(requirement: Data, check: Data) -> Iterator[tuple[str, str]]:
    yield "requirement", requirement["id"]
    yield "level", requirement["level"]
    yield "severity", requirement["severity"]
    yield "area", requirement["area"]
    yield "verdict", check["verdict"]
    if "deviation" in check:
        known = requirement["deviations"][check["deviation"]]
        yield "deviation", printable(f"{known['reason']} {known['link']}")


def _stale(entries: Iterable[Data]) -> Iterator[ET.Element]:
    """Yield a failed test case for every stale deviation."""
    for each in entries:
        case = ET.Element("testcase", classname=DEVIATIONS, name=each["where"], time="0.000")
        message = f"stale deviation: {each['why']}; delete the entry"
        failure = ET.SubElement(case, "failure", message=message)
        failure.text = printable(f"{each['requirement']}: {each['reason']}  {each['link']}")
        yield case


def _add(suite: ET.Element, name: str, number: int) -> None:
    suite.set(name, str(int(suite.get(name, "0")) + number))


def printable(text: str) -> str:
    """Return text with a replacement for each character that XML does not allow."""
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
