"""The tables of routes, and the routes that are read from them."""

import pytest

from conformance.routes import table
from conformance.routes.openapi import OpenApiDocument
from conformance.routes.route_tokens import permitted
from conformance.routes.scope_table import ScopeFacts
from fixtures.target.files import feature_names
from fixtures.wire.client import Response
from reports.judging import scope_table

TABLE = """
api = "rest"
scope = "api:oemr"
needs = ["rest"]
roles = ["staff"]
route = [
  {rows}
]
"""
GOOD = '{ method = "GET", path = "/api/drug/:uuid", v1 = "drug.read", v2 = "drug.r" },'


def written(folder, *rows):
    """Write a table and return the folder."""
    (folder / "rest").mkdir()
    text = TABLE.replace("{rows}", "\n  ".join(rows))
    (folder / "rest" / "routes.toml").write_text(text, "utf-8")
    return folder


def test_tables_are_complete():
    """Every route has a unique readable id, and needs existing features."""
    ids = [route.id for api in table.APIS for route in table.load(api)]
    features = {name for api in table.APIS for route in table.load(api) for name in route.needs}

    assert len(ids) == len({*ids})
    assert features <= {*feature_names()}
    assert all(not set(name) & set(" /:$[]") for name in ids)


def test_path_is_filled_with_unknown_ids(tmp_path):
    """The ids of a path exist at no server."""
    (route,) = table.load("rest", written(tmp_path, GOOD))

    assert route.url == f"/api/drug/{table.UNKNOWN}"
    assert (route.id, route.resource, route.letter) == ("rest-GET-drug-uuid", "drug", "r")
    assert (route.scope("staff"), route.scope("system", "write")) == (
        "user/drug.read",
        "system/drug.write",
    )


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ('{ method = "GET", path = "/api/x" },', "needs either v1 and v2"),
        ('{ method = "LOOK", path = "/api/x", open = true },', "method: input should be"),
        ('{ method = "GET", path = "/fhir/x", open = true },', "not a path of this API"),
        ('{ method = "GET", path = "/api/x", v1 = "a.read", v2 = "b.r" },', "different resources"),
        (GOOD, "2 times"),
    ],
    ids=["no_scope", "method", "other_api", "two_resources", "twice"],
)
def test_errors_of_a_table_are_explained(tmp_path, row, word):
    """An inconsistent table is refused with the reason."""
    with pytest.raises(table.RoutesError, match=word):
        table.load("rest", written(tmp_path, GOOD, row))


def test_letters_of_smart_2_are_understood():
    """A SMART 2 scope permits its letters for its resource; a SMART 1 scope has no letters."""
    assert permitted("user/drug.crs") == ("user/drug", {"c", "r", "s"})
    assert permitted("user/drug.read") == ("", set())
    assert permitted("openid") == ("", set())


def test_openapi_document_is_read():
    """The paths and methods of the document are found, whatever their content."""
    text = (
        "openapi: 3.0.0\npaths:\n  /api/drug:\n    get:\n      tags:\n        - standard\n"
        "  '/api/drug/{uuid}':\n    get:\n    delete:\n    parameters:\ncomponents:\n  /api/x:\n"
    )

    assert OpenApiDocument(Response(200, text=text)).of("rest") == {
        ("GET", "/api/drug"),
        ("GET", "/api/drug/*"),
        ("DELETE", "/api/drug/*"),
    }


def test_negative_fact_outweighs_a_positive_one():
    """Facts are noted once; a negative one wins, in a worker and in the run."""
    noted = {}
    book = ScopeFacts(noted)
    book.note("user/drug.read", advertised=True, enforced=True)
    first = dict(noted)
    noted.clear()
    book.note("user/drug.read", advertised=True)
    assert noted == {}
    book.note("user/drug.read", enforced=False)
    known = {}
    for facts in (noted, first, {"user/x.read": {}}):
        scope_table.fold(known, facts)
    listed = scope_table.as_data(known)

    assert listed == [
        {
            "scope": "user/drug.read",
            "advertised": True,
            "registrable": None,
            "granted": None,
            "enforced": False,
        },
        {
            "scope": "user/x.read",
            "advertised": False,
            "registrable": None,
            "granted": None,
            "enforced": None,
        },
    ]
    assert scope_table.rows(listed)[0] == ["user/drug.read", "yes", "", "", "no"]
    assert scope_table.summary(listed).startswith("2 scopes: 1 advertised (1 not)")
