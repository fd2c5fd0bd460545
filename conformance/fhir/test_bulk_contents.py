"""Bulk export: which resources it holds, and whom they are told to."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import loads

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.authorization_server import require_tokens
from fixtures.given.bulk_export import EXPORT_SCOPE
from fixtures.wire.client import Blocked, json_body

pytestmark = writes  # an export leaves files on the server

ALL = "/fhir/Patient/$export"
FAR_FUTURE = "2100-01-01T00:00:00Z"
LONG_AGO = "2000-01-01T00:00:00Z"
#: What both ways of reading a resource tell the same way, whatever the time.
COMPARED = {
    "Patient": ["id", "name", "birthDate", "gender", "identifier", "address", "telecom"],
    "Encounter": ["id", "status", "class", "subject", "period", "reasonCode"],
}


@requirement("BULK-1.0-status-202")
def test_progress_of_an_export_is_told(bulk):
    """A poll answers 202 until the export is ready, with X-Progress and Retry-After well-formed."""
    polls = bulk.export().polls

    expect.status(polls[-1], 200)
    for response in polls:
        expect.status(response, 200, 202)
        progress = response.headers.get("X-Progress", "")
        expect.that(len(progress) < 100, "X-Progress under 100 characters", progress, response)
        after = response.headers.get("Retry-After", "0")
        words = "Retry-After in seconds or as an HTTP date, so that clients know when to ask again"
        expect.that(re.fullmatch(r"\d+", after) or moment(after), words, after, response)


@requirement("BULK-2.0-expires")
def test_time_until_which_files_are_kept_is_told(bulk):
    """A finished export tells until when its files can be had, a time in the future."""
    status = bulk.export().status

    until = expect.header(status, "Expires")
    told = moment(until)
    expect.that(told, "Expires to be an HTTP date", until, status)
    words = "a time in the future: clients take the files for gone already"
    expect.that(told > datetime.now(UTC), words, until, status)


@requirement("BULK-1.0-since-param")
@pytest.mark.parametrize("since", [FAR_FUTURE, LONG_AGO], ids=["future", "past"])
def test_since_leaves_out_what_is_older(bulk, patient, other_patient, since):
    """_since limits the export to what has changed since then."""
    export = bulk.export(f"{ALL}?_since={since}")

    expect.status(export.status, 200)
    ids = {one.get("id") for one in exported(export, "Patient")}
    wanted = {patient.uuid, other_patient.uuid} if since == LONG_AGO else set()
    own = ids & {patient.uuid, other_patient.uuid}
    expect.equal(own, wanted, "the patients of this run in the export", export.status)


@requirement("BULK-2.0-type-repeated")
def test_repeated_type_names_all_of_them(bulk):
    """A repeated _type means the same as one with commas."""
    bulk.export()
    kick_off = bulk.kick_off(f"{ALL}?_type=Patient&_type=Encounter")
    status = bulk.finished(kick_off)

    expect.status(status, 200)
    types = {one.get("type") for one in json_body(status).get("output", [])}
    expect.equal(types, {"Patient", "Encounter"}, "the types", status)


@requirement("BULK-1.0-type-beyond-scope")
@pytest.mark.parametrize("kind", ["Observation", "Nothing"], ids=["beyond_scope", "unknown"])
def test_type_that_cannot_be_exported_is_refused(bulk, kind):
    """A _type beyond the token's scopes or unknown to the server is refused."""
    response = bulk.kick_off(ALL, params={"_type": kind})

    expect.no_data(response, because="the client takes an empty export for a complete one")


@requirement("BULK-2.0-other-client-job")
def test_export_of_another_client_is_not_told(api, server, bulk, new_client):
    """An export is told to and deleted for the client only that began it."""
    where = bulk.export().where
    stranger = new_client.system(EXPORT_SCOPE)
    token = require_tokens(server.client_credentials(stranger, EXPORT_SCOPE))["access_token"]
    read = api.get(where, token)
    deleted = api.delete(where, token)
    after = api.get(where, bulk.token)

    because = "whoever learns the number of an export would read or end it"
    expect.no_data(read, 400, 401, 403, 404, because=because)
    expect.no_data(deleted, 400, 401, 403, 404, because=because)
    expect.status(after, 200)


@requirement("BULK-2.0-group-members")
def test_export_of_a_group_holds_its_members(bulk):
    """An export of a group holds its members, and no other patient."""
    group = bulk.group()
    export = bulk.export(f"/fhir/Group/{group['id']}/$export")

    expect.status(export.status, 200)
    members = {
        str(one["entity"].get("reference")).rpartition("/")[2] for one in group.get("member", [])
    }
    expect.that(members, "a group with members", group, export.status)
    ids = {one.get("id") for one in exported(export, "Patient")}
    expect.equal(ids, members, "the patients in the export", export.status)


@requirement("BULK-fhir-agree")
@pytest.mark.parametrize("kind", COMPARED)
def test_exported_resource_is_what_a_read_gives(bulk, resources, kind):
    """An exported resource tells the same as reading it does."""
    export = bulk.export()
    read = resources.read(kind)
    resource = json_body(read)
    found = [one for one in exported(export, kind) if one.get("id") == resource.get("id")]

    expect.status(read, 200)
    expect.that(len(found) == 1, f"the {kind} once in the export", f"{len(found)} times", read)
    for name in COMPARED[kind]:
        expect.equal(found[0].get(name), resource.get(name), f"{name} in the export", read)


def exported(export, kind):
    """Return all resources of a type in an export; Blocked if a file cannot be had."""
    found = []
    for output in export.outputs:
        response = export.files[output["url"]]
        if response.status_code != 200:
            raise Blocked(f"a file of the export answers {response.status_code}")
        if output.get("type") == kind:
            found += [loads(line) for line in response.text.splitlines() if line.strip()]
    return found


def moment(text):
    """Return an HTTP date as a time, or None if it is none."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
