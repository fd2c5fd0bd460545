"""The OpenAPI document of a server: the routes that it lists."""

import re

import pytest

from conformance.routes.table import PREFIX
from fixtures.target.model import Target, not_applicable
from fixtures.wire.client import Http, Response

PATH = "/swagger/openemr-api.yaml"
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
#: A path, or a method below it, in the block style of YAML.
LINE = re.compile(r"""(?: {2}['"]?(?P<path>/[^'":]*)['"]?| {4}(?P<method>[a-z]+)):\s*""")


class OpenApiDocument:
    """The routes in the document, as method and path with a star per parameter."""

    def __init__(self, response: Response) -> None:
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
    """Return a path with a star in place of each parameter, in any notation."""
    return re.sub(r"\{[^}]*\}|:\w+", "*", path)


@pytest.fixture(scope="session")
def openapi_document(target: Target, http: Http) -> OpenApiDocument:
    """The OpenAPI document of the server; not applicable if there is none."""
    answer = http.get(target.base_url + PATH)
    if answer.status_code != 200 or not answer.text.startswith("openapi:"):
        not_applicable(f"the server serves no {PATH}")
    return OpenApiDocument(answer)
