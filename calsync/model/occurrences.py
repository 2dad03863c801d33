"""Expanding a series: RFC 5545 rules in the zone in which the series lives (dateutil does the arithmetic)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from heapq import merge
from itertools import groupby, islice, takewhile

from dateutil.rrule import rrule, rrulestr

from calsync.model.errors import Unmappable
from calsync.model.recurrence import known_zone

#: Series are followed no further than this many occurrences.
LIMIT = 20_000

#: 31 December 9999 stands for "for ever", and has no time in zones that are ahead.
_LAST_YEAR = 9999

_UNTIL = re.compile(r"UNTIL=(\d{8})(?:T(\d{6})(Z?))?")


def occurrences(
    start: date | datetime, rules: Sequence[str], zone: str, until: date | datetime, limit: int = LIMIT
) -> Iterator[date | datetime]:
    """Yield original starts, ascending, up to and including `until`: dates, or datetimes in UTC.

    `start` is the first occurrence (aware, or a date), unless an UNTIL lies before it; the wall clock of
    `zone` is kept over DST changes, a time that a change skips is taken by the offset before it. A date as
    EXDATE takes out all occurrences of that day, a date as UNTIL includes them. Ends silently at `limit`.
    Raises Unmappable when a rule cannot be used.
    """
    all_day = not isinstance(start, datetime)
    home: tzinfo = UTC if all_day else known_zone(zone) or UTC
    try:
        first, last = _local(start, home), _local(until, home)
        for local in islice(_starts(first, last, rules, home), limit):
            if all_day:
                yield local.date()
            elif local == first and isinstance(start, datetime):
                # The clock shows it twice when it is set back: the wall time alone would not tell which.
                yield start.astimezone(UTC)
            else:
                yield local.replace(tzinfo=home).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise Unmappable("a recurrence rule cannot be used") from error


def is_occurrence(start: date | datetime, rules: Sequence[str], zone: str, original: date | datetime) -> bool:
    """Return whether the series has an occurrence that originally starts at `original`.

    Raises Unmappable when it cannot tell: a rule cannot be used, or the series is longer than `LIMIT`.
    """
    if isinstance(original, datetime) != isinstance(start, datetime):
        return False
    count = 0
    for found in occurrences(start, rules, zone, original):
        if found == original:
            return True
        count += 1
    if count >= LIMIT:
        raise Unmappable("the series has too many occurrences")
    return False


def _local(moment: date | datetime, home: tzinfo) -> datetime:
    if isinstance(moment, datetime):
        return moment.astimezone(home).replace(tzinfo=None)
    return datetime.combine(moment, time.min)


def _starts(first: datetime, last: datetime, rules: Sequence[str], home: tzinfo) -> Iterator[datetime]:
    """Yield starts up to `last` as wall clock times of the zone in which the series lives."""
    included: list[Iterable[datetime]] = []
    excluded: set[datetime | date] = set()
    ends: list[datetime] = []
    for line in rules:
        name, _, value = line.partition(":")
        name, _, parameters = name.partition(";")
        if name in {"RRULE", "EXRULE"}:
            rule, end = _rule(value, first, home)
            moments = takewhile(last.__ge__, islice(rule, LIMIT))
            if name == "RRULE":
                included.append(moments)
                ends.append(end)
            else:
                excluded.update(moments)
        elif name == "RDATE":
            included.append(sorted(_moment(text, parameters, home) for text in _texts(value)))
        elif name == "EXDATE":
            excluded.update(_exdate(text, parameters, home) for text in _texts(value))
    if not ends or first <= max(ends):
        included.append([first])
    for local, _ in groupby(takewhile(last.__ge__, merge(*included))):
        if local not in excluded and local.date() not in excluded:
            yield local


def _rule(value: str, first: datetime, home: tzinfo) -> tuple[rrule, datetime]:
    """Return a rule, and when its UNTIL is as wall clock time (without one: `first`, which is not too early)."""
    text = _local_until(value, home)
    rule = rrulestr(text, dtstart=first)
    if not isinstance(rule, rrule):
        raise Unmappable("a recurrence line holds more than one rule")
    until = _UNTIL.search(text)
    end = datetime.strptime(until.group()[len("UNTIL=") :], "%Y%m%dT%H%M%S") if until else first
    return rule, end


def _local_until(rule: str, home: tzinfo) -> str:
    """Return the rule with UNTIL as wall clock time, which is what dateutil wants for a naive start."""

    def local(match: re.Match[str]) -> str:
        day, clock, is_utc = match.groups()
        if not clock:
            return f"UNTIL={day}T235959"
        moment = datetime.strptime(day + clock, "%Y%m%d%H%M%S")
        if is_utc and moment.year < _LAST_YEAR:
            moment = moment.replace(tzinfo=UTC).astimezone(home).replace(tzinfo=None)
        return f"UNTIL={moment:%Y%m%dT%H%M%S}"

    return _UNTIL.sub(local, rule)


def _texts(value: str) -> list[str]:
    """Return the dates of a line; of a period, its start."""
    return [text.split("/")[0].strip() for text in value.split(",") if text]


def _exdate(text: str, parameters: str, home: tzinfo) -> date:
    moment = _moment(text, parameters, home)
    return moment.date() if len(text) == len("YYYYMMDD") else moment


def _moment(text: str, parameters: str, home: tzinfo) -> datetime:
    if len(text) == len("YYYYMMDD"):
        return datetime.strptime(text, "%Y%m%d")
    zone = next((p[len("TZID=") :] for p in parameters.split(";") if p.startswith("TZID=")), "")
    moment = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")
    aware = moment.replace(tzinfo=UTC if text.endswith("Z") else known_zone(zone) or home)
    return aware.astimezone(home).replace(tzinfo=None)


def overlaps(
    start: date | datetime,
    length: timedelta,
    rules: Sequence[str],
    zone: str,
    first: date | datetime,
    last: date | datetime,
) -> bool:
    """Return whether any occurrence overlaps [first, last); endless rules are followed up to `last` only."""
    return any(found + length > first for found in occurrences(start, rules, zone, last) if found < last)
