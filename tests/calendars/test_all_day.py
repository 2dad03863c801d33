"""Whole days are the same days everywhere, and the zone in which a person looks at them changes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.house import House, at, crm_at, day, nothing_written

#: From twelve hours behind UTC to fourteen ahead, and some that are off by parts of an hour or change their clocks.
ZONES = [
    *(f"Etc/GMT{offset:+}" for offset in range(-14, 13) if offset),
    "UTC",
    "Pacific/Kiritimati",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Europe/London",
]
RULE = ["RRULE:FREQ=DAILY;INTERVAL=20;COUNT=3"]

_numbers = count()


@pytest.fixture(scope="module")
def travelling(tmp_path_factory):
    """A person with timed events and whole days on both sides."""
    house = House(tmp_path_factory.mktemp("house"))
    house.person("ana")
    house.google_add("ana", summary="timed", **at(day(3)))
    house.google_add("ana", summary="series", recurrence=["RRULE:FREQ=WEEKLY"], **at(day(3)))
    house.crm_add("ana", title="ours", **crm_at(day(4)))
    house.crm_add("ana", title="our days", start=f"{day(5):%Y-%m-%d}", end=f"{day(7):%Y-%m-%d}")
    house.resync("ana")
    yield house
    house.close()


def travel(house, zone):
    house.control("PATCH", "calendars", {"email": "ana@example.com", "time_zone": zone})


def written(run):
    return {side: {verb: n for verb, n in run[side].items() if n} for side in ("google", "crm")}


def days_in_google(house, title):
    """Return first day, day after the last one, and what is moved: original day, first day."""
    [master] = [
        e for e in house.google_events("ana") if e["summary"] == title and "recurringEventId" not in e
    ]
    moved = [
        (e["originalStartTime"]["date"], e["start"]["date"])
        for e in house.google_events("ana")
        if e.get("recurringEventId") == master["id"]
    ]
    assert "dateTime" not in master["start"]
    return master["start"]["date"], master["end"]["date"], moved


def days_in_crm(house, title):
    [record] = [event for event in house.crm_events("ana") if event["title"] == title]
    assert record["all_day"] is True
    return record["start"], record["end"], [(e["original_start"], e["start"]) for e in record["exceptions"]]


def add_to_google(house, title, first, last, rule):
    times = {"start": {"date": first}, "end": {"date": last}}
    made = house.google_add("ana", summary=title, **times, **({"recurrence": rule} if rule else {}))
    if rule:
        second = f"{date.fromisoformat(first) + timedelta(days=20):%Y%m%d}"
        house.google_edit("ana", f"{made['id']}_{second}", **_shifted(first, last))


def _shifted(first, last):
    moved = [f"{date.fromisoformat(text) + timedelta(days=21)}" for text in (first, last)]
    return {"start": {"date": moved[0]}, "end": {"date": moved[1]}}


def add_to_crm(house, title, first, last, rule):
    body = {"title": title, "start": first, "end": last, "all_day": True}
    if rule:
        moved = {name: value["date"] for name, value in _shifted(first, last).items()}
        second = f"{date.fromisoformat(first) + timedelta(days=20)}"
        body |= {"recurrence": rule, "exceptions": [{"original_start": second, **moved}]}
    house.crm_add("ana", **body)


@settings(max_examples=80)
@given(
    zone=st.sampled_from(ZONES),
    first=st.integers(-50, 300),
    length=st.integers(1, 12),
    born=st.sampled_from(["google", "crm"]),
    rule=st.sampled_from([[], RULE]),
    full=st.booleans(),
)
def test_whole_days_cross_as_the_same_days_in_every_zone_and_nothing_else_moves(
    travelling, zone, first, length, born, rule, full
):
    title = f"days {next(_numbers)}"
    start = datetime.now(UTC).date() + timedelta(days=first)
    days = (f"{start}", f"{start + timedelta(days=length)}")
    travel(travelling, zone)
    (add_to_google if born == "google" else add_to_crm)(travelling, title, *days, rule)
    run = travelling.resync("ana", full=full)
    assert written(run) == {born: {}, ("crm" if born == "google" else "google"): {"created": 1}}
    moved = [(f"{start + timedelta(days=20)}", f"{start + timedelta(days=21)}")] if rule else []
    assert days_in_google(travelling, title) == days_in_crm(travelling, title) == (*days, moved)
    assert nothing_written(travelling.resync("ana"))


def test_a_person_who_flies_once_around_the_world_causes_no_write(travelling):
    there = [event for event in travelling.google_events("ana") if "recurringEventId" not in event]
    for colour, zone in enumerate(ZONES):
        travel(travelling, zone)
        for event in there[:8]:
            # So that it is read anew, as it looks from there.
            travelling.google_edit("ana", event["id"], colorId=f"{colour % 11 + 1}")
        assert nothing_written(travelling.resync("ana"))
        assert nothing_written(travelling.resync("ana", full=True))
