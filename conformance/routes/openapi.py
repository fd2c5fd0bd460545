"""The OpenAPI document that a server has of its APIs: which routes it lists."""

import re

import pytest

from conformance.routes.table import PREFIX
from fixtures.target.model import Target, not_applicable
from fixtures.wire.client import Http, Response

PLACE = "/swagger/openemr-api.yaml"
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
#: A path, or a method below it, as the block style of YAML writes them.
LINE = re.compile(r"""(?: {2}['"]?(?P<path>/[^'":]*)['"]?| {4}(?P<method>[a-z]+)):\s*""")


class OpenApi:
    """The routes that the document lists, each as method and path with a star per parameter."""

    def __init__(self, response: Response) -> None:
        """Read as much of the YAML as tells the routes."""
        self.response = response
        self.listed: set[tuple[str, str]] = set()
        path = ""
        for line in response.text.partition("\npaths:")[2].splitlines():
            found = LINE.fullmatch(line)
            if found is None:
                if line and not line.startswith((" ", "#")):
                    break
            elif found["path"]:
                path = found["path"]
            elif path and found["method"].upper() in METHODS:
                self.listed.add((found["method"].upper(), starred(path)))

    def of(self, api: str) -> set[tuple[str, str]]:
        """Return the routes of an API."""
        return {(way, path) for way, path in self.listed if path.startswith(f"{PREFIX[api]}/")}


def starred(path: str) -> str:
    """Return a path with a star for every parameter, in whichever way it is written."""
    return re.sub(r"\{[^}]*\}|:\w+", "*", path)


@pytest.fixture(scope="session")
def openapi(target: Target, http: Http) -> OpenApi:
    """The OpenAPI document of the server; not applicable where it serves none."""
    answer = http.get(target.base_url + PLACE)
    if answer.status_code != 200 or not answer.text.startswith("openapi:"):
        not_applicable(f"the server serves no {PLACE}")
    return OpenApi(answer)
