"""Series as a whole: their occurrences between two instants, and "this and following"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from calsync.model.errors import Unmappable
from calsync.model.recurrence import occurrence_key
from calsync.sandbox.bodies import merged
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.rows import Body, Row
from calsync.sandbox.times import instant_of, moment_of, time_value

#: Google expands endless series so far ahead.
HORIZON = timedelta(days=3 * 366)


def instances(calendar: Calendar, master: Row, first: datetime, last: datetime | None) -> list[Row]:
    """Return the occurrences of a series that overlap [first, last), exceptions in their place, by original start.

    Cancelled occurrences are those whose original start lies there. Without `last`, the series is followed for
    three years from now or from its start, whichever is later.
    """
    last = last or _horizon(calendar, master)
    exceptions = calendar.exceptions.get(master.id, {})
    found: dict[str, Row] = {}
    for key in _keys(calendar, master, last):
        row = exceptions.get(key) or calendar.occurrence(master, key)
        if row.cancelled or _overlaps(calendar, row, first, last):
            found[key] = row
    for key, row in exceptions.items():
        if key not in found and not row.cancelled and _overlaps(calendar, row, first, last):
            found[key] = row
    return [found[key] for key in sorted(found)]


def _horizon(calendar: Calendar, master: Row) -> datetime:
    starts = instant_of(moment_of(master.body["start"]), calendar.zone)
    return max(starts, datetime.now(UTC)) + HORIZON


def _keys(calendar: Calendar, master: Row, last: datetime) -> Iterator[str]:
    until: date | datetime = last if "dateTime" in master.body["start"] else last.date()
    try:
        yield from map(occurrence_key, calendar.starts(master, until))
    except Unmappable:
        return


def _overlaps(calendar: Calendar, row: Row, first: datetime, last: datetime) -> bool:
    body = calendar.whole(row)
    starts = instant_of(moment_of(body["start"]), calendar.zone)
    ends = instant_of(moment_of(body["end"]), calendar.zone)
    return starts < last and (ends > first or starts >= first)


def split(calendar: Calendar, event_id: str, at: datetime, changes: Body) -> tuple[Row, Row]:
    """Do what "this and following" does on Google's page: end the series, start one named `_R`."""
    row = calendar.writable(event_id)
    until = (at - timedelta(seconds=1)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = row.body.get("recurrence", [])
    left = [_rest_of(calendar, row, line, at) for line in lines]
    cut = [_ended(line, until) for line in lines]
    length: Any = moment_of(row.body["end"]) - moment_of(row.body["start"])
    zone = row.body["start"].get("timeZone")
    following = {"start": time_value(at, zone), "end": time_value(at + length, zone), "recurrence": left}
    body = {**row.body, **following}
    ended = calendar.patch(event_id, {"recurrence": cut})
    new_id = f"{event_id.split('_R')[0]}_R{at.astimezone(UTC):%Y%m%dT%H%M%S}"
    return ended, calendar.put(new_id, merged(body, changes), f"{new_id}@google.com")


def _ended(line: str, until: str) -> str:
    """Return a rule that ends at `until`; dates added or taken out stay."""
    if not line.startswith("RRULE"):
        return line
    return re.sub(r";?(UNTIL|COUNT)=[^;]*", "", line) + f";UNTIL={until}"


def _rest_of(calendar: Calendar, row: Row, rule: str, at: datetime) -> str:
    """Return a rule as it goes on from `at`: of a number of occurrences, those that are left."""
    passed = sum(instant_of(start, calendar.zone) < at for start in calendar.starts(row, at))
    return re.sub(r"COUNT=(\d+)", lambda found: f"COUNT={int(found[1]) - passed}", rule)
