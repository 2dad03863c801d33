"""Guests whose invitations come from the copy of the record's owner."""

from __future__ import annotations

from calsync.model.recurrence import occurrence_key
from tests.house import crm_at, day

DAILY = ["RRULE:FREQ=DAILY;COUNT=4"]


def invited(house, **more):
    """Let ana's record be on her calendar, and bo be invited by that; returns the record."""
    house.set_policy(guests="write", **more)
    house.person("bo")
    guests = [{"email": "bo@example.com"}]
    record = house.crm_add(
        "ana", title="S", recurrence=DAILY, attendees=guests, security="public_edit", **crm_at(day(1))
    )
    for user in ("ana", "bo", "bo"):
        house.resync(user)
    return record


def test_a_guest_who_is_not_invited_to_one_occurrence_does_not_cancel_it_for_all(house):
    record = invited(house)
    part = {"original_start": day(2).isoformat(), "attendees": [{"email": "other@outside.test"}]}
    house.crm_edit("ana", record["id"], exceptions=[part])
    for user in ("ana", "bo", "ana"):
        house.resync(user)
    (there,) = [one for one in house.crm_events("ana") if one["id"] == record["id"]]
    assert [one.get("cancelled", False) for one in there["exceptions"]] == [False]
    (event,) = [one for one in house.google_events("ana") if "recurringEventId" not in one]
    assert house.google_get("ana", f"{event['id']}_{occurrence_key(day(2))}")["status"] == "confirmed"


def test_what_takes_the_place_of_an_invitation_invites_nobody(house):
    record = invited(house)
    house.set_policy(guests="write", push=["invited"])
    for user in ("ana", "bo", "bo"):
        house.resync(user)
    assert house.google_events("ana") == []
    (copy,) = house.google_events("bo")
    assert copy["extendedProperties"]["private"]["calsync"] == record["id"]
    assert copy.get("attendees", []) == []
