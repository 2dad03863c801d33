"""Nothing is doubled: not by a second look, a lost mapping, a reconnection, or two imports at once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from calsync.sandbox.workplace import Trait
from tests.house import at, crm_at, day


def test_a_series_imported_from_google_is_not_pushed_back_and_mails_nobody(person):
    ines = person("ines")
    guests = [{"email": "guest@outside.test"}, {"email": "other@outside.test"}]
    ines.google_add(summary="Jour fixe", recurrence=["RRULE:FREQ=WEEKLY"], attendees=guests, **at(day(1)))
    ines.connect()
    ines.shows("Jour fixe")
    ines.stays_silent()
    assert ines.google_writes() == 0
    assert ines.mails() == []


def test_five_rounds_without_an_edit_write_nothing(person):
    finn = person("finn")
    finn.google_add(summary="G", **at(day(1)))
    finn.google_add(summary="S", recurrence=["RRULE:FREQ=DAILY;COUNT=9"], **at(day(1)))
    finn.crm_add(title="C", description="two\nlines", **crm_at(day(2)))
    finn.connect()
    finn.shows("G", "S", "C")
    finn.stays_silent(rounds=5)


def test_mapping_rows_that_lost_an_id_find_their_events_again(person):
    rosa = person("rosa")
    rosa.google_add(summary="from Google", **at(day(1)))
    rosa.crm_add(title="from the CRM", **crm_at(day(2)))
    rosa.connect()
    rosa.shows("from Google", "from the CRM")
    rosa.rounds()
    rosa.rest()
    before = rosa.google_events(), rosa.crm_events()
    keys = {link.google.key for link in rosa.links()}
    _forget_google_ids(rosa)
    rosa.set_account(google_cursor=None, crm_cursor=None)
    rosa.go_on()
    rosa.rounds()
    assert (rosa.google_events(), rosa.crm_events()) == before
    assert {link.google.key for link in rosa.links()} == keys


def _forget_google_ids(someone):
    """Do to the mapping what a bad migration would."""
    import sqlite3

    with sqlite3.connect(someone.stage.directory / "calsync.db", timeout=30) as connection:
        query = "UPDATE link SET google_key = NULL, google_version = '' WHERE account_id = ?"
        connection.execute(query, (someone.account().id,))


def test_who_disconnects_keeping_copies_and_returns_gets_no_record_twice(person):
    emil = person("emil")
    for n in range(5):
        emil.google_add(summary=f"G{n}", **at(day(1 + n)))
    emil.crm_add(title="C", **crm_at(day(2)))
    emil.connect()
    emil.shows("C", *[f"G{n}" for n in range(5)])
    before = sorted(event["id"] for event in emil.crm_events())
    mapping = {(link.google.key, link.crm.key) for link in emil.links()}
    emil.stage.calsync("disconnect", emil.user)
    assert emil.crm_titles() == emil.google_titles()
    emil.connect()
    emil.rounds()
    assert sorted(event["id"] for event in emil.crm_events()) == before
    assert {(link.google.key, link.crm.key) for link in emil.links()} == mapping
    emil.shows("C", *[f"G{n}" for n in range(5)])


def test_a_second_import_that_starts_during_the_first_doubles_nothing(person):
    vera = person("vera")
    for n in range(30):
        vera.google_add(summary=f"E{n}", **at(day(1 + n)))
    vera.stage.control("POST", "switches", {"short_pages": 10})
    vera.fault(operation="events.list", kind="delay", seconds=1.0, skip=1, times=2)
    vera.connect()
    vera.until(lambda: vera.hits() > 0, "the first import to be under way")
    imports = [_start_import(vera) for _ in range(2)]
    for process in imports:
        process.communicate(timeout=60)
    assert [process.returncode for process in imports] == [0, 0]
    vera.shows(*[f"E{n}" for n in range(30)])
    keys = Counter(link.google.key for link in vera.links())
    assert set(keys.values()) == {1}
    assert len(keys) == 30


def _start_import(someone):
    command = [sys.executable, "-m", "calsync", "--config", str(someone.stage.config)]
    command += ["--json", "resync", someone.user, "--full"]
    where = someone.stage.surroundings()
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=where)


def test_a_listing_that_comes_back_empty_creates_and_deletes_nothing_and_is_reported(person):
    nora = person("nora")
    nora.stage.control("POST", f"accounts/{nora.email}/seed", {"generate": {"n": 200, "seed": 3}})
    nora.connect()
    nora.rounds()
    nora.until(lambda: len(nora.links()) > 100 and not any(link.dirty for link in nora.links()), "the import")
    before = nora.google_events(), nora.crm_events()
    nora.stage.control("POST", "switches", {"empty_full_listing": True})
    nora.expire("sync_tokens")
    nora.wake()
    nora.until(lambda: nora.account().failures > 0, "the round to stop")
    (account,) = nora.stage.calsync("status", nora.user)["accounts"]
    assert "leaves out entries" in account["reason"]
    assert (nora.google_events(), nora.crm_events()) == before
    nora.stage.control("POST", "switches", {"empty_full_listing": False})
    nora.stays_silent()


@pytest.mark.needs(Trait.CANCELS)
def test_an_event_cancelled_in_the_crm_and_planned_again_is_on_google_once(person):
    kurt = person("kurt")
    record = kurt.crm_add(title="Lunch", **crm_at(day(1)))
    kurt.connect()
    kurt.shows("Lunch")
    for _ in range(2):
        kurt.crm_edit(record["id"], status="cancelled")
        kurt.until(lambda: kurt.google_titles() == [], "the copy to go")
        kurt.crm_edit(record["id"], status="planned")
        kurt.until(lambda: kurt.google_titles() == ["Lunch"], "the copy to come back")
    kurt.stays_silent()
    assert kurt.google_titles() == kurt.crm_titles() == ["Lunch"]
