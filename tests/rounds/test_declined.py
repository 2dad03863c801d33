"""Meetings that a guest has declined."""

from __future__ import annotations

from tests.house import at, day


def test_a_meeting_that_was_declined_before_its_guest_consented_is_one_record(house):
    house.person("bo")
    event = house.google_add("ana", summary="A", attendees=[{"email": "bo@example.com"}], **at(day(1)))
    answer(house, event, "declined")
    house.resync("ana")
    house.resync("bo")
    assert [record["owner"] for record in house.crm_events("ana")] == ["ana"]
    answer(house, event, "accepted")
    for user in ("bo", "ana"):
        house.resync(user)
    (record,) = house.crm_events("bo")
    assert [guest["response"] for guest in record["attendees"]] == ["accepted"]
    assert house.google_titles("bo") == ["A"]
    house.google_delete("ana", event["id"])
    for user in ("ana", "bo"):
        house.resync(user)
    assert house.crm_titles("bo") == house.google_titles("bo") == []


def answer(house, event, response):
    own = {"email": "bo@example.com", "responseStatus": response}
    house.google_edit("bo", event["id"], attendees=[own])
