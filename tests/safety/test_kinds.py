"""What Google makes itself, and what of an event is not ours: never written, and untouched by our writes."""

from __future__ import annotations

import pytest

from tests.house import at, crm_at, day, nothing_written

#: Properties of an event that calsync does not own.
FOREIGN = {
    "colorId": "7",
    "transparency": "transparent",
    "guestsCanModify": True,
    "source": {"title": "Ticket", "url": "https://tickets.test/1"},
    "extendedProperties": {"private": {"other": "app"}, "shared": {"team": "blue"}},
    "attachments": [{"fileUrl": "https://files.test/a", "title": "Plan", "mimeType": "text/plain"}],
    "conferenceData": {
        "conferenceId": "abc-defg-hij",
        "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Meet"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://meet.test/abc-defg-hij"}],
    },
}


@pytest.mark.parametrize("kind", ["outOfOffice", "focusTime", "fromGmail"])
def test_kinds_that_take_time_come_to_the_crm_and_are_never_written(house, kind):
    made = house.google_add("ana", summary=kind, eventType=kind, **at(day(1)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert record["title"] == kind
    before = house.google_get("ana", made["id"])
    house.reset_counters()
    house.crm_edit("ana", record["id"], title="my own words", **crm_at(day(2)))
    run = house.resync("ana")
    assert not any(run["google"].values())
    assert run["quarantined"] == 1
    assert "read-only" in house.links("ana")[0].cause
    house.crm_delete("ana", record["id"])
    for _ in range(2):
        assert not any(house.resync("ana")["google"].values())
    assert house.google_get("ana", made["id"]) == before


def test_an_edit_at_google_of_a_read_only_kind_still_comes(house):
    made = house.google_add("ana", summary="focus", eventType="focusTime", **at(day(1)))
    house.resync("ana")
    house.google_edit("ana", made["id"], summary="deep focus")
    house.resync("ana")
    assert house.crm_titles("ana") == ["deep focus"]
    assert nothing_written(house.resync("ana"))
    house.google_delete("ana", made["id"])
    house.resync("ana")
    assert house.crm_titles("ana") == []


@pytest.mark.parametrize("kind", ["birthday", "workingLocation"])
def test_kinds_that_take_no_time_stay_at_google(house, kind):
    whole = {"start": {"date": str(day(1).date())}, "end": {"date": str(day(2).date())}}
    house.google_add("ana", summary=kind, eventType=kind, **whole)
    assert nothing_written(house.resync("ana"))
    assert house.crm_events("ana") == []


def test_what_is_not_ours_stays_as_it_was_when_we_write(house):
    made = house.google_add("ana", summary="G", description="d", **at(day(1)), **FOREIGN)
    house.resync("ana")
    (record,) = house.crm_events("ana")
    before = house.google_get("ana", made["id"])
    house.crm_edit(
        "ana",
        record["id"],
        title="G2",
        description="d2",
        location="x",
        reminders_minutes=[5],
        **crm_at(day(2)),
    )
    run = house.resync("ana")
    assert run["google"]["updated"] == 1
    after = house.google_get("ana", made["id"])
    assert after["summary"] == "G2"
    ours = {"summary", "description", "location", "start", "end", "reminders", "etag", "updated", "sequence"}
    kept = {name: value for name, value in before.items() if name not in ours}
    assert {name: value for name, value in after.items() if name not in ours} == kept
    assert all(name in kept for name in FOREIGN)


def test_a_series_keeps_what_is_not_ours_on_every_occurrence(house):
    rule = ["RRULE:FREQ=DAILY;COUNT=3"]
    made = house.google_add("ana", summary="S", recurrence=rule, **at(day(1)), **FOREIGN)
    house.resync("ana")
    (record,) = house.crm_events("ana")
    part = {"original_start": day(2).isoformat(), "title": "S moved"}
    house.crm_edit("ana", record["id"], exceptions=[part])
    house.resync("ana")
    assert house.google_get("ana", made["id"])["colorId"] == "7"
    found = [event for event in house.google_events("ana") if event.get("summary") == "S moved"]
    assert [event["colorId"] for event in found] == ["7"]
    assert found[0]["conferenceData"] == FOREIGN["conferenceData"]
