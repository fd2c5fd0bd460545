"""The requirements for an OpenEMR server, and the checks that judge it.

A check takes `requirement` (and `needs`, if one parameter needs a feature that the requirement does
not need) from here, `expect` for what it expects, and everything else as fixtures.
"""

import pytest

requirement = pytest.mark.requirement
needs = pytest.mark.needs
writes = pytest.mark.writes

#: The grants that give tokens, as parameters; each is n/a if the target does not have it.
GRANTS = [
    pytest.param("authorization_code", id="authorization_code"),
    pytest.param("refresh_token", id="refresh_token"),
    pytest.param("password", marks=needs("oauth.password_grant"), id="password"),
    pytest.param(
        "password_patient",
        marks=needs("oauth.password_grant_patients", "patients"),
        id="password_patient",
    ),
    pytest.param(
        "client_credentials", marks=needs("oauth.client_credentials"), id="client_credentials"
    ),
]

#: The APIs, as parameters; each is n/a if the target does not have it.
APIS = [
    pytest.param("rest", marks=needs("rest"), id="rest"),
    pytest.param("fhir", marks=needs("fhir"), id="fhir"),
    pytest.param("portal", marks=needs("portal", "patients"), id="portal"),
]

#: The ways to forge a signed token (fixtures/driver/forged_tokens.py), as parameters.
FORGERIES = [
    "other_claims",
    "signature_changed",
    "signature_cut",
    "alg_none",
    "alg_none_odd_case",
    "another_key",
    "own_key_in_header",
    "public_key_as_secret",
]

__all__ = ["APIS", "FORGERIES", "GRANTS", "needs", "requirement", "writes"]
