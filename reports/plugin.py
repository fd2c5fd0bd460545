"""pytest's hooks of the reports: all of them are here, in the order in which pytest calls them.

A check is judged where it runs, and its verdict travels in the `user_properties` of its reports.
The controlling process folds them into conformance.json, and everything else is written from that.
With xdist each worker has a `Worker` and the controlling process a `Controller`; without it the
`Controller` does both. They are registered last of all plugins, so that their wrappers are around
the others': `fixtures` and `conformance` add to a report first, and it is judged then.
"""

import functools
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import pytest

from fixtures.target.app import APP
from fixtures.target.model import TARGET
from fixtures.target.options import collects_checks, is_worker
from fixtures.wire import signals
from fixtures.wire.redaction import SECRETS
from reports import options
from reports.comparing import gate, older_release
from reports.comparing.baselines import Baseline
from reports.judging import (
    catalogue,
    collection,
    deviations,
    phases,
    selection,
    sharding,
)
from reports.judging.catalogue import Catalogue
from reports.judging.collection import JUDGED, Collected
from reports.judging.described_target import describe_target
from reports.judging.deviations import Deviations
from reports.judging.run import Run
from reports.options import Options
from reports.render import allure, files, junit, terminal
from reports.render.files import Written
from reports.render.other_reports import OtherReports

NAME = "openemr_conformance_reports"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


# First, because junitxml reads its option when it is configured.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read options and catalogue, and register the hooks that judge, if checks are collected."""
    chosen = options.resolve(config)
    if not collects_checks(config):
        return
    try:
        known = catalogue.load(config.rootpath)
    except catalogue.CatalogueError as error:
        raise pytest.UsageError(f"the catalogue has errors:\n{error}") from None
    for mark in known.marks():
        config.addinivalue_line("markers", f"{mark}: added at collection from the catalogue")
    judging: Judging
    if is_worker(config):
        judging = Worker(config, chosen, known)
    else:
        judging = Controller(config, chosen, known)
        if not config.option.collectonly:
            judging.prepare()
    config.pluginmanager.register(judging, NAME)
    if isinstance(judging, Controller):
        config.pluginmanager.register(OtherReports(judging.note_unwritten), f"{NAME}_of_others")


class Judging:
    """The hooks of every process that collects and runs checks."""

    def __init__(self, config: pytest.Config, chosen: Options, known: Catalogue) -> None:
        self.config = config
        self.options = chosen
        self.catalogue = known
        self.found = Collected()
        self._deviations: Deviations | None = None
        self.requirements = selection.chosen(chosen.requirement, known)

    def deviations(self) -> Deviations:
        """Return the deviations in force; without given files, those of the target's version."""
        if self._deviations is None:
            target: Any = self.config.stash.get(TARGET, None)
            # The deviations of a release do not apply to the embedded server, whatever it claims.
            real = target is not None and target.kind != "embedded"
            self._deviations = deviations.choose(
                self.options.deviations,
                version=target.version if real else None,
                known=self.catalogue.requirements.keys(),
                base=self.config.invocation_params.dir,
                strict=self.options.strict_deviations,
                shipped=self.config.rootpath / "fixtures" / "target" / "deviations",
            )
        return self._deviations

    # First, because -m selects by the marks that are added here.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Give every check its requirement, marks and deviation."""
        folder = self.config.rootpath / "conformance"
        # Asked once for each file: for each of thousands of checks it takes long.
        inside = {path for path in {item.path for item in items} if path.is_relative_to(folder)}
        collection.prepare(
            [item for item in items if item.path in inside],
            self.catalogue,
            self.deviations(),
            self.options,
            self.config.stash.get(TARGET, None),
            self.found,
        )
        severity = self.options.severity
        if left := selection.leave_out(items, self.requirements, self.catalogue, severity):
            self.config.hook.pytest_deselected(items=left)

    # Last, because the parts divide the checks that are left by -m, -k and the like. pytest takes
    # only what begins with its own name for a hook.
    @pytest.hookimpl(specname="pytest_collection_modifyitems", trylast=True)
    def pytest_leave_other_shards_out(self, items: list[pytest.Item]) -> None:
        """Leave out the checks of other parts of the run."""
        self.found.selected = sum(1 for item in items if JUDGED in item.stash)
        if self.options.shard is not None:
            left = sharding.leave_out(items, self.options.shard, set(self.found.collected))
            self.found.forget(left)
            self.config.hook.pytest_deselected(items=left)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count the checks that do not run; those of other shards are not counted."""
        self.found.deselected += sum(1 for item in items if JUDGED in item.stash)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep those of the collected checks that are to run."""
        chosen = {item.nodeid for item in session.items if JUDGED in item.stash}
        collected = self.found.collected
        self.found.collected = {k: v for k, v in collected.items() if k in chosen}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Clean the report of a file that could not be collected."""
        if isinstance(report.longrepr, str):
            report.longrepr = SECRETS.clean(report.longrepr)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Judge a phase of a check; its exception is cleaned before any report is made of it."""
        judged = item.stash.get(JUDGED, None)
        if judged is None:
            return (yield)
        finding = phases.find(item, call, judged)
        report = yield
        phases.judge(item, report, judged, finding)
        return report


class Worker(Judging):
    """The hooks of a worker of xdist: it hands over what it found when it ends."""

    # First, because errors end the collection.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Prepare the checks; with errors none runs, and the controlling process raises them."""
        super().pytest_collection_modifyitems(items)
        if self.found.errors:
            items.clear()

    # First, because nothing of this session is to be reported in this process.
    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Remove the terminal reporter, whose output is not seen in a worker.

        It would keep the reports of all checks, exchanges included, until the run ends.
        """
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            self.config.pluginmanager.unregister(reporter)

    # A wrapper, because xdist sends the output of a worker from a wrapper.
    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Hand over what was collected, and the secrets by which texts are cleaned."""
        output = {"found": asdict(self.found), "secrets": SECRETS.values()}
        self.config.workeroutput[NAME] = output  # type: ignore[attr-defined]
        return (yield)


class Controller(Judging):
    """The hooks of the controlling process: it folds the reports and writes the results."""

    def __init__(self, config: pytest.Config, chosen: Options, known: Catalogue) -> None:
        super().__init__(config, chosen, known)
        self.run = Run(known, Deviations(), {}, chosen.level, "")
        self.baseline: Baseline | None = None
        self._written: tuple[dict[str, Any], Written] | None = None
        #: The junit.xml that was removed, because nothing was judged.
        self._emptied: Path | None = None

    def prepare(self) -> None:
        """Find all errors of usage, then remove the results of an earlier run."""
        option = self.config.option
        if getattr(option, "xmlpath", "absent") is None:
            option.xmlpath = str(self.options.results / files.JUNIT)
        if self._path("allure_report_dir") == self.options.results / files.ALLURE:
            raise pytest.UsageError(
                "--alluredir: the suite itself writes the results there; name another folder"
            )
        if self.options.deviations:
            self.deviations()
        if self.options.baseline is not None:
            # Before the results, which it may be part of, are removed.
            self.baseline = gate.read(self.options.baseline, self.config.invocation_params.dir)
        self.config.add_cleanup(files.prepare(self.options.results))

    # A wrapper: the older release is judged before the target starts, and the run begins after.
    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        """Have the older release's verdicts ready before the target starts; begin the run."""
        if not self.config.option.collectonly:
            self.baseline = older_release.baseline(self.config, self.options, self.baseline)
        result = yield
        self.start_run()
        return result

    def start_run(self) -> None:
        """Begin the record of the run."""
        target = self.config.stash.get(TARGET, None)
        selected = options.selected(self.config)
        self.run = Run(
            catalogue=self.catalogue,
            deviations=self.deviations(),
            target=describe_target(target),
            level=self.options.level,
            suite=catalogue.suite_version(),
            gate=self.options.gate,
            severity=self.options.severity,
            shard=self.options.shard,
            selection=selected,
            incomplete=not selected.keys().isdisjoint(options.UNCOLLECTED),
            app=self.config.stash.get(APP, None),
        )
        for reason in options.narrowing(self.config):
            self.run.narrow(reason)
        if self.requirements and not selection.needs_all(self.requirements, self.catalogue):
            self.run.narrow("narrowed by --requirement")
        if target is not None and target.read_only:
            self.run.narrow("the target was only to be read")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Any:
        """Return a check's verdict as the category by which pytest counts it."""
        if not isinstance(report, pytest.TestReport):
            return None
        return terminal.status(report, self.config.option.tbstyle)

    def pytest_report_header(self) -> list[str]:
        """Return what is judged."""
        target = self.config.stash.get(TARGET, None)
        described = None if target is None else describe_target(target)
        return terminal.header(described, self.deviations().files, catalogue.suite_version())

    # First, as in a worker.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Prepare the checks, or end the run with every error."""
        super().pytest_collection_modifyitems(items)
        if self.found.errors:
            raise pytest.UsageError("\n".join(self.found.errors))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take over what was collected here; with xdist nothing was."""
        super().pytest_collection_finish(session)
        self.run.learn(self.found)
        if self.options.list_checks is not None:
            files.write(self.options.list_checks, self.found.as_json())

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected, here or in a worker."""
        super().pytest_collectreport(report)
        if report.failed:
            self.run.incomplete = True
            self.run.narrow(f"{report.nodeid} could not be collected")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self) -> None:
        """Count the workers."""
        self.run.workers += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the report of one phase of a check to the run."""
        self.run.add(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take over what a worker collected, unless it crashed."""
        output = getattr(node, "workeroutput", {}).get(NAME)
        if output is None:
            return
        SECRETS.update(output["secrets"])
        if error:
            return
        found = Collected(**output["found"])
        self.run.learn(found)
        if found.errors:
            raise pytest.UsageError("\n".join(found.errors))

    # A wrapper: the results are written before pytest's terminal shows its summary, and junit.xml
    # is completed after pytest has written it.
    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, object, object]:
        """Write the results, and complete junit.xml."""
        if self.run.is_empty_part and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            exitstatus = session.exitstatus = pytest.ExitCode.OK
        elif not self.run.checks:
            result = yield
            self._emptied = junit.remove_empty(self._path("xmlpath"))
            return result
        if session.shouldfail or session.shouldstop:
            self.run.narrow(str(session.shouldfail or session.shouldstop))
        # Most texts occur many times.
        # Pytest does not know of a signal whose exception was lost, or came while it handled one.
        status = pytest.ExitCode.INTERRUPTED if signals.is_interrupted() else exitstatus
        data = self.run.as_data(int(status))
        selection.add_commands(data, self.config, self.options)
        data = files.cleaned(data, functools.cache(SECRETS.clean))
        compared = gate.hold(data, self.baseline)
        session.exitstatus = data["exit_code"]
        written = files.write_all(self.options.results, data, compared)
        allure_folder = self.options.results / files.ALLURE
        with written.attempt(allure_folder):
            allure.write(allure_folder, data)
        if allure_folder not in written.paths:
            files.clear_allure(allure_folder)  # half of it is of no use, and takes space
        xml = self._path("xmlpath")
        written.paths += [xml] if xml else []
        self._written = data, written
        result = yield
        self._complete(written, xml)
        if written.problems:
            session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR
        return result

    def _complete(self, written: Written, xml: Path | None) -> None:
        """Take secrets out of the files of other reporters, and complete junit.xml."""
        data = self._written[0] if self._written else {}
        try:
            files.sweep(SECRETS.clean, xml, self._path("allure_report_dir"))
            if xml is not None and xml.is_file():
                junit.complete(xml, data, self.config.option.junitprefix)
        except (OSError, ParseError) as error:
            written.fail(xml or self.options.results, error)

    def note_unwritten(self, error: OSError) -> bool:
        """Note that pytest could not write a report; return False if nothing was judged."""
        if self._written is not None:
            path = self._path("xmlpath") or Path(error.filename or "a report")
            self._written[1].fail(path, error)
        return self._written is not None

    # A wrapper, and the outermost: the last lines are those that a reader sees first.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, object, object]:
        """Show the result and what keeps it from being better, after everything else."""
        result = yield
        if self._written is None:
            return result
        data, written = self._written
        base = self.config.invocation_params.dir
        terminal.write(terminalreporter, data, self.options.show, written.paths, base)
        return result

    def pytest_unconfigure(self) -> None:
        """Show as the last line what was judged, or that nothing was."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if self._written is None and reporter is not None:
            if self._emptied is not None:
                reporter.write_line(f"removed: {self._emptied}, which has no check")
            if signals.is_interrupted():
                reporter.write_line("interrupted: nothing was judged, and there are no results")
        if self._written is not None and reporter is not None:
            for problem in self._written[1].problems:
                reporter.write_line(problem)
            reporter.write_line(terminal.judged(self._written[0]["target"]))

    def _path(self, option: str) -> Path | None:
        value = getattr(self.config.option, option, None)
        return Path(value).absolute() if value else None
