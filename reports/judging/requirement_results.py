"""Facts of a requirement, from conformance.json."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from reports.verdicts import LEVELS

Data = Mapping[str, Any]

#: Areas by what a fault in them does: what lets strangers in comes before what only looks odd.
GRAVITY = (
    *("security_bcp", "scope", "bearer", "token", "authorize", "refresh", "client_credentials"),
    *("pkce", "password", "introspection", "revocation", "logout", "id_token", "launch", "tls"),
    *("registration", "portal", "rest_envelope", "fhir_base", "fhir_search", "fhir_write", "bulk"),
    *("smart_config", "discovery", "cors"),
)


def gravity(requirement: Data) -> tuple[int, int]:
    """Return the sort key of a finding: its level, then the harm of a fault in its area."""
    area = requirement["area"]
    place = GRAVITY.index(area) if area in GRAVITY else len(GRAVITY)
    return LEVELS.index(requirement["level"]), place


def telling(requirement: Data) -> list[Data]:
    """Return the checks that gave a requirement its verdict."""
    return [c for c in requirement["checks"] if c["verdict"] == requirement["verdict"]]


def deviations(requirement: Data) -> list[tuple[Data, int]]:
    """Return the deviations that waive checks of a requirement, each with the number of these."""
    first = [requirement["deviation"]] if "deviation" in requirement else []
    found = requirement.get("deviations", first)
    counts = Counter(check["deviation"] for check in requirement["checks"] if "deviation" in check)
    return [(each, counts[index]) for index, each in enumerate(found)]
