"""Allure's result of a check, put together once, when the check is over.

allure-pytest looks on at every hook of every phase and at each fixture, which costs as much as a
check. Its options, marks, steps and attachments are left to it: only what it takes down of pytest's
own doing is taken from the reports instead. Fixtures have no files of their own: a run would have
thousands, and nothing to read in them.
"""

import doctest
import functools
import json
import os
import time
import uuid
from collections.abc import Generator
from typing import Any

import pytest
from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Label, Link, Parameter, Status, StatusDetails, TestResult
from allure_commons.types import AttachmentType, LabelType
from allure_commons.utils import md5, platform_label, represent
from allure_pytest import plugin, utils
from allure_pytest.listener import AllureListener

from fixtures.wire import signals

#: What a check raises that fails; with anything else it is broken.
FAILING = (AssertionError, pytest.fail.Exception, doctest.DocTestFailure)


class Results(AllureListener):  # type: ignore[misc]  # it has no types
    """Takes down checks from their reports; steps, attachments and the like come as they did."""

    # pluggy takes what is no routine for no hook.
    pytest_runtest_protocol = None
    pytest_runtest_call = None
    pytest_runtest_teardown = None
    pytest_fixture_setup = None
    pytest_fixture_post_finalizer = None

    def __init__(self, config: pytest.Config) -> None:
        """Begin with no check."""
        super().__init__(config)
        self._running: dict[str, tuple[pytest.Item, TestResult]] = {}
        self._last = [
            Label(name=LabelType.HOST, value=self._host),
            Label(name=LabelType.THREAD, value=self._thread),
            Label(name=LabelType.FRAMEWORK, value="pytest"),
            Label(name=LabelType.LANGUAGE, value=platform_label()),  # type: ignore[no-untyped-call]
        ]
        self._marked: dict[tuple[int, ...], Marked] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a check, so that steps and attachments have where to go."""
        self._begin(item)

    def _begin(self, item: pytest.Item) -> TestResult:
        moment = _moment(time.time())
        result = TestResult(name=item.name, uuid=str(uuid.uuid4()), start=moment, stop=moment)
        # In this order: what an interruption leaves behind here, allure has to know at the end.
        self.allure_logger.schedule_test(result.uuid, result)
        self._running[item.nodeid] = item, result
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take over what a phase came to; after the last one all that is known of the check."""
        report = yield
        result = (
            self._running[item.nodeid][1] if item.nodeid in self._running else self._begin(item)
        )
        if report.when == "setup":
            _name(result, item)
        elif report.when == "call":
            result.start, result.stop = _moment(call.start), _moment(call.stop)
        if report.when == "setup" or result.status == Status.PASSED:
            _judge(result, report, call)
        if report.when == "teardown":
            self._attach_captured(report)
        return report

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write the result of a check that is over."""
        if nodeid in self._running:
            with signals.defer_interrupts():
                item, result = self._running.pop(nodeid)
                self._file(result, item)
                self.allure_logger.close_test(result.uuid)

    def pytest_sessionfinish(self) -> None:
        """Write what there is of a check that was interrupted."""
        for nodeid, (_, result) in list(self._running.items()):
            result.status = result.status or Status.SKIPPED
            self.pytest_runtest_logfinish(nodeid)

    def _attach_captured(self, report: pytest.TestReport) -> None:
        if not self.config.option.attach_capture or not report.sections:
            return
        for name, text in (
            ("log", report.caplog),
            ("stdout", report.capstdout),
            ("stderr", report.capstderr),
        ):
            if text:
                self.attach_data(text, name, AttachmentType.TEXT, None)

    def _file(self, result: TestResult, item: pytest.Item) -> None:
        """Say where the check belongs: its names, labels and links."""
        marks = list(item.iter_markers())
        key = tuple(map(id, marks))  # thousands of checks have the same
        marked = self._marked.get(key)
        if marked is None:
            marked = self._marked[key] = Marked(item, marks)
        place = _place(item.parent.nodeid if item.parent else "", _function(item))
        result.fullName = place.full_name
        result.titlePath = place.title_path
        result.testCaseId = place.test_case_id
        params = item.callspec.params if hasattr(item, "callspec") else {}
        result.historyId = utils.get_history_id(place.full_name, result.parameters, params)
        if marked.description and result.description == _documentation(item):
            result.description = marked.description
        result.descriptionHtml = result.descriptionHtml or marked.description_html
        result.labels += marked.labels
        named = {label.name for label in result.labels}
        result.labels += [label for label in place.suites if label.name not in named]
        result.labels += self._last
        result.labels.append(place.package)
        result.links += marked.links


class Marked:
    """What the marks of a check tell Allure."""

    def __init__(self, item: pytest.Item, marks: list[pytest.Mark]) -> None:
        """Read the marks of a check, the closest first; they are kept, so that their ids stay."""
        self.marks = marks
        self.description = utils.get_marker_value(item, utils.ALLURE_DESCRIPTION_MARK)
        self.description_html = utils.allure_description_html(item)
        found = sorted(utils.allure_labels(item), key=str)
        found += [(LabelType.TAG, m.name) for m in marks if utils.should_convert_mark_to_tag(m)]
        self.labels = [Label(name=name, value=value) for name, value in found]
        self.links = [Link(kind, url, name) for kind, url, name in utils.allure_links(item)]


class Place:
    """Where the function of a check stands, in the words of allure-pytest."""

    def __init__(self, parent: str, function: str) -> None:
        """Take the node id apart, without parameters."""
        parsed = utils.ParsedPytestNodeId(f"{parent}::{function}")
        classes = "".join(f".{name}" for name in parsed.class_names)
        self.full_name = f"{parsed.package}{classes}#{function}"
        self.test_case_id = md5(self.full_name)  # type: ignore[no-untyped-call]
        self.title_path = [each for each in (*parsed.path_segments, *parsed.class_names) if each]
        suites = {
            LabelType.PARENT_SUITE: parsed.parent_package,
            LabelType.SUITE: parsed.module,
            LabelType.SUB_SUITE: " > ".join(parsed.class_names),
        }
        self.suites = [Label(name=name, value=value) for name, value in suites.items() if value]
        self.package = Label(name="package", value=parsed.package)


@functools.cache
def _place(parent: str, function: str) -> Place:
    return Place(parent, function)


def _function(item: pytest.Item) -> str:
    if isinstance(item, pytest.Function):
        return item.originalname
    return item.name.partition("[")[0]


def _documentation(item: pytest.Item) -> str | None:
    return item.function.__doc__ if hasattr(item, "function") else None


def _name(result: TestResult, item: pytest.Item) -> None:
    """Give a check its name, description and parameters, once it has its fixtures."""
    callspec = getattr(item, "callspec", None)
    params = {} if callspec is None else callspec.params
    if utils.allure_title(item):
        result.name = utils.allure_name(item, params, callspec and callspec.id)
    result.description = _documentation(item)
    told = {parameter.name for parameter in result.parameters}
    result.parameters += [
        Parameter(name=name, value=represent(value))  # type: ignore[no-untyped-call]
        for name, value in params.items()
        if name not in told
    ]


def _judge(result: TestResult, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    """Take the outcome of a phase for that of the check."""
    status: str = report.outcome
    details = None
    expected = getattr(report, "wasxfail", None)
    if call.excinfo is not None:
        message = call.excinfo.exconly()
        if expected is not None:
            message = f"{f'XFAIL {expected}'.rstrip()}\n\n{message}"
        details = StatusDetails(message=message, trace=report.longreprtext)
        if status != Status.SKIPPED and not isinstance(call.excinfo.value, FAILING):
            status = Status.BROKEN
    elif status == Status.PASSED and expected is not None:
        details = StatusDetails(message=f"XPASS {expected}".rstrip())
    if report.when != "teardown" or status in {Status.FAILED, Status.BROKEN}:
        result.status, result.statusDetails = status, details


def _moment(seconds: float) -> int:
    return round(seconds * 1000)


class Files(AllureFileLogger):
    """Writes each result in one go: the pieces of json.dump cost as much as a check."""

    def _report_item(self, item: Any) -> None:
        prefix = getattr(item, "uuid", None) or uuid.uuid4()
        path = f"{self._report_dir}/{item.file_pattern.format(prefix=prefix)}"
        unfinished = f"{path}.tmp"
        # Strings and no paths, bytes and no text: a run does this thousands of times.
        with open(unfinished, "wb") as file:  # noqa: PTH123
            file.write(_written(item).encode("utf-8"))
        os.replace(unfinished, path)  # noqa: PTH105


def _filled(value: Any) -> dict[str, Any]:
    """Return the fields that say something; JSON asks for them as it goes, without copies."""
    return {name: each for name, each in vars(value).items() if each or each is False}


_encode = json.JSONEncoder(ensure_ascii=False, default=_filled).encode


def _written(item: Any) -> str:
    fields = _filled(item)
    labels = fields.pop("labels", ())
    text = _encode(fields)
    if not labels:
        return text
    return f'{text[:-1]}, "labels": [{", ".join(map(_label, labels))}]}}'


def _label(label: Label) -> str:
    if type(label.value) is str:
        return _known_label(label.name, label.value)
    return _encode(label)


@functools.cache  # the labels of a run are few, and most of what is written
def _known_label(name: str, value: str) -> str:
    return _encode({"name": name, "value": value})


def take_over() -> None:
    """Let allure-pytest make these in place of its own; it has no option for either."""
    plugin.AllureListener = Results
    plugin.AllureFileLogger = Files
