"""Calendars that people and programs wrote arrive whole: Google, the CRM, a second person's Google.

What must arrive is computed from the file by recurring-ical-events (see `expansion` for the rules). Calendars
of real people come from the directory that CALSYNC_FIXTURES names; those of `written` are always carried.
"""

import os
from pathlib import Path

import pytest

from tests.calendars import crossing, expansion
from tests.calendars.written import CALENDARS, ODD, Written
from tests.house import crm_at, day

ZONE = "Europe/Berlin"

#: Occurrences within two years of each file's first event; none of them holds a bad event.
REAL = {
    "Germany_Holidays.ics": 34,
    "fablab_cottbus.ics": 39,
    "issue_223_thunderbird.ics": 5,
    "issue_48_dst.ics": 1376,
    "issue_61_time_zone_error.ics": 1,
    "machbar_16_feb_2019.ics": 416,
    "same_event_recurring_at_same_time.ics": 6,
}


def _directory() -> Path | None:
    named = os.environ.get("CALSYNC_FIXTURES")
    path = Path(named) / "calendars" if named else None
    return path if path is not None and path.is_dir() else None


def _cases():
    cases = [pytest.param(written, id=name) for name, written in CALENDARS.items()]
    directory = _directory()
    if directory is not None:
        for name, count in REAL.items():
            cases.append(pytest.param(Written((directory / name).read_text(), count), id=name))
    return cases


@pytest.mark.parametrize("calendar", _cases())
def test_every_occurrence_of_a_calendar_reaches_the_crm_and_a_second_persons_calendar(build, calendar):
    house = build(crossing.SYNC)
    crossing.people(house, ZONE)
    crossing.carry(house, calendar.text)

    assert crossing.quarantine(house, "ana") == calendar.bad
    assert crossing.quarantine(house, "bob") == {}

    first = expansion.first_day(calendar.text, calendar.bad)
    last = expansion.two_years_from(first)
    expected = calendar.expected and list(calendar.expected)
    if expected is None:
        expected = expansion.of_file(calendar.text, first, last, ZONE, calendar.bad)
    assert len(expected) == calendar.count > 0
    assert expansion.of_crm(house.crm_events("ana"), first, last, ZONE) == expected
    assert expansion.of_google(crossing.resources(house, "bob"), first, last, ZONE) == expected
    starts = sorted((one.start, one.title, one.all_day) for one in expected)
    assert crossing.shown(house, "bob", first, last) == starts
    assert crossing.rests(house)


def test_the_number_of_occurrences_is_stated_for_every_real_calendar(fixtures_directory):
    found = (
        {path.name for path in (fixtures_directory / "calendars").glob("*.ics")}
        if fixtures_directory
        else {*REAL}
    )
    assert found == set(REAL)


def test_a_text_too_long_for_google_stays_whole_in_the_crm(build):
    house = build(crossing.SYNC)
    crossing.people(house, ZONE)
    crossing.carry(house, ODD)
    record = next(event for event in house.crm_events("ana") if event["title"] == "Minutes")
    copy = next(event for event in house.google_events("bob") if event.get("summary") == "Minutes")
    assert len(record["description"]) > 15_000
    assert 4_000 < len(copy["description"]) <= 8192
    house.crm_edit("ana", record["id"], location="Room 2")
    assert house.resync("bob")["google"]["updated"] == 1
    assert crossing.rests(house)
    after = next(event for event in house.crm_events("ana") if event["title"] == "Minutes")
    assert after["description"] == record["description"]


def test_a_cut_text_does_not_come_home_when_the_answer_to_its_creation_is_lost(build):
    house = build()
    house.person("ana")
    text = "All of it <b>& more</b>. " * 900
    record = house.crm_add("ana", title="Minutes", description=text, **crm_at(day(1)))
    house.fault(operation="events.insert", when="after", kind="reset", times=1)
    for _ in range(3):
        house.resync("ana")
    (copy,) = house.google_events("ana")
    assert len(copy["description"]) <= 8192
    (after,) = house.crm_events("ana")
    assert after["description"] == text.strip()
    assert after["version"] == record["version"]
