"""Bulk export: its contents, and who gets them."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import loads

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.authorization_server import require_tokens
from fixtures.given.bulk_export import EXPORT_SCOPE
from fixtures.given.fhir_resources import entries
from fixtures.target.model import not_applicable
from fixtures.wire.client import Blocked, json_body

pytestmark = writes  # an export leaves files on the server

ALL = "/fhir/Patient/$export"
#: The elements that an exported resource and a read one have in common, at any time.
COMPARED = {
    "Patient": ["id", "name", "birthDate", "gender", "identifier", "address", "telecom"],
    "Encounter": ["id", "status", "class", "subject", "period", "reasonCode"],
}


@requirement("BULK-1.0-status-202")
def test_progress_of_an_export_is_told(bulk_export):
    polls = bulk_export.export().polls

    expect.status(polls[-1], 200)
    for response in polls:
        expect.status(response, 200, 202)
        progress = response.headers.get("X-Progress", "")
        expect.that(len(progress) < 100, "X-Progress under 100 characters", progress, response)
        after = response.headers.get("Retry-After", "0")
        words = "Retry-After in seconds or as an HTTP date, so that clients know when to poll again"
        expect.that(re.fullmatch(r"\d+", after) or moment(after), words, after, response)


@requirement("BULK-2.0-expires")
def test_time_until_which_files_are_kept_is_told(bulk_export):
    status = bulk_export.export().status

    until = expect.header(status, "Expires")
    told = moment(until)
    expect.that(told, "Expires to be an HTTP date", until, status)
    words = "a time in the future: to clients the files are gone already"
    expect.that(told > datetime.now(UTC), words, until, status)


@requirement("BULK-1.0-since-param")
@pytest.mark.parametrize(
    ("since", "expected"),
    [
        pytest.param("2100-01-01T00:00:00Z", [], id="future"),
        pytest.param("2000-01-01T00:00:00Z", ["other_patient", "patient"], id="past"),
    ],
)
def test_since_leaves_out_what_is_older(bulk_export, patient, other_patient, since, expected):
    names = {patient.uuid: "patient", other_patient.uuid: "other_patient"}
    export = bulk_export.export(f"{ALL}?_since={since}")

    expect.status(export.status, 200)
    ids = {one.get("id") for one in exported(export, "Patient")}
    found = sorted(name for uuid, name in names.items() if uuid in ids)
    judged = [*export.files.values(), export.status]
    expect.equal(found, expected, "the patients of this run in the export", judged)


@requirement("BULK-1.0-changes-included")
def test_export_contains_the_last_change(api, bulk_export, records, staff_token):
    mine = records.patient()
    changed = api.put(mine.path, staff_token, json=mine.fields | {"city": "Newtown"})
    if not changed.is_success:
        raise Blocked(f"no changed patient to judge with: {changed.status_code}")
    export = bulk_export.fetched(bulk_export.kick_off(ALL))

    found = [one for one in exported(export, "Patient") if one.get("id") == mine.uuid]
    judged = [*export.files.values(), export.status, changed]
    expect.that(found, "the patient that was changed before", "no such patient", judged)
    cities = [each.get("city") for each in found[0].get("address", [])]
    expect.contains(cities, "Newtown", "the cities in the export", judged)


@requirement("BULK-2.0-provenance")
def test_export_contains_provenance(server, bulk_export, compartment, new_client):
    if compartment.scope("Provenance", "system") is None:
        not_applicable("the server offers no system scope for Provenance")
    compartment.search("AllergyIntolerance")  # so that the patient has one
    params = {"patient": compartment.person.uuid, "_revinclude": "Provenance:target"}
    shown = compartment.get("/AllergyIntolerance", params=params)
    included = {one["resource"].get("resourceType") for one in entries(shown)}
    if "Provenance" not in included:
        not_applicable("the server has no Provenance of an allergy")
    kinds = ("AllergyIntolerance", "Provenance")
    scope = " ".join([EXPORT_SCOPE, *(f"system/{kind}.read" for kind in kinds)])
    answer = server.client_credentials(new_client.system(scope), scope)
    token = require_tokens(answer)["access_token"]
    kick_off = bulk_export.kick_off(ALL, token)
    status = bulk_export.finished(kick_off, token)
    bulk_export.delete(kick_off, token)

    expect.status(status, 200)
    types = sorted({one.get("type") for one in json_body(status).get("output", [])})
    expect.contains(types, "Provenance", "the types of the export", [status, shown])


@requirement("BULK-2.0-type-repeated")
def test_repeated_type_names_all_of_them(bulk_export):
    bulk_export.export()
    kick_off = bulk_export.kick_off(f"{ALL}?_type=Patient&_type=Encounter")
    if kick_off.is_client_error and bulk_export.kick_off(f"{ALL}?_type=Patient").is_client_error:
        not_applicable("the server refuses _type, which it need not support")
    status = bulk_export.finished(kick_off)

    expect.status(status, 200)
    types = {one.get("type") for one in json_body(status).get("output", [])}
    expect.equal(types, {"Patient", "Encounter"}, "the types", status)


@requirement("BULK-1.0-type-beyond-scope")
@pytest.mark.parametrize("kind", ["Observation", "Nothing"], ids=["beyond_scope", "unknown"])
@pytest.mark.usefixtures("export_control")
def test_type_that_cannot_be_exported_is_refused(bulk_export, kind):
    response = bulk_export.kick_off(ALL, params={"_type": kind})

    expect.no_data(response, because="the client would think that an empty export is complete")


@requirement("BULK-2.0-other-client-job")
def test_export_of_another_client_is_not_told(api, server, bulk_export, new_client):
    where = bulk_export.export().status_url
    stranger = new_client.system(EXPORT_SCOPE)
    token = require_tokens(server.client_credentials(stranger, EXPORT_SCOPE))["access_token"]
    read = api.get(where, token)
    deleted = api.delete(where, token)
    after = api.get(where, bulk_export.token)

    because = "anybody who learns the number of an export could read or end it"
    expect.no_data(read, 400, 401, 403, 404, because=because)
    expect.no_data(deleted, 400, 401, 403, 404, because=because)
    expect.status(after, 200)


@requirement("BULK-2.0-group-members")
def test_export_of_a_group_holds_its_members(bulk_export):
    group = bulk_export.group()
    export = bulk_export.export(f"/fhir/Group/{group['id']}/$export")

    expect.status(export.status, 200)
    members = {
        str(one["entity"].get("reference")).rpartition("/")[2] for one in group.get("member", [])
    }
    expect.that(members, "a group with members", group, export.status)
    ids = {one.get("id") for one in exported(export, "Patient")}
    expect.equal(
        ids, members, "the patients in the export", [*export.files.values(), export.status]
    )


@requirement("BULK-fhir-agree")
@pytest.mark.parametrize("kind", COMPARED)
def test_exported_resource_is_what_a_read_gives(bulk_export, resources, kind):
    export = bulk_export.export()
    files = [export.files[one["url"]] for one in export.outputs if one.get("type") == kind]
    read = resources.read(kind)
    resource = json_body(read)
    found = [one for one in exported(export, kind) if one.get("id") == resource.get("id")]

    expect.status(read, 200)
    judged = [*files, read]
    expect.that(len(found) == 1, f"the {kind} once in the export", f"{len(found)} times", judged)
    for name in COMPARED[kind]:
        expect.equal(found[0].get(name), resource.get(name), f"{name} in the export", judged)


def exported(export, kind):
    """Return all resources of a type in an export; Blocked if a file cannot be downloaded."""
    found = []
    for output in export.outputs:
        response = export.files[output["url"]]
        if response.status_code != 200:
            raise Blocked(f"a file of the export answers {response.status_code}")
        if output.get("type") == kind:
            found += [loads(line) for line in response.text.splitlines() if line.strip()]
    return found


def moment(text):
    """Return an HTTP date as a datetime, or None if it is not one."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
