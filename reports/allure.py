"""What Allure shows: labels, links, attachments, the environment and categories.

`python -m reports.allure FOLDER` takes the tracking script out of a generated Allure report.
"""

import functools
import json
import os
import re
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reports.catalogue import Requirement

SEVERITY = {"MUST": "critical", "SHOULD": "normal", "MAY": "minor"}

#: The patterns are read by Java (Allure 2) and by JavaScript (3): neither knows the other's flags.
CATEGORIES = [
    {"name": "Known deviations", "messageRegex": r"^XFAIL known deviation[\s\S]*"},
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

#: What a page must not have anywhere.
TRACKERS = ("googletagmanager.com", "google-analytics.com")
TRACKING = re.compile(
    r"<script[^>]*>(?:(?!</script>).)*(?:googletagmanager|gtag\()(?:(?!</script>).)*</script>"
    r"|<script[^>]*googletagmanager[^>]*>\s*</script>",
    re.DOTALL,
)


def leave_fixtures_out() -> None:
    """Keep allure-pytest from taking down fixtures: a file for each, and nothing to read in it.

    It has no option for that, and the files of one run are thousands.
    """
    from allure_pytest.listener import AllureListener  # noqa: PLC0415 - loaded with the plugin only

    AllureListener.pytest_fixture_setup = None  # pluggy takes what is no routine for no hook
    AllureListener.pytest_fixture_post_finalizer = None
    AllureListener._update_fixtures_children = lambda *_: None  # noqa: SLF001 - there is no other


def write_at_once() -> None:
    """Make allure-pytest write a result in one go: json.dump's pieces cost as much as the check.

    Nor is it copied into plain data before (attrs.asdict): JSON asks for the fields as it goes.
    """
    from allure_commons.logger import AllureFileLogger  # noqa: PLC0415 - loaded with the plugin only

    def filled(value: Any) -> dict[str, Any]:
        fields: dict[str, Any] = vars(value)
        if all(fields.values()):  # so it is with labels, which are most of a result
            return fields
        return {name: each for name, each in fields.items() if each or each is False}

    encode = json.JSONEncoder(ensure_ascii=False, default=filled).encode

    def report(self: Any, item: Any) -> None:
        path = f"{self._report_dir}/{item.file_pattern.format(prefix=uuid.uuid4())}"
        unfinished = f"{path}.tmp"
        # Strings and no paths: a run does this thousands of times.
        with open(unfinished, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(encode(item))
        os.replace(unfinished, path)  # noqa: PTH105

    AllureFileLogger._report_item = report  # type: ignore[method-assign]  # noqa: SLF001 - there is no other


def label(item: pytest.Item, requirement: Requirement) -> None:
    """Give a check the labels and the link under which Allure files it."""
    if not item.config.pluginmanager.hasplugin("allure_pytest"):
        return
    for kind, value in (
        ("epic", requirement.area),
        ("feature", item.path.stem.removeprefix("test_")),
        ("story", requirement.id),
        ("severity", SEVERITY[requirement.level]),
    ):
        item.add_marker(_label(kind, value))
    item.add_marker(_link(requirement.url, requirement.source))


# Many checks have the same labels, and a mark takes its time to make.
@functools.cache
def _label(kind: str, value: str) -> pytest.MarkDecorator:
    return pytest.mark.allure_label(value, label_type=kind)


@functools.cache
def _link(url: str, source: str) -> pytest.MarkDecorator:
    return pytest.mark.allure_link(url, link_type="link", name=source)


def attach(config: pytest.Config, exchanges: str) -> None:
    """Attach the exchanges of the running check to its result."""
    if config.pluginmanager.hasplugin("allure_listener"):
        import allure  # noqa: PLC0415 - the plugin is there, hence the library

        allure.attach(exchanges, name="exchanges", attachment_type=allure.attachment_type.TEXT)


def describe_run(folder: Path, target: Mapping[str, Any], suite: str) -> dict[Path, str]:
    """Return the files that tell Allure about the run: its environment and its categories."""
    environment = {
        "target": target["name"],
        "kind": target["kind"],
        "url": target["url"],
        "site": target["site"],
        "version": target["version"] or "unknown",
        "suite": suite,
    }
    lines = [f"{key}={_property(str(value))}\n" for key, value in environment.items()]
    return {
        folder / "environment.properties": "".join(lines),
        folder / "categories.json": json.dumps(CATEGORIES, indent=2),
    }


def _property(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", " ")


def strip_tracking(folder: Path) -> int:
    """Take the tracking scripts out of every page of a generated report; return how many."""
    removed = 0
    for page in folder.rglob("*.html"):
        text, count = TRACKING.subn("", page.read_text("utf-8"))
        if count:
            page.write_text(text, "utf-8")
            removed += count
    return removed


def main(arguments: Sequence[str] | None = None) -> int:
    """Strip the report in the folder that is named on the command line."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) != 1 or not Path(given[0]).is_dir():
        sys.stderr.write("usage: python -m reports.allure FOLDER\n")
        return 2
    sys.stdout.write(f"{strip_tracking(Path(given[0]))} tracking scripts removed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
