"""The form of FHIR resources: JSON, primitive types, meta, narrative."""

import re

import pytest

from conformance import expect, requirement, writes
from fixtures.wire.client import json_body

pytestmark = writes  # the patient whose data is read is made by the run

READ = ["Patient", "Encounter", "AllergyIntolerance", "Condition", "Appointment", "Organization"]
ID = r"[A-Za-z0-9\-.]{1,64}"
DATE = r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?"
TIME = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
DATETIME = rf"({DATE}|{DAY}T{TIME})"
CODE = r"\S+( \S+)*"
#: FHIR R4 section 2.24.0.1, by the names of the elements in these resources.
STRINGS = {
    "id": ID,
    "element id": r".+",
    "birthDate": DATE,
    "lastUpdated": rf"{DAY}T{TIME}",
    "authoredOn": DATETIME,
    "recordedDate": DATETIME,
    "onsetDateTime": DATETIME,
    "effectiveDateTime": DATETIME,
    "system": r"\S+",
    "url": r"\S+",
    "fullUrl": r"\S+",
    "gender": CODE,
    "status": CODE,
    "use": CODE,
}
BOOLEANS = {"active", "actual", "userSelected", "preferred", "multipleBirthBoolean"}
NUMBERS = {"total", "rank", "minutesDuration", "priority"}
#: The places of resources, whose id has a format of its own.
RESOURCES = {"$", "$.contained", "$.entry.resource", "$.entry.resource.contained"}
#: Elements and attributes that run or fetch something (FHIR R4 narrative, txt-1).
ACTIVE = re.compile(
    r"<\s*(script|iframe|object|embed|form|input|link|base|style|svg|head|body)\b"
    r"|<[^>]*\son\w+\s*=|<[^>]*javascript:|<img[^>]+src\s*=\s*[\"']?https?:",
    re.IGNORECASE,
)


@pytest.fixture
def resource_and_response(resources):
    """A resource of a type, and the response with it."""

    def of(kind):
        response = resources.read(kind)
        expect.status(response, 200)
        return json_body(response), response

    return of


@requirement("FHIR-json-no-empty")
@pytest.mark.parametrize("kind", READ)
def test_resource_has_nothing_empty(resource_and_response, kind):
    resource, response = resource_and_response(kind)

    found = empty(resource)
    blank = [path for path, value in walk(resource) if isinstance(value, str) and not value.strip()]
    expect.that(not found and not blank, "nothing empty", sorted({*found, *blank}), response)


@requirement("FHIR-json-no-empty")
@pytest.mark.usefixtures("fhir_api_control")
def test_bundle_has_nothing_empty(resources, shared_patient):
    response = resources.get_once("/Patient", {"_id": shared_patient.uuid})

    found = empty(json_body(response))
    expect.that(not found, "nothing empty", found, response)


@requirement("FHIR-json-types")
@pytest.mark.parametrize("kind", READ)
def test_primitives_are_written_as_fhir_has_them(resource_and_response, kind):
    resource, response = resource_and_response(kind)

    wrong = [f"{path} {value!r}" for path, value in walk(resource) if not fits(path, value)]
    expect.that(not wrong, "primitives of FHIR", wrong, response)


@requirement("FHIR-json-types")
def test_primitives_of_a_bundle_are_written_as_fhir_has_them(resources, shared_patient):
    response = resources.get_once("/Patient", {"_id": shared_patient.uuid})
    bundle = json_body(response)

    expect.status(response, 200)
    wrong = [f"{path} {value!r}" for path, value in walk(bundle) if not fits(path, value)]
    expect.that(not wrong, "primitives of FHIR", wrong, response)


@requirement("FHIR-meta-lastupdated")
@pytest.mark.parametrize("kind", READ)
def test_resource_tells_when_it_was_changed(resource_and_response, kind):
    resource, response = resource_and_response(kind)

    stamp = resource.get("meta", {}).get("lastUpdated")
    expect.that(
        isinstance(stamp, str) and re.fullmatch(rf"{DAY}T{TIME}", stamp),
        "meta.lastUpdated with a time zone",
        stamp,
        response,
    )


@requirement("FHIR-versionid-honest")
def test_version_changes_with_the_resource(resources, records):
    mine = records.patient()
    before, first = resources.shown(mine)
    body = {"resourceType": "Patient", "id": mine.uuid, "gender": "other"}
    body |= {"birthDate": mine.fields["DOB"]}
    name = {"use": "official", "family": mine.family, "given": [mine.fields["fname"]]}
    body |= {"name": [name]}
    changed = resources.put(f"/Patient/{mine.uuid}", body)
    after, second = resources.shown(mine)

    expect.success(changed)
    expect.equal(after.get("gender"), "other", "gender", [second, changed])
    versions = [one.get("meta", {}).get("versionId") for one in (before, after)]
    expect.that(
        versions == [None, None] or versions[0] != versions[1],
        "no versionId, or another one after a change",
        versions,
        [second, changed, first],
    )


@requirement("FHIR-narrative-safe")
def test_narrative_has_no_active_content(resources, records):
    mine = records.patient(fname="<script>alert(1)</script><img src=x onerror=alert(1)>")
    resource, response = resources.shown(mine)

    narrative = str(resource.get("text", {}).get("div", ""))
    active = ACTIVE.search(narrative)
    expect.that(active is None, "no active content in the narrative", narrative, response)


def empty(resource):
    """Return the paths of all empty values.

    In an array of primitives, null is legal where the value has only an extension, or none: the
    other array, with or without an underscore, has an entry there (FHIR R4 section 2.6.2.3).
    """
    found = [path for path, value in walk(resource) if value in ("", [], {})]
    there = dict(walk(resource))
    nulls = [path for path, value in there.items() if value is None]
    return found + [one for one in nulls if not one.endswith("]") or there.get(beside(one)) is None]


def beside(path):
    """Return the path of the extension of a primitive, or of the primitive of an extension."""
    head, _, name = path.rpartition(".")
    return f"{head}.{name[1:]}" if name.startswith("_") else f"{head}._{name}"


def walk(value, path="$"):
    """Yield every value in a value with its path, at any depth."""
    yield path, value
    inner = [*value.items()] if isinstance(value, dict) else []
    if isinstance(value, list):
        inner = [(f"[{number}]", one) for number, one in enumerate(value)]
    for name, one in inner:
        yield from walk(one, f"{path}{name}" if name.startswith("[") else f"{path}.{name}")


def fits(path, value):
    """Return whether a primitive has the form of its type."""
    place, _, name = re.sub(r"\[\d+\]", "", path).rpartition(".")
    if isinstance(value, dict | list) or value is None:
        return True  # not a primitive; whether null may be there is another requirement
    if name in BOOLEANS:
        return isinstance(value, bool)
    if name in NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    # The id of an element, unlike that of a resource, is any string (FHIR R4 section 2.25).
    pattern = STRINGS.get("element id" if name == "id" and place not in RESOURCES else name)
    if pattern is None:
        return True
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None
