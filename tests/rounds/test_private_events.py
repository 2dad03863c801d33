"""Private Google events enter the CRM as the policy says, their exceptions too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calsync.model.policy import PrivateEvents
from calsync.model.recurrence import occurrence_key
from calsync.sync import round as rounds
from tests.house import at, crm_at, day, nothing_written
from tests.safety.disasters import dies


def private(house, **more):
    return house.google_add(
        "ana", summary="secret", description="very", visibility="private", **at(day(1)), **more
    )


def test_a_private_event_is_busy_and_nothing_else(house):
    private(house, location="clinic", attendees=[{"email": "doc@other.test"}])
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert record["title"] == "Busy"
    assert (record["description"], record["location"], record["attendees"]) == ("", "", [])
    assert record["security"] == "private"
    assert nothing_written(house.resync("ana"))


def test_a_confidential_event_is_busy_too(house):
    house.google_add("ana", summary="secret", visibility="confidential", **at(day(1)))
    house.resync("ana")
    assert house.crm_titles("ana") == ["Busy"]


def test_an_event_that_becomes_private_loses_its_text_in_the_crm(house):
    made = house.google_add("ana", summary="open", description="text", **at(day(1)))
    house.resync("ana")
    house.google_edit("ana", made["id"], visibility="private")
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert (record["title"], record["description"]) == ("Busy", "")
    assert nothing_written(house.resync("ana"))


def test_an_event_that_becomes_public_gets_its_text_in_the_crm(house):
    made = private(house)
    house.resync("ana")
    house.google_edit("ana", made["id"], visibility="default")
    house.resync("ana")
    assert house.crm_titles("ana") == ["secret"]
    assert nothing_written(house.resync("ana"))


def test_one_private_occurrence_hides_the_series(house):
    made = house.google_add("ana", summary="S", recurrence=["RRULE:FREQ=DAILY;COUNT=4"], **at(day(1)))
    house.resync("ana")
    house.google_edit("ana", f"{made['id']}_{occurrence_key(day(2))}", summary="secret", visibility="private")
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert "secret" not in str(record)


def test_moving_a_private_event_moves_the_busy_time_both_ways(house):
    made = private(house)
    house.resync("ana")
    house.google_edit("ana", made["id"], **at(day(2)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert record["start"].startswith(day(2).isoformat()[:13])
    house.crm_edit("ana", record["id"], **crm_at(day(3)))
    house.resync("ana")
    stored = house.google_get("ana", made["id"])
    assert stored["start"]["dateTime"].startswith(day(3).isoformat()[:13])
    assert stored["summary"] == "secret"
    assert nothing_written(house.resync("ana"))


def test_a_title_given_to_a_busy_time_in_the_crm_never_overwrites_the_secret(house):
    made = private(house)
    house.resync("ana")
    house.crm_edit("ana", house.crm_events("ana")[0]["id"], title="what I call it")
    house.resync("ana")
    assert house.google_get("ana", made["id"])["summary"] == "secret"


def test_skip_keeps_private_events_out(build):
    house = build({"private_events": "skip"})
    house.person("ana")
    private(house)
    house.google_add("ana", summary="open", **at(day(1)))
    house.resync("ana")
    assert house.crm_titles("ana") == ["open"]


def test_full_carries_them_whole(build):
    house = build({"private_events": "full"})
    house.person("ana")
    private(house)
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert (record["title"], record["security"]) == ("secret", "private")


@pytest.mark.parametrize(
    ("before", "after", "titles"),
    [
        ("busy", "skip", []),
        ("full", "busy", ["Busy"]),
        ("busy", "full", ["secret"]),
        ("skip", "full", ["secret"]),
    ],
)
def test_what_has_crossed_follows_when_the_rule_for_private_events_changes(build, before, after, titles):
    house = build({"private_events": before})
    house.person("ana")
    private(house)
    house.resync("ana")
    house.parts.policy = replace(house.parts.policy, private_events=PrivateEvents(after))
    house.resync("ana")
    assert house.crm_titles("ana") == titles
    assert nothing_written(house.resync("ana"))
    assert house.google_titles("ana") == ["secret"]


def test_nothing_of_a_private_event_is_stored_in_our_tables(house):
    private(house)
    house.resync("ana")
    data = (house.directory / "calsync.db").read_bytes()
    wal = house.directory / "calsync.db-wal"
    data += wal.read_bytes() if wal.exists() else b""
    assert b"secret" not in data


def test_a_rule_that_changes_is_carried_out_although_the_process_dies(build):
    house = build({"private_events": "full"})
    house.person("ana")
    private(house)
    house.resync("ana")
    house.parts.policy = replace(house.parts.policy, private_events=PrivateEvents.BUSY)
    dies(house, "ana", rounds, "_list_all")
    house.resync("ana")
    assert house.crm_titles("ana") == ["Busy"]


def test_a_record_made_private_in_the_crm_keeps_its_text_when_another_rule_changes(house):
    made = house.google_add("ana", summary="open", description="text", **at(day(1)))
    house.resync("ana")
    house.crm_edit("ana", house.crm_events("ana")[0]["id"], security="private")
    house.resync("ana")
    assert house.google_get("ana", made["id"])["visibility"] == "private"
    house.parts.policy = replace(house.parts.policy, past_days=90)
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert (record["title"], record["description"]) == ("open", "text")


def test_a_record_made_private_before_the_first_round_has_ended_keeps_its_text(house):
    house.google_add("ana", summary="open", description="text", **at(day(1)))
    dies(house, "ana", rounds, "_settle_fresh", after=True)
    guests = [{"email": "cleo@other.test", "response": "needs_action"}]
    record = house.crm_events("ana")[0]["id"]
    house.crm_edit("ana", record, security="private", title="renamed", attendees=guests)
    for _ in range(2):
        house.resync("ana")
        (record,) = house.crm_events("ana")
        assert (record["title"], record["description"]) == ("renamed", "text")
