"""An event over HTTP: what is sent is what is shown, times keep their meaning, versions protect."""

from __future__ import annotations

import re

import pytest

TIMED = {"title": "Review", "start": "2026-05-04T09:00:00+01:00", "end": "2026-05-04T10:30:00+01:00"}
ALL_DAY = {"title": "Fair", "start": "2026-05-04", "end": "2026-05-07"}
NAMES = {
    *(
        "id",
        "title",
        "description",
        "location",
        "start",
        "end",
        "time_zone",
        "all_day",
        "recurrence",
        "exceptions",
    ),
    *(
        "owner",
        "attendees",
        "reminders_minutes",
        "status",
        "activity_type",
        "security",
        "team",
        "category",
        "version",
        "modified",
    ),
}


def test_an_event_has_exactly_the_fields_that_are_promised(office):
    made = office.crm_add("ana", **TIMED)
    assert set(made) == NAMES
    assert set(office.get("ana", made["id"])) == NAMES


def test_what_is_not_said_has_a_default(office):
    made = office.crm_add("ana", **TIMED)
    expected = {
        "description": "",
        "location": "",
        "time_zone": None,
        "all_day": False,
        "recurrence": [],
        "exceptions": [],
        "owner": "ana",
        "attendees": [],
        "reminders_minutes": None,
        "status": "planned",
        "activity_type": "meeting",
        "security": "public_read",
        "team": None,
        "category": None,
        "version": "1",
    }
    assert {name: made[name] for name in expected} == expected
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", made["modified"])


def test_everything_that_is_said_is_kept(office):
    said = {
        **TIMED,
        "description": "first\nsecond",
        "location": "Room 1",
        "time_zone": "Europe/London",
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"],
        "attendees": [{"email": "ben@example.com", "name": "Ben", "response": "accepted"}],
        "reminders_minutes": [10, 60],
        "status": "held",
        "activity_type": "call",
        "security": "private_group",
        "team": "sales",
    }
    made = office.crm_add("ana", **said)
    assert {name: made[name] for name in said} == said
    assert office.get("ana", made["id"]) == made
    assert made in office.crm_events("ana")


@pytest.mark.parametrize("status", ["planned", "held", "not_held", "cancelled"])
def test_every_status_can_be_set(office, status):
    assert office.crm_add("ana", **TIMED, status=status)["status"] == status


@pytest.mark.parametrize("kind", ["meeting", "call", "task", "other"])
def test_every_kind_of_activity_can_be_set(office, kind):
    assert office.crm_add("ana", **TIMED, activity_type=kind)["activity_type"] == kind


@pytest.mark.parametrize("response", ["needs_action", "accepted", "tentative", "declined"])
def test_every_answer_of_an_attendee_can_be_set(office, response):
    made = office.crm_add("ana", **TIMED, attendees=[{"email": "X@Other.test ", "response": response}])
    assert made["attendees"] == [{"email": "x@other.test", "name": "", "response": response}]


def test_a_time_is_shown_in_the_zone_of_the_event(office):
    made = office.crm_add(
        "ana",
        title="z",
        start="2026-07-01T12:00:00Z",
        end="2026-07-01T13:00:00Z",
        time_zone="America/New_York",
    )
    assert (made["start"], made["end"]) == ("2026-07-01T08:00:00-04:00", "2026-07-01T09:00:00-04:00")


def test_a_time_without_zone_is_shown_in_utc(office):
    made = office.crm_add("ana", **TIMED)
    assert (made["start"], made["end"]) == ("2026-05-04T08:00:00Z", "2026-05-04T09:30:00Z")


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        # The clock is set back at 2:00 on 25 October 2026: 1:30 comes twice.
        ("2026-10-25T01:30:00+01:00", "2026-10-25T01:30:00+01:00"),
        ("2026-10-25T01:30:00+00:00", "2026-10-25T01:30:00Z"),
        # And forward at 1:00 on 29 March: 1:30 does not come; the instant is what counts.
        ("2026-03-29T01:30:00+00:00", "2026-03-29T02:30:00+01:00"),
    ],
)
def test_the_two_hours_of_an_autumn_night_are_told_apart(office, start, shown):
    made = office.crm_add(
        "ana", title="n", start=start, end="2026-10-26T01:00:00Z", time_zone="Europe/London"
    )
    assert made["start"] == shown


def test_an_all_day_event_has_dates_and_an_exclusive_end(office):
    made = office.crm_add("ana", **ALL_DAY)
    assert (made["start"], made["end"], made["all_day"]) == ("2026-05-04", "2026-05-07", True)


def test_a_timed_event_can_become_all_day_and_back(office):
    made = office.crm_add("ana", **TIMED, time_zone="Europe/London")
    days = office.crm_edit("ana", made["id"], **ALL_DAY)
    assert (days["all_day"], days["start"], days["time_zone"]) == (True, "2026-05-04", None)
    assert office.crm_edit("ana", made["id"], **TIMED)["all_day"] is False


def test_a_change_touches_only_what_it_names(office):
    made = office.crm_add("ana", **TIMED, location="Room 1", reminders_minutes=[5])
    changed = office.crm_edit("ana", made["id"], title="New")
    moved = {"title", "version", "modified"}
    assert changed["title"] == "New"
    assert {n: v for n, v in changed.items() if n not in moved} == {
        n: v for n, v in made.items() if n not in moved
    }


def test_null_empties_a_field(office):
    made = office.crm_add(
        "ana", **TIMED, description="x", reminders_minutes=[5], team="sales", time_zone="UTC"
    )
    changed = office.crm_edit(
        "ana", made["id"], description=None, reminders_minutes=None, team=None, time_zone=None
    )
    assert (changed["description"], changed["reminders_minutes"], changed["team"]) == ("", None, None)
    assert changed["time_zone"] is None


def test_no_reminders_is_not_the_default_reminder(office):
    assert office.crm_add("ana", **TIMED, reminders_minutes=[])["reminders_minutes"] == []


def test_what_was_read_can_be_sent_back_as_it_is(office):
    made = office.crm_add("ana", **TIMED, recurrence=["RRULE:FREQ=DAILY;COUNT=5"], time_zone="Europe/London")
    exceptions = [
        {"original_start": "2026-05-05T09:00:00+01:00", "cancelled": True},
        {"original_start": "2026-05-06T09:00:00+01:00", "title": "Other", "reminders_minutes": [1]},
    ]
    made = office.crm_edit("ana", made["id"], exceptions=exceptions)
    again = office.crm_edit("ana", made["id"], **made)
    versions = {"version", "modified"}
    assert {n: v for n, v in again.items() if n not in versions} == {
        n: v for n, v in made.items() if n not in versions
    }


def test_attendees_are_listed_once_each_by_address(office):
    people = [
        {"email": "z@x.test"},
        {"email": "a@x.test", "name": "one"},
        {"email": "A@x.test", "name": "two"},
    ]
    made = office.crm_add("ana", **TIMED, attendees=people)
    assert [(person["email"], person["name"]) for person in made["attendees"]] == [
        ("a@x.test", "two"),
        ("z@x.test", ""),
    ]


# -- versions ----------------------------------------------------------------------------------------------


def test_every_change_makes_a_new_version_which_is_also_the_etag(office):
    made = office.crm_add("ana", **TIMED)
    changed = office.crm("PATCH", f"events/{made['id']}", "ana", {"title": "x"})
    assert (made["version"], changed.json()["version"], changed.headers["etag"]) == ("1", "2", '"2"')
    assert changed.json()["modified"] >= made["modified"]


@pytest.mark.parametrize("quoted", ["1", '"1"', "*"])
def test_a_change_of_the_version_that_is_there_goes_through(office, quoted):
    made = office.crm_add("ana", **TIMED)
    answer = office.crm("PATCH", f"events/{made['id']}", "ana", {"title": "x"}, **{"If-Match": quoted})
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("quoted", ["1", '"1"', "17", ""])
def test_a_change_of_another_version_is_refused_and_changes_nothing(office, method, quoted):
    made = office.crm_add("ana", **TIMED)
    current = office.crm_edit("ana", made["id"], title="current")
    says = office.refusal(
        412, method, f"events/{made['id']}", "ana", {"title": "mine"}, **{"If-Match": quoted}
    )
    assert "version 2" in says
    assert office.get("ana", made["id"]) == current


def test_a_deleted_event_is_gone_for_every_method(office):
    made = office.crm_add("ana", **TIMED)
    assert office.crm("DELETE", f"events/{made['id']}", "ana").status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        office.refusal(404, method, f"events/{made['id']}", "ana", {})
    assert made["id"] not in {event["id"] for event in office.crm_events("ana")}


def test_a_deleted_event_leaves_no_text_behind(office):
    made = office.crm_add(
        "ana", title="zebra-4711", description="d", start=ALL_DAY["start"], end=ALL_DAY["end"]
    )
    office.crm_delete("ana", made["id"])
    with office.parts.engine.connect() as connection:
        (row,) = connection.exec_driver_sql("SELECT * FROM crm_event WHERE id = ?", (made["id"],))
    assert "zebra" not in str(tuple(row))


# -- series ------------------------------------------------------------------------------------------------

SERIES = {**TIMED, "time_zone": "Europe/London", "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
SECOND, THIRD = "2026-05-05T09:00:00+01:00", "2026-05-06T09:00:00+01:00"


@pytest.fixture
def series(office):
    return office.crm_add("ana", **SERIES)


def edit(office, series, *exceptions):
    return office.crm_edit("ana", series["id"], exceptions=list(exceptions))["exceptions"]


def test_an_occurrence_can_be_cancelled(office, series):
    assert edit(office, series, {"original_start": SECOND, "cancelled": True}) == [
        {"original_start": SECOND, "cancelled": True}
    ]


def test_an_occurrence_can_be_moved_and_renamed(office, series):
    moved = {
        "original_start": SECOND,
        "start": "2026-05-05T14:00:00+01:00",
        "end": "2026-05-05T15:00:00+01:00",
    }
    assert edit(office, series, {**moved, "title": "Later"}) == [{**moved, "title": "Later"}]


def test_exceptions_of_different_occurrences_add_up(office, series):
    edit(office, series, {"original_start": SECOND, "cancelled": True})
    both = edit(office, series, {"original_start": THIRD, "title": "x"})
    assert [exception["original_start"] for exception in both] == [SECOND, THIRD]


def test_changes_of_one_occurrence_add_up(office, series):
    edit(office, series, {"original_start": SECOND, "title": "x"})
    (exception,) = edit(office, series, {"original_start": SECOND, "location": "y"})
    assert (exception["title"], exception["location"]) == ("x", "y")


def test_an_occurrence_is_the_same_however_its_start_is_written(office, series):
    edit(office, series, {"original_start": SECOND, "cancelled": True})
    assert edit(office, series, {"original_start": "2026-05-05T08:00:00Z", "restored": True}) == []


def test_a_cancelled_occurrence_that_is_described_again_takes_place(office, series):
    edit(office, series, {"original_start": SECOND, "cancelled": True})
    (exception,) = edit(office, series, {"original_start": SECOND, "cancelled": False, "title": "x"})
    assert exception["title"] == "x"
    assert "cancelled" not in exception


def test_a_restored_occurrence_is_as_the_series_again(office, series):
    edit(office, series, {"original_start": SECOND, "title": "x"})
    assert edit(office, series, {"original_start": SECOND, "restored": True}) == []


def test_a_change_of_the_series_reaches_exceptions_where_they_do_not_differ(office, series):
    edit(office, series, {"original_start": SECOND, "location": "elsewhere"})
    changed = office.crm_edit("ana", series["id"], title="Renamed", location="Room 9")
    (exception,) = changed["exceptions"]
    assert exception["location"] == "elsewhere"
    assert "title" not in exception


def test_exceptions_of_an_all_day_series_are_named_by_date(office):
    series = office.crm_add("ana", **ALL_DAY, recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    (exception,) = edit(
        office, series, {"original_start": "2026-05-11", "start": "2026-05-12", "end": "2026-05-13"}
    )
    assert exception == {"original_start": "2026-05-11", "start": "2026-05-12", "end": "2026-05-13"}


def test_a_series_keeps_its_wall_clock_time_when_the_clocks_change(office):
    series = office.crm_add(
        "ana",
        title="s",
        start="2026-10-24T09:00:00+01:00",
        end="2026-10-24T10:00:00+01:00",
        time_zone="Europe/London",
        recurrence=["RRULE:FREQ=DAILY;COUNT=3"],
    )
    (exception,) = edit(office, series, {"original_start": "2026-10-25T09:00:00Z", "cancelled": True})
    assert exception["original_start"] == "2026-10-25T09:00:00Z"


def test_a_series_that_becomes_a_single_event_has_no_exceptions(office, series):
    edit(office, series, {"original_start": TIMED["start"], "title": "first"})
    assert office.crm_edit("ana", series["id"], recurrence=[])["exceptions"] == []


def test_a_series_that_ends_earlier_forgets_exceptions_behind_its_end(office, series):
    edit(office, series, {"original_start": SECOND, "title": "x"}, {"original_start": THIRD, "title": "y"})
    changed = office.crm_edit("ana", series["id"], recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    assert [exception["original_start"] for exception in changed["exceptions"]] == [SECOND]
