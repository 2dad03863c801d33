"""Guests whose invitations come from the copy of the record's owner."""

from __future__ import annotations

import pytest

from calsync.model.recurrence import occurrence_key
from calsync.store.accounts import State
from tests.house import crm_at, day

DAILY = ["RRULE:FREQ=DAILY;COUNT=4"]


def invited(house, recurrence=DAILY, security="public_edit", team=None, **more):
    """Let ana's record be on her calendar, and bo be invited by that; returns the record."""
    house.set_policy(guests="write", **more)
    house.person("bo", teams=("sales",))
    guests = [{"email": "bo@example.com"}]
    times = crm_at(day(1))
    record = house.crm_add(
        "ana", title="S", recurrence=recurrence, attendees=guests, security=security, team=team, **times
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


@pytest.mark.parametrize("lets_guests_edit", [False, True])
def test_a_guest_who_may_delete_the_record_does_no_more_than_decline_by_deleting_the_invitation(
    house, lets_guests_edit
):
    record = invited(house, recurrence=[], security="public_delete")
    (event,) = house.google_events("ana")
    house.google_edit("ana", event["id"], guestsCanModify=lets_guests_edit)
    house.resync("bo")
    (invitation,) = house.google_events("bo")
    house.google_delete("bo", invitation["id"])
    house.set_account("ana", state=State.PAUSED)
    house.resync("bo")
    house.set_account("ana", state=State.ACTIVE)
    for user in ("ana", "bo"):
        house.resync(user)
    (there,) = house.crm_events("ana")
    assert there["id"] == record["id"]
    assert [one["response"] for one in there["attendees"]] == ["declined"]
    assert len(house.google_events("ana")) == 1


@pytest.mark.parametrize("security", ["public_edit", "public_delete"])
def test_a_guest_whom_the_owner_takes_off_neither_declines_nor_deletes(house, security):
    record = invited(house, recurrence=[], security=security)
    (invitation,) = house.google_events("bo")
    assert invitation["attendees"]
    house.crm_edit("ana", record["id"], attendees=[])
    for user in ("ana", "bo", "ana", "bo"):
        house.resync(user)
    (there,) = house.crm_events("ana")
    assert (there["id"], there["attendees"]) == (record["id"], [])
    (event,) = house.google_events("ana")
    assert not event.get("attendees")
    assert house.google_events("bo") == []


def test_guests_of_a_meeting_whose_copy_becomes_busy_decline_nothing(house):
    record = invited(house, recurrence=[])
    house.set_policy(guests="write", push=["mine:busy", "invited"])
    for user in ("ana", "bo", "ana", "bo"):
        house.resync(user)
    (event,) = house.google_events("ana")
    assert (event["summary"], event.get("attendees", [])) == ("Busy", [])
    (there,) = house.crm_events("ana")
    assert [one["response"] for one in there["attendees"]] == ["needs_action"]
    (copy,) = house.google_events("bo")
    assert copy["extendedProperties"]["private"]["calsync"] == record["id"]


def test_what_takes_the_place_of_an_invitation_tells_no_more_than_a_copy_may(house):
    record = invited(house, recurrence=[], team="sales")
    house.set_policy(guests="write", push=["mine:busy", "team:busy"])
    for user in ("ana", "bo", "ana", "bo"):
        house.resync(user)
    (copy,) = house.google_events("bo")
    assert (copy["summary"], copy["extendedProperties"]["private"]["calsync"]) == ("Busy", record["id"])


def test_guests_of_a_record_that_is_handed_over_are_taken_off_the_copy_of_whoever_had_it(house):
    record = invited(house, recurrence=[])
    house.set_policy(guests="write", push=["mine", "invited"])
    everybody = [{"email": "bo@example.com"}, {"email": "ana@example.com"}]
    house.crm_edit("ana", record["id"], attendees=everybody)
    house.parts.crm.add_user("eli", "eli@example.com", "Eli", "standard", ())
    house.crm_edit("ana", record["id"], owner="eli")
    for user in ("ana", "bo", "ana", "bo"):
        house.resync(user)
    for user in ("ana", "bo"):
        (copy,) = house.google_events(user)
        assert copy["summary"] == "S"
        assert copy.get("attendees", []) == []
    (there,) = house.crm_events("ana")
    assert {one["response"] for one in there["attendees"]} == {"needs_action"}


def test_a_guest_who_joins_a_record_does_not_undo_what_the_host_has_not_carried_yet(house):
    house.set_policy(guests="write")
    house.person("bo")
    guests = [{"email": "bo@example.com"}, {"email": "cy@outside.test", "response": "accepted"}]
    record = house.crm_add(
        "ana", title="S", recurrence=[], attendees=guests, security="public_edit", **crm_at(day(1))
    )
    house.resync("ana")
    later = [guests[0], {"email": "cy@outside.test", "response": "tentative"}]
    house.crm_edit("ana", record["id"], title="T", attendees=later)
    for user in ("bo", "ana", "bo"):
        house.resync(user)
    (there,) = house.crm_events("ana")
    assert there["title"] == "T"
    assert there["attendees"][1]["response"] == "tentative"
    assert [house.google_titles(user) for user in ("ana", "bo")] == [["T"], ["T"]]


def test_guests_who_come_to_a_series_are_not_written_into_its_exceptions(house):
    record = invited(house)
    part = {"original_start": day(2).isoformat(), "title": "P"}
    house.crm_edit("ana", record["id"], exceptions=[part])
    for user in ("ana", "bo"):
        house.resync(user)
    guests = [{"email": "bo@example.com", "response": "accepted"}, {"email": "cy@outside.test"}]
    house.crm_edit("ana", record["id"], attendees=guests)
    # The guest's answer comes to Google first, and shows in the exception too.
    for user in ("bo", "ana", "bo", "ana"):
        house.resync(user)
    (there,) = house.crm_events("ana")
    assert ["attendees" in one for one in there["exceptions"]] == [False]
    assert [one["response"] for one in there["attendees"]] == ["accepted", "needs_action"]
    assert [house.conflicts(user) for user in ("ana", "bo")] == [[], []]


def test_a_guest_who_is_put_back_before_their_own_round_has_declined_nothing(house):
    record = invited(house, recurrence=[])
    other, bo = {"email": "other@outside.test"}, {"email": "bo@example.com"}
    house.crm_edit("ana", record["id"], attendees=[other, bo])
    for user in ("ana", "bo"):
        house.resync(user)
    house.crm_edit("ana", record["id"], attendees=[other])
    house.resync("ana")
    house.crm_edit("ana", record["id"], attendees=[other, bo])
    house.resync("bo")
    house.clock.advance(minutes=1)
    for user in ("ana", "bo", "ana", "bo"):
        house.resync(user)
    (there,) = house.crm_events("ana")
    assert {one["response"] for one in there["attendees"]} == {"needs_action"}
    assert [len(house.google_events(user)) for user in ("ana", "bo")] == [1, 1]


def test_a_guest_whose_record_changes_hands_keeps_one_record_of_the_meeting(house):
    rules = ["mine", "invited", "team"]
    record = invited(house, recurrence=[], security="public_delete", team="sales", push=rules)
    house.person("cy", teams=("sales",))
    house.resync("cy")
    house.crm_edit("ana", record["id"], owner="cy")
    for user in ("cy", "bo", "ana", "bo", "cy", "ana", "bo"):
        house.clock.advance(seconds=10)
        house.resync(user)
    assert [one["id"] for one in house.crm_events("cy")] == [record["id"]]
    assert [house.google_titles(user) for user in ("bo", "cy")] == [["S"], ["S"]]


def test_occurrences_that_a_guest_was_not_invited_to_go_on_when_the_record_becomes_theirs(house):
    record = invited(house)
    part = {"original_start": day(2).isoformat(), "attendees": [{"email": "other@outside.test"}]}
    house.crm_edit("ana", record["id"], exceptions=[part])
    for user in ("ana", "bo", "bo"):
        house.resync(user)
    house.crm_edit("ana", record["id"], owner="bo")
    for user in ("bo", "ana", "bo"):
        house.resync(user)
    (there,) = [one for one in house.crm_events("bo") if one["id"] == record["id"]]
    assert [one.get("cancelled", False) for one in there["exceptions"]] == [False]
