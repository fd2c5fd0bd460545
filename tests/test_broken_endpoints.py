"""A check that passes with the same response to every request judges nothing.

The embedded server is prepared, and then one of its endpoints always sends a 500, or a page, or a
refusal in proper form. The checks that still pass are listed here with the reason. A check that
expects a refusal passes with none: it takes a control (fixtures/given/controls.py), and is blocked
if that is refused as well.
"""

import os

import pytest

from tests.broken_endpoints import ANSWERS, PLACES, REFUSALS
from tests.fork_server import ForkServer
from tests.runs import ROOT

#: The reasons for which a check may pass.
DOCUMENT = "a document that a run needs, or another endpoint: it still works"
FETCHED = "a fixture fetched the response from a working server"
ELSEWHERE = "the responses of other endpoints, which still work"
HARMLESS = "only that there is no server error"
STATUS = "only that the request is not refused; other checks judge the success"
PAGES = "an endpoint for people: a page without a redirect and a code is a refusal"
REVOKED = "that the token stays valid; RFC 7009 requires a 200 for a token that is not revoked"
SUCCESS_ALONE = "the members of a success; other checks judge that there is one"
SUCCESS = "refusals, and nothing is refused"
REGISTRATION = "refused by the registration endpoint before"
NONE = "routes that the suite does not know, and the embedded server has none"
NOWHERE = "where a redirect URI leads: refused, it leads nowhere; WATCH-server-error reports it"
FORM = "the form of a refusal, whatever it refuses; other checks judge the success"
UNHARMED = "that hostile input causes no server error and does not come back; a refusal is harmless"
OPEN = "a status that says what the caller may do; 401, 403 and 404 are among the right ones"
#: The checks of documents that no endpoint here serves.
SEPARATE = [
    "test_each_offered_scope_can_be_registered",
    "test_end_session_endpoint_is_published",
    "test_health_is_told_to_everybody",
    "test_metadata_has_its_required_elements",
    "test_metadata_has_the_media_type_asked_for",
    "test_metadata_is_public",
    "test_metadata_names_a_search_parameter_once",
    "test_metadata_names_a_type_once",
    "test_registration_page_is_served",
    "test_version_is_told",
]
#: The checks that pass with both responses, by reason ...
ALWAYS: dict[str, list[str]] = {
    DOCUMENT: [
        *SEPARATE,
        "test_document_of_an_unknown_site_is_refused",
        "test_head_works_where_get_does",
        "test_refused_method_comes_with_those_that_are_allowed",
    ],
    FETCHED: [
        "test_code_exchange_names_the_scope",
        "test_credentials_are_not_sent_again",
        "test_password_gives_a_token_that_works",
        "test_password_grant_of_staff_gives_what_the_document_shows",
        "test_refresh_response_has_its_members",
        "test_refresh_token_lives_for_three_months",
        "test_scope_is_well_formed",
        "test_scope_is_what_was_asked_for_and_granted",
        "test_staff_client_works_once_enabled",
        "test_token_response_is_json",
        "test_token_response_is_not_stored",
        "test_token_type_is_bearer",
        "test_tokens_fit_into_a_header",
    ],
    ELSEWHERE: [
        "test_access_ends_with_the_revoked_authorization",
        "test_app_of_a_patient_ends_with_the_revoked_authorization",
        "test_disabled_backend_client_loses_its_tokens",
        "test_disabled_client_loses_its_tokens",
        "test_disabled_public_client_loses_its_access_token",
        "test_ended_tokens_stay_dead_after_the_next_login",
        "test_refresh_ends_with_the_revoked_authorization",
        "test_single_revoked_token_is_the_only_one",
        "test_unknown_site_is_refused",
    ],
    REGISTRATION: [
        "test_key_set_without_keys_gives_no_token",
    ],
    NONE: [
        "test_listed_route_is_closed_without_a_token",
    ],
}
#: ... and those that pass only with this response.
ONLY: dict[str, dict[str, list[str]]] = {
    "500": {
        SUCCESS_ALONE: [
            "test_management_token_and_address_come_together",
            "test_registration_answer_is_json",
        ],
        FETCHED: [
            "test_record_is_made",
        ],
        NOWHERE: [
            "test_redirect_uri_that_is_no_uri_leads_nowhere_else",
        ],
    },
    "page": {
        HARMLESS: [
            "test_strange_value_breaks_nothing",
            "test_unreadable_value_breaks_nothing",
        ],
        STATUS: [
            "test_address_answers_who_has_no_token",
            "test_any_registered_key_is_accepted",
            "test_app_authenticates_with_an_assertion",
            "test_client_authenticates_with_basic",
            "test_code_of_a_request_without_state_is_exchanged",
            "test_revoking_an_unknown_token_answers_200",
            "test_rs384_or_es384_is_accepted",
            "test_token_endpoint_is_the_audience",
            "test_unknown_parameter_is_ignored",
        ],
        PAGES: [
            "test_access_token_is_no_hint",
            "test_client_id_has_to_fit_the_hint",
            "test_dangerous_uri_reaches_no_header",
            "test_error_has_only_permitted_characters",
            "test_error_redirect_repeats_the_state",
            "test_forged_hint_logs_nobody_out",
            "test_line_break_begins_no_header",
            "test_line_break_in_the_state_stays_in_it",
            "test_login_form_is_protected_against_forgery",
            "test_logout_by_get_ends_at_a_page_of_the_server",
            "test_logout_without_hint_leads_nowhere",
            "test_logout_without_parameters_is_a_page",
            "test_malformed_hint_is_refused_cleanly",
            "test_markup_reaches_no_page",
            "test_no_code_without_a_login",
            "test_nobody_is_logged_out_unasked",
            "test_openid_request_names_its_redirect_uri",
            "test_other_loopback_redirect_uri_is_refused",
            "test_redirect_uri_of_another_client_is_refused",
            "test_request_is_not_reflected_as_markup",
            "test_second_redirect_uri_is_never_used",
            "test_signed_in_user_is_not_led_to_an_unregistered_uri",
            "test_signed_out_user_is_not_led_to_an_unregistered_uri",
            "test_similar_redirect_uri_is_refused",
            "test_unknown_client_is_answered_without_a_redirect",
            "test_unknown_scope_is_ignored_or_named",
            "test_unregistered_redirect_uri_is_never_used",
            "test_uri_of_another_client_is_not_led_to",
            "test_uri_with_an_added_query_is_not_led_to",
            "test_wrong_credentials_open_nothing",
        ],
        REVOKED: [
            "test_client_cannot_revoke_what_is_not_its_own",
        ],
        SUCCESS: [
            "test_refusal_is_json_with_a_registered_code",
        ],
    },
}
#: The checks that pass on a server that refuses every request to the endpoint that they judge ...
REFUSED: dict[str, list[str]] = {
    DOCUMENT: [
        *SEPARATE,
    ],
    ELSEWHERE: [
        "test_access_ends_with_the_revoked_authorization",
        "test_app_of_a_patient_ends_with_the_revoked_authorization",
        "test_disabled_backend_client_loses_its_tokens",
        "test_disabled_client_loses_its_tokens",
        "test_disabled_public_client_exchanges_no_code",
        "test_disabled_public_client_loses_its_access_token",
        "test_document_of_an_unknown_site_is_refused",
        "test_ended_tokens_stay_dead_after_the_next_login",
        "test_nobody_is_logged_out_unasked",
        "test_refresh_ends_with_the_revoked_authorization",
        "test_single_revoked_token_is_the_only_one",
        "test_unknown_site_is_refused",
    ],
    FORM: [
        "test_challenge_is_well_formed",
        "test_error_has_only_permitted_characters",
        "test_error_is_json",
        "test_error_redirect_repeats_the_state",
        "test_token_error_is_json",
        "test_token_error_tells_no_internals",
    ],
    UNHARMED: [
        "test_line_break_begins_no_header",
        "test_line_break_in_the_state_stays_in_it",
        "test_malformed_token_request_breaks_nothing",
        "test_other_method_breaks_nothing",
        "test_request_is_not_reflected_as_markup",
    ],
    NONE: [
        "test_listed_route_is_closed_without_a_token",
    ],
    SUCCESS_ALONE: [
        "test_management_token_and_address_come_together",
        "test_registration_answer_is_json",
    ],
}
#: ... and those that pass only with this status.
REFUSED_BY: dict[str, dict[str, list[str]]] = {
    status: {} if status == "400" else {OPEN: ["test_address_answers_who_has_no_token"]}
    for status in REFUSALS
}
#: The check of one refusal is enough, except for a thorough run.
STATUSES = REFUSALS if os.environ.get("DEFECTS") == "thorough" else ["400", "401"]


@pytest.fixture(scope="module")
def fork_server():
    """A process that has collected the checks, for runs to fork off."""
    with ForkServer(ROOT) as process:
        yield process


@pytest.mark.parametrize("answer", ANSWERS)
def test_check_passes_on_no_place_that_is_broken(fork_server, tmp_path, answer):
    """Only the listed checks pass with the same response to every request."""
    environment = {"BROKEN_ANSWER": answer, "BROKEN_FOLDER": str(tmp_path)}
    finished = fork_server.run(tmp_path, plugin="tests.broken_endpoints", **environment)

    names, others = verdicts(finished)
    assert others > 300, finished.output
    explained = named(ALWAYS, ONLY[answer])
    assert names == explained, "\n".join(sorted(names ^ explained))


@pytest.mark.parametrize("status", STATUSES)
def test_refusal_alone_passes_no_check(fork_server, tmp_path, status):
    """Only the listed checks pass on a server that refuses every request to their endpoint."""
    passed, others = set(), 0
    for place in PLACES:
        folder = tmp_path / place
        environment = {"BROKEN_ANSWER": status, "BROKEN_PLACE": place, "BROKEN_FOLDER": str(folder)}
        finished = fork_server.run(folder, plugin="tests.broken_endpoints", **environment)
        names, more = verdicts(finished)
        passed |= names
        others += more

    assert others > 300
    explained = named(REFUSED, REFUSED_BY[status])
    assert passed == explained, "\n".join(sorted(passed ^ explained))


def verdicts(finished):
    """Return the names of the checks that pass, and how many fail or are blocked."""
    judged = [c for each in finished.statement["requirements"] for c in each["checks"]]
    passed = {check["id"].partition("[")[0] for check in judged if check["verdict"] == "pass"}
    others = sum(check["verdict"] in {"fail", "blocked"} for check in judged)
    return {check.rpartition("::")[2] for check in passed}, others


def named(*lists):
    """Return the names in lists by reason."""
    return {name for reasons in lists for several in reasons.values() for name in several}
