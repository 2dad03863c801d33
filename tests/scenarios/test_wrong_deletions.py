"""Nothing is deleted because of a failure: not of the process, of a listing, of an answer, or of a calendar."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime

import pytest

from calsync.sandbox.workplace import Trait
from tests.house import at, crm_at, day


def imported(someone, count=10):
    """Give somebody events that are on both sides; return them as they are on Google, by title."""
    for n in range(count):
        someone.google_add(summary=f"E{n}", **at(day(1 + n)))
    someone.connect()
    someone.shows(*[f"E{n}" for n in range(count)])
    someone.rounds()
    return {event["summary"]: event for event in someone.google_events()}


def test_a_process_killed_amid_the_pages_of_a_listing_goes_on_from_the_old_place(person):
    otto = person("otto")
    made = imported(otto)
    otto.rest()
    for event in made.values():
        otto.google_edit(event["id"], description="moved")
    cursor = otto.account().google_cursor
    otto.stage.control("POST", "switches", {"short_pages": 2})
    otto.fault(operation="events.list", kind="delay", seconds=5, skip=2, times=1)
    otto.go_on()
    otto.until(lambda: otto.hits() == 1, "the third page to be asked for")
    otto.stage.kill_daemon()
    otto.mend()
    assert otto.account().google_cursor == cursor
    otto.stage.start_daemon()
    otto.wake()
    otto.until(lambda: {e["description"] for e in otto.crm_events()} == {"moved"}, "the edits to arrive")
    assert len(otto.crm_events()) == len(otto.google_events()) == 10


def test_two_that_sync_the_same_person_at_once_take_turns(person):
    ruth = person("ruth")
    second = ruth.stage.run("run", "--role", "worker")
    assert second.returncode == 2
    assert "another daemon" in second.stderr
    for n in range(20):
        ruth.google_add(summary=f"G{n}", **at(day(1 + n)))
    ruth.fault(operation="events.insert", kind="delay", seconds=0.05, times=99)
    ruth.connect()
    records = [ruth.crm_add(title=f"C{n}", **crm_at(day(1 + n))) for n in range(20)]
    command = [sys.executable, "-m", "calsync", "--config", str(ruth.stage.config), "resync", ruth.user]
    both = [
        subprocess.Popen(
            [*command, *more],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ruth.stage.surroundings(),
        )
        for more in ((), ("--full",))
    ]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    ruth.shows(*[f"{side}{n}" for side in "GC" for n in range(20)])
    ruth.stays_silent()
    assert {record["id"] for record in records} <= {record["id"] for record in ruth.crm_events()}


def test_an_error_on_reading_one_event_is_no_deletion(person):
    failures = [
        {"status": 403, "reason": "forbidden"},
        {"status": 429, "reason": "rateLimitExceeded"},
        {"status": 500, "reason": "backendError"},
        {"kind": "reset"},
    ]
    people = [person(f"ella{n}") for n in range(len(failures))]
    for one, failure in zip(people, failures, strict=True):
        made = imported(one, 2)
        one.fault(operation="events.get", times=9999, **failure)
        one.google("DELETE", f"/{made['E0']['id']}")
        one.rest()
        one.crm_edit(one.crm_by("E1")["id"], description="here")
        one.expire("tombstones", "sync_tokens")
        one.go_on()
    for one in people:
        one.until(
            lambda one=one: one.requests().get("events.get", 0) > 0, "the missing event to be looked for"
        )
    assert [one.crm_titles() for one in people] == [["E0", "E1"]] * len(people)
    refused = people[0]
    refused.until(lambda: refused.google_by("E1").get("description") == "here", "the rest to go on")
    refused.mend()
    for one in people:
        one.wake()
        one.shows("E1")
        one.until(lambda one=one: one.google_by("E1").get("description") == "here", "the edit to arrive")


def test_what_was_deleted_behind_a_refused_token_goes_and_the_rest_is_untouched(person):
    saul = person("saul")
    made = imported(saul)
    saul.rest()
    for n in range(3):
        saul.google("DELETE", f"/{made[f'E{n}']['id']}")
    left = [record for record in saul.crm_events() if record["title"] > "E2"]
    saul.expire("tombstones", "sync_tokens")
    before = saul.requests().get("events.get", 0)
    saul.go_on()
    saul.shows(*[f"E{n}" for n in range(3, 10)])
    assert saul.crm_events() == left
    assert saul.requests()["events.get"] - before == 3
    saul.stays_silent()


def test_a_full_listing_that_fails_on_its_second_page_leaves_everything_as_it_was(person):
    tina = person("tina")
    imported(tina, 6)
    tina.rest()
    before = tina.google_events(), tina.crm_events(), tina.links()
    tina.stage.control("POST", "switches", {"short_pages": 2})
    tina.fault(operation="events.list", status=500, skip=1, times=9999)
    tina.expire("sync_tokens")
    tina.go_on()
    tina.until(lambda: tina.account().failures > 0, "the listing to fail")
    tina.rest()
    tina.mend()
    assert (tina.google_events(), tina.crm_events(), tina.links()) == before
    tina.go_on()
    tina.stays_silent()


def test_a_calendar_that_is_gone_stops_its_account_and_deletes_nothing(person):
    uwe, other = person("uwe"), person("uwes-neighbour")
    imported(uwe, 3)
    imported(other, 2)
    uwe.fault(operation="events.list", status=404, reason="notFound", times=9999)
    uwe.until(lambda: uwe.account().state == "lost", "the account to stop")
    assert uwe.crm_titles() == ["E0", "E1", "E2"]
    other.google_edit(other.google_by("E0")["id"], summary="goes on")
    other.shows("goes on", "E1")
    uwe.mend()
    uwe.go_on()
    uwe.rounds()
    uwe.shows("E0", "E1", "E2")


@pytest.mark.needs(Trait.SERIES)
@pytest.mark.parametrize("side", ["Google", "CRM"])
def test_a_series_that_is_renamed_keeps_the_date_that_was_moved(person, side):
    name = f"wim-{side.lower()}"
    wim = person(name)
    series = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
    made = wim.google_add(summary="S", **series, **at(day(1), zone="UTC"))
    moved = f"{made['id']}_{day(3):%Y%m%dT%H%M%SZ}"
    wim.google_edit(moved, **at(day(3, 15), zone="UTC"))
    wim.connect()
    wim.until(lambda: len(wim.crm_events()) == 1, "the series to arrive")
    wim.rounds()
    starts = google_starts(wim)
    assert len(starts) == 5
    if side == "Google":
        wim.google_edit(made["id"], summary="S2")
    else:
        wim.crm_edit(wim.crm_events()[0]["id"], title="S2")
    wim.until(lambda: wim.google("GET", f"/{made['id']}")["summary"] == "S2", "the name on Google")
    wim.until(lambda: wim.crm_titles() == ["S2"], "the name in the CRM")
    wim.stays_silent()
    assert google_starts(wim) == starts
    (exception,) = wim.crm_events()[0]["exceptions"]
    assert datetime.fromisoformat(exception["start"]) == day(3, 15)


def google_starts(someone):
    """Return when the next month's occurrences begin, as Google shows them."""
    span = f"?expand_from={day(0):%Y-%m-%dT%H:%M:%SZ}&expand_to={day(31):%Y-%m-%dT%H:%M:%SZ}"
    return sorted(event["start"]["dateTime"] for event in someone.google("GET", span)["events"])


def test_a_deletion_that_google_reports_of_an_event_never_seen_changes_nothing(person):
    yves = person("yves")
    imported(yves, 2)
    yves.rest()
    made = yves.google_add(summary="come and gone", **at(day(1)))
    yves.google("DELETE", f"/{made['id']}")
    yves.go_on()
    yves.stays_silent()
    yves.shows("E0", "E1")


def test_a_series_that_google_reports_as_cancelled_while_its_dates_are_alive_stays(person):
    zoe = person("zoe")
    made = zoe.google_add(summary="S", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **at(day(1)))
    zoe.connect()
    zoe.shows("S")
    zoe.rounds()
    before = zoe.crm_events()
    zoe.stage.control("POST", "switches", {"ghosts": [made["id"]]})
    zoe.google_edit(made["id"], colorId="3")
    zoe.stays_silent()
    assert zoe.crm_events() == before
    zoe.stage.control("POST", "switches", {"ghosts": []})
    zoe.google("DELETE", f"/{made['id']}")
    zoe.until(lambda: zoe.crm_events() == [], "the real deletion")
