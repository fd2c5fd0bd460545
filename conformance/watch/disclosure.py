"""What a response discloses about tokens and about the program of the server."""

from typing import Any

from conformance import expect
from fixtures.wire.client import Response

#: The members that an introspection response may have in addition to active.
TOLD = (
    "scope",
    "client_id",
    "username",
    "exp",
    "iat",
    "nbf",
    "sub",
    "aud",
    "iss",
    "jti",
    "patient",
)


def nothing_told(response: Response) -> None:
    """Expect a response to disclose nothing about a token: not active, and no claims."""
    __tracebackhide__ = True
    body = _members(response)
    told = [name for name in TOLD if name in body]
    received = f"{response.status_code} active {body.get('active')}, with {', '.join(told) or '-'}"
    right = body.get("active") is not True and not told
    expect.that(right, "a response that discloses nothing about the token", received, response)


def inactive(response: Response) -> None:
    """Expect an introspection response with active false (RFC 7662 section 2.2)."""
    __tracebackhide__ = True
    expect.status(response, 200)
    expect.that(
        expect.member(response, "active") is False, "active to be false", response.text, response
    )


#: The messages of OpenEMR (library/sql.inc.php, QueryUtils.php), ADOdb (adodb-mysqli.inc.php) and
#: MariaDB about a statement that failed; most of them have the statement as well.
DATABASE = (
    "SQLSTATE",
    "Query Error</font>",
    "<font color='red'>ERROR:</font>",
    "SQL Error with statement:",
    "SQL Statement failed on preparation",
    "query failed: ",
    "insert failed: ",
    "Failed to execute statement. Error:",
    "Insert failed. SQL error",
    "OpenEMR SQL Escaping ERROR",
    "Failure during database access!",
    "Could not connect to server!",
    "could not disconnect from mysql server link",
    "params, does not match query:",
    "2D Array of values sent to execute",
    "Input Array does not match ?:",
    "Input array does not match ?:",
    "mysqli_sql_exception",
    "You have an error in your SQL syntax",
    "Unknown column '",
    "Incorrect integer value: '",
    "Incorrect datetime value: '",
    "Incorrect date value: '",
    "Incorrect string value: '",
    "Data too long for column '",
    "doesn't have a default value",
    "Cannot add or update a child row",
)
#: Words that occur only if a program shows its internals.
INTERNALS = (
    *DATABASE,
    "Stack trace",
    "#0 /",
    "Fatal error",
    "<b>Warning</b>",
    "TypeError",
    "Undefined array key",
    ".php:",
    ".php on line",
    "/vendor/",
    "/var/www",
)


def no_internals(response: Response) -> None:
    """Expect a response to show no internals of the program."""
    __tracebackhide__ = True
    found = [word for word in INTERNALS if word in response.text]
    expect.that(not found, "no internals of the program", f"{found}", response)


def _members(response: Response) -> dict[str, Any]:
    """Return the members of a JSON object; empty if the body is not one."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
