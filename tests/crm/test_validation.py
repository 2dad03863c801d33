"""What cannot be used is refused with 400, by the name of the field and with the remedy; never with 500."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

TIMED = {"start": "2026-05-04T09:00:00Z", "end": "2026-05-04T10:00:00Z"}
SERIES = {**TIMED, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
DAYS = {"start": "2026-05-04", "end": "2026-05-05"}
RFC = "must be RFC 3339 with an offset, or YYYY-MM-DD"

BAD = [
    ({"start": TIMED["start"]}, "start, end: both are needed"),
    ({**TIMED, "start": "tomorrow"}, f"start: {RFC}"),
    ({**TIMED, "start": None}, f"start: {RFC}"),
    ({**TIMED, "start": 5}, f"start: {RFC}"),
    ({**TIMED, "start": "2026-05-04T09:00:00"}, f"start: {RFC}"),
    ({**TIMED, "start": "2026-13-04T09:00:00Z"}, f"start: {RFC}"),
    ({**TIMED, "end": "2026-02-30"}, f"end: {RFC}"),
    ({**TIMED, "start": "0001-01-01T00:00:00+14:00"}, f"start: {RFC}"),
    ({**TIMED, "end": "9999-12-31T23:59:59Z"}, "end: must lie between the years"),
    ({**DAYS, "start": "0099-01-01"}, "start: must lie between the years"),
    ({**TIMED, "end": "2026-05-04T08:59:59Z"}, "end: lies before start"),
    ({**DAYS, "end": "2026-05-04"}, "end: lies before start (an all-day end is exclusive)"),
    ({**TIMED, "end": "2026-05-05"}, "start, end: either both are dates"),
    ({**TIMED, "all_day": True}, "all_day: does not agree"),
    ({**DAYS, "all_day": False}, "all_day: does not agree"),
    ({**TIMED, "all_day": "no"}, "all_day: must be true or false"),
    ({**TIMED, "time_zone": "Mars/Olympus"}, "time_zone: must be a name of the IANA database"),
    ({**TIMED, "time_zone": "../../etc/passwd"}, "time_zone: must be"),
    ({**TIMED, "time_zone": {}}, "time_zone: must be"),
    ({**TIMED, "title": 5}, "title: must be text"),
    ({**TIMED, "description": ["x"]}, "description: must be text"),
    ({**TIMED, "location": {}}, "location: must be text"),
    ({**TIMED, "recurrence": "RRULE:FREQ=DAILY"}, "recurrence: must be a list"),
    ({**TIMED, "recurrence": [5]}, "recurrence: must be a list"),
    ({**TIMED, "recurrence": ["every day"]}, "recurrence: a recurrence line is not RRULE"),
    ({**TIMED, "recurrence": ["RRULE:FREQ=SOMETIMES"]}, "recurrence: "),
    ({**TIMED, "recurrence": ["RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"]}, "recurrence: "),
    ({**TIMED, "exceptions": {}}, "exceptions: must be a list"),
    (
        {**TIMED, "exceptions": [{"original_start": TIMED["start"]}]},
        "exceptions: only a series has any; set recurrence",
    ),
    ({**SERIES, "exceptions": ["x"]}, "exceptions: each needs original_start"),
    ({**SERIES, "exceptions": [{"cancelled": True}]}, "exceptions: each needs original_start"),
    (
        {**SERIES, "exceptions": [{"original_start": "2026-05-05"}]},
        "original_start: must be a date for an all-day",
    ),
    ({**SERIES, "exceptions": [{"original_start": "x"}]}, f"original_start: {RFC}"),
    (
        {**SERIES, "exceptions": [{"original_start": "2026-05-05T10:00:00Z", "title": "x"}]},
        "original_start: the series has no occurrence that starts then",
    ),
    (
        {**SERIES, "exceptions": [{"original_start": "2026-05-07T09:00:00Z", "cancelled": True}]},
        "original_start: the series has no occurrence that starts then",
    ),
    (
        {**SERIES, "exceptions": [{"original_start": TIMED["start"], "cancelled": "yes"}]},
        "cancelled: must be true or",
    ),
    (
        {**SERIES, "exceptions": [{"original_start": TIMED["start"], "restored": 1}]},
        "restored: must be true or false",
    ),
    (
        {**SERIES, "exceptions": [{"original_start": TIMED["start"], "status": "held"}]},
        "exceptions: status cannot",
    ),
    (
        {**SERIES, "exceptions": [{"original_start": TIMED["start"], "recurrence": []}]},
        "exceptions: recurrence cannot",
    ),
    ({**SERIES, "exceptions": [{"original_start": TIMED["start"], "title": 1}]}, "title: must be text"),
    ({**TIMED, "attendees": "ana@example.com"}, "attendees: must be a list"),
    ({**TIMED, "attendees": ["ana@example.com"]}, "attendees: must be a list"),
    ({**TIMED, "attendees": [{}]}, "attendees: must be a list"),
    ({**TIMED, "attendees": [{"email": "nobody"}]}, "attendees: must be a list"),
    ({**TIMED, "attendees": [{"email": 5}]}, "attendees: must be a list"),
    (
        {**TIMED, "attendees": [{"email": "a@b.c", "response": "perhaps"}]},
        "response one of needs_action, accepted",
    ),
    ({**TIMED, "attendees": [{"email": "a@b.c", "colour": "red"}]}, "attendees: must be a list"),
    (
        {**TIMED, "reminders_minutes": 5},
        "reminders_minutes: must be a list of minutes from 0 to 40320, or null",
    ),
    ({**TIMED, "reminders_minutes": [-1]}, "reminders_minutes: must be"),
    ({**TIMED, "reminders_minutes": [40_321]}, "reminders_minutes: must be"),
    ({**TIMED, "reminders_minutes": [True]}, "reminders_minutes: must be"),
    ({**TIMED, "reminders_minutes": [1.5]}, "reminders_minutes: must be"),
    ({**TIMED, "status": "done"}, "status: must be one of planned, held, not_held, cancelled"),
    ({**TIMED, "status": None}, "status: must be one of"),
    ({**TIMED, "status": ["held"]}, "status: must be one of"),
    ({**TIMED, "activity_type": "party"}, "activity_type: must be one of meeting, call, task, other"),
    (
        {**TIMED, "security": "secret"},
        "security: must be one of public_read, public_edit, public_delete, private",
    ),
    ({**TIMED, "owner": "nobody"}, "owner: there is no such user"),
    ({**TIMED, "owner": []}, "owner: must be text"),
    ({**TIMED, "team": 7}, "team: must be text"),
    ({**TIMED, "team": "x" * 201}, "team: must be text of at most 200"),
    ({**TIMED, "team": "a\x00b"}, "team: must be text"),
    ({**TIMED, "colour": "red"}, "colour: an event has no such field"),
]


@pytest.mark.parametrize(("body", "says"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_bad_field_is_named_with_its_remedy_and_nothing_is_stored(office, body, says):
    before = office.crm_events("dora")
    assert says in office.refusal(400, "POST", "events", "dora", body)
    assert office.crm_events("dora") == before


@pytest.mark.parametrize(("body", "says"), BAD[1:], ids=[str(number) for number in range(1, len(BAD))])
def test_a_bad_change_is_refused_the_same_way_and_changes_nothing(office, body, says):
    made = office.crm_add("dora", **TIMED)
    assert says in office.refusal(400, "PATCH", f"events/{made['id']}", "dora", body)
    assert office.get("dora", made["id"]) == made


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "null", "5", '{"title": "\\ud800"}', "[" * 3000])
def test_a_body_that_is_no_json_object_is_refused(office, text):
    office.refusal(401, "GET", "users", "ana", Authorization="Bearer nothing")
    answer = office.control_http.post(
        f"{office._crm_url}/crm/v1/events",
        text,
        headers={"Authorization": f"Bearer {office.tokens['ana']}"},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_a_body_of_more_than_a_megabyte_is_refused(office):
    assert "1 MB" in office.refusal(413, "POST", "events", "ana", {**TIMED, "description": "x" * 1_000_001})


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("credentials", ["", "Bearer", "Bearer wrong", "Basic {token}", "{token}"])
def test_without_a_users_token_there_is_only_401_whatever_is_asked(office, method, credentials):
    made = office.crm_add("ana", **TIMED)
    paths = {"POST": ["events"], "GET": ["events", "users", f"events/{made['id']}", "events/none"]}
    given_token = credentials.format(token=office.tokens["ana"])
    for path in paths.get(method, [f"events/{made['id']}", "events/none"]):
        says = office.refusal(401, method, path, "ana", {"colour": 1}, Authorization=given_token)
        assert "Authorization: Bearer" in says


def test_a_token_is_not_stored(office):
    with office.parts.engine.connect() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM crm_token").all())
    assert not any(token in rows for token in office.tokens.values())


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("limit=0", "limit: must be a number from 1 to 500"),
        ("limit=501", "limit: must be"),
        ("limit=many", "limit: must be"),
        ("limit=-1", "limit: must be"),
        ("after=x", "after: is not a value of `next`"),
        ("after=e30=", "after: is not"),
        ("after=WzFlMzA4LCJ4Il0=", "after: is not"),  # [1e308,"x"]
        ("after=Wy0xLCJ4Il0=", "after: is not"),  # [-1,"x"]
        ("start=x", "start: must be RFC 3339"),
        ("end=2026-05-04T09:00:00", "end: has no offset, e.g. Z or +01:00"),
        ("end=9999-12-31T23:59:59Z", "end: must lie between"),
        ("start=0001-01-01", "start: must lie between"),
        ("changed_since=yesterday", "changed_since: must be RFC 3339"),
    ],
)
def test_a_bad_parameter_of_a_listing_is_named(office, query, says):
    assert says in office.refusal(400, "GET", f"events?{query}", "ana")


names = some.sampled_from(
    [
        *(
            "title",
            "start",
            "end",
            "time_zone",
            "all_day",
            "recurrence",
            "exceptions",
            "attendees",
            "owner",
            "status",
        ),
        *(
            "reminders_minutes",
            "security",
            "team",
            "activity_type",
            "category",
            "description",
            "location",
            "id",
            "version",
        ),
        *("modified", "original_start", "cancelled", "restored", "email", "response"),
    ]
)
texts = some.sampled_from(
    [
        *(
            "2026-05-04T09:00:00Z",
            "2026-05-05T09:00:00Z",
            "2026-05-04",
            "2026-05-05",
            "9000-12-31",
            "Europe/London",
        ),
        *(
            "RRULE:FREQ=DAILY",
            "RRULE:FREQ=MONTHLY;BYDAY=5FR",
            "RDATE:20260505",
            "EXDATE;TZID=Nowhere:20260504T090000",
        ),
        *("RRULE:FREQ=SECONDLY", "ana", "held", "private", "accepted", "a@b.c", "\x00", "true", ""),
    ]
) | some.text(max_size=10)
values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(names | some.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(some.dictionaries(names, values, max_size=6), some.sampled_from([TIMED, SERIES, DAYS, {}]))
def test_whatever_json_comes_the_answer_is_an_event_or_a_reason(office, document, start):
    sent = json.loads(json.dumps(start | document))
    made = office.crm("POST", "events", "dora", sent)
    assert made.status_code in (201, 400), made.text
    if made.status_code == 400:
        assert set(made.json()) == {"error"}
        return
    shown = made.json()
    assert office.get("dora", shown["id"]) == shown
    again = office.crm("PATCH", f"events/{shown['id']}", "dora", shown)
    assert again.status_code == 200, again.text
    assert {**again.json(), "version": "", "modified": ""} == {**shown, "version": "", "modified": ""}
    assert office.crm("GET", "events?start=2026-05-01&end=2026-05-09", "dora").status_code == 200
