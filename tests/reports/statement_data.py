"""A small result of a run for the tests of its renderings, in which a hostile server is quoted."""

from reports.judging import outcome
from reports.verdicts import count

#: Stands for whatever a server may put into its answers.
PLACE = "HOSTILE"
COMMON = {
    "level": "MUST",
    "severity": "high",
    "area": "token",
    "source": "RFC 1",
    "url": "https://e.org/?a&b",
}


def exchange(name, *, url=f"http://t/x?q={PLACE}", status=200, body=PLACE, header=PLACE):
    """Return an exchange as conformance.json holds it; without an answer if `status` is None."""
    answer = {"status": status, "headers": [["Content-Type", "text/html"], ["X-Own", header]],
              "body": body}  # fmt: skip
    return {
        "id": name,
        "request": {"method": "POST", "url": url, "headers": [["Accept", "x/y"]], "body": "a=b"},
        "response": None if status is None else answer,
        "problem": f"no answer within 30 s {PLACE}" if status is None else None,
        "ms": 12.5,
    }


def missed(name, *exchanges, judged=()):
    """Return a check that failed, with its exchanges."""
    return {
        "id": name, "verdict": "fail", "ms": 1, "message": f"received {PLACE}", "expected": "x",
        "received": [PLACE, "y"], "in_answer": f"GET /x -> {PLACE}", "reproduce": f"curl {PLACE}",
        "hint": PLACE, "exchanges": list(exchanges), "judged": list(judged),
    }  # fmt: skip


def failed(name, *checks):
    """Return a requirement that is not fulfilled."""
    return {"id": name, "text": "So.", "verdict": "fail", "checks": list(checks), **COMMON}


def result():
    """Return a result with a finding and a known deviation."""
    deviation = {"requirement": "K", "reason": "Otherwise.", "link": "https://e.org/1"}
    known = {"id": "K", "text": "So.", "verdict": "known", "checks": [], "deviation": deviation}
    check = missed("c::d", exchange("main-1"), exchange("main-2"), judged=["main-1"])
    data = {
        "schema_version": 2, "suite_version": "1", "started": "2026-01-01T00:00:00+00:00",
        "level": "MUST",
        "run": {"wall_seconds": 1, "requests": 2, "waiting_seconds": 0, "workers": 1,
                "partial": False, "partial_reason": None},
        "target": {"name": "t", "kind": "url", "url": "http://t", "site": "default",
                   "version": "7", "declared_version": "8", "features": ["rest"],
                   "not_declared": {}},
        "deviations": {"files": ["f.toml"], "shipped": True, "stale": []},
        "counts": {"requirements": count(["fail", "known"]), "checks": count(["fail"])},
        "scopes": [{"scope": PLACE, "advertised": True, "registrable": None, "granted": None,
                    "enforced": False}],
        "requirements": [{**known, **COMMON}, failed("F", check)],
    }  # fmt: skip
    return outcome.settle(data, status=1)


def with_text(data, text):
    """Return data with a text of a server in its places."""
    if isinstance(data, str):
        return data.replace(PLACE, text)
    if isinstance(data, dict):
        return {key: with_text(value, text) for key, value in data.items()}
    return [with_text(each, text) for each in data] if isinstance(data, list) else data
