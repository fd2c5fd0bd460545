"""The verdict for a vendor's app: works, or works except for what, and who has to change what."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import pytest

from fixtures.app import described
from reports import results, verdicts

Data = Mapping[str, Any]

AREA = "app"
WORKS, EXCEPT, NOT = "works", "works except", "does not work"
FILE = "app.md"
#: Without these there is nothing that the app could do at all.
VITAL = ("APP-registration", "APP-token")


def exceptions(data: Data) -> list[dict[str, str]]:
    """Return what does not work, as what, received, side and change; the causes before the rest."""
    found: dict[str, list[dict[str, str]]] = {verdicts.FAIL: [], verdicts.BLOCKED: []}
    for requirement in data["requirements"]:
        if requirement["area"] == AREA:
            for check in requirement["checks"]:
                if check["verdict"] in found:
                    found[check["verdict"]].append(_exception(requirement, check))
    # What could not be judged follows from what failed.
    return found[verdicts.FAIL] or found[verdicts.BLOCKED]


def _exception(requirement: Data, check: Data) -> dict[str, str]:
    parameter = check["id"].partition("[")[2].removesuffix("]")
    hint = str(check.get("hint", ""))
    side, change = "server", hint
    for prefix, where in (("in the app: ", "app"), ("on the server: ", "server")):
        if hint.startswith(prefix):
            side, change = where, hint.removeprefix(prefix)
        elif prefix in hint:
            side = where
    return {
        "requirement": requirement["id"],
        "what": requirement["text"] if parameter in {"", "app"} else parameter,
        "received": str(check.get("message", "")),
        "side": side,
        "change": change or f"it does not do what {requirement['source']} asks of it",
    }


def verdict(data: Data) -> str:
    """Return the verdict in a word or two."""
    wrong = exceptions(data)
    if not wrong:
        return WORKS
    vital = [each for each in data["requirements"] if each["id"] in VITAL]
    lost = any(
        check["verdict"] not in {verdicts.PASS, verdicts.KNOWN, verdicts.NOT_APPLICABLE}
        for each in vital
        for check in each["checks"]
    )
    some = any(
        check["verdict"] == verdicts.PASS
        for each in data["requirements"]
        if each["id"] == "APP-token"
        for check in each["checks"]
    )
    return NOT if lost and not some else EXCEPT


def lines(name: str, data: Data) -> Iterator[str]:
    """Tell the verdict on a terminal."""
    wrong = exceptions(data)
    yield f"the app {name!r} {verdict(data)}{':' if wrong else ''}"
    for each in wrong:
        yield f"  {each['what']}: {each['received']}"
        yield (
            f"    change {'in the app' if each['side'] == 'app' else 'on the server'}: "
            + (each["change"])
        )


def markdown(name: str, data: Data) -> str:
    """Tell the verdict as a section of Markdown."""
    wrong = exceptions(data)
    target = data["target"]
    head = [
        f"## {_plain(name)}: {verdict(data)}",
        "",
        f"On {_plain(target['url'])}, OpenEMR {target['version'] or 'of an unknown version'}.",
        "",
    ]
    if not wrong:
        return "\n".join([*head, _counted(data), ""])
    head += ["| what | what came | where to change | what |", "|---|---|---|---|"]
    rows = [
        f"| {_plain(each['what'])} | {_plain(each['received'])} | {each['side']} "
        f"| {_plain(each['change'])} |"
        for each in wrong
    ]
    return "\n".join([*head, *rows, ""])


def _counted(data: Data) -> str:
    checks = [c for each in data["requirements"] if each["area"] == AREA for c in each["checks"]]
    passed = sum(1 for check in checks if check["verdict"] == verdicts.PASS)
    return f"All of {passed} checks passed."


def _plain(text: object) -> str:
    return str(text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, object, object]:
    """Say after all else whether the app works, and write it down."""
    result = yield
    config = terminalreporter.config
    from reports.plugin import OPTIONS, WRITTEN  # noqa: PLC0415 - loads this plugin's neighbours

    app = described(config)
    if app is None or WRITTEN not in config.stash:
        return result
    data, _ = config.stash[WRITTEN]
    judged: Sequence[Any] = [e for e in data["requirements"] if e["area"] == AREA and e["checks"]]
    if judged:
        results.write(config.stash[OPTIONS].results / FILE, markdown(app.name, data))
        for line in lines(app.name, data):
            terminalreporter.write_line(line)
    return result
