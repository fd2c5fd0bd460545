"""The standard API: what a body may contain, and what is read afterwards."""

import secrets

import pytest

from conformance import expect, requirement, writes
from conformance.mismatch import fail
from fixtures.driver.record_kinds import KINDS
from fixtures.given.marked_records import MARKED, rows
from fixtures.given.records import PERMANENT_RECORDS
from fixtures.wire.client import json_body

pytestmark = writes

#: The kinds of records whose text is written and read again.
TEXTED = [
    "encounter",
    "allergy",
    "medical_problem",
    "medication",
    "appointment",
    "soap_note",
]
POSTED = [name for name in KINDS if name not in ("surgery", "dental_issue")]
#: Other alphabets with letters of two, three and four bytes, right-to-left ones too, and the
#: characters that have a meaning in HTML, SQL and JSON.
TEXTS = {
    "latin": "Größe Ärzte Éloïse Ñandú",
    "other_alphabets": "Ωμέγα 张伟",
    "right_to_left": "שלום مرحبا 12",
    "four_bytes": "😀 👩‍⚕️ 𐍈 𠜎",
    "apostrophe": "O'Brien",
    "html": 'a < b > c & "d"',
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "sql": "Robert'); DROP TABLE nothing;-- ' OR '1'='1",
    "json": '{"a": ["\\u0041", null]}',
    "template": "{{7*7}} ${7*7} #{7*7} <%= 7*7 %>",
    "percent_and_backslash": "100 % back\\slash %27 %00",
}
SIGNS = 'O\'Brien <b>"x"</b> & 100 % \\ Ωμέγα 张伟 😀 שלום'
ODD = {
    "array": ["a", {"b": 1}],
    "object": {"a": {"b": [1]}},
    "number": 10**30,
    "boolean": True,
}
#: Fields that are sent as text, and read as a time, a set of codes or a reference.
OTHERWISE = {"date", "diagnosis", "facility"}
TYPES = {
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain",
    "xml": "application/xml",
    "none": "",
}


@pytest.fixture(scope="session")
def response_with_texts(writable_marked_records):
    """The response with a record whose text has each of TEXTS as a line."""
    return writable_marked_records.shown(
        writable_marked_records.add("encounter", "\n".join(TEXTS.values()))
    )


@requirement("REST-roundtrip")
@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back_as_it_was_sent(response_with_texts, text):
    response = response_with_texts

    expect.success(response)
    lines = [line for one in strings(json_body(response)) for line in one.splitlines()]
    expect.contains(lines, TEXTS[text], "the lines", response)


@requirement("REST-roundtrip")
def test_signs_of_a_patient_come_back_as_they_were_sent(api, staff_token, writable_marked_records):
    mine = writable_marked_records.owner
    changed = api.put(mine.path, staff_token, json=mine.fields | {"street": SIGNS})
    response = api.get(mine.path, staff_token)

    expect.success(changed)
    data = expect.member(response, "data", kind=dict)
    expect.equal(data.get("street"), SIGNS, "street", response)


@requirement("REST-roundtrip")
@pytest.mark.parametrize("kind", TEXTED)
def test_signs_of_a_record_come_back_as_they_were_sent(writable_marked_records, kind):
    text = f"{SIGNS} {secrets.token_hex(4)}"
    record = writable_marked_records.add(kind, text)
    response = writable_marked_records.shown(record)

    expect.success(response)
    near = [one for one in strings(json_body(response)) if text[-8:] in one]
    expect.contains(near, text, f"the {MARKED[kind]}", response)


@requirement("REST-roundtrip-fields")
@pytest.mark.parametrize("kind", [name for name in KINDS if name not in ("message", "transaction")])
def test_fields_come_back_as_they_were_sent(marked_records, kind):
    record = marked_records.record(kind)
    response = marked_records.shown(record)

    expect.success(response)
    read = [one for one in rows(response) if marked_records.mark in str(one)]
    expect.that(read, "the record", response, response)
    sent = marked_records.body(kind, marked_records.mark)
    _expect_fields(sent, read[0], response)


@requirement("REST-roundtrip-fields")
@pytest.mark.parametrize("name", PERMANENT_RECORDS)
def test_fields_of_the_practice_come_back_as_they_were_sent(
    api, staff_token, permanent_record_path, name
):
    sent = PERMANENT_RECORDS[name] | {"street": f"{secrets.token_hex(3)} Street"}
    changed = api.put(permanent_record_path(name), staff_token, json=sent)
    response = api.get(permanent_record_path(name), staff_token)

    expect.success(changed)
    expect.success(response)
    _expect_fields(sent, expect.member(response, "data", kind=dict), response)


@requirement("REST-document-download")
def test_file_comes_back_as_it_was_sent(api, staff_token, marked_records):
    response = api.get(marked_records.record("document").path, staff_token)

    expect.status(response, 200)
    expect.equal(response.text, f"Conformance {marked_records.mark}", "the file", response)


@requirement("REST-wrong-type")
@pytest.mark.parametrize(
    ("name", "odd"),
    [
        pytest.param(name, odd, id=f"{name}-{odd}")
        for name in ("patient", *POSTED)
        for odd in (ODD if name in ("patient", "allergy") else ["array"])
    ],
)
def test_value_of_another_type_breaks_nothing(
    api, staff_token, records, writable_marked_records, name, odd
):
    if name == "patient":
        response = api.post("/api/patient", staff_token, json=records.body(fname=ODD[odd]))
        records.keep(response)
    else:
        body = KINDS[name].body | {MARKED[name]: ODD[odd]}
        response = api.post(writable_marked_records.collection(name), staff_token, json=body)

    expect.no_server_error(response)


@requirement("REST-text-too-long")
@pytest.mark.parametrize("kind", ["allergy", "medical_problem", "medication", "appointment"])
def test_long_text_is_refused_or_kept_whole(api, staff_token, writable_marked_records, kind):
    name = "pc_title" if kind == "appointment" else "title"
    start = secrets.token_hex(6)
    text = start + "x" * 400
    body = KINDS[kind].body | {name: text}
    response = api.post(writable_marked_records.collection(kind), staff_token, json=body)

    expect.no_server_error(response)
    if not _refused(response):
        listed = writable_marked_records.listed(kind)
        found = [one for one in strings(json_body(listed)) if one.startswith(start)]
        expect.that(
            found == [] or text in found,
            f"all {len(text)} letters, or a refusal",
            f"{[len(one) for one in found]} letters",
            [listed, response],
        )


@requirement("REST-null-byte")
@pytest.mark.parametrize("kind", ["allergy", "encounter", "soap_note"])
def test_null_byte_breaks_nothing(writable_marked_records, records, kind):
    text = f"null\x00byte {secrets.token_hex(4)}"
    response = records.post(kind, writable_marked_records.owner, **{MARKED[kind]: text})

    expect.no_server_error(response)


@requirement("REST-unknown-field")
@pytest.mark.parametrize("kind", POSTED)
def test_unknown_member_of_a_body_breaks_nothing(records, writable_marked_records, kind):
    response = records.post(kind, writable_marked_records.owner, nonsense={"deep": ["x", None]})

    expect.no_server_error(response)
    made = rows(response)
    known = made and isinstance(made[0], dict) and {KINDS[kind].key, "uuid"} & made[0].keys()
    expect.that(
        known or response.is_client_error, "the id of the new record, or 4xx", response, response
    )


@requirement("REST-wrong-content-type")
@pytest.mark.parametrize("media_type", TYPES)
def test_body_of_another_media_type_makes_nothing(api, staff_token, records, media_type):
    body = records.body(allow_patient_portal="NO")
    headers = {"Content-Type": TYPES[media_type]} if TYPES[media_type] else {}
    content = "&".join(f"{name}={value}" for name, value in body.items())
    if media_type == "xml":
        content = f"<patient><lname>{body['lname']}</lname></patient>"
    response = api.post("/api/patient", staff_token, content=content, headers=headers)
    after = api.get("/api/patient", staff_token, params={"lname": body["lname"]})
    records.keep(response)

    expect.status(response, 400, 415, 422)
    expect.equal(rows(after), [], "patients of that name", [after, response])


@requirement("REST-accept")
@pytest.mark.parametrize("accept", ["application/xml", "text/html", "application/json;q=0.1, */*"])
def test_answer_is_json_or_406(api, staff_token, marked_records, accept):
    response = api.get(marked_records.owner.path, staff_token, headers={"Accept": accept})

    expect.status(response, 200, 406)
    if response.status_code == 200:
        expect.media_type(response, "application/json")


def strings(value):
    """Return all texts in a body, at any depth."""
    if isinstance(value, str):
        return [value]
    members = value.values() if isinstance(value, dict) else value
    return (
        [text for one in members for text in strings(one)] if isinstance(value, dict | list) else []
    )


def _expect_fields(sent, read, response):
    """Expect every field to have the value that was sent."""
    wrong = [
        f"{name}: sent {value!r}, read {read.get(name, 'nothing')!r}"
        for name, value in sent.items()
        if name not in OTHERWISE and not _same(value, read.get(name))
    ]
    if wrong:
        fail("every field as it was sent", wrong, response)


def _refused(response):
    """Return whether a write was refused, by its status or in the body only."""
    if response.is_client_error:
        return True
    body = json_body(response)
    data = body.get("data", body) if isinstance(body, dict) else body
    named = bool(isinstance(body, dict) and body.get("validationErrors"))
    return (
        named
        or not data
        or (isinstance(data, dict) and any("::" in str(one) for one in data.values()))
    )


def _same(sent, read):
    """Return whether two values are the same, in any form of numbers and times."""
    if str(sent) == str(read) or (read and str(read).startswith(str(sent))):
        return True
    try:
        return float(sent) == float(read)
    except (TypeError, ValueError):
        return False
