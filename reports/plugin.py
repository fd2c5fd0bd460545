"""pytest's hooks: marks become verdicts, and verdicts become files.

On workers a check is judged (its verdict travels in the report's `user_properties`); the
controlling process only folds. Without xdist one process is both.
"""

import functools
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fixtures.target.app import APP
from fixtures.target.model import TARGET
from fixtures.wire.redaction import SECRETS
from reports import (
    allure,
    app,
    baselines,
    catalogue,
    deviations,
    judging,
    marking,
    options,
    results,
    sharding,
    terminal,
)
from reports.baselines import BASELINE, Baseline
from reports.catalogue import Catalogue
from reports.deviations import Deviations
from reports.marking import JUDGED, Judged
from reports.options import Options
from reports.run import Run

OPTIONS = pytest.StashKey[Options]()
CATALOGUE = pytest.StashKey[Catalogue]()
RUN = pytest.StashKey[Run]()
WRITTEN = pytest.StashKey[tuple[dict[str, Any], list[Path | None]]]()
OUTPUT = "openemr_conformance"


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is a worker of xdist."""
    return hasattr(config, "workerinput")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read options and catalogue, and lead JUnit and Allure into the results folder."""
    chosen = config.stash[OPTIONS] = options.resolve(config)
    if not options.judges(config):
        return
    try:
        known = config.stash[CATALOGUE] = catalogue.load(config.rootpath)
    except catalogue.CatalogueError as error:
        raise pytest.UsageError(f"the catalogue has errors:\n{error}") from None
    marks = dict.fromkeys(level.lower() for level in catalogue.LEVELS)
    marks |= dict.fromkeys(catalogue.AREAS)
    marks |= dict.fromkeys(feature.mark for feature in known.features.values())
    for mark in marks:
        config.addinivalue_line("markers", f"{mark}: added at collection from the catalogue")
    if config.option.collectonly:
        return
    # Workers read the command line anew, so they are led as well.
    for name, file in (("xmlpath", results.JUNIT), ("allure_report_dir", results.ALLURE)):
        if getattr(config.option, name, "absent") is None:
            setattr(config.option, name, str(chosen.results / file))
    if getattr(config.option, "allure_report_dir", None):
        allure.take_over()
    if is_worker(config):
        return
    if chosen.deviations:  # errors in them are usage errors: say so before anything is started
        _deviations(config, None)
    _read_baseline(config, chosen.baseline)
    results.prepare(chosen.results)


def _read_baseline(config: pytest.Config, name: str | None) -> None:
    """Read the baseline before the results, which it may be part of, are removed."""
    if name is None:
        return
    try:
        data = baselines.load(name, config.invocation_params.dir)
    except baselines.NotComparable as error:
        raise pytest.UsageError(f"--baseline: {error}") from None
    config.stash[BASELINE] = Baseline(data, f"--baseline {name}")


def _deviations(config: pytest.Config, target: Any) -> Deviations:
    # What a release gets wrong says nothing about the embedded server, whatever era it shows.
    real = target is not None and target.kind != "embedded"
    return deviations.choose(
        config.stash[OPTIONS].deviations,
        version=target.version if real else None,
        known=config.stash[CATALOGUE].requirements.keys(),
        base=config.invocation_params.dir,
        shipped=config.rootpath / "fixtures" / "target" / "deviations",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start to take down the run, once the target is there."""
    config = session.config
    if CATALOGUE not in config.stash or is_worker(config):
        return
    target = config.stash.get(TARGET, None)
    run = config.stash[RUN] = Run(
        catalogue=config.stash[CATALOGUE],
        deviations=_deviations(config, target),
        target=describe_target(target),
        level=config.stash[OPTIONS].level,
        suite=catalogue.suite_version(),
        shard=config.stash[OPTIONS].shard,
        app=config.stash.get(APP, None),
    )
    for reason in options.narrowing(config):
        run.narrow(reason)
    if target is not None and target.read_only:
        run.narrow("the target was only to be read")
    config.pluginmanager.register(run, "openemr_conformance_run")


def describe_target(target: Any) -> dict[str, Any]:
    """Return what the results say of a target."""
    names = ("name", "kind", "base_url", "site", "version", "declared_version")
    data = {name: getattr(target, name, None) for name in names}
    data["url"] = SECRETS.clean(str(data.pop("base_url")))
    data["features"] = sorted(getattr(target, "features", ()))
    data["not_declared"] = dict(getattr(target, "missing_features", {}))
    return data


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is judged."""
    run = config.stash.get(RUN, None)
    if run is None:
        return []
    target = run.target if TARGET in config.stash else None
    return terminal.header(target, run.deviations.files, run.suite)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every check what the catalogue, the target and the deviations say of it."""
    if CATALOGUE not in config.stash:
        return
    folder = config.rootpath / "conformance"
    target = config.stash.get(TARGET, None)
    waived = _deviations(config, target)
    errors: list[str] = []
    collected: dict[str, str] = {}
    matched: set[str] = set()
    # Asked of each file once: of thousands of checks it takes long.
    files = {path for path in {item.path for item in items} if path.is_relative_to(folder)}
    for item in items:
        if item.path not in files:
            continue
        requirement = marking.requirement_of(item, config.stash[CATALOGUE], errors)
        if requirement is None:
            continue
        collected[item.nodeid] = requirement.id
        function = getattr(item, "originalname", None) or item.name
        callspec = getattr(item, "callspec", None)
        named = (requirement.id, function, None if callspec is None else callspec.id)
        matched.update(entry.where for entry in waived.entries if entry.matches(*named))
        judged = Judged(requirement, waived.find(*named), config.stash[OPTIONS])
        marking.mark(item, config.stash[CATALOGUE], judged)
        marking.skip_unless_applicable(item, requirement, target)
    shard = config.stash[OPTIONS].shard
    if shard is not None:
        left = sharding.leave_out(items, shard, judged=set(collected))
        for item in left:
            del item.stash[JUDGED]  # another job judges it: this run misses nothing by it
            del collected[item.nodeid]
        config.hook.pytest_deselected(items=left)
    _learn(config, {"collected": collected, "matched": sorted(matched), "errors": errors})
    if errors and not is_worker(config):
        raise pytest.UsageError("\n".join(errors))
    if errors:
        items.clear()  # the controller raises the errors: a worker's exit code is not seen


def _learn(config: pytest.Config, found: dict[str, Any]) -> None:
    """Tell the controlling process what a collection found."""
    if is_worker(config):
        output = config.workeroutput  # type: ignore[attr-defined]
        output.setdefault(OUTPUT, {"deselected": 0}).update(found)
    else:
        config.stash[RUN].learn(found["collected"], found["matched"], 0)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the checks that are not to run."""
    left = sum(1 for item in items if JUDGED in item.stash)
    if not left:
        return
    config = items[0].config
    if is_worker(config):
        config.workeroutput[OUTPUT]["deselected"] += left  # type: ignore[attr-defined]
    else:
        config.stash[RUN].learn({}, (), left)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep of the collected checks those that are to run."""
    config = session.config
    chosen = {item.nodeid for item in session.items if JUDGED in item.stash}
    if is_worker(config) and CATALOGUE in config.stash:
        found = config.workeroutput[OUTPUT]  # type: ignore[attr-defined]
        found["collected"] = {k: v for k, v in found["collected"].items() if k in chosen}
    elif RUN in config.stash and session.items:
        collected = config.stash[RUN].collected
        config.stash[RUN].collected = {k: v for k, v in collected.items() if k in chosen}


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Clean what is said of a file that could not be collected."""
    if isinstance(report.longrepr, str):
        report.longrepr = SECRETS.clean(report.longrepr)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Let a worker forget the reports of the checks before: the controlling process has them.

    Its terminal reporter, whose output nobody sees, would keep them all, exchanges included.
    """
    reporter = item.config.pluginmanager.get_plugin("terminalreporter")
    if is_worker(item.config) and reporter is not None:
        reporter.stats.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge a phase of a check; the exception is cleaned before anybody makes a report of it."""
    judged = item.stash.get(JUDGED, None)
    if judged is None:
        return (yield)
    finding = judging.find(item, call, judged)
    report = yield
    judging.judge(item, call, report, judged, finding)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Count the workers."""
    if RUN in node.config.stash:
        node.config.stash[RUN].workers += 1


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker has learned, unless it crashed."""
    output = getattr(node, "workeroutput", None) or {}
    SECRETS.update(output.get(f"{OUTPUT}_secrets", {}))
    found = output.get(OUTPUT)
    if error or found is None or RUN not in node.config.stash:
        return
    node.config.stash[RUN].learn(found["collected"], found["matched"], found["deselected"])
    if found["errors"]:
        raise pytest.UsageError("\n".join(found["errors"]))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(
    session: pytest.Session, exitstatus: int
) -> Generator[None, object, object]:
    """Write the results before the summary is shown, and say at the very end what was judged."""
    config = session.config
    run = config.stash.get(RUN, None)
    if is_worker(config):
        config.workeroutput[f"{OUTPUT}_secrets"] = SECRETS.values()  # type: ignore[attr-defined]
    if run is None or not run.checks or is_worker(config):
        return (yield)
    if session.shouldfail or session.shouldstop:
        run.narrow(str(session.shouldfail or session.shouldstop))
    # Most texts stand there many times.
    data = results.cleaned(run.as_data(int(exitstatus)), functools.cache(SECRETS.clean))
    compared = results.held_against(data, config.stash.get(BASELINE, None))
    session.exitstatus = data["exit_code"]
    folder = config.stash[OPTIONS].results
    paths = results.write_all(folder, data, compared)
    allure_folder = _path(config, "allure_report_dir")
    if allure_folder is not None:
        for path, text in allure.describe_run(allure_folder, data["target"], run.suite).items():
            results.write(path, text)
    config.stash[WRITTEN] = (data, [*paths, _path(config, "xmlpath"), allure_folder])
    result = yield
    results.sweep(SECRETS.clean, _path(config, "xmlpath"), allure_folder)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(terminal.judged(data["target"]))
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, object, object]:
    """Say the result and what keeps it from being better, after all else."""
    result = yield
    config = terminalreporter.config
    if WRITTEN not in config.stash:
        return result
    data, paths = config.stash[WRITTEN]
    terminalreporter.write_sep("=", "openemr-conformance")
    for line in terminal.summary(data):
        terminalreporter.write_line(line)
    there = [path for path in paths if path is not None]
    terminalreporter.write_line(terminal.written(there, config.invocation_params.dir))
    for line in app.lines(data["app"]) if "app" in data else ():
        terminalreporter.write_line(line)
    return result


def _path(config: pytest.Config, option: str) -> Path | None:
    value = getattr(config.option, option, None)
    return Path(value).absolute() if value else None
