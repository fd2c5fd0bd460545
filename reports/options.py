"""The options of the command line, each also an environment variable."""

import os
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from fixtures.target import options as target_options
from fixtures.target.options import PREFIX, check_variables, collected_paths, switch, variable
from reports.verdicts import (
    GATES,
    KNOWN,
    LEVELS,
    MENDED,
    NEW,
    NOT_APPLICABLE,
    PRACTICE,
    SEVERITIES,
    UNTESTED,
    WARN,
)

BODIES = ("none", "failed", "all")
#: The terminal only counts these, unless --show names them.
LISTED = (WARN, KNOWN, PRACTICE.lower(), NOT_APPLICABLE, UNTESTED, MENDED)


@dataclass(frozen=True)
class Options:
    """The options of this part of the suite, whether given, set in the environment, or default."""

    results: Path
    deviations: tuple[str, ...]
    level: str
    bodies: str
    gate: str = NEW
    #: Whether shipped deviations that no longer deviate fail the run.
    strict_deviations: bool = False
    #: The lowest severity that is judged.
    severity: str | None = None
    #: Which of LISTED the terminal lists.
    show: tuple[str, ...] = ()
    baseline: str | None = None
    #: Which part of how many, from one.
    shard: tuple[int, int] | None = None
    #: Whether an upgrade judges the older release too.
    judge_both: bool = False
    #: The requirements to judge, as ids or patterns; empty for all.
    requirement: tuple[str, ...] = ()
    #: Where to write the collected checks.
    list_checks: Path | None = None


#: The switches of the target's options that change which checks there are.
SWITCHES = {"--slow": "slow", "--thorough": "thorough", "--read-only": "read_only"}
#: With these some checks are not collected: whether an entry belongs to one of them is unknown.
UNCOLLECTED = frozenset(("paths", "--ignore", "--ignore-glob", "--lf"))
#: The names of the variables, without their prefix.
VARIABLES = frozenset(
    field.name.upper()
    for model in (target_options.Options, Options)
    for field in fields(model)
    if field.name != "list_checks"
)


def add(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("openemr-conformance", "OpenEMR conformance: judging and reporting")
    group.addoption(
        "--deviations",
        action="append",
        metavar="FILE|RELEASE",
        help="known deviations, instead of those shipped for the target's version: a file, or "
        "those shipped for a release such as 7.0.3; repeatable; `none` for none",
    )
    group.addoption("--results", metavar="DIR", help="where results go (default: results)")
    group.addoption(
        "--level",
        choices=LEVELS,
        type=str.upper,
        help="the lowest level whose misses fail the run (default: MUST); a SHOULD of severity "
        "high or critical always does, and good practice (PRACTICE) of severity critical",
    )
    group.addoption(
        "--gate",
        choices=GATES,
        type=str.lower,
        help="what fails the run: misses that are new (default), or all misses, declared or not",
    )
    group.addoption(
        "--strict-deviations",
        action="store_true",
        help="fail the run if a fault that the suite declares for the release is not there",
    )
    group.addoption(
        "--severity",
        choices=SEVERITIES,
        type=str.lower,
        help="judge only requirements of this severity and of graver ones",
    )
    group.addoption(
        "--bodies",
        choices=BODIES,
        help="whose bodies of requests and answers go into reports: none, those of failed checks "
        "(default), or all",
    )
    group.addoption(
        "--show",
        action="append",
        choices=LISTED,
        help="list on the terminal what it otherwise counts in a line; repeatable",
    )
    group.addoption(
        "--baseline",
        metavar="FILE|RELEASE",
        help="an earlier conformance.json, or a release such as 7.0.3: what was fulfilled there "
        "and is not any more fails the run",
    )
    group.addoption(
        "--shard",
        metavar="N/M",
        help="judge only part N of M, in one of M jobs; `openemr-conformance merge` joins them",
    )
    group.addoption(
        "--requirement",
        action="append",
        metavar="ID",
        help="run only the checks of this requirement; repeatable, and may be a pattern such as "
        "'RFC7009-*'",
    )
    group.addoption(
        "--judge-both",
        action="store_true",
        help="with --upgrade-from: judge the older release too, in containers of its own, instead "
        "of taking the verdicts that are shipped of it",
    )
    group.addoption(
        "--list-checks",
        metavar="FILE",
        help="write the collected checks by requirement, as JSON; meant for --collect-only",
    )


def resolve(config: pytest.Config) -> Options:
    """Return the options in force; they are set in `config` too, for workers and other plugins."""
    check_variables(VARIABLES)
    option = config.option
    for name in sorted(VARIABLES):
        if getattr(option, name.lower(), None) in ("", [""]):
            written = name.lower().replace("_", "-")
            raise pytest.UsageError(f"--{written} is empty: give a value, or leave it out")
    base = config.invocation_params.dir
    option.results = str(base / (option.results or variable("RESULTS") or "results"))
    if not option.deviations:
        given = variable("DEVIATIONS")
        option.deviations = given.split(os.pathsep) if given else []
    if not option.requirement:
        option.requirement = (variable("REQUIREMENT") or "").split()
    option.level = (option.level or variable("LEVEL") or "MUST").upper()
    option.bodies = option.bodies or variable("BODIES") or "failed"
    option.show = option.show or (variable("SHOW") or "").replace(",", " ").split()
    option.gate = (option.gate or variable("GATE") or NEW).lower()
    option.severity = (option.severity or variable("SEVERITY") or "").lower() or None
    for name, value, allowed in (
        ("LEVEL", option.level, LEVELS),
        ("BODIES", option.bodies, BODIES),
        ("GATE", option.gate, GATES),
        ("SEVERITY", option.severity, SEVERITIES),
        *(("SHOW", each, LISTED) for each in option.show),
    ):
        if value is not None and value not in allowed:
            raise pytest.UsageError(f"{PREFIX}{name} is {value!r}; give {', '.join(allowed)}")
    option.baseline = option.baseline or variable("BASELINE")
    option.shard = option.shard or variable("SHARD")
    return Options(
        Path(option.results),
        tuple(option.deviations),
        option.level,
        option.bodies,
        option.gate,
        switch(config, "strict_deviations"),
        option.severity,
        tuple(option.show),
        option.baseline,
        parse_shard(option.shard) if option.shard else None,
        judge_both=switch(config, "judge_both"),
        requirement=tuple(option.requirement),
        list_checks=base / option.list_checks if option.list_checks else None,
    )


def parse_shard(text: str) -> tuple[int, int]:
    """Return `2/4` as numbers, or raise a usage error."""
    number, _, of = text.partition("/")
    if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
        return int(number), int(of)
    raise pytest.UsageError(f"--shard {text}: give the part and the number of parts, as in 2/4")


def narrowing(config: pytest.Config) -> list[str]:
    """Name the options with which a run judges less than everything."""
    # The target and --requirement are named with more words; --slow and --thorough judge more.
    named = [name for name in selected(config) if name not in (*SWITCHES, "--requirement")]
    return [f"narrowed by {', '.join(named)}"] if named else []


def selected(config: pytest.Config) -> dict[str, list[str]]:
    """Return the options in force that select checks, and the paths inside of the suite."""
    option = config.option
    given = {
        "-k": option.keyword,
        "-m": option.markexpr,
        "--severity": option.severity,
        "--lf": getattr(option, "lf", False),
        "--deselect": option.deselect,
        "--ignore": option.ignore,
        "--ignore-glob": option.ignore_glob,
        "--requirement": option.requirement,
    }
    given |= {
        name: getattr(config.stash[target_options.OPTIONS], SWITCHES[name]) for name in SWITCHES
    }
    folder = config.rootpath / "conformance"
    if not any(folder.is_relative_to(path) for path in collected_paths(config)):
        base = config.invocation_params.dir
        given["paths"] = [os.path.relpath(base / path, config.rootpath) for path in config.args]
    return {
        name: sorted(map(str, value if isinstance(value, list | tuple) else [value]))
        for name, value in given.items()
        if value
    }
