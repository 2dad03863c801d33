"""Listing: pages that miss nothing, windows that know series, and a feed of changes with tombstones."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.crm.conftest import Office


@pytest.fixture
def own(office, request):
    """A fresh user of the office: sees only what is its own."""
    login = f"user{abs(hash(request.node.nodeid))}"
    office.hire(login)
    return login


def add(office, user, title="e", start="2026-05-04T09:00:00Z", end="2026-05-04T10:00:00Z", **more):
    return office.crm_add(user, title=title, start=start, end=end, **{"security": "private", **more})


def listed(office, user, query=""):
    answer = office.crm("GET", f"events?{query}", user)
    assert answer.status_code == 200, answer.text
    return answer.json()


def titles(office, user, query=""):
    return [event["title"] for event in listed(office, user, query)["events"] if event.get("owner") == user]


def walk(office, user, query):
    """Follow `next` to the end; return the pages."""
    pages, after = [], ""
    while True:
        page = listed(office, user, query + after)
        pages.append(page["events"])
        if page["next"] is None:
            return pages
        after = f"&after={page['next']}"


def test_an_empty_calendar_is_an_empty_list(office, own):
    assert [event for event in listed(office, own)["events"] if event["owner"] == own] == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_hold_everything_once_and_in_order(office, own, limit):
    made = [add(office, own, str(number))["id"] for number in range(5)]
    pages = walk(office, own, f"limit={limit}")
    assert [event["id"] for page in pages for event in page if event["owner"] == own] == made
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


def test_an_event_that_changes_while_it_is_paged_is_met_again_at_the_end(office, own):
    first, *_ = [add(office, own, str(number)) for number in range(4)]
    page = listed(office, own, "limit=2")
    office.crm_edit(own, first["id"], title="again")
    rest = listed(office, own, f"limit=10&after={page['next']}")
    assert [event["title"] for event in page["events"] + rest["events"] if event["owner"] == own] == [
        *("0", "1", "2", "3"),
        "again",
    ]


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        ("start=2026-05-04T08:00:00Z&end=2026-05-04T09:00:00Z", False),
        ("start=2026-05-04T08:00:00Z&end=2026-05-04T09:00:01Z", True),
        ("start=2026-05-04T09:59:59Z&end=2026-05-04T12:00:00Z", True),
        ("start=2026-05-04T10:00:00Z&end=2026-05-04T12:00:00Z", False),
        ("start=2026-05-04T10:59:59%2B01:00", True),
        ("start=2026-05-04T11:00:00%2B01:00", False),
        ("end=2026-05-04T09:00:00Z", False),
        ("start=2026-05-04&end=2026-05-05", True),
        ("start=2026-05-05", False),
    ],
)
def test_a_window_holds_what_overlaps_it(office, own, window, inside):
    add(office, own, "e")
    assert titles(office, own, window) == (["e"] if inside else [])


@pytest.mark.parametrize(
    ("window", "inside"),
    [("start=2026-05-05&end=2026-05-06", True), ("start=2026-05-06", False), ("end=2026-05-04", False)],
)
def test_a_window_holds_all_day_events_of_its_days(office, own, window, inside):
    add(office, own, "d", "2026-05-04", "2026-05-06")
    assert titles(office, own, window) == (["d"] if inside else [])


def series(office, own, **more):
    return add(office, own, "s", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"], time_zone="UTC", **more)


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        ("start=2026-05-25&end=2026-05-26", True),
        ("start=2026-05-26&end=2026-05-31", False),
        ("start=2026-05-05&end=2026-05-11", False),
        ("start=2026-06-01", False),
        ("end=2026-05-04", False),
    ],
)
def test_a_window_holds_a_series_that_takes_place_in_it(office, own, window, inside):
    series(office, own)
    assert titles(office, own, window) == (["s"] if inside else [])


@pytest.mark.parametrize("day", ["2026-04-01", "2026-05-07", "2026-08-01"])
def test_an_occurrence_that_was_moved_is_found_where_it_is_now_and_not_where_it_was(office, own, day):
    moved = {"original_start": "2026-05-11T09:00:00Z", "start": f"{day}T09:00:00Z", "end": f"{day}T10:00:00Z"}
    series(office, own, exceptions=[moved])
    assert titles(office, own, f"start={day}T00:00:00Z&end={day}T23:00:00Z") == ["s"]
    assert titles(office, own, "start=2026-05-11&end=2026-05-12") == []


def test_a_day_on_which_a_series_was_cancelled_does_not_hold_it(office, own):
    series(office, own, exceptions=[{"original_start": "2026-05-11T09:00:00Z", "cancelled": True}])
    assert titles(office, own, "start=2026-05-11&end=2026-05-12") == []


def test_an_occurrence_that_became_a_whole_day_is_found_on_that_day(office, own):
    moved = {"original_start": "2026-05-11T09:00:00Z", "start": "2026-05-13", "end": "2026-05-14"}
    series(office, own, exceptions=[moved])
    assert titles(office, own, "start=2026-05-13T12:00:00Z&end=2026-05-13T13:00:00Z") == ["s"]


# -- the feed ----------------------------------------------------------------------------------------------


def test_changes_since_a_moment_hold_what_changed_and_tombstones_of_what_was_deleted(office, own):
    kept, changed, deleted = (add(office, own, name) for name in ("kept", "changed", "deleted"))
    since = office.crm_edit(own, changed["id"], title="new")["modified"]
    office.crm_delete(own, deleted["id"])
    feed = listed(office, own, f"changed_since={since}")["events"]
    (tombstone,) = [event for event in feed if event["id"] == deleted["id"]]
    assert set(tombstone) == {"id", "version", "modified", "deleted"}
    assert tombstone["deleted"] is True
    assert int(tombstone["version"]) > int(deleted["version"])
    assert changed["id"] in {event["id"] for event in feed}
    if kept["modified"] < since:
        assert kept["id"] not in {event["id"] for event in feed}


def test_a_listing_without_changed_since_has_no_tombstones(office, own):
    office.crm_delete(own, add(office, own)["id"])
    assert titles(office, own) == []
    assert not any(event.get("deleted") for event in listed(office, own)["events"])


def test_tombstones_are_shown_to_those_whom_they_concern_and_to_nobody_else(office, own):
    made = add(office, own, attendees=[{"email": "ben@example.com"}])
    office.crm_delete(own, made["id"])
    query = f"changed_since={made['modified']}"

    def shown(user):
        return {event["id"] for page in walk(office, user, query) for event in page}

    assert made["id"] in shown(own)
    assert made["id"] in shown("ben")
    assert made["id"] not in shown("cleo")


def test_the_time_of_a_change_never_goes_back_even_when_the_clock_does(tmp_path):
    office = Office(tmp_path)
    try:
        first = add(office, "ana")
        office.clock.advance(hours=-2)
        second = add(office, "ana")
        changed = office.crm_edit("ana", first["id"], title="x")
        assert first["modified"] <= second["modified"] <= changed["modified"]
    finally:
        office.close()


def test_a_reader_who_follows_the_feed_misses_no_change_while_many_write(tmp_path):
    office = Office(tmp_path)
    try:
        _follow_while_many_write(office)
    finally:
        office.close()


def _follow_while_many_write(office):
    office.crm("GET", "users", "ana")
    writers, rounds, done = 3, 8, threading.Event()
    known: dict[str, dict] = {}

    def write(number):
        for turn in range(rounds):
            made = add(office, "ana", f"{number}-{turn}")
            office.crm_edit("ana", made["id"], title=f"{number}-{turn} changed")
            if turn % 3 == 0:
                office.crm_delete("ana", made["id"])

    def read():
        since = "2020-01-01T00:00:00Z"
        while True:
            last = done.is_set()
            for page in walk(office, "ana", f"limit=5&changed_since={since}"):
                for event in page:
                    known[event["id"]] = event
                    since = max(since, event["modified"])
            if last:
                return

    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(read)
        for writer in [pool.submit(write, number) for number in range(writers)]:
            writer.result()
        done.set()
        reader.result()
    living = {key: event for key, event in known.items() if not event.get("deleted")}
    assert living == {event["id"]: event for event in office.crm_events("ana")}
    assert len(known) == writers * rounds
    assert all(event["title"].endswith("changed") for event in living.values())
