"""Bulk export: the kick-off, the manifest, and the files."""

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from json import loads
from typing import Any

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import found
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

pytestmark = writes  # an export leaves files on the server

ALL = "/fhir/Patient/$export"
LEVELS = ["/fhir/$export", ALL]
INSTANT = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})"


@pytest.fixture(scope="module")
def response_without_prefer(bulk_export):
    """The response to a kick-off without Prefer: respond-async."""
    return bulk_export.kick_off(ALL, headers={"Prefer": ""})


@requirement("BULK-1.0-kickoff-accept")
@pytest.mark.parametrize("path", LEVELS, ids=["system", "patients"])
def test_kick_off_names_where_the_status_is(bulk_export, path):
    response = bulk_export.started(path)

    expect.status(response, 202)
    where = expect.header(response, "Content-Location")
    expect.that(where.startswith("http"), "an absolute URL", where, response)


@requirement("BULK-1.0-kickoff-headers")
@pytest.mark.usefixtures("export_control")
def test_kick_off_without_prefer_is_refused_or_starts_an_export(response_without_prefer):
    response = response_without_prefer

    if response.status_code == 202:
        expect.header(response, "Content-Location")
    else:
        expect.refused(response)


@requirement("BULK-1.0-status-complete")
def test_manifest_has_all_its_members(bulk_export):
    response = bulk_export.export().status

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    expect.schema(response, "bulk_manifest")


@requirement("BULK-1.0-transactiontime-instant")
def test_transaction_time_is_an_instant(bulk_export):
    export = bulk_export.export()

    stamp = export.manifest.get("transactionTime")
    expect.that(
        isinstance(stamp, str) and re.fullmatch(INSTANT, stamp), "an instant", stamp, export.status
    )
    ready = parsedate_to_datetime(expect.header(export.status, "Date"))
    seconds = (datetime.fromisoformat(stamp) - ready).total_seconds()
    expect.that(seconds <= 5, "a time not after the export", stamp, export.status)


@requirement("BULK-1.0-request-url")
def test_request_is_the_url_of_the_kick_off(bulk_export):
    export = bulk_export.export()

    url = str(export.kick_off.request.url)
    told = str(export.manifest.get("request")).replace("%24", "$")
    expect.equal(told, url.replace("%24", "$"), "request", [export.status, export.kick_off])


@requirement("BULK-1.0-ndjson")
def test_files_are_ndjson_of_their_type(bulk_export):
    export = bulk_export.export()

    expect.that(export.files, "files", export.manifest, export.status)
    for one in export.outputs:
        response = export.files[one["url"]]
        expect.status(response, 200)
        expect.media_type(response, "application/fhir+ndjson")
        types = {each.get("resourceType") for each in lines(response)}
        expect.that(types <= {one["type"]}, f"{one['type']} only", types, response)


@requirement("BULK-1.0-no-duplicates")
def test_no_resource_is_exported_twice(bulk_export):
    export = bulk_export.export()

    exported = [
        (one.get("resourceType"), one.get("id"))
        for response in export.files.values()
        for one in lines(response)
    ]
    doubled = sorted({str(one) for one in exported if exported.count(one) > 1})
    files = [*export.files.values()]
    expect.that(exported, "resources", export.manifest, [export.status, *files])
    expect.that(not doubled, "each resource once", doubled, [*files, export.status])


@requirement("BULK-1.0-latest-version")
def test_one_version_of_a_resource_is_exported(bulk_export):
    export = bulk_export.export()

    versions: dict[str, list[Any]] = {}
    for response in export.files.values():
        for one in lines(response):
            key = f"{one.get('resourceType')}/{one.get('id')}"
            versions.setdefault(key, []).append(one)
    files = [*export.files.values()]
    expect.that(versions, "resources", export.manifest, [export.status, *files])
    several = sorted(
        key for key, found in versions.items() if any(one != found[0] for one in found)
    )
    expect.that(not several, "one version of each resource", several, [*files, export.status])


@requirement("BULK-1.0-files-complete")
def test_export_holds_every_patient(bulk_export, patient, other_patient):
    export = bulk_export.export()

    wanted = {patient.uuid, other_patient.uuid}
    missing = wanted - exported_ids(export, "Patient")
    files = [*files_of(export, "Patient"), export.status]
    expect.that(not missing, "both patients of the run", f"without {missing}", files)


@requirement("BULK-1.0-type-param")
def test_type_limits_the_export(bulk_export):
    kick_off = bulk_export.started(f"{ALL}?_type=Patient")
    need_type_parameter(kick_off)
    status = bulk_export.finished(kick_off)

    types = {one.get("type") for one in json_body(status).get("output", [])}
    expect.equal(types, {"Patient"}, "the types", status)


@requirement("BULK-1.0-limited-to-scope")
def test_export_holds_only_what_the_token_may_read(bulk_export, tokens):
    token = tokens.system(
        "api:fhir system/Patient.read system/Binary.read system/Patient.$export "
        "system/*.$bulkdata-status"
    )
    kick_off = bulk_export.kick_off(ALL, token)
    status = bulk_export.finished(kick_off, token)

    expect.status(status, 200)
    types = {one.get("type") for one in json_body(status).get("output", [])}
    expect.equal(types, {"Patient"}, "the types", status)


@requirement("BULK-1.0-bad-since")
@pytest.mark.parametrize("since", ["nope", "2020-13-40T00:00:00Z"])
@pytest.mark.usefixtures("export_control")
def test_malformed_since_is_refused(bulk_export, since):
    response = bulk_export.kick_off(ALL, params={"_since": since})

    expect.refused(response)
    expect.schema(response, "operation_outcome")


@requirement("BULK-1.0-outputformat")
@pytest.mark.parametrize("name", ["application/fhir+ndjson", "application/ndjson", "ndjson"])
def test_output_format_is_accepted(bulk_export, name):
    params = {"_outputFormat": name, "_since": "2100-01-01T00:00:00Z"}
    response = bulk_export.kick_off(ALL, params=params)

    expect.status(response, 202)


@requirement("BULK-2.0-error-operationoutcome")
@pytest.mark.parametrize("case", ["format", "job", "no_job", "delete_job", "no_prefer"])
@pytest.mark.usefixtures("export_control")
def test_error_of_the_export_carries_an_operation_outcome(
    api, bulk_export, response_without_prefer, case
):
    job = "/fhir/$bulkdata-status?job=00000000-0000-4000-8000-000000000000"
    response = {
        "format": lambda: bulk_export.kick_off(ALL, params={"_outputFormat": "text/csv"}),
        "job": lambda: api.get(job, bulk_export.token),
        "delete_job": lambda: api.delete(job, bulk_export.token),
        "no_job": lambda: api.get(job.partition("?")[0], bulk_export.token),
        "no_prefer": lambda: response_without_prefer,
    }[case]()
    if case == "no_prefer" and response.is_success:
        not_applicable("the server processes a kick-off without Prefer: respond-async")

    expect.that(not response.is_success, "an error", response.status_code, response)
    expect.schema(response, "operation_outcome")


@requirement("BULK-2.0-cancel")
def test_deleted_export_is_gone(api, bulk_export):
    # Other checks only read what was fetched of this export already.
    where = bulk_export.export(f"{ALL}?_since=2100-01-01T00:00:00Z").status_url
    response = api.delete(where, bulk_export.token)
    after = api.get(where, bulk_export.token)

    expect.status(response, 202)
    expect.status(after, 404)
    expect.schema(after, "operation_outcome")


@requirement("BULK-2.0-group-unknown")
@pytest.mark.usefixtures("export_control")
def test_export_of_an_unknown_group_gives_nobody(api, bulk_export):
    listed = api.get("/fhir/Group", bulk_export.token)
    groups = [one.get("id") for one in found(listed)]
    unknown = "00000000-0000-4000-8000-000000000000"
    expect.that(unknown not in groups, "another group", groups, listed)
    response = bulk_export.kick_off(f"/fhir/Group/{unknown}/$export")

    if response.status_code == 202:
        export = bulk_export.fetched(response)
        files = [*files_of(export, "Patient"), export.status]
        expect.equal(exported_ids(export, "Patient"), set(), "the patients", files)
    else:
        expect.refused(response)


@requirement("BULK-capability")
def test_export_is_declared(capability_statement):
    rest = expect.member(capability_statement, "rest", kind=list)[0]
    operations = list(rest.get("operation", []))
    for resource in rest.get("resource", []):
        if resource.get("type") in {"Patient", "Group"}:
            operations += resource.get("operation", [])

    ends = [str(one.get("definition")).split("|")[0].rpartition("/")[2] for one in operations]
    for wanted in ("patient-export", "group-export"):
        expect.contains(ends, wanted, "the definitions of the operations", capability_statement)


def need_type_parameter(kick_off):
    """Skip the check if the server refuses _type, which it need not support."""
    if kick_off.is_client_error:
        not_applicable("the server refuses _type")


def lines(response):
    """Return the resources of a file."""
    return [loads(line) for line in response.text.splitlines() if line.strip()]


def files_of(export, kind):
    """Return the files of an export with resources of a type."""
    return [export.files[one["url"]] for one in export.outputs if one.get("type") == kind]


def exported_ids(export, kind):
    """Return the ids of all resources of a type in an export."""
    return {one.get("id") for file in files_of(export, kind) for one in lines(file)}
