"""Nothing is lost and nobody waits for others: refusals, bugs, crashes and clashes stay where they are."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import pytest

from calsync.sandbox.workplace import Trait
from calsync.store.accounts import State
from tests.house import at, crm_at, day


def test_a_refused_event_is_set_aside_with_its_reason_and_can_be_tried_again(person):
    abel = person("abel")
    abel.connect()
    abel.rounds()
    abel.fault(operation="events.insert", status=403, reason="forbiddenForNonOrganizer", times=1)
    abel.rest()
    for n in range(3):
        abel.crm_add(title=f"C{n}", **crm_at(day(1 + n)))
    abel.go_on()
    abel.until(lambda: len(abel.google_events()) == 2, "the others to arrive")
    abel.until(lambda: any(link.cause for link in abel.links()), "the refusal to be noted")
    (item,) = abel.stage.calsync("quarantine", abel.user, expect=1)["quarantine"]
    assert "forbiddenForNonOrganizer" in item["cause"]
    abel.stage.calsync("quarantine", abel.user, "--retry", item["id"])
    abel.shows("C0", "C1", "C2")


def test_a_person_whose_google_hangs_keeps_nobody_waiting(person):
    slow = person("slow").connect()
    slow.rounds()
    slow.fault(operation="events.list", kind="delay", seconds=25, times=1)
    slow.google_add(summary="late", **at(day(1)))
    slow.wake()
    slow.until(lambda: slow.hits() == 1, "the request to hang")
    others = [person(f"quick{n}") for n in range(10)]
    for one in others:
        one.google_add(summary="served", **at(day(1)))
        one.connect()
    for one in others:
        one.until(lambda one=one: one.crm_titles() == ["served"], "to be served")
    assert slow.crm_titles() == []
    slow.set_account(state=State.PAUSED)


def test_an_account_whose_rounds_break_down_is_put_off_and_the_others_go_on(person):
    broken, other = person("broken"), person("unbroken")
    for one in (broken, other):
        one.google_add(summary="E", **at(day(1)))
        one.connect()
        one.shows("E")
    with sqlite3.connect(broken.stage.directory / "calsync.db", timeout=30) as connection:
        query = "UPDATE link SET base = 'not what it was', dirty = 1 WHERE account_id = ?"
        connection.execute(query, (broken.account().id,))
    log = broken.stage.directory / "daemon.log"
    failures = log.read_text().count("round failed")
    broken.wake()
    broken.until(lambda: log.read_text().count("round failed") > failures, "the round to break down")
    other.google_edit(other.google_events()[0]["id"], summary="goes on")
    other.shows("goes on")
    other.rounds(2)
    assert log.read_text().count("round failed") == failures + 1
    (account,) = broken.stage.calsync("status", broken.user)["accounts"]
    assert "log" in account["reason"]


def test_changes_that_were_listed_but_not_applied_before_a_crash_are_applied_after_it(person):
    ilse = person("ilse")
    ilse.google_add(summary="A", **at(day(1)))
    ilse.connect()
    ilse.shows("A")
    ilse.rest()
    ilse.google_edit(ilse.google_by("A")["id"], summary="A2")
    ilse.google_add(summary="B", **at(day(2)))
    ilse.crm_add(title="C", **crm_at(day(3)))
    cursor = ilse.account().google_cursor
    ilse.fault(operation="events.insert", kind="delay", seconds=10, times=1)
    ilse.go_on()
    ilse.until(lambda: ilse.hits() == 1, "the first write")
    assert ilse.account().google_cursor != cursor
    assert ilse.crm_titles() == ["A", "C"]
    ilse.stage.kill_daemon()
    ilse.mend()
    ilse.stage.start_daemon()
    ilse.wake()
    ilse.shows("A2", "B", "C")


@pytest.mark.needs(Trait.SERIES)
def test_a_series_is_on_google_once_after_its_copies_were_removed_and_the_person_came_back(person):
    jana = person("jana")
    rule = ["RRULE:FREQ=WEEKLY;COUNT=8"]
    jana.crm_add(title="S", recurrence=rule, time_zone="Europe/Berlin", **crm_at(day(1)))
    jana.connect()
    jana.shows("S")
    jana.stage.calsync("disconnect", jana.user, "--google-copies", "remove")
    assert jana.google_events() == []
    jana.connect()
    jana.shows("S")
    jana.stays_silent()
    assert jana.google_by("S")["recurrence"] == rule


@pytest.mark.needs(Trait.PLACES)
def test_a_description_longer_than_google_takes_goes_out_cut_and_stays_whole_in_the_crm(person):
    karl = person("karl")
    long = "What was said & done <here>.\n" * 600
    record = karl.crm_add(title="minutes", description=long, **crm_at(day(1)))
    karl.crm_add(title="other", **crm_at(day(2)))
    karl.connect()
    karl.shows("minutes", "other")
    karl.stays_silent()
    assert karl.google_by("minutes")["description"].startswith("What was said")
    karl.crm_edit(record["id"], location="Room 1")
    karl.until(lambda: karl.google_by("minutes").get("location") == "Room 1", "the room to arrive")
    assert karl.crm_by("minutes")["description"].strip() == long.strip()


@pytest.mark.needs(Trait.TIMES)
def test_a_new_time_from_google_and_a_new_note_from_the_crm_both_stand(person):
    lena = person("lena")
    made = lena.google_add(summary="A", description="old", **at(day(1)))
    lena.connect()
    lena.shows("A")
    with lena.unwatched():
        lena.google_edit(made["id"], **at(day(2, 16)))
        lena.crm_edit(lena.crm_by("A")["id"], description="new")
    lena.until(lambda: lena.google_by("A")["description"] == "new", "the note on Google")
    lena.until(lambda: datetime.fromisoformat(lena.crm_by("A")["start"]) == day(2, 16), "the new time")
    assert lena.google_by("A")["start"]["dateTime"].startswith(f"{day(2):%Y-%m-%d}")
    assert lena.stage.calsync("conflicts", lena.user)["conflicts"] == []


@pytest.mark.needs(Trait.CLOCK)
@pytest.mark.parametrize("winner", ["said on Google", "said in the CRM"])
def test_the_value_that_lost_to_an_edit_made_during_our_write_can_be_read_and_put_back(person, winner):
    mona = person(f"mona-{winner[-3:].lower()}")
    made = mona.google_add(summary="A", **at(day(1)))
    mona.connect()
    mona.shows("A")
    mona.fault(operation="events.patch", kind="delay", seconds=2.5, times=1)
    last = "said in the CRM" if winner == "said on Google" else "said first"
    record = mona.crm_edit(mona.crm_by("A")["id"], title=last)
    mona.until(lambda: mona.hits() == 1, "the write to be under way")
    mona.google_edit(made["id"], summary="said on Google")
    if winner == "said in the CRM":
        mona.crm_edit(record["id"], title=winner)
    mona.shows(winner)
    loser = ({"said on Google", "said in the CRM"} - {winner}).pop()
    found = mona.stage.calsync("conflicts", mona.user)["conflicts"]
    (conflict,) = [one for one in found if one["lost"] == loser]
    assert (conflict["kept"], conflict["field"]) == (winner, "title")
    mona.stage.calsync("restore", str(conflict["id"]))
    mona.shows(loser)
