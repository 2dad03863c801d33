"""What happens when both sides changed the same thing."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from calsync.store import conflicts, contents
from calsync.store.database import reading
from tests.house import at, crm_at, day, nothing_written


@pytest.fixture
def shared(house):
    """An event on both sides; returns (house, Google id, CRM id)."""
    made = house.google_add("ana", summary="A", location="room", **at(day(1)))
    house.resync("ana")
    return house, made["id"], house.crm_events("ana")[0]["id"]


def kept_losers(house):
    """Return (field, lost value, kept side) of all conflicts on record."""
    cipher = house.account("ana").cipher
    with reading(house.parts.engine) as connection:
        rows = [row for _, row in conflicts.of_account(connection, house.account("ana").id)][::-1]
    return [
        (row.field, contents.load_value(cipher.open(row.place("lost"), row.lost)), row.kept_side)
        for row in rows
    ]


def test_edits_of_different_fields_of_one_event_both_survive(shared):
    house, google_id, crm_id = shared
    house.google_edit("ana", google_id, summary="A2")
    house.crm_edit("ana", crm_id, location="garden")
    run = house.resync("ana")
    assert run["conflicts"] == 0
    assert house.google_get("ana", google_id)["summary"] == "A2"
    assert house.google_get("ana", google_id)["location"] == "garden"
    (record,) = house.crm_events("ana")
    assert (record["title"], record["location"]) == ("A2", "garden")
    assert nothing_written(house.resync("ana"))


@pytest.mark.parametrize("skew_seconds", [0, 3600, -3600], ids=lambda s: f"google {s:+} s")
@pytest.mark.parametrize("last", ["google", "crm"])
def test_the_newer_edit_of_the_same_field_wins_and_the_older_is_kept(house, last, skew_seconds):
    house.control("POST", "switches", {"clock_offset_seconds": skew_seconds})
    google_id = house.google_add("ana", summary="A", location="room", **at(day(1)))["id"]
    house.resync("ana")
    crm_id = house.crm_events("ana")[0]["id"]
    house.clock.advance(minutes=10)

    def in_google():
        house.google_edit("ana", google_id, summary="by google")

    def in_crm():
        house.crm_edit("ana", crm_id, title="by crm")

    house.control("POST", "switches", {"clock_offset_seconds": 600 + skew_seconds})
    for edit in (in_crm, in_google) if last == "google" else (in_google, in_crm):
        edit()
        house.clock.advance(seconds=5)
        ahead = house.clock.ahead.total_seconds() + skew_seconds
        house.control("POST", "switches", {"clock_offset_seconds": ahead})
    run = house.resync("ana")
    assert run["conflicts"] == 1
    assert house.google_titles("ana") == house.crm_titles("ana") == [f"by {last}"]
    other = "crm" if last == "google" else "google"
    assert kept_losers(house) == [("title", f"by {other}", last)]
    assert nothing_written(house.resync("ana"))


@pytest.mark.parametrize("winner", ["google", "crm"])
def test_a_fixed_winner_wins(build, winner):
    house = build({"conflict": winner})
    house.person("ana")
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    house.google_edit("ana", made["id"], summary="by google")
    house.crm_edit("ana", house.crm_events("ana")[0]["id"], title="by crm")
    house.resync("ana")
    assert house.google_titles("ana") == house.crm_titles("ana") == [f"by {winner}"]


def test_an_edit_beats_a_deletion_in_google(shared):
    house, google_id, crm_id = shared
    house.google_delete("ana", google_id)
    house.crm_edit("ana", crm_id, title="still needed")
    house.resync("ana")
    assert house.google_titles("ana") == house.crm_titles("ana") == ["still needed"]
    assert nothing_written(house.resync("ana"))


def test_an_edit_beats_a_deletion_in_the_crm(shared):
    house, google_id, crm_id = shared
    house.crm_delete("ana", crm_id)
    house.google_edit("ana", google_id, summary="still needed")
    house.resync("ana")
    assert house.google_titles("ana") == house.crm_titles("ana") == ["still needed"]
    assert nothing_written(house.resync("ana"))


def test_what_was_deleted_on_both_sides_is_gone_without_a_write(shared):
    house, google_id, crm_id = shared
    house.crm_delete("ana", crm_id)
    house.google_delete("ana", google_id)
    assert nothing_written(house.resync("ana"))
    assert house.links("ana") == []


def test_the_same_edit_on_both_sides_is_no_conflict(shared):
    house, google_id, crm_id = shared
    house.crm_edit("ana", crm_id, title="B")
    house.google_edit("ana", google_id, summary="B")
    run = house.resync("ana")
    assert run["conflicts"] == 0
    assert nothing_written(run)


def test_losers_are_stored_encrypted(shared):
    house, google_id, crm_id = shared
    house.crm_edit("ana", crm_id, title="marker-of-the-crm")
    house.google_edit("ana", google_id, summary="marker-of-google")
    house.resync("ana")
    with reading(house.parts.engine) as connection:
        (row,) = connection.execute(select(conflicts.conflicts)).all()
    assert b"marker" not in b"".join(value for value in row if isinstance(value, bytes))


def test_a_value_that_google_shortens_or_rewrites_does_not_come_back(house):
    record = house.crm_add("ana", title="A", description="1 < 2 & <b>bold</b>\nline", **crm_at(day(1)))
    house.resync("ana")
    for _ in range(2):
        assert nothing_written(house.resync("ana"))
    assert house.crm_events("ana")[0]["description"] == record["description"]


def test_reminders_that_two_people_add_both_stay(shared):
    house, google_id, crm_id = shared
    own = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]}
    house.google_edit("ana", google_id, reminders=own)
    house.crm_edit("ana", crm_id, reminders_minutes=[30])
    house.resync("ana")
    overrides = house.google_get("ana", google_id)["reminders"]["overrides"]
    assert [one["minutes"] for one in overrides] == [10, 30]
    assert house.crm_events("ana")[0]["reminders_minutes"] == [10, 30]
    assert house.conflicts("ana") == []
    assert nothing_written(house.resync("ana"))


def test_a_guest_added_on_each_side_is_on_both(build):
    house = build({"guests": "write"})
    house.person("ana")
    made = house.google_add("ana", summary="A", attendees=[{"email": "x@outside.test"}], **at(day(1)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    more = [*house.google_get("ana", made["id"])["attendees"], {"email": "y@outside.test"}]
    house.google_edit("ana", made["id"], attendees=more)
    house.crm_edit("ana", record["id"], attendees=[*record["attendees"], {"email": "z@outside.test"}])
    house.resync("ana")
    at_google = {guest["email"][0] for guest in house.google_get("ana", made["id"])["attendees"]}
    in_crm = {guest["email"][0] for guest in house.crm_events("ana")[0]["attendees"]}
    assert at_google == in_crm == {"x", "y", "z"}
    assert nothing_written(house.resync("ana"))


def test_a_guest_added_at_google_leaves_the_record_its_own(house):
    house.crm_add("ana", title="A", attendees=[{"email": "x@outside.test"}], **crm_at(day(1)))
    house.resync("ana")
    (copy,) = house.google_events("ana")
    house.google_edit("ana", copy["id"], attendees=[{"email": "y@outside.test"}])
    house.resync("ana")
    assert {guest["email"][0] for guest in house.crm_events("ana")[0]["attendees"]} == {"x", "y"}
    assert nothing_written(house.resync("ana"))


def test_what_google_knows_of_a_guest_outlives_a_guest_that_we_add(build):
    house = build({"guests": "write"})
    house.person("ana")
    known = {"email": "x@outside.test", "responseStatus": "accepted", "comment": "gladly", "optional": True}
    made = house.google_add("ana", summary="A", attendees=[known], **at(day(1)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    people = [
        dict(record["attendees"][0], response="declined"),
        {"email": "z@outside.test"},
    ]
    house.crm_edit("ana", record["id"], attendees=people)
    house.resync("ana")
    after = {guest["email"]: guest for guest in house.google_get("ana", made["id"])["attendees"]}
    assert after["x@outside.test"] == known
    assert set(after) == {"x@outside.test", "z@outside.test"}
    assert nothing_written(house.resync("ana"))
