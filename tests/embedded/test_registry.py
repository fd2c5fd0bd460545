# SPDX-License-Identifier: Apache-2.0
"""Every name of a defect in the code is in the registry, and every defect is in the code."""

import ast
from pathlib import Path

import pytest

from fixtures import embedded
from fixtures.embedded import defects
from fixtures.embedded.mutations import MUTATIONS
from fixtures.embedded.presets import PRESETS
from fixtures.embedded.rules import Rule, waived_by
from fixtures.embedded.store import Store

FOLDER = Path(embedded.__file__).parent
TREES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(FOLDER.rglob("*.py"))}


def look_ups():
    """List the arguments with which defects are looked up: file, line, expression."""
    return [
        (path.name, node.lineno, node.args[0])
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "has"
    ]


def literals(node):
    """List the string literals of an expression."""
    return [
        inner.value
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    ]


def test_every_literal_that_is_looked_up_is_a_defect():
    """A literal that is handed to the look-up is in the registry."""
    unknown = [
        f"{name}:{line} {literal}"
        for name, line, argument in look_ups()
        if isinstance(argument, ast.Constant)
        for literal in literals(argument)
        if literal not in defects.names()
    ]

    assert look_ups()
    assert unknown == []


def test_no_name_is_put_together():
    """A name that is looked up is a literal, or comes from a table or a condition of literals."""
    composed = [
        f"{name}:{line}"
        for name, line, argument in look_ups()
        if any(isinstance(inner, ast.JoinedStr | ast.BinOp) for inner in ast.walk(argument))
    ]

    assert composed == []


def test_every_defect_is_referred_to():
    """A defect that no code refers to changes nothing."""
    used = {literal for tree in TREES.values() for literal in literals(tree)}

    assert sorted(defects.names() - used) == []


def test_look_up_of_an_unknown_defect_is_an_error():
    """A misspelled name is an error, not a server without the defect."""
    store = Store("http://localhost", "default")

    assert not store.has("codes_reusable")
    with pytest.raises(defects.UnknownDefectError, match="there is no defect codes_reuseable: "):
        store.has("codes_reuseable")


def test_table_with_an_unknown_defect_is_an_error():
    """A table is checked where it is made, which is when its module is imported."""
    with pytest.raises(defects.UnknownDefectError, match="there is no defect codes_reuseable: "):
        defects.by_defect({"codes_reusable": 1, "codes_reuseable": 2})


def test_rule_with_an_unknown_defect_is_an_error():
    """A rule is checked where it is made, whichever way the defect overrides it."""
    for table in (
        {"waived": waived_by("codes_reuseable")},
        {"broken": waived_by("codes_reuseable")},
    ):
        with pytest.raises(defects.UnknownDefectError, match="there is no defect codes_reuseable"):
            Rule("code_is_unused", bool, **table)


def test_rule_is_overridden_by_a_defect():
    """A defect waives a rule, or breaks it, and only where its predicate says so."""
    rule = Rule(
        "number_is_small",
        lambda number: number < 10,
        waived={"codes_reusable": lambda number: number == 50},
        broken={"codes_unbound": lambda number: number == 5},
    )
    healthy = Store("http://localhost", "default")
    faulty = Store("http://localhost", "default", frozenset({"codes_reusable", "codes_unbound"}))

    assert [rule.met(healthy, number) for number in (1, 5, 50, 60)] == [True, True, False, False]
    assert [rule.met(faulty, number) for number in (1, 5, 50, 60)] == [True, False, True, False]


def test_every_mutation_is_of_a_defect():
    """A mutation changes a request or a response; every one of them is of a known defect."""
    assert MUTATIONS.keys() <= defects.names()
    assert all(each.request or each.response for each in MUTATIONS.values())


def test_server_with_an_unknown_defect_is_an_error():
    """A store that is made with a misspelled name is an error."""
    with pytest.raises(defects.UnknownDefectError, match="there is no defect codes_reuseable: "):
        Store("http://localhost", "default", frozenset({"codes_reuseable"}))


def test_no_preset_is_called_like_a_defect():
    """A name in the base URL is a defect or a preset."""
    assert not PRESETS.keys() & defects.names()


def test_nothing_else_of_the_fixtures_is_imported():
    """The embedded server needs nothing of the code that it is the target of."""
    imported = {
        name
        for tree in TREES.values()
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in getattr(node, "names", []) if isinstance(node, ast.Import)]
        )
    }
    ours = {
        name for name in imported if name.split(".")[0] in ("fixtures", "conformance", "reports")
    }

    assert {name for name in ours if not name.startswith("fixtures.embedded")} == set()
