"""The real engine between the Google stand-in and tenants of every kind."""

from __future__ import annotations

from datetime import timedelta

from tests.crm_opencrm.firm import crm_at, day
from tests.house import at, nothing_written


def test_an_activity_goes_to_google_and_comes_back_edited(firm):
    record = firm.crm_add("ana", subject="Visit", description="bring plans", **crm_at(day(1)))
    assert firm.resync("ana")["google"]["created"] == 1
    assert nothing_written(firm.rounds("ana"))
    (event,) = firm.google_events("ana")
    assert (event["summary"], event["description"]) == ("Visit", "bring plans")
    firm.google_edit("ana", event["id"], summary="Visit & survey")
    assert firm.resync("ana")["crm"]["updated"] == 1
    assert firm.crm_get(record["id"])["subject"] == "Visit & survey"
    firm.rounds("ana")


def test_an_event_goes_to_the_crm_and_comes_back_edited(firm):
    made = firm.google_add("ana", summary="Lunch", **at(day(2)))
    assert firm.resync("ana")["crm"]["created"] == 1
    firm.rounds("ana")
    (record,) = firm.crm_events("ana")
    assert (record["subject"], record["activitytype"]) == ("Lunch", "Meeting")
    firm.crm_edit("ana", record["id"], subject="Long lunch", description="x < y & z")
    assert firm.resync("ana")["google"]["updated"] == 1
    event = firm.google_get("ana", made["id"])
    assert event["summary"] == "Long lunch"
    firm.rounds("ana")


def test_a_day_that_is_moved_in_the_crm_keeps_its_time_at_google(firm):
    made = firm.google_add("ana", summary="Lunch", **at(day(2, 12), 1.5))
    firm.rounds("ana")
    (record,) = firm.crm_events("ana")
    moved = crm_at(day(4, 12), 1.5)
    firm.crm_edit("ana", record["id"], **moved)
    firm.rounds("ana")
    event = firm.google_get("ana", made["id"])
    assert event["start"]["dateTime"][:16] == f"{day(4, 12):%Y-%m-%dT%H:%M}"
    assert event["end"]["dateTime"][:16] == f"{day(4, 12) + timedelta(hours=1.5):%Y-%m-%dT%H:%M}"


def test_whole_days_stay_whole_days(firm):
    start = day(3).date()
    body = {"start": {"date": start.isoformat()}, "end": {"date": (start + timedelta(days=2)).isoformat()}}
    made = firm.google_add("ana", summary="Fair", **body)
    firm.rounds("ana")
    (record,) = firm.crm_events("ana")
    last = start + timedelta(days=1)
    assert (record["date_start"], record["due_date"]) == (start.isoformat(), last.isoformat())
    firm.crm_edit("ana", record["id"], due_date=start.isoformat())
    firm.rounds("ana")
    event = firm.google_get("ana", made["id"])
    assert event["start"] == {"date": start.isoformat()}
    assert event["end"] == {"date": last.isoformat()}


def test_deletions_cross(firm):
    firm.google_add("ana", summary="G", **at(day(2)))
    record = firm.crm_add("ana", subject="C", **crm_at(day(1)))
    kept = firm.crm_add("ana", subject="K", **crm_at(day(1)))
    firm.rounds("ana")
    google = {event["summary"]: event["id"] for event in firm.google_events("ana")}
    firm.google_delete("ana", google["G"])
    firm.crm_delete("ana", record["id"])
    run = firm.resync("ana")
    assert run["crm"]["deleted"] == 1
    assert run["google"]["deleted"] == 1
    firm.rounds("ana")
    assert firm.google_titles("ana") == firm.crm_titles("ana") == ["K"]
    firm.crm_edit("ana", kept["id"], taskstatus="Cancelled")
    firm.rounds("ana")
    assert firm.google_titles("ana") == []
