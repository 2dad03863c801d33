"""vtiger between its stand-in and Google's: the real engine, both ways."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calsync.crm.conformance import Verdict, examine
from calsync.crm.port import Recurrence, capabilities_of
from tests.house import at, day, nothing_written

#: Servers that differ in what is not settled, and what an operator would configure for them.
SERVERS = {
    "as the source has it": ({}, {}),
    "with a custom field for originals": ({}, {"marker_field": "cf_852"}),
    "on PHP 8, telling deleted from denied": ({"sync": "broken", "deleted_code": "RECORD_NOT_FOUND"}, {}),
    "on PHP 8, denying what is deleted": ({"sync": "broken"}, {"hidden_means_deleted": True}),
    "in a zone of its own, ahead": ({"sync_ahead_seconds": 19_800, "deleted_code": "RECORD_NOT_FOUND"}, {}),
    "in a zone of its own, behind": ({"sync_ahead_seconds": -18_000}, {}),
    "that shows what is private in lists": ({"query_shows_private": True}, {}),
    "with long titles and all characters": ({"subject_limit": 255, "wide": "keep"}, {}),
    "whose clock is ahead, and that keeps reminders": (
        {"clock_ahead_seconds": 7200, "omitted_reminder": "keep"},
        {},
    ),
}


def prepared(vtiger, vtiger_house, server):
    switches, options = SERVERS[server]
    vtiger.switch(**switches)
    if "marker_field" in options:
        vtiger.control("POST", "fields", {"name": options["marker_field"]})
    return vtiger_house(**options)


@pytest.mark.parametrize("server", SERVERS)
def test_the_adapter_passes_the_kit(vtiger, vtiger_house, server):
    house = prepared(vtiger, vtiger_house, server)
    results = list(examine(house.parts.crm, "ana", "ben", house.clock()))
    assert {each.check: each.cause for each in results if each.verdict is Verdict.FAILED} == {}
    assert capabilities_of(house.parts.crm).recurrence is Recurrence.OCCURRENCES
    assert vtiger.events("ana") == {}


@pytest.mark.parametrize("server", SERVERS)
def test_events_cross_both_ways(vtiger, vtiger_house, server):
    house = prepared(vtiger, vtiger_house, server)
    made = house.google_add("ana", summary="G", description="two\nlines", **at(day(1)))
    key = vtiger.add("ana", "C", day(3), location="Room 1")
    assert house.resync("ana")["outcome"] == "ok"
    assert set(vtiger.events("ana")) == {"G", "C"}
    assert house.google_titles("ana") == ["C", "G"]
    copy = vtiger.events("ana")["G"]
    assert (copy["date_start"], copy["time_start"], copy["duration_hours"]) == (
        f"{day(1):%Y-%m-%d}",
        "09:00:00",
        "1",
    )
    assert copy["description"].startswith("two\nlines")
    assert nothing_written(house.resync("ana"))

    house.google_edit("ana", made["id"], location="Hall")
    vtiger.edit("ana", key, subject="C2")
    run = house.resync("ana")
    assert (run["crm"]["updated"], run["google"]["updated"]) == (1, 1)
    assert vtiger.events("ana")["G"]["location"] == "Hall"
    assert house.google_titles("ana") == ["C2", "G"]
    assert nothing_written(house.resync("ana"))

    house.google_delete("ana", made["id"])
    vtiger.delete("ana", key)
    run = house.resync("ana")
    assert (run["crm"]["deleted"], run["google"]["deleted"]) == (1, 1)
    assert vtiger.events("ana") == {}
    assert house.google_titles("ana") == []
    assert nothing_written(house.resync("ana"))
    assert nothing_written(house.resync("ana", full=True))


@pytest.mark.parametrize("server", SERVERS)
def test_a_copy_that_is_deleted_in_vtiger_takes_the_original_with_it(vtiger, vtiger_house, server):
    house = prepared(vtiger, vtiger_house, server)
    house.google_add("ana", summary="G", **at(day(1)))
    vtiger.add("ana", "other", day(2))
    house.resync("ana")
    vtiger.delete("ana", vtiger.events("ana")["G"]["id"])
    run = house.resync("ana")
    assert run["google"]["deleted"] == 1
    assert house.google_titles("ana") == ["other"]


def test_what_may_be_deleted_or_only_denied_waits_until_somebody_can_tell(vtiger, vtiger_house):
    house = vtiger_house()
    house.google_add("ana", summary="G", **at(day(1)))
    vtiger.add("ana", "other", day(2))
    house.resync("ana")
    vtiger.switch(sync="broken")
    vtiger.delete("ana", vtiger.events("ana")["G"]["id"])
    for _ in range(2):
        house.resync("ana")
        assert house.google_titles("ana") == ["G", "other"]
        causes = [link.cause for link in house.links("ana") if link.cause]
        assert len(causes) == 1
        assert "crm.vtiger.hidden_means_deleted" in causes[0]
    vtiger.switch(sync="works")
    house.clock.advance(minutes=61)
    assert house.resync("ana")["outcome"] == "ok"
    assert house.google_titles("ana") == ["other"]


def test_what_is_taken_over_by_somebody_else_leaves_google_within_one_round(vtiger, vtiger_house):
    house = vtiger_house()
    vtiger.control("POST", "users", {"login": "ben", "shares_with": ["ana"]})
    hidden, shown, kept = (vtiger.add("ana", name, day(1)) for name in ("hidden", "shown", "kept"))
    house.resync("ana")
    assert house.google_titles("ana") == ["hidden", "kept", "shown"]
    vtiger.edit("ana", shown, owner="ben")
    house.resync("ana")
    assert house.google_titles("ana") == ["hidden", "kept"]
    vtiger.edit("ana", hidden, owner="ben", visibility="Private")
    house.clock.advance(minutes=61)
    house.resync("ana")
    assert house.google_titles("ana") == ["kept"]
    assert set(vtiger.events("ben")) == {"hidden", "shown"}
    vtiger.edit("ben", hidden, owner="ana")
    house.resync("ana")
    assert house.google_titles("ana") == ["hidden", "kept"]
    assert kept in {event["id"] for event in vtiger.events("ana").values()}


def test_a_copy_that_is_taken_over_does_not_delete_the_original(vtiger, vtiger_house):
    house = vtiger_house()
    house.google_add("ana", summary="G", **at(day(1)))
    vtiger.add("ana", "other", day(2))
    house.resync("ana")
    vtiger.edit("ana", vtiger.events("ana")["G"]["id"], owner="ben")
    for minutes in (1, 61, 61):
        house.clock.advance(minutes=minutes)
        house.resync("ana")
    assert house.google_titles("ana") == ["G", "other"]


def test_status_type_and_reminder_stay_as_people_have_set_them(vtiger, vtiger_house):
    house = vtiger_house()
    key = vtiger.add("ana", "call", day(1), reminder_time="900", eventstatus="Held")
    house.resync("ana")
    (copy,) = house.google_events("ana")
    house.google_edit("ana", copy["id"], location="Hall")
    house.resync("ana")
    record = vtiger.events("ana")["call"]
    assert record["id"] == key
    assert (record["location"], record["eventstatus"], record["activitytype"], record["reminder_time"]) == (
        "Hall",
        "Held",
        "Call",
        "900",
    )


def test_a_cancelled_event_is_not_on_google(vtiger, vtiger_house):
    house = vtiger_house()
    key = vtiger.add("ana", "call", day(1))
    house.resync("ana")
    vtiger.edit("ana", key, eventstatus="Cancelled")
    house.resync("ana")
    assert house.google_titles("ana") == []
    vtiger.edit("ana", key, eventstatus="Planned")
    house.resync("ana")
    assert house.google_titles("ana") == ["call"]


def test_private_events_and_whole_days_cross(vtiger, vtiger_house):
    vtiger.control("POST", "rights", {"login": "ana", "zone": "America/New_York"})
    house = vtiger_house()
    first = day(40).date()
    days = {"start": {"date": f"{first}"}, "end": {"date": f"{first + timedelta(days=2)}"}}
    house.google_add("ana", summary="secret", visibility="private", **days)
    house.resync("ana")
    (record,) = vtiger.events("ana").values()
    assert (record["subject"], record["visibility"]) == ("Busy", "Private")
    assert record["time_start"] in ("04:00:00", "05:00:00")
    assert nothing_written(house.resync("ana", full=True))
    vtiger.edit("ana", record["id"], location="ignored")
    house.resync("ana")
    (event,) = house.google_events("ana")
    assert event["start"] == {"date": f"{first}"}
    assert event["summary"] == "secret"


def test_each_occurrence_of_a_series_is_an_event_and_an_edit_of_one_is_an_exception(vtiger, vtiger_house):
    house = vtiger_house()
    made = house.google_add("ana", summary="S", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"], **at(day(2)))
    assert house.resync("ana")["outcome"] == "ok"
    records = vtiger.control("GET", "events/ana")["events"]
    assert len(records) == 4
    assert nothing_written(house.resync("ana"))
    second = sorted(records, key=lambda record: record["date_start"])[1]
    vtiger.edit("ana", second["id"], subject="moved")
    house.resync("ana")
    assert sorted(house.google_titles("ana")) == ["S", "moved"]
    house.google_delete("ana", made["id"])
    house.resync("ana")
    house.resync("ana")
    assert vtiger.events("ana") == {}


def test_an_answer_that_is_lost_makes_no_second_record(vtiger, vtiger_house):
    house = vtiger_house()
    vtiger.fault(operation="create", when="after", kind="reset")
    house.google_add("ana", summary="once", **at(day(1)))
    assert house.resync("ana")["outcome"] == "partial"
    house.clock.advance(minutes=10)
    assert house.resync("ana")["outcome"] == "ok"
    assert len(vtiger.control("GET", "events/ana")["events"]) == 1
    assert nothing_written(house.resync("ana", full=True))


@pytest.mark.parametrize("field", ["", "cf_852"])
def test_what_vtiger_keeps_otherwise_does_not_come_home_after_a_lost_answer(vtiger, vtiger_house, field):
    if field:
        vtiger.control("POST", "fields", {"name": field})
    house = vtiger_house(subject_length=100, marker_field=field)
    title, place = "long " * 40 + "title", "far " * 60 + "away"
    made = house.google_add("ana", summary=title, location=place, guestsCanModify=True, **at(day(1)))
    for operation, change in (("create", {}), ("revise", {"location": place + "!", "description": "new"})):
        vtiger.fault(operation=operation, when="after", kind="reset")
        if change:
            house.google_edit("ana", made["id"], **change)
        assert house.resync("ana")["outcome"] == "partial"
        house.clock.advance(minutes=10)
        run = house.resync("ana")
        assert run["google"] == {"created": 0, "updated": 0, "deleted": 0}
        assert nothing_written(house.resync("ana", full=True))
    event = house.google_get("ana", made["id"])
    assert (event["summary"], event["location"], event["description"]) == (title, place + "!", "new")
    assert [record["subject"] for record in vtiger.control("GET", "events/ana")["events"]] == [
        title[:100].strip()
    ]


def test_a_deletion_whose_answer_is_lost_happens_once(vtiger, vtiger_house):
    house = vtiger_house()
    made = house.google_add("ana", summary="G", **at(day(1)))
    vtiger.add("ana", "other", day(2))
    house.resync("ana")
    house.google_delete("ana", made["id"])
    vtiger.fault(operation="delete", when="after", kind="reset")
    assert house.resync("ana")["outcome"] == "partial"
    house.clock.advance(minutes=10)
    assert house.resync("ana")["outcome"] == "ok"
    assert set(vtiger.events("ana")) == {"other"}
    assert nothing_written(house.resync("ana"))


def test_an_edit_in_between_is_not_overwritten(vtiger, vtiger_house):
    house = vtiger_house()
    made = house.google_add("ana", summary="G", **at(day(1)))
    house.resync("ana")
    key = vtiger.events("ana")["G"]["id"]
    house.google_edit("ana", made["id"], location="Hall")
    vtiger.edit("ana", key, description="from vtiger")
    house.resync("ana")
    record = vtiger.events("ana")["G"]
    assert (record["location"], record["description"]) == ("Hall", "from vtiger")
    assert house.google_get("ana", made["id"])["description"] == "from vtiger"


def test_a_quiet_round_asks_little(vtiger, vtiger_house):
    house = vtiger_house()
    for number in range(3):
        vtiger.add("ana", f"e{number}", day(number + 1))
    house.resync("ana")
    house.resync("ana")
    vtiger.control("POST", "counters")
    run = house.resync("ana")
    assert nothing_written(run)
    assert vtiger.requests() == {"sync": 1, "query": 2}
    assert run["crm_calls"] == 3


def test_many_events_come_in_pages(vtiger, vtiger_house):
    house = vtiger_house()
    for number in range(230):
        vtiger.add("ana", f"e{number}", day(number % 50 + 1))
    house.resync("ana")
    assert len(house.google_events("ana")) == 230
    assert nothing_written(house.resync("ana", full=True))
    for event in list(vtiger.events("ana").values())[:120]:
        vtiger.edit("ana", event["id"], location="moved")
    house.resync("ana")
    assert sum(event.get("location") == "moved" for event in house.google_events("ana")) == 120


def test_a_change_counts_as_made_at_the_end_of_its_second_since_a_tie_goes_to_the_crm(vtiger, vtiger_house):
    house = vtiger_house()
    vtiger.add("ana", "A", day(1))
    (item,) = [item for page in house.parts.crm.side("ana").observe(None) for item in page.items]
    assert item.modified.microsecond == 999_999
