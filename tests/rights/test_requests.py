"""The register of requests: 28 calendar days from receipt, in every zone and year, without a pause."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from calsync.privacy import clock, register
from calsync.privacy.register import Desk, NotPossible
from calsync.rights.erasure import Copies, erase
from calsync.rights.upkeep import remind
from calsync.store import requests
from calsync.store.audit import COMMAND_LINE
from calsync.store.database import reading, writing
from calsync.store.requests import Kind, Progress, Request

LONDON, AUCKLAND = ZoneInfo("Europe/London"), ZoneInfo("Pacific/Auckland")


def request(received, zone=LONDON, **values):
    return Request(Kind.ACCESS, "s", "ana", "written", received, clock.due_on(received, zone), **values)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-01-31T12:00Z", date(2026, 2, 28)),
        ("2028-01-31T12:00Z", date(2028, 2, 28)),
        ("2028-02-01T12:00Z", date(2028, 2, 29)),
        ("2026-02-01T12:00Z", date(2026, 3, 1)),
        ("2026-03-28T23:30Z", date(2026, 4, 25)),
        ("2026-06-30T23:30Z", date(2026, 7, 29)),  # it is the 1st of July in London
        ("2026-10-24T23:30Z", date(2026, 11, 22)),  # the 25th in London, an hour before the clocks go back
        ("2026-12-31T23:59Z", date(2027, 1, 28)),
    ],
)
def test_it_is_due_on_the_28th_calendar_day_after_receipt(received, due):
    assert clock.due_on(datetime.fromisoformat(received), LONDON) == due


def test_the_day_of_receipt_is_that_of_the_controllers_zone():
    evening = datetime(2026, 5, 4, 20, 0, tzinfo=UTC)
    assert clock.due_on(evening, LONDON) == date(2026, 6, 1)
    assert clock.due_on(evening, AUCKLAND) == date(2026, 6, 2)


@given(some.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1)), some.sampled_from([LONDON, AUCKLAND, UTC]))
def test_it_is_always_within_the_month_that_the_law_allows(moment, zone):
    received = moment.replace(tzinfo=UTC)
    first = received.astimezone(zone).date()
    due = clock.due_on(received, zone)
    assert (due - first).days == 28
    month = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    assert due < month + timedelta(days=first.day - 1) or due.day >= first.day - 3


@pytest.mark.parametrize("zone", [LONDON, AUCKLAND])
@pytest.mark.parametrize(
    "begin", ["2026-03-20T00:30", "2026-10-18T00:30", "2028-02-20T23:30", "2026-09-20T12:00"]
)
def test_alerts_come_on_their_days_and_it_is_overdue_on_the_29th_only(begin, zone):
    local = datetime.fromisoformat(begin).replace(tzinfo=zone)
    waiting, told, late = request(local.astimezone(UTC), zone), [], []
    for hour in range(31 * 24):
        now = (local.astimezone(UTC) + timedelta(hours=hour)).astimezone(UTC)
        day = clock.alert_due(waiting, now, zone)
        if day:
            told.append((day, (now.astimezone(zone).date() - local.date()).days))
            waiting = request(local.astimezone(UTC), zone, alerted=day)
        if clock.is_overdue(waiting, now, zone):
            late.append((now.astimezone(zone).date() - local.date()).days)
    assert told == [(day, day) for day in (7, 14, 21, 26, 28)]
    assert min(late) == 29


@pytest.fixture
def desk(house):
    """Return a function that gives the desk as of now."""
    return lambda: Desk(house.parts.vault, house.clock(), house.parts.settings.privacy.zone)


@pytest.fixture
def received(house, desk):
    """Return a function that enters a request of ana's."""

    def enter(kind=Kind.ACCESS, **values):
        with writing(house.parts.engine) as connection:
            return register.receive(connection, desk(), "ana", kind, COMMAND_LINE, **values)

    return enter


def found(house, number):
    with reading(house.parts.engine) as connection:
        return requests.find(connection, number)


def test_the_daemon_reminds_once_of_each_day_also_after_it_was_stopped_for_long(house, received, capsys):
    received()
    told = []
    for days in (6, 1, 0, 8, 20, 1):
        house.clock.advance(days=days)
        remind(house.parts)
        told.append(capsys.readouterr().out.count("request waits"))
    assert told == [0, 1, 0, 1, 1, 0]


def test_an_answer_can_be_put_off_once_in_time_and_within_the_law(house, received, desk):
    number = received()
    with writing(house.parts.engine) as connection:
        with pytest.raises(NotPossible, match="1 to 60 days"):
            register.extend(connection, desk(), number, 61, "too long", COMMAND_LINE)
        put_off = register.extend(connection, desk(), number, 60, "many entries", COMMAND_LINE)
        with pytest.raises(NotPossible, match="already"):
            register.extend(connection, desk(), number, 1, "again", COMMAND_LINE)
    assert put_off.state is Progress.EXTENDED
    assert (put_off.due_on - clock.due_on(put_off.received_at, desk().zone)).days == 60


def test_what_is_overdue_cannot_be_put_off_any_more(house, received, desk):
    number = received()
    house.clock.advance(days=30)
    with writing(house.parts.engine) as connection, pytest.raises(NotPossible, match="overdue"):
        register.extend(connection, desk(), number, 30, "late", COMMAND_LINE)


def test_what_is_closed_stays_closed(house, received, desk):
    number = received()
    with writing(house.parts.engine) as connection:
        register.close(connection, desk(), number, "sent", COMMAND_LINE)
        with pytest.raises(NotPossible, match="closed already"):
            register.close(connection, desk(), number, "again", COMMAND_LINE)
        with pytest.raises(NotPossible, match="no request 99"):
            register.close(connection, desk(), 99, "what", COMMAND_LINE)
    assert found(house, number).outcome == "sent"


def test_a_request_from_the_past_counts_from_its_receipt_and_none_comes_from_the_future(house, received):
    early = house.clock() - timedelta(days=20)
    assert found(house, received(received_at=early)).received_at == early
    with pytest.raises(NotPossible, match="future"):
        received(received_at=house.clock() + timedelta(hours=1))


def test_erasing_closes_requests_and_takes_the_name_out_of_all_of_them(house, received):
    numbers = [received(Kind.ERASURE), received(Kind.ACCESS, note="my words")]
    erase(house.parts, "ana", Copies(), COMMAND_LINE)
    erasure, access = (found(house, number) for number in numbers)
    assert (erasure.state, erasure.outcome) == (Progress.DONE, "erased")
    assert access.state is Progress.OPEN
    assert [(one.user, one.note) for one in (erasure, access)] == [("", None)] * 2
