"""Signed client assertions: a single fault is enough for a refusal."""

import pytest

from conformance import expect, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens

SCOPE = "system/Patient.read api:fhir"


@pytest.fixture(scope="session")
def send_assertion(server):
    """Sends an assertion in a request that is correct otherwise."""

    def make(client, assertion, **extra):
        return server.client_credentials(client, SCOPE, assertion=assertion, **extra)

    return make


@pytest.fixture(scope="session")
def response_to_fault(proven_system_client, response_to_faulty_assertion):
    """The response to an assertion with one fault, by the name of the fault."""
    return lambda fault: response_to_faulty_assertion(fault, proven_system_client, SCOPE)


@requirement("RFC7523-3-iss-required")
@pytest.mark.parametrize("fault", ["no_iss", "iss_number", "iss_list"])
def test_assertion_without_an_issuer_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC7523-3-iss-wrong")
def test_assertion_of_another_issuer_is_refused(response_to_fault):
    response = response_to_fault("iss_unknown")

    expect.no_token(response)


@requirement("RFC7523-3-sub-required")
def test_assertion_without_a_subject_is_refused(response_to_fault):
    response = response_to_fault("no_sub")

    expect.no_token(response)


@requirement("RFC7523-3-sub-equals-client")
@pytest.mark.parametrize("fault", ["unknown", "other_client", "other_client_as_issuer_too"])
def test_assertion_about_another_client_is_refused(
    send_assertion, proven_system_client, confidential_client, faulty_assertion, fault
):
    other = confidential_client.client_id
    claims = {
        "unknown": {"sub": "somebody-else"},
        "other_client": {"sub": other},
        "other_client_as_issuer_too": {"sub": other, "iss": other},
    }[fault]
    assertion = keys.client_assertion(
        proven_system_client.client_id,
        proven_system_client.audience,
        proven_system_client.key,
        claims=claims,
    )
    response = send_assertion(proven_system_client, assertion)

    expect.no_token(response)


@requirement("RFC7523-3-aud-required")
@pytest.mark.parametrize("fault", ["no_aud", "aud_empty", "aud_empty_list"])
def test_assertion_without_an_audience_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC7523-3-aud-wrong")
@pytest.mark.parametrize(
    "fault", ["aud_other_host", "aud_host_only", "aud_suffix", "aud_authorize", "aud_fhir"]
)
def test_assertion_for_another_audience_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC7523-3-aud-token-endpoint")
def test_token_endpoint_is_the_audience(send_assertion, proven_system_client, discovery):
    audience = expect.member(discovery, "token_endpoint", kind=str)
    response = send_assertion(
        proven_system_client,
        keys.client_assertion(proven_system_client.client_id, audience, proven_system_client.key),
    )

    expect.status(response, 200)


@requirement("RFC7523-3-aud-array")
def test_audience_is_an_array(send_assertion, proven_system_client):
    claims = {"aud": [proven_system_client.audience]}
    response = send_assertion(
        proven_system_client,
        keys.client_assertion(
            proven_system_client.client_id,
            proven_system_client.audience,
            proven_system_client.key,
            claims=claims,
        ),
    )

    expect.status(response, 200)


@requirement("RFC7523-3-exp-required")
@pytest.mark.parametrize("fault", ["no_exp", "exp_null", "exp_text", "exp_boolean"])
def test_assertion_without_an_expiry_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response, "the assertion never expires, so a leaked one works for ever")


@requirement("RFC7523-3-exp-past")
@pytest.mark.parametrize("fault", ["exp_past", "exp_zero", "exp_negative"])
def test_expired_assertion_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC7523-3-nbf-future")
def test_assertion_that_is_not_valid_yet_is_refused(response_to_fault):
    response = response_to_fault("nbf_future")

    expect.no_token(response)


@requirement("SMART-2.2-exp-5min")
@pytest.mark.parametrize("fault", ["exp_hour_ahead", "exp_day_ahead"])
def test_assertion_that_lives_long_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response, "the assertion lives far longer than needed, also for a thief")


@requirement("RFC7523-3-signature")
@pytest.mark.parametrize(
    "fault",
    [
        "foreign_key",
        "foreign_key_own_kid",
        "claims_changed",
        "no_signature",
        "signature_of_another",
    ],
)
def test_assertion_with_a_bad_signature_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC8725-3.1-alg-none")
@pytest.mark.parametrize(
    "fault", ["none", "none_upper_case", "none_mixed_case", "none_with_signature"]
)
def test_unsigned_assertion_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC8725-3.1-alg-confusion")
@pytest.mark.parametrize("fault", ["hmac_with_pem", "hmac_with_jwk", "hmac_with_secret"])
def test_public_key_is_no_hmac_secret(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC8725-3.1-alg-not-allowed")
@pytest.mark.parametrize("fault", ["rs256", "rs512", "ps384"])
def test_key_is_used_with_its_algorithm_only(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC8725-3.10-kid-injection")
@pytest.mark.parametrize("fault", ["kid_path", "kid_sql", "kid_null", "kid_long"])
def test_key_id_is_only_an_id(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_server_error(response)


@requirement("RFC8725-3.10-jku-ssrf")
@pytest.mark.parametrize("fault", ["jku_of_a_stranger", "x5u_of_a_stranger"])
def test_key_from_an_unregistered_address_is_not_trusted(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC8725-3.10-embedded-jwk")
@pytest.mark.parametrize("fault", ["jwk_of_a_stranger", "jwk_of_a_stranger_own_kid"])
def test_key_inside_of_the_assertion_is_not_trusted(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC7515-4.1.11-crit")
def test_unknown_critical_header_is_refused(response_to_fault):
    response = response_to_fault("crit_unknown")

    expect.no_token(response)


@requirement("RFC7519-4-duplicate-claims")
@pytest.mark.parametrize("fault", ["aud_twice", "sub_twice", "exp_twice"])
def test_last_of_two_claims_counts(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@pytest.fixture(scope="module")
def responses_to_replays(send_assertion, proven_system_client):
    """The responses to an assertion that was used before, and to another one with its jti."""
    claims = {"jti": keys.unverified_claims(_assertion(proven_system_client))["jti"]}
    first = _assertion(proven_system_client, claims=claims)
    require_tokens(send_assertion(proven_system_client, first))
    second = _assertion(proven_system_client, claims=claims)
    return {
        "same_assertion": send_assertion(proven_system_client, first),
        "same_jti": send_assertion(proven_system_client, second),
    }


@requirement("SMART-2.2-jti-replay")
@pytest.mark.parametrize("again", ["same_assertion", "same_jti"])
def test_assertion_is_used_once_only(responses_to_replays, again):
    expect.no_token(responses_to_replays[again])


@requirement("SMART-2.2-jti-required")
@pytest.mark.parametrize("fault", ["no_jti", "jti_empty"])
def test_assertion_without_a_jti_is_refused(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)


@requirement("RFC7523-3-optional-claims")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"without": ["iat"]}, id="no_iat"),
        pytest.param({"claims": {"x-conformance": "yes"}}, id="unknown_claim"),
    ],
)
def test_assertion_with_more_or_less_than_the_usual_claims_is_accepted(
    send_assertion, proven_system_client, options
):
    response = send_assertion(proven_system_client, _assertion(proven_system_client, **options))

    expect.status(response, 200)


@requirement("RFC7521-4.2-client-id-mismatch")
@pytest.mark.parametrize("other", ["confidential", "unknown"])
def test_client_id_beside_the_assertion_names_the_same_client(
    send_assertion, proven_system_client, confidential_client, other
):
    name = {"confidential": confidential_client.client_id, "unknown": "no-such-client"}[other]
    response = send_assertion(
        proven_system_client, _assertion(proven_system_client), client_id=name
    )

    expect.no_token(response)


@requirement("SMART-2.2-invalid-client")
@pytest.mark.parametrize(
    "fault",
    [
        "foreign_key",
        "aud_other_host",
        "exp_past",
        "nbf_future",
        "iss_unknown",
        "sub_unknown",
        "no_jti",
        "none",
        "garbage",
    ],
)
def test_bad_assertion_is_an_invalid_client(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("OPENEMR-CC-no-5xx")
@pytest.mark.parametrize(
    "fault",
    [
        "garbage",
        "two_parts",
        "five_parts",
        "huge",
        "deep",
        "no_json",
        "claims_no_object",
        "no_iss",
        "iss_list",
        "exp_text",
    ],
)
def test_malformed_assertion_breaks_nothing(response_to_fault, fault):
    response = response_to_fault(fault)

    expect.no_token(response)
    expect.no_server_error(response)


def _assertion(client, **options):
    return keys.client_assertion(client.client_id, client.audience, client.key, **options)
