"""Every program reads the result of a run in the same way, and refuses the same files."""

import gzip
import json

import pytest

from reports import compare, declare, merge, releases, statement
from tests.reports.test_compare import run

PROGRAMS = {
    "compare": lambda path: compare.main([path, path]),
    "declare": lambda path: declare.main([path]),
    "releases": lambda path: releases.main([path]),
    "page": lambda path: releases.main([path, "--page", f"{path}.html"]),
    "statement": lambda path: statement.main([path]),
    "merge": lambda path: merge.main([path, "--results", f"{path}.merged"]),
}
WHOLE = run(("r", {"a": "known"}))
BROKEN = {
    "deep": (b"[" * 200_000, "is nested too deeply"),
    "text": (b"{", "is not readable as conformance.json"),
    "packed badly": (b"\x1f\x8b nothing", "is not readable as conformance.json"),
    "not UTF-8": (b'"\xff"', "is not readable as conformance.json"),
    "list": (b"[]", "is no conformance.json: $: [] is not of type 'object'"),
    "foreign": (b'{"a": 1}', "is a required property"),
    "no requirements": (b'{"requirements": [{}]}', "is a required property"),
    "no target": (json.dumps({**WHOLE, "target": {}}).encode(), "$.target: 'name' is a required"),
    "new": (json.dumps({**WHOLE, "schema_version": 99}).encode(), "schema_version 99 is not known"),
    "odd": (json.dumps({**WHOLE, "schema_version": []}).encode(), "schema_version [] is not known"),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_result_is_refused(tmp_path, capsys, program, kind):
    """One sentence names the file and what is wrong with it."""
    content, said = BROKEN[kind]
    path = tmp_path / "given.json"
    path.write_bytes(content)

    assert PROGRAMS[program](str(path)) != 0
    error = capsys.readouterr().err
    assert (str(path) in error, said in error) == (True, True), error
    assert error.count("\n") == 1


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name != "merge"])
def test_packed_results_are_read(tmp_path, capsys, program):
    """A result that was packed is as good as one that was not."""
    path = tmp_path / "given.json.gz"
    path.write_bytes(gzip.compress(json.dumps(WHOLE).encode()))

    assert PROGRAMS[program](str(path)) == 0, capsys.readouterr().err
