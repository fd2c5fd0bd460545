"""The models of the tables of routes: conformance/<api>/routes.toml."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from fixtures.target.target_file import Table

Scope = Annotated[
    str, StringConstraints(pattern=r"^(\*|[A-Za-z_]+)\.(read|write|[cruds]|\$[a-z-]+)$")
]
Features = list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]*$")]]
Roles = Annotated[list[Literal["staff", "patient", "system"]], Field(min_length=1)]


class RouteEntry(Table):
    """A method and a path of an API, and the scopes that give access to it."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str = Field(pattern=r"^/(api|portal|fhir)(/:?[$.A-Za-z_-]+)+$")
    v1: Scope = ""
    v2: Scope = ""
    open: bool = Field(default=False, description="The route needs no token.")
    roles: Roles | None = None
    needs: Features = Field(default_factory=list)
    since: str | None = Field(
        default=None,
        pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$",
        description="The first release that has the route.",
    )
    query: str = ""
    refused: dict[str, Any] = Field(default_factory=dict, description="A body that is refused.")

    @model_validator(mode="after")
    def _open_or_with_scopes(self) -> Self:
        if self.open == bool(self.v1 or self.v2) or bool(self.v1) != bool(self.v2):
            raise ValueError("needs either v1 and v2, or `open = true`")
        if self.v1.partition(".")[0] != self.v2.partition(".")[0]:
            raise ValueError("v1 and v2 are about different resources")
        return self


class RoutesFile(Table):
    """The routes of an API."""

    api: Literal["rest", "portal", "fhir"]
    scope: str = Field(pattern=r"^api:[a-z]+$", description="The scope of the API as a whole.")
    needs: Features
    roles: Roles
    search: str = Field(default="", description="The query that keeps a search response short.")
    route: list[RouteEntry] = Field(min_length=1)
