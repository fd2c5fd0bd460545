"""What an answer tells, and must not tell, of tokens and of the program behind it."""

from typing import Any

from conformance import expect
from fixtures.wire.client import Response

#: What an introspection answer may tell of a token beside whether it is active.
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
    """Expect that an answer tells nothing of a token: not active, none of its claims."""
    __tracebackhide__ = True
    body = _members(response)
    told = [name for name in TOLD if name in body]
    received = f"{response.status_code} active {body.get('active')}, with {', '.join(told) or '-'}"
    right = body.get("active") is not True and not told
    expect.that(right, "an answer that tells nothing of the token", received, response)


def inactive(response: Response) -> None:
    """Expect an introspection answer that calls the token inactive (RFC 7662 section 2.2)."""
    __tracebackhide__ = True
    expect.status(response, 200)
    expect.that(
        expect.member(response, "active") is False, "active to be false", response.text, response
    )


#: What OpenEMR (library/sql.inc.php, QueryUtils.php), ADOdb (adodb-mysqli.inc.php) and MariaDB say
#: of a statement that failed; the statement itself stands beside most of them.
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
#: Words that only appear where a program shows its inside.
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
    """Expect that the answer shows nothing of the inside of the program."""
    __tracebackhide__ = True
    found = [word for word in INTERNALS if word in response.text]
    expect.that(not found, "nothing of the program's inside", f"{found}", response)


def _members(response: Response) -> dict[str, Any]:
    """Return the members of a JSON object, or none: for answers that may have no such body."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
