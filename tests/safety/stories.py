"""Short stories, each of which comes out right only because of one rule of the engine.

A story is given what it names: a house with ana connected, a firm whose CRM is OpenCRM, or a shop with vtiger. It
asserts what must have become of her calendars.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from unittest.mock import patch

from calsync.crm.builtin.side import BuiltinSide
from calsync.crm.careful import CarefulSide
from calsync.crm.opencrm.writing import Writer
from calsync.google.side import GoogleSide
from calsync.sync import settle, sights
from tests.crm_opencrm.firm import crm_at as firm_at
from tests.crm_opencrm.firm import day as firm_day
from tests.house import at, crm_at, day
from tests.safety.disasters import consent_anew, dies, lose_database, meanwhile


def synced(house, **more):
    """Let ana have an event A on both sides; return its ids (Google, CRM)."""
    record = house.crm_add("ana", title="A", **crm_at(day(1)), **more)
    house.resync("ana")
    (event,) = house.google_events("ana")
    return event["id"], record["id"]


def with_guest(house, **more):
    """Let ana invite bo to an event that both have on their Google calendars; return the record's id."""
    house.person("bo")
    guests = [{"email": "bo@example.com"}]
    record = house.crm_add("ana", title="A", attendees=guests, **crm_at(day(1)), **more)
    for user in ("ana", "bo"):
        house.resync(user)
    assert house.google_titles("bo") == ["A"]
    return record["id"]


def places(house):
    """Return the location that each side shows of ana's only event."""
    [event], [record] = house.google_events("ana"), house.crm_events("ana")
    return event.get("location", ""), record["location"]


def lost_values(house):
    """Return how many values are on record as losers."""
    return len(house.conflicts("ana"))


# -- R1 ----------------------------------------------------------------------------------------------------


def a_coloured_copy_from_just_before_a_crash_is_deleted_with_its_original(house):
    record = house.crm_add("ana", title="A", **crm_at(day(1)))
    dies(house, "ana", settle, "_record")
    house.control("POST", "switches", {"clock_offset_seconds": 5})
    (copy,) = house.google_events("ana")
    house.google_edit("ana", copy["id"], colorId="5")
    house.crm_delete("ana", record["id"])
    house.resync("ana")
    house.resync("ana")
    assert (house.google_titles("ana"), house.crm_titles("ana")) == ([], [])


def what_was_written_just_before_a_crash_is_no_edit_of_a_person(house):
    _, record = synced(house)
    house.crm_edit("ana", record, title="A2")
    dies(house, "ana", settle, "_record")
    assert house.google_titles("ana") == ["A2"]
    house.crm_delete("ana", record)
    house.resync("ana")
    assert house.google_titles("ana") == []


def a_copy_retracted_just_before_a_crash_was_deleted_by_nobody(house):
    record = with_guest(house, security="public_delete")
    house.crm_edit("ana", record, attendees=[])
    dies(house, "bo", settle, "_record")
    assert house.google_titles("bo") == []
    house.crm_edit("ana", record, attendees=[{"email": "bo@example.com"}])
    house.resync("bo")
    assert house.crm_titles("ana") == ["A"]
    assert house.google_titles("bo") == ["A"]


# -- R2 ----------------------------------------------------------------------------------------------------


def a_crash_after_a_copy_was_made_at_google_doubles_nothing(house):
    house.crm_add("ana", title="A", **crm_at(day(1)))
    dies(house, "ana", settle, "_record")
    (copy,) = house.google_events("ana")
    house.google_edit("ana", copy["id"], summary="A2")
    house.resync("ana")
    house.resync("ana", full=True)
    assert (house.google_titles("ana"), house.crm_titles("ana")) == (["A2"], ["A2"])


def a_crash_after_a_copy_was_made_in_the_crm_doubles_nothing(house):
    house.google_add("ana", summary="A", **at(day(1)))
    dies(house, "ana", settle, "_record")
    (copy,) = house.crm_events("ana")
    house.crm_edit("ana", copy["id"], title="A2")
    house.resync("ana")
    house.resync("ana", full=True)
    assert (house.google_titles("ana"), house.crm_titles("ana")) == (["A2"], ["A2"])


# -- R3 ----------------------------------------------------------------------------------------------------


def an_edit_between_look_and_write_is_not_overwritten_unseen(house):
    event, record = synced(house)
    house.crm_edit("ana", record, location="in the CRM")
    with meanwhile(GoogleSide, "write", lambda: house.google_edit("ana", event, location="at Google")):
        house.resync("ana")
    house.resync("ana")
    one, other = places(house)
    assert one == other
    assert one == "at Google" or lost_values(house) == 1


def an_edit_right_after_a_write_comes_over(house):
    event, record = synced(house)
    house.crm_edit("ana", record, title="A2")
    deed = partial(house.google_edit, "ana", event, summary="A3")
    with meanwhile(GoogleSide, "_patched", deed, after=True):
        house.resync("ana")
    house.resync("ana")
    assert (house.google_titles("ana"), house.crm_titles("ana")) == (["A3"], ["A3"])


# -- R4, R5 ------------------------------------------------------------------------------------------------


def a_crash_while_changes_are_taken_in_loses_none(house):
    event, _ = synced(house)
    house.google_edit("ana", event, location="at Google")
    dies(house, "ana", sights, "record")
    house.resync("ana")
    assert places(house) == ("at Google", "at Google")


def the_loser_of_a_clash_outlives_a_crash(house):
    event, record = synced(house)
    house.google_edit("ana", event, location="at Google")
    house.crm_edit("ana", record, location="in the CRM")
    # The CRM's edit is the newer one.
    dies(house, "ana", GoogleSide, "write", after=True)
    house.resync("ana")
    assert places(house)[0] == places(house)[1]
    assert lost_values(house) == 1


# -- R6, R7 ------------------------------------------------------------------------------------------------


def a_deleted_copy_never_passes_for_the_copy(house):
    event, _ = synced(house)
    lose_database(house)
    house.google_delete("ana", event)
    consent_anew(house, "ana")
    house.resync("ana")
    assert house.google_titles("ana") == ["A"]


def an_edit_brings_back_what_was_deleted_unseen(house):
    event, record = synced(house)
    house.google_delete("ana", event)
    house.crm_edit("ana", record, title="A2")
    house.resync("ana")
    assert (house.google_titles("ana"), house.crm_titles("ana")) == (["A2"], ["A2"])


def a_guest_who_deletes_their_copy_deletes_no_record(house):
    with_guest(house)
    (copy,) = house.google_events("bo")
    house.google_delete("bo", copy["id"])
    house.resync("bo")
    house.resync("ana")
    assert (house.google_titles("ana"), house.crm_titles("ana")) == (["A"], ["A"])


# -- R8, R9 ------------------------------------------------------------------------------------------------


def a_copy_that_was_edited_during_a_crash_keeps_the_edit(house):
    house.crm_add("ana", title="A", **crm_at(day(1)))
    dies(house, "ana", settle, "_record")
    (copy,) = house.google_events("ana")
    house.google_edit("ana", copy["id"], location="at Google")
    house.resync("ana")
    assert places(house) == ("at Google", "at Google")


def a_look_at_google_without_an_edit_is_no_edit(house):
    event, record = synced(house, location="somewhere")
    house.crm_edit("ana", record, location="in the CRM")
    house.google_edit("ana", event, colorId="5")
    house.resync("ana")
    assert places(house) == ("in the CRM", "in the CRM")
    assert lost_values(house) == 0


# -- R10 ---------------------------------------------------------------------------------------------------


def an_edit_in_opencrm_between_look_and_write_is_not_overwritten_unseen(firm):
    record = firm.crm_add("ana", subject="A", **firm_at(firm_day(1)))
    firm.rounds("ana")
    (event,) = firm.google_events("ana")
    firm.google_edit("ana", event["id"], location="at Google")
    deed = partial(firm.crm_edit, "ana", record["id"], location="in the CRM")
    with meanwhile(Writer, "carry_out", deed):
        firm.resync("ana")
    firm.rounds("ana")
    [event], stored = firm.google_events("ana"), firm.crm_get(record["id"])
    assert event["location"] == stored["location"]
    assert stored["location"] == "in the CRM" or lost_values(firm) == 1


def an_edit_in_vtiger_between_look_and_write_is_not_overwritten_unseen(shop):
    house, vtiger = shop
    record = vtiger.add("ana", "A", day(1))
    house.resync("ana")
    (event,) = house.google_events("ana")
    house.google_edit("ana", event["id"], location="at Google")
    deed = partial(vtiger.edit, "ana", record, location="in the CRM")
    with meanwhile(CarefulSide, "write", deed):
        house.resync("ana")
    house.resync("ana")
    [event], stored = house.google_events("ana"), vtiger.events("ana")["A"]
    assert event["location"] == stored["location"]
    assert stored["location"] == "in the CRM" or lost_values(house) == 1


# -- R11, R12 ----------------------------------------------------------------------------------------------


def a_private_record_stays_with_its_owner(house):
    house.person("bo")
    house.resync("bo")
    house.crm_add("ana", title="A", security="private", **crm_at(day(1)))
    house.resync("bo")
    assert house.google_titles("bo") == []


def what_lost_its_permission_decision_on_the_way_does_not_go_out(house):
    import mutants

    house.person("bo")
    house.resync("bo")
    with ExitStack() as stack:
        for owner, name, instead in mutants.undecided():
            stack.enter_context(patch.object(owner, name, instead))
        house.crm_add("ana", title="A", security="private", **crm_at(day(1)))
        house.resync("bo")
    assert house.google_titles("bo") == []
    assert [link.cause for link in house.links("bo")] == ["no permission decision came with the write"]


def a_second_process_leaves_an_account_that_is_being_worked_on(house):
    house.crm_add("ana", title="A", **crm_at(day(1)))
    runs = []
    with meanwhile(BuiltinSide, "observe", lambda: runs.append(house.resync("ana"))):
        house.resync("ana")
    assert [run["outcome"] for run in runs] == ["busy"]
    assert house.google_titles("ana") == ["A"]


#: The story that notices when a rule is gone, by the mutant of the campaigns.
STORIES = {
    "no-create-intents": a_coloured_copy_from_just_before_a_crash_is_deleted_with_its_original,
    "no-update-intents": what_was_written_just_before_a_crash_is_no_edit_of_a_person,
    "no-retract-intents": a_copy_retracted_just_before_a_crash_was_deleted_by_nobody,
    "id-not-recorded": a_crash_after_a_copy_was_made_at_google_doubles_nothing,
    "no-reference-in-crm": a_crash_after_a_copy_was_made_in_the_crm_doubles_nothing,
    "no-if-match": an_edit_between_look_and_write_is_not_overwritten_unseen,
    "base-reread": an_edit_right_after_a_write_comes_over,
    "cursor-first": a_crash_while_changes_are_taken_in_loses_none,
    "losers-later": the_loser_of_a_clash_outlives_a_crash,
    "losers-forgotten": the_loser_of_a_clash_outlives_a_crash,
    "tombstone-adopted": a_deleted_copy_never_passes_for_the_copy,
    "deletion-beats-edit": an_edit_brings_back_what_was_deleted_unseen,
    "deletion-without-right": a_guest_who_deletes_their_copy_deletes_no_record,
    "orphan-agrees": a_copy_that_was_edited_during_a_crash_keeps_the_edit,
    "version-decides": a_look_at_google_without_an_edit_is_no_edit,
    "no-look-before-write": an_edit_in_opencrm_between_look_and_write_is_not_overwritten_unseen,
    "no-careful-look": an_edit_in_vtiger_between_look_and_write_is_not_overwritten_unseen,
    "permission-ignored": a_private_record_stays_with_its_owner,
    "undecided-accepted": what_lost_its_permission_decision_on_the_way_does_not_go_out,
    "no-lock": a_second_process_leaves_an_account_that_is_being_worked_on,
}
