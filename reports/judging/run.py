"""One run as data: reports of checks come in, conformance.json comes out."""

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from reports import verdicts
from reports.judging import (
    alarms,
    app_verdict,
    causes,
    client_answers,
    outcome,
    requirement_results,
    scope_table,
)
from reports.judging.catalogue import Catalogue, Requirement
from reports.judging.collection import Collected
from reports.judging.deviations import Deviation, Deviations

SCHEMA_VERSION = 2


@dataclass
class Check:
    """One check: its reports of setup, call and teardown together."""

    id: str
    requirement: str | None
    verdicts: list[str] = field(default_factory=list)
    #: When its first phase began, in seconds since 1970.
    began: float = 0.0
    seconds: float = 0.0
    #: The worker of xdist that ran it; "main" without xdist.
    worker: str = "main"
    parts: dict[str, Any] = field(default_factory=dict)
    #: The deviations that cover it; several can cover a check of the watch, each some routes.
    deviations: list[str] = field(default_factory=list)
    finished: bool = False

    @property
    def verdict(self) -> str:
        """The gravest verdict of the check's phases."""
        return verdicts.worst(self.verdicts)

    def as_data(self) -> dict[str, Any]:
        """Return the check as it stands in conformance.json."""
        ms = round(self.seconds * 1000, 1)
        data: dict[str, Any] = {"id": self.id, "verdict": self.verdict, "ms": ms}
        if self.began:
            data |= {"start": round(self.began * 1000), "worker": self.worker}
        return data | self.parts


@dataclass(eq=False)
class Run:
    """The record of a run in the controlling process."""

    catalogue: Catalogue
    deviations: Deviations
    target: Mapping[str, Any]
    level: str
    suite: str
    #: The option --gate: see outcome.py.
    gate: str = verdicts.NEW
    #: The lowest severity that is judged; None for all.
    severity: str | None = None
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    clock: float = field(default_factory=time.monotonic)
    checks: dict[str, Check] = field(default_factory=dict)
    #: The requirement of every check that was collected, whether or not it came to run.
    collected: dict[str, str] = field(default_factory=dict)
    #: The deviations that a collected check belongs to.
    matched: set[str] = field(default_factory=set)
    narrowed: list[str] = field(default_factory=list)
    #: Whether there are checks that were not even collected.
    incomplete: bool = False
    #: How many checks are to run, those of other shards included.
    selected: int = 0
    #: Alarms over all exchanges: by kind, then by route (see alarms.py).
    alarms: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    #: Facts of each scope that checks noted (see scope_table.py).
    scopes: dict[str, dict[str, bool]] = field(default_factory=dict)
    #: The answers that clients saw (see client_answers.py).
    answered: client_answers.Answers = field(default_factory=dict)
    requests: int = 0
    waiting_ms: float = 0.0
    workers: int = 0
    #: Which part of how many this run is, from one (see sharding.py).
    shard: tuple[int, int] | None = None
    #: The options that select checks (see options.py).
    selection: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: The vendor's app that is judged, and how many checks it makes (see app_verdict.py).
    app: tuple[str, int] | None = None

    def add(self, report: pytest.TestReport) -> None:
        """Add the report of one phase of a check; other tests are ignored."""
        said: dict[str, Any] = dict(report.user_properties)
        if str(report.when) == "???" and report.nodeid.startswith("conformance/"):
            check = self.checks.setdefault(report.nodeid, Check(report.nodeid, None))
            check.verdicts.append(verdicts.BLOCKED)
            check.parts["message"] = f"could not be judged: {report.longreprtext}"
            check.finished = True
        if "requirement" not in said:
            return
        check = self.checks.setdefault(report.nodeid, Check(report.nodeid, None))
        check.requirement = str(said["requirement"])
        if "deviation" in said:
            check.deviations = [str(said["deviation"])]
        check.began = check.began or report.start
        check.worker = getattr(report, "worker_id", check.worker)
        check.seconds += report.duration
        check.finished = check.finished or report.when == "teardown"
        if "verdict" in said:
            check.verdicts.append(str(said["verdict"]))
        if isinstance(said.get("finding"), dict):
            check.parts = said["finding"] | check.parts
        check.parts |= {key: value for key, value in said.get("described", {}).items() if value}
        if "server_log" in said:
            check.parts["server_log"] = str(said["server_log"])
        _add_exchanges(check.parts, said.get("exchanges", ()), said.get("judged", ()))
        for alarm in said.get("alarms", ()):
            self.alarms.setdefault(alarm["kind"], {}).setdefault(alarm["where"], alarm)
        scope_table.fold(self.scopes, said.get("scopes", {}))
        client_answers.fold(self.answered, report.nodeid, getattr(report, "answers", ()))
        self.requests += int(said.get("exchange_count", 0))
        self.waiting_ms += float(said.get("waiting_ms", 0))

    def learn(self, found: Collected) -> None:
        """Add what a process found at collection."""
        self.collected.update(found.collected)
        self.matched.update(found.matched)
        self.selected = max(self.selected, found.selected)
        if found.deselected:
            self.narrow(f"{found.deselected} checks deselected")

    @property
    def is_empty_part(self) -> bool:
        """Whether other shards have all the checks that were selected."""
        return self.shard is not None and self.selected > 0 and not self.collected

    def narrow(self, reason: str) -> None:
        """Note why the run judges less than everything."""
        if reason not in self.narrowed:
            self.narrowed.append(reason)

    def stale(self) -> list[dict[str, str]]:
        """Return the deviations that no longer deviate, expired, or belong to no check."""
        fulfilled = {
            where
            for check in self.checks.values()
            if check.parts.get("stale")
            for where in check.deviations
        }
        today = self.started.date()
        found = []
        for deviation in self.deviations.entries:
            if not deviation.strict:
                continue
            if deviation.expired(today):
                why = f"expired on {deviation.expires}"
            elif deviation.where in fulfilled:
                why = "fulfilled now by a check that it waives"
            elif self.catalogue.requirements[deviation.requirement].watch is not None:
                continue  # it may be met by chance
            elif deviation.where not in self.matched and self._would_match(deviation):
                why = "no check belongs to it"
            else:
                continue
            found.append({**_deviation(deviation), "where": deviation.where, "why": why})
        return found

    def _would_match(self, deviation: Deviation) -> bool:
        """Return whether every check that the entry could belong to was collected.

        Unknown after an interruption: no worker reports it. A narrowed run looks only at entries of
        the requirements that it judges.
        """
        if self.incomplete or not self.collected:
            return False
        return not self.narrowed or deviation.requirement in self.collected.values()

    def mended(self) -> list[dict[str, str]]:
        """Return the shipped deviations that no check of a whole run confirmed."""
        if self.narrowed:
            return []
        fulfilled = {check.parts.get("mended") for check in self.checks.values()}
        left = {
            where
            for check in self.checks.values()
            if "mended" not in check.parts and check.verdict != verdicts.NOT_APPLICABLE
            for where in check.deviations
        }
        return [
            {**_deviation(each), "where": each.where}
            for each in self.deviations.entries
            if each.where in fulfilled - left
        ]

    def _partial(self, status: int) -> list[str]:
        reasons = list(self.narrowed)
        if self.shard is not None:
            reasons.append("shard {} of {}".format(*self.shard))
        if status in outcome.ENDED_EARLY:
            reasons.append(outcome.ENDED_EARLY[status])
        if self.workers and not self.collected and not self.is_empty_part:
            reasons.append("no worker finished")
        unfinished = [
            nodeid
            for nodeid in self.collected
            if nodeid not in self.checks or not self.checks[nodeid].finished
        ]
        if unfinished:
            reasons.append(f"{len(unfinished)} checks did not run to their end")
        skipped = [
            check
            for check in self.checks.values()
            if check.verdict == verdicts.UNTESTED and "reason" in check.parts
        ]
        if skipped:
            reasons.append(f"{len(skipped)} checks skipped themselves, as {skipped[0].id}")
        return reasons

    def as_data(self, status: int) -> dict[str, Any]:
        """Return the run as conformance.json holds it; `status` is pytest's own exit code."""
        checks: dict[str | None, list[Check]] = {}
        for nodeid in sorted(self.checks):
            check = self.checks[nodeid]
            owner = check.requirement or self._owner(nodeid)
            checks.setdefault(owner, []).append(check)
        for nodeid in (each.id for each in checks.pop(None, ())):
            self.narrow(f"{nodeid} crashed, and its requirement is not known")
        reasons = self._partial(status)
        for requirement in alarms.watched(self.catalogue):
            checks[requirement.id] = [self._watched(requirement, partial=bool(reasons))]
        requirements = [
            self._requirement(requirement, checks.get(requirement.id, []), bool(reasons))
            for requirement in self.catalogue.requirements.values()
        ]
        causes.explain(requirements, self.catalogue.causes)
        data = {
            "schema_version": SCHEMA_VERSION,
            "suite_version": self.suite,
            "started": self.started.isoformat(timespec="seconds"),
            "level": self.level,
            "run": {
                "wall_seconds": round(time.monotonic() - self.clock, 2),
                "requests": self.requests,
                "waiting_seconds": round(self.waiting_ms / 1000, 2),
                "workers": max(1, self.workers),
                "partial": bool(reasons),
                "partial_reason": "; ".join(reasons) or None,
                **({} if self.shard is None else {"shard": list(self.shard)}),
                **({"selection": dict(self.selection)} if self.selection else {}),
            },
            "target": dict(self.target),
            "deviations": {
                "files": list(self.deviations.files),
                "digest": self.deviations.digest,
                "shipped": self.deviations.shipped,
                "stale": self.stale(),
                "mended": self.mended(),
            },
            "counts": {
                "requirements": verdicts.count(each["verdict"] for each in requirements),
                "checks": verdicts.count(
                    check.verdict for several in checks.values() for check in several
                ),
            },
            **({} if self.app is None else {"app": app_verdict.judged(*self.app, requirements)}),
            "scopes": scope_table.as_data(self.scopes),
            "requirements": requirements,
            "answers": client_answers.as_data(self.answered),
        }
        return outcome.settle(data, status=status, gate=self.gate)

    def _owner(self, nodeid: str) -> str | None:
        """Find the requirement of a check whose process died before it could say it."""
        if nodeid in self.collected:
            return self.collected[nodeid]
        function = nodeid.partition("[")[0]
        same = (c.requirement for c in self.checks.values() if c.id.partition("[")[0] == function)
        return next((requirement for requirement in same if requirement), None)

    def _watched(self, requirement: Requirement, *, partial: bool) -> Check:
        found = self.alarms.get(str(requirement.watch), {})
        if verdicts.less_severe(requirement.severity, self.severity):
            found = {}
        verdict, parts, waivers = alarms.judge(
            requirement, found, self.deviations, self.level, partial=partial or not self.requests
        )
        return Check(
            requirement.watch_id,
            requirement.id,
            [verdict],
            parts=parts,
            deviations=waivers,
            finished=True,
        )

    def _requirement(
        self, requirement: Requirement, checks: Sequence[Check], partial: bool
    ) -> dict[str, Any]:
        verdict = verdicts.worst(check.verdict for check in checks)
        data: dict[str, Any] = {
            "id": requirement.id,
            "level": requirement.level,
            "severity": requirement.severity,
            **({} if requirement.harm is None else {"harm": requirement.harm}),
            "area": requirement.area,
            "text": requirement.text,
            "source": requirement.source,
            "url": requirement.url,
            "needs": list(requirement.needs),
            "verdict": verdict,
            "checks": [check.as_data() for check in checks],
        }
        data |= self._waivers(requirement, checks, data["checks"])
        reason = next((c.parts["reason"] for c in checks if c.parts.get("reason")), None)
        if verdict == verdicts.UNTESTED:
            reason = reason or requirement.untested or ("not run" if partial else "no check")
        if reason and verdict in (verdicts.UNTESTED, verdicts.NOT_APPLICABLE):
            data["reason"] = reason
        requirement_results.lower(data)
        return data

    def _waivers(
        self, requirement: Requirement, checks: Sequence[Check], results: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return the deviations that waive checks, and note with each check which one does."""
        by_check = {
            check.id: check.deviations
            for check in checks
            if check.verdict == verdicts.KNOWN or requirement.watch is not None
        }
        used = {where for several in by_check.values() for where in several}
        found: list[dict[str, str]] = []
        places: dict[str, int] = {}
        for entry in self.deviations.entries:
            if entry.where in used:
                deviation = _deviation(entry)
                if deviation not in found:
                    found.append(deviation)
                places[entry.where] = found.index(deviation)
        for each in results:
            waivers = by_check.get(each["id"], ())
            if len(waivers) == 1:
                each["deviation"] = places[waivers[0]]
        # Readers of earlier versions know the first one only.
        return {"deviation": found[0], "deviations": found} if found else {}


def _add_exchanges(
    parts: dict[str, Any], exchanges: Iterable[dict[str, Any]], judged: Iterable[str]
) -> None:
    """Add the exchanges of one phase to those of the phases before, each once."""
    known = {each["id"]: each for each in parts.get("exchanges", ())}
    known |= {each["id"]: each for each in exchanges}
    if known:
        parts["exchanges"] = list(known.values())
        parts["judged"] = list(dict.fromkeys([*parts.get("judged", ()), *judged]))


def _deviation(deviation: Deviation) -> dict[str, str]:
    return {
        "requirement": deviation.requirement,
        "reason": deviation.reason,
        "link": deviation.link,
    }
