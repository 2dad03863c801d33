"""A calendar that shows occurrences instead of series, in front of the real Google side."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calsync.crm.occurrences import OccurrencesSide
from calsync.model.errors import CursorExpired, Refused, Stale
from calsync.model.permission import Access, Level
from calsync.model.side import Delete, Patch, Revive, Update
from tests.crm_opencrm.firm import day
from tests.house import at

RULE = ["RRULE:FREQ=DAILY;COUNT=5"]
OWN = Access(Level.DELETE, "owner")


@pytest.fixture(params=["in order", "shuffled"])
def firm(request, found):
    made = found("rich", {"occurrence_days": 20})
    made.person("ana")
    if request.param == "shuffled":
        made.control("POST", "switches", {"shuffle": True, "short_pages": 2})
    return made


def side(firm) -> OccurrencesSide:
    made = firm.parts.google_side(firm.account("ana"))
    assert isinstance(made, OccurrencesSide)
    return made


def listed(firm):
    pages = list(side(firm).observe(None))
    assert all(page.complete for page in pages)
    assert [page.cursor for page in pages[:-1]] == [None] * (len(pages) - 1)
    return {item.key: item for page in pages for item in page.items}, pages[-1].cursor


def key(made, days, hour=9):
    return f"{made['id']}_{day(days, hour):%Y%m%dT%H%M%SZ}"


def titles(items):
    return sorted(item.event.title for item in items.values() if item.event is not None)


def test_occurrences_exceptions_and_single_events(firm):
    made = firm.google_add("ana", summary="S", recurrence=RULE, **at(day(1)))
    firm.google_edit("ana", key(made, 2), summary="moved", **at(day(2, 15)))
    firm.google_delete("ana", key(made, 3))
    firm.google_add("ana", summary="single", **at(day(4)))
    items, _ = listed(firm)
    assert titles(items) == ["S", "S", "S", "moved", "single"]
    assert items[key(made, 2)].event.start == day(2, 15)
    assert not items[key(made, 2)].event.recurrence
    assert items.get(key(made, 3)) is None or items[key(made, 3)].gone
    assert made["id"] not in items


def test_an_observation_is_the_same_as_reads(firm):
    made = firm.google_add("ana", summary="S", recurrence=RULE, **at(day(1)))
    firm.google_edit("ana", key(made, 2), summary="moved")
    items, _ = listed(firm)
    for name, item in items.items():
        again = side(firm).read(name)
        assert (again.key, again.version, again.event) == (name, item.version, item.event)


def test_versions_move_with_their_own_occurrence_only(firm):
    made = firm.google_add("ana", summary="S", recurrence=RULE, **at(day(1)))
    before, _ = listed(firm)
    firm.google_edit("ana", key(made, 2), summary="moved")
    after, _ = listed(firm)
    assert {name for name in before if before[name].version != after[name].version} == {key(made, 2)}


def test_nothing_beyond_the_days_that_are_configured(firm):
    made = firm.google_add("ana", summary="S", recurrence=["RRULE:FREQ=DAILY"], **at(day(1)))
    items, _ = listed(firm)
    last = max(item.event.start for item in items.values())
    assert day(19) <= last <= day(21)
    beyond = side(firm).read(key(made, 40))
    assert (beyond.event, beyond.gone, beyond.access.level) == (None, False, Level.NONE)


def test_changes_of_exceptions_come_alone_and_those_of_series_need_everything(firm):
    made = firm.google_add("ana", summary="S", recurrence=RULE, **at(day(1)))
    _, cursor = listed(firm)
    firm.google_edit("ana", key(made, 2), summary="moved")
    firm.google_delete("ana", key(made, 3))
    pages = list(side(firm).observe(cursor))
    items = {item.key: item for page in pages for item in page.items if item.key != made["id"]}
    assert items[key(made, 2)].event.title == "moved"
    assert items[key(made, 3)].gone
    firm.google_edit("ana", made["id"], summary="other")
    with pytest.raises(CursorExpired):
        list(side(firm).observe(pages[-1].cursor))


def test_a_series_that_is_gone_needs_everything(firm):
    made = firm.google_add("ana", summary="S", recurrence=RULE, **at(day(1)))
    _, cursor = listed(firm)
    firm.google_delete("ana", made["id"])
    with pytest.raises(CursorExpired):
        list(side(firm).observe(cursor))
    items, _ = listed(firm)
    assert all(item.gone for item in items.values())
    left = side(firm).read(key(made, 2))
    assert left is None or left.gone


def test_a_single_event_that_is_gone_needs_no_more(firm):
    made = firm.google_add("ana", summary="S", **at(day(1)))
    _, cursor = listed(firm)
    firm.google_delete("ana", made["id"])
    items = [item for page in side(firm).observe(cursor) for item in page.items]
    assert [(item.key, item.gone) for item in items] == [(made["id"], True)]


@pytest.mark.parametrize("cursor", ["x", "2001-01-01 token", "", "2026-01-01 "])
def test_a_cursor_of_another_day_is_expired(firm, cursor):
    with pytest.raises(CursorExpired):
        list(side(firm).observe(cursor))


def write(firm, *batch):
    return list(side(firm).write(batch))


def test_a_write_makes_an_exception(firm):
    made = firm.google_add("ana", summary="S", description="text", recurrence=RULE, **at(day(1)))
    items, _ = listed(firm)
    item = items[key(made, 2)]
    from dataclasses import replace

    changed = replace(item.event, title="T", start=day(2, 12), end=day(2, 13))
    patch = Patch(frozenset({"title", "start", "end"}), changed)
    (stored,) = write(firm, Update(item.key, patch, item.version, OWN))
    assert (stored.key, stored.event.title, stored.event.start) == (item.key, "T", day(2, 12))
    assert stored.event.description == "text"
    assert firm.google_get("ana", item.key)["summary"] == "T"
    assert firm.google_get("ana", made["id"])["summary"] == "S"
    (stale,) = write(firm, Update(item.key, patch, item.version, OWN))
    assert isinstance(stale, Stale)


def test_a_deletion_cancels_one_and_can_be_taken_back(firm):
    made = firm.google_add("ana", summary="S", recurrence=RULE, **at(day(1)))
    items, _ = listed(firm)
    item = items[key(made, 2)]
    assert write(firm, Delete(item.key, "another version")) != [None]
    assert write(firm, Delete(item.key, item.version)) == [None]
    assert write(firm, Delete(item.key, item.version)) == [None]
    assert firm.google_get("ana", item.key)["status"] == "cancelled"
    (refused,) = write(firm, Revive(item.key))
    assert isinstance(refused, Refused)
    (undecided,) = write(firm, Revive(item.key, item.event))
    assert isinstance(undecided, Refused)
    (revived,) = write(firm, Revive(item.key, item.event, OWN))
    assert revived.event.title == "S"


def test_whole_days(firm):
    start = day(1).date()
    body = {"start": {"date": start.isoformat()}, "end": {"date": (start + timedelta(days=1)).isoformat()}}
    made = firm.google_add("ana", summary="S", recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"], **body)
    items, _ = listed(firm)
    assert {item.event.start for item in items.values()} == {start, start + timedelta(days=7)}
    assert set(items) == {
        f"{made['id']}_{start:%Y%m%d}",
        f"{made['id']}_{start + timedelta(days=7):%Y%m%d}",
    }
    firm.rounds("ana")
    days = sorted(each["date_start"] for each in firm.crm_events("ana"))
    assert days == [start.isoformat(), (start + timedelta(days=7)).isoformat()]


def test_fewer_days_ahead_withdraw_what_lies_beyond_and_stop_nothing(firm):
    firm.google_add("ana", summary="S", recurrence=["RRULE:FREQ=DAILY"], **at(day(1)))
    firm.rounds("ana")
    before = len(firm.crm_events("ana"))
    firm.parts.crm.tenant.options = firm.parts.crm.tenant.options.model_copy(update={"occurrence_days": 5})
    firm.resync("ana", full=True)
    firm.rounds("ana", 6)
    assert len(firm.crm_events("ana")) == before - 15


def test_a_series_that_becomes_single_and_back(firm):
    made = firm.google_add("ana", summary="S", recurrence=RULE, **at(day(1)))
    firm.rounds("ana")
    firm.google_edit("ana", made["id"], recurrence=[])
    firm.rounds("ana")
    firm.clock.advance(days=1)
    firm.rounds("ana")
    assert firm.crm_titles("ana") == ["S"]
    firm.google_edit("ana", made["id"], recurrence=RULE)
    firm.rounds("ana")
    assert firm.crm_titles("ana") == ["S"] * 5


def test_a_meeting_of_two_is_an_activity_for_each(found):
    firm = found("rich")
    for user in ("ana", "ben"):
        firm.person(user)
    guests = [{"email": "ben@example.com"}]
    firm.google_add(
        "ana", summary="M", attendees=guests, recurrence=["RRULE:FREQ=DAILY;COUNT=2"], **at(day(1))
    )
    for _ in range(3):
        for user in ("ana", "ben"):
            firm.clock.advance(minutes=2)
            firm.resync(user)
    assert firm.crm_titles("ana") == firm.crm_titles("ben") == ["M", "M"]


def invited(firm, **more):
    """Let somebody who is not connected invite ana to a series."""
    firm.control("POST", "accounts", {"email": "org@example.com"})
    body = {
        "summary": "S",
        "attendees": [{"email": "ana@example.com"}],
        "recurrence": RULE,
        **at(day(1)),
        **more,
    }
    return firm.control("POST", "accounts/org@example.com/events", body)


@pytest.mark.parametrize("moved_by_organiser", [False, True])
def test_a_guest_changes_nothing_of_an_occurrence_either(firm, moved_by_organiser):
    made = invited(firm)
    firm.rounds("ana")
    if moved_by_organiser:
        path = f"accounts/org@example.com/events/{key(made, 2)}"
        firm.control("PATCH", path, {"summary": "S moved", **at(day(2, 12))})
        firm.rounds("ana")
    record = next(each for each in firm.crm_events("ana") if each["date_start"] == f"{day(2):%Y-%m-%d}")
    assert record["subject"] == ("S moved" if moved_by_organiser else "S")
    firm.crm_edit("ana", record["id"], subject="ana's title")
    run = firm.resync("ana")
    assert run["google"]["updated"] == 0
    titles = {event["summary"] for event in firm.google_events("ana")}
    assert titles == ({"S", "S moved"} if moved_by_organiser else {"S"})


def test_an_answer_to_one_occurrence_is_given_at_google(firm):
    from calsync.model.event import ANSWER

    made = invited(firm)
    item = listed(firm)[0][key(made, 2)]
    patch = Patch(frozenset({ANSWER}), item.event)
    (refused,) = write(firm, Update(item.key, patch, item.version, OWN))
    assert isinstance(refused, Refused)
