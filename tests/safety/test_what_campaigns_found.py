"""Damage that the campaigns have found, each as the shortest story that showed it."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from calsync.google import mapping
from calsync.google.side import GoogleSide
from calsync.store import accounts
from calsync.store.database import reading
from calsync.sync import round as rounds
from calsync.sync import settle
from tests.house import at, crm_at, day
from tests.safety.campaigns import DAILY, guests, lagging, only, other, shown, synced_guest
from tests.safety.disasters import back_up, dies, lose_database, put_back


def knows_nothing_of_our_write(house, meanwhile_done):
    """Let a copy be made by a process that dies, and the next one read it as if it were not there."""
    record = house.crm_add("ana", title="A", **crm_at(day(1)))
    dies(house, "ana", settle, "_record")
    meanwhile_done(record)
    real, left = GoogleSide.read, [None]
    with patch.object(GoogleSide, "read", lambda side, key: left.pop() if left else real(side, key)):
        house.resync("ana")
    assert not left
    house.resync("ana")


def test_an_event_that_could_not_be_read_stays_set_aside_until_it_is_read(house):
    record = house.crm_add("ana", title="A", **crm_at(day(1)))
    house.resync("ana")
    event = only(house.google_events("ana"))
    house.google_edit("ana", event["id"], location="at Google")
    with patch.object(mapping, "_check_times", side_effect=mapping.Unmappable("odd")):
        assert house.resync("ana")["quarantined"] == 1
    house.crm_edit("ana", record["id"], attendees=guests("somebody"))
    house.resync("ana")
    stored = house.crm("GET", f"events/{record['id']}", "ana").json()
    assert stored["location"] == "at Google" or [link.cause for link in house.links("ana") if link.cause]


def test_what_looks_the_same_is_joined_although_the_process_died_before(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.crm_add("ana", title="A", **crm_at(day(1)))
    dies(house, "ana", rounds, "pair")
    house.resync("ana")
    house.resync("ana")
    assert shown(house) == (["A"], ["A"])


def test_a_copy_half_made_when_consent_ended_goes_with_its_original(house):
    house.person("bo")
    record = house.crm_add(
        "ana",
        title="S",
        recurrence=DAILY,
        exceptions=other(2, "x"),
        attendees=guests("bo"),
        **crm_at(day(1)),
    )
    house.fault(operation="events.patch", when="before", status=401, reason="authError", times=9)
    house.resync("bo")
    house.crm_delete("ana", record["id"])
    house.control("DELETE", "faults")
    house.connect("bo", "bo@example.com")
    house.resync("bo")
    house.resync("bo")
    assert shown(house, "bo") == ([], [])


def test_a_record_that_was_handed_over_during_a_crash_is_not_made_twice(house):
    house.person("bo")
    house.google_add("ana", summary="A", **at(day(1)))
    dies(house, "ana", settle, "_record")
    house.crm_edit("ana", only(house.crm_events("ana"))["id"], owner="bo")
    house.resync("ana")
    house.resync("ana")
    assert house.crm_titles("ana") == ["A"]


def test_an_edit_is_put_back_once_the_role_is_read_only(house):
    house.crm_add("ana", title="A", **crm_at(day(1)))
    house.resync("ana")
    house.parts.crm.set_access("ana", "read_only", [])
    house.resync("ana")
    house.google_edit("ana", only(house.google_events("ana"))["id"], summary="A2")
    run = house.resync("ana")
    assert (house.google_titles("ana"), run["quarantined"]) == (["A"], 0)


def test_several_invitations_that_end_at_once_do_not_stop_the_account(house):
    house.person("bo")
    records = [
        house.crm_add("ana", title=f"A{n}", attendees=guests("bo"), **crm_at(day(1 + n))) for n in range(3)
    ]
    house.resync("bo")
    for record in records:
        house.crm_edit("ana", record["id"], attendees=[])
    house.parts.crm.set_access("bo", "standard", ["sales"])
    assert house.resync("bo")["outcome"] == "ok"
    assert house.google_titles("bo") == []


def test_a_team_that_is_not_pushed_does_not_keep_an_event_in_step(house):
    house.person("bo")
    for user in ("ana", "bo"):
        house.parts.crm.set_access(user, "standard", ["sales"])
    event = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    record = only(house.crm_events("ana"))
    house.crm_edit("ana", record["id"], owner="bo")
    house.crm_edit("bo", record["id"], location="where bo is")
    house.resync("ana")
    assert house.google_get("ana", event["id"]).get("location") is None


def test_a_deleted_record_that_two_guests_have_edited_comes_back_once_at_most(house):
    record = synced_guest(house, "bo", security="public_edit")
    house.person("cy")
    house.crm_edit("ana", record, attendees=guests("bo", "cy"))
    for user in ("bo", "cy"):
        house.resync(user)
    house.crm_delete("ana", record)
    for user in ("bo", "cy"):
        house.google_edit(user, only(house.google_events(user))["id"], location=f"with {user}")
    for user in ("bo", "cy", "ana", "bo", "cy"):
        house.resync(user)
    assert len(house.crm_titles("ana")) <= 1


def test_a_guest_who_may_only_read_does_not_bring_back_what_its_owner_deleted(house):
    record = synced_guest(house)
    house.google_edit("bo", only(house.google_events("bo"))["id"], location="with bo")
    house.crm_delete("ana", record)
    house.resync("bo")
    house.resync("bo")
    assert shown(house, "bo") == ([], [])


def test_a_record_that_is_made_private_is_not_half_emptied(house):
    house.google_add("ana", summary="A", location="l1", **at(day(1)))
    house.resync("ana")
    record = only(house.crm_events("ana"))
    house.crm_edit("ana", record["id"], title="A2", security="private")
    house.resync("ana")
    house.resync("ana")
    record = only(house.crm_events("ana"))
    assert (record["title"], record["location"]) in (("A2", "l1"), ("Busy", ""))


def test_a_copy_whose_right_ended_goes_also_after_an_older_backup(house):
    house.person("bo")
    house.resync("bo")
    backup = back_up(house)
    record = house.crm_add("ana", title="A", security="private", attendees=guests("bo"), **crm_at(day(1)))
    house.resync("bo")
    put_back(house, backup)
    house.crm_edit("ana", record["id"], attendees=[])
    house.resync("bo")
    assert house.google_titles("bo") == []


def test_a_copy_whose_right_ended_does_not_become_a_record_after_a_loss(house):
    record = synced_guest(house, security="private")
    lose_database(house)
    house.crm_edit("ana", record, attendees=[])
    for user in ("ana", "bo"):
        house.connect(user, f"{user}@example.com")
        house.resync(user)
    assert [one["owner"] for one in house.crm_events("ana") + house.crm_events("bo")] == ["ana"]


def test_a_clock_that_is_set_back_does_not_let_an_account_wait_for_a_day(house):
    house.clock.advance(days=1)
    house.resync("ana")
    house.clock.advance(days=-1)
    soon = house.clock().timestamp() + house.parts.settings.sync.poll_seconds + 60
    with reading(house.parts.engine) as connection:
        due = accounts.due(connection, type(house.clock()).fromtimestamp(soon, house.clock().tzinfo), 10)
    assert due == [house.account("ana").id]


def test_a_clock_that_is_set_back_does_not_let_an_event_wait_for_a_day(house):
    house.clock.advance(days=1)
    house.crm_add("ana", title="A", **crm_at(day(1)))
    house.fault(operation="events.insert", when="before", status=412, reason="conditionNotMet", times=3)
    house.resync("ana")
    house.resync("ana")
    assert house.google_titles("ana") == []
    house.control("DELETE", "faults")
    house.clock.advance(days=-1)
    house.resync("ana")
    house.clock.advance(minutes=20)
    house.resync("ana")
    assert house.google_titles("ana") == ["A"]


def test_a_refusal_to_tell_what_became_of_a_write_keeps_no_other_event_waiting(house):
    record = house.crm_add("ana", title="A", **crm_at(day(1)))
    dies(house, "ana", settle, "_record")
    house.crm_add("ana", title="B", **crm_at(day(2)))
    house.fault(operation="events.get", when="before", status=403, reason="forbiddenForNonOrganizer", times=1)
    run = house.resync("ana")
    assert run["quarantined"] == 1
    assert sorted(house.google_titles("ana")) == ["A", "B"]
    house.crm_edit("ana", record["id"], title="A2")
    house.resync("ana")
    house.resync("ana")
    assert sorted(house.google_titles("ana")) == ["A2", "B"]


def test_a_copy_that_no_link_knew_goes_with_its_original(house):
    knows_nothing_of_our_write(house, lambda record: house.crm_delete("ana", record["id"]))
    assert shown(house) == ([], [])


def test_an_edited_copy_that_no_link_knew_outlives_its_original(house):
    def both_act(record):
        house.control("POST", "switches", {"clock_offset_seconds": 5})
        house.google_edit("ana", only(house.google_events("ana"))["id"], summary="by Google")
        house.crm_delete("ana", record["id"])

    knows_nothing_of_our_write(house, both_act)
    assert shown(house) == (["by Google"], ["by Google"])


def test_a_copy_deleted_after_its_right_ended_comes_back_with_the_right(house):
    record = house.crm_add("ana", title="A", security="private", **crm_at(day(1)))
    house.person("bo")
    house.resync("ana")
    house.crm_edit("ana", record["id"], owner="bo")
    house.google_delete("ana", only(house.google_events("ana"))["id"])
    house.resync("ana")
    house.crm_edit("bo", record["id"], owner="ana")
    house.resync("ana")
    assert shown(house) == (["A"], ["A"])


def test_two_answers_that_google_knows_nothing_of_a_copy_do_not_mean_that_it_is_gone(house):
    record = house.crm_add("ana", title="A", **crm_at(day(1)))
    house.resync("ana")
    house.crm_delete("ana", record["id"])
    for operation in ("events.delete", "events.get"):
        house.fault(operation=operation, status=404, reason="notFound", times=1)
    house.resync("ana")
    house.clock.advance(hours=1)
    house.resync("ana")
    assert shown(house) == ([], [])


def test_a_deletion_that_died_is_not_done_because_google_knows_nothing_of_the_copy_for_once(house):
    record = house.crm_add("ana", title="A", **crm_at(day(1)))
    house.resync("ana")
    house.crm_delete("ana", record["id"])
    dies(house, "ana", GoogleSide, "_delete")
    house.fault(operation="events.get", status=404, reason="notFound", times=1)
    house.resync("ana")
    house.clock.advance(hours=1)
    house.resync("ana")
    assert shown(house) == ([], [])


def test_a_meeting_that_was_just_listed_is_there_even_if_a_read_says_otherwise(house):
    house.person("bo")
    house.google_add("bo", summary="A", attendees=guests("ana"), **at(day(1)))
    house.resync("bo")
    house.fault(operation="events.get", status=404, reason="notFound", times=1)
    house.resync("ana")
    house.resync("ana")
    assert shown(house) == (["A"], ["A"])


def test_an_answer_from_before_our_own_write_is_no_edit_of_a_person(house):
    event = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    house.clock.advance(minutes=1)
    with lagging(house, event["id"]):
        house.crm_edit("ana", record["id"], location="B", attendees=guests("x"))
        house.resync("ana")
        house.crm_delete("ana", record["id"])
        house.clock.advance(minutes=1)
        house.resync("ana")
    house.clock.advance(hours=1)
    house.resync("ana")
    assert shown(house) == ([], [])


def edited_over_faults(house, *faults):
    """Let an edit of ana's record reach Google, and what Google answers not tell so; return the record's id."""
    house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    house.crm_edit("ana", record["id"], location="B")
    house.fault(operation="events.patch", when="after", status=504, times=1)
    for fault in faults:
        house.fault(**fault)
    house.resync("ana")
    house.control("DELETE", "faults")
    assert only(house.google_events("ana"))["location"] == "B"
    return record["id"]


@pytest.mark.parametrize(
    "faults",
    [
        [{"operation": "events.patch", "status": 400, "reason": "invalid", "times": 9}],
        [{"operation": "events.patch", "status": 403, "reason": "forbidden", "times": 9}],
        [{"operation": "events.get", "status": 503, "times": 9}],
        [{"operation": "events.get", "status": 404, "reason": "notFound", "times": 9}],
    ],
    ids=["refused", "forbidden", "unreadable", "unknown"],
)
def test_an_update_that_has_landed_though_google_says_otherwise_is_no_edit_of_a_person(house, faults):
    record = edited_over_faults(house, *faults)
    house.crm_delete("ana", record)
    house.resync("ana")
    house.clock.advance(hours=1)
    house.resync("ana")
    assert shown(house) == ([], [])


def test_an_update_that_has_landed_though_google_refused_it_then_is_not_set_aside(house):
    edited_over_faults(house, {"operation": "events.patch", "status": 400, "reason": "invalid", "times": 9})
    (link,) = house.links("ana")
    assert (link.cause, link.dirty, link.intents) == (None, False, ())


@pytest.mark.parametrize("status", [400, 403])
def test_a_copy_that_was_made_though_google_says_otherwise_is_not_made_anew_when_it_is_deleted(house, status):
    house.crm_add("ana", title="A", **crm_at(day(1)))
    house.fault(operation="events.insert", when="after", status=504, times=1)
    house.fault(operation="events.insert", status=status, reason="forbidden", times=9)
    house.resync("ana")
    house.control("DELETE", "faults")
    house.google_delete("ana", only(house.google_events("ana"))["id"])
    for _ in range(2):
        house.clock.advance(hours=8)
        house.resync("ana")
    assert shown(house) == ([], [])
