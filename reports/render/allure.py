"""What Allure shows: labels, links, attachments, the environment and categories."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reports.judging.catalogue import Requirement

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


def take_over() -> None:
    """Have results written by the suite's own class, before allure-pytest makes its own."""
    from reports.render import allure_results  # noqa: PLC0415 - Allure is loaded with the plugin only

    allure_results.take_over()


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
