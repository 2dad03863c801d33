"""Series keep their dates: split, moved, changed on either side, in any zone, and however long."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from calsync.sandbox.workplace import Trait
from tests.calendars import expansion
from tests.house import at, crm_at, day


def dates(someone, zone="UTC"):
    """Return what takes place in the coming weeks on Google and in the CRM, computed independently."""
    first, last = day(0).date(), day(60).date()
    events = someone.google("GET", "?deleted=1")["events"]
    on_google = expansion.of_google(events, first, last, zone)
    in_crm = expansion.of_crm(someone.crm_events(), first, last, zone)
    return sorted(map(_read, on_google)), sorted(map(_read, in_crm))


def _read(occurrence):
    """Return start, end and title of an occurrence, with days as dates and times as instants."""
    start, end, title, all_day = occurrence
    read = date.fromisoformat if all_day else datetime.fromisoformat
    return read(start), read(end), title


def agree(someone, count, zone="UTC"):
    """Wait until both calendars have the same occurrences, so many of them; return them."""

    def same():
        on_google, in_crm = dates(someone, zone)
        return on_google == in_crm and len(in_crm) == count

    someone.wake()
    someone.until(same, f"{count} dates on both sides")
    return dates(someone, zone)[1]


@pytest.fixture
def daily(person):
    """Return a function that connects somebody with ten daily meetings, with the series on both sides."""

    def make(user):
        someone = person(user)
        rule = ["RRULE:FREQ=DAILY;COUNT=10"]
        made = someone.google_add(summary="S", recurrence=rule, **at(day(1), zone="UTC"))
        someone.connect()
        agree(someone, 10)
        return someone, made

    return make


@pytest.mark.needs(Trait.TIMES)
def test_a_series_split_in_google_with_a_date_moved_after_the_split_has_each_date_once(daily):
    alma, made = daily("alma")
    with alma.unwatched():
        alma.google("POST", f"/{made['id']}/split", {"at": day(5).isoformat(), "patch": {"summary": "T"}})
        later = alma.google_by("T")
        moved = f"{later['id'].split('_R')[0]}_{day(7):%Y%m%dT%H%M%SZ}"
        alma.google_edit(moved, **at(day(7, 15), zone="UTC"))
    found = agree(alma, 10)
    alma.stays_silent()
    starts = [day(n) for n in range(1, 11) if n != 7] + [day(7, 15)]
    assert sorted(start for start, *_ in found) == sorted(starts)
    assert alma.crm_titles() == ["S", "T"]


@pytest.mark.needs(Trait.TIMES)
def test_a_split_that_changes_the_weekday_ends_the_old_series_before_it(person):
    bodo = person("bodo")
    first = day(1)
    names = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    rule = [f"RRULE:FREQ=WEEKLY;BYDAY={names[first.weekday()]}"]
    made = bodo.google_add(summary="S", recurrence=rule, **at(first, zone="UTC"))
    bodo.connect()
    agree(bodo, 9)
    # So late that fewer dates go than the brake lets, where each of them is a record.
    split, new_first = first + timedelta(days=28), first + timedelta(days=29)
    other = [f"RRULE:FREQ=WEEKLY;BYDAY={names[new_first.weekday()]}"]
    patch = {"summary": "T", "recurrence": other, **at(new_first, zone="UTC")}
    bodo.google("POST", f"/{made['id']}/split", {"at": split.isoformat(), "patch": patch})
    bodo.until(lambda: bodo.crm_titles() == ["S", "T"], "the new series")
    bodo.until(lambda: dates(bodo)[0] == dates(bodo)[1], "the same dates on both sides")
    found = dates(bodo)[1]
    old = [start for start, _, title in found if title == "S"]
    new = [start for start, _, title in found if title == "T"]
    assert old == [first + timedelta(days=7 * week) for week in range(4)]
    assert new[0] == new_first
    assert {start.weekday() for start in new} == {new_first.weekday()}


@pytest.mark.needs(Trait.SERIES)
@pytest.mark.parametrize("side", ["google", "crm"])
def test_a_series_in_the_evening_west_of_greenwich_keeps_its_number_and_hours(person, side):
    cleo = person(f"cleo-{side}")
    zone = ZoneInfo("America/Los_Angeles")
    start = datetime.combine(day(1).date(), datetime.min.time(), zone).replace(hour=20)
    last = (start + timedelta(days=21)).replace(hour=20)
    until = ["RRULE:FREQ=WEEKLY;UNTIL=" + last.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")]
    if side == "google":
        cleo.google_add(summary="S", recurrence=until, **at(start, zone=zone.key))
    else:
        cleo.crm_add(title="S", recurrence=until, time_zone=zone.key, **crm_at(start))
    cleo.connect()
    found = agree(cleo, 4, zone.key)
    assert {begins.astimezone(zone).hour for begins, *_ in found} == {20}
    if side == "google":
        cleo.crm_edit(cleo.crm_events()[0]["id"], title="S2")
    else:
        cleo.google_edit(cleo.google_events()[0]["id"], summary="S2")
    cleo.shows("S2")
    assert [times[:2] for times in agree(cleo, 4, zone.key)] == [times[:2] for times in found]


@pytest.mark.needs(Trait.SERIES)
def test_a_series_without_end_is_one_record(person):
    dirk = person("dirk")
    dirk.google_add(summary="for ever", recurrence=["RRULE:FREQ=DAILY"], **at(day(1)))
    dirk.connect()
    dirk.shows("for ever")
    dirk.stays_silent()
    assert len(dirk.links()) == len(dirk.crm_events()) == 1


@pytest.mark.needs(Trait.TIMES)
def test_one_date_changed_in_the_crm_is_one_exception_on_google_and_the_series_lives(daily):
    elsa, made = daily("elsa")
    elsa.crm_edit_date(day(4), title="elsewhere", **crm_at(day(4, 17)))
    elsa.until(lambda: len(elsa.google_events()) == 2, "the exception to arrive")
    agree(elsa, 10)
    elsa.stays_silent()
    (exception,) = [event for event in elsa.google_events() if "recurringEventId" in event]
    assert (exception["summary"], exception["recurringEventId"]) == ("elsewhere", made["id"])
    series = elsa.google("GET", f"/{made['id']}")
    assert (series["status"], series["recurrence"]) == ("confirmed", ["RRULE:FREQ=DAILY;COUNT=10"])


@pytest.mark.needs(Trait.SERIES)
def test_a_moved_day_of_an_all_day_series_is_a_day_on_both_sides(person):
    fred = person("fred")
    first = day(1).date()
    rule = ["RRULE:FREQ=WEEKLY;COUNT=4"]
    made = fred.google_add(
        summary="Out",
        recurrence=rule,
        start={"date": f"{first}"},
        end={"date": f"{first + timedelta(days=1)}"},
    )
    fred.connect()
    agree(fred, 4)
    second, third = first + timedelta(days=7), first + timedelta(days=14)
    fred.google_edit(f"{made['id']}_{second:%Y%m%d}", **google_days(second + timedelta(days=1)))
    fred.until(lambda: len(fred.crm_events()[0]["exceptions"]) == 1, "the exception in the CRM")
    change = {"original_start": f"{third}"} | crm_days(third + timedelta(days=2))
    fred.crm_edit(fred.crm_events()[0]["id"], exceptions=[change])
    fred.until(lambda: len(fred.google_events()) == 3, "the exception on Google")
    found = agree(fred, 4)
    assert [start for start, *_ in found] == [
        first,
        second + timedelta(days=1),
        third + timedelta(days=2),
        first + timedelta(days=21),
    ]
    for event in fred.google_events():
        assert set(event["start"]) == set(event["end"]) == {"date"}
    for exception in fred.crm_events()[0]["exceptions"]:
        assert {len(exception[name]) for name in ("original_start", "start", "end")} == {10}


def google_days(first: date):
    return {"start": {"date": f"{first}"}, "end": {"date": f"{first + timedelta(days=1)}"}}


def crm_days(first: date):
    return {"start": f"{first}", "end": f"{first + timedelta(days=1)}"}
