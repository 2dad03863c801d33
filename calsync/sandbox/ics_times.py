"""Times, zones and rules of RFC 5545 as Google has them: instants, IANA names, UNTIL in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from icalendar import vRecur
from icalendar.error import BrokenCalendarProperty
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calsync.model.recurrence import known_zone, with_utc_until
from calsync.sandbox.rows import Body

#: Exchange writes COUNT=-1 for a series without end.
_ENDLESS = re.compile(r";?COUNT=-\d+")


@dataclass(frozen=True, slots=True)
class Clock:
    """How a file's times are read.

    `zone`: where times without zone are. `named`: the file itself says so (X-WR-TIMEZONE), and then a
    series in UTC repeats in that zone too, as calendar programs have it.
    """

    zone: str
    named: bool

    def home_of(self, event: Any) -> str:
        """Return the IANA zone in which an event repeats; a name nobody knows is returned as it is."""
        start = moment_in(event, "DTSTART")
        if not isinstance(start, datetime) or start.tzinfo is None:
            return self.zone
        name = zone_name(start)
        return self.zone if self.named and name == "UTC" else name

    def instant(self, moment: datetime, zone: str) -> datetime:
        """Return a time in UTC; without zone of its own it is in the file's, else in `zone`."""
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=known_zone(self.zone if self.named else zone) or UTC)
        return moment.astimezone(UTC)

    def stored(self, moment: date | datetime, zone: str) -> Body:
        """Return a start or end as Google has it."""
        if not isinstance(moment, datetime):
            return {"date": moment.isoformat()}
        utc = self.instant(moment, zone).replace(tzinfo=None)
        return {"dateTime": f"{utc.isoformat(timespec='seconds')}Z", "timeZone": zone}

    def periods(self, event: Any, body: Body) -> Iterator[tuple[datetime, datetime]]:
        """Yield start and end (in UTC) of additional dates that say how long they take."""
        zone = body.get("start", {}).get("timeZone", "")
        for value in _many(event.get("RDATE")):
            for part in _content(value, "dts") or ():
                if isinstance(part.dt, tuple):
                    starts, ends = part.dt
                    begins = self.instant(starts, zone)
                    lasts = ends if isinstance(ends, timedelta) else self.instant(ends, zone) - begins
                    yield begins, begins + lasts


def clock_of(document: Any, zone: str) -> Clock:
    """Return how to read a file's times; `zone` is the calendar's own."""
    named = str(document.get("X-WR-TIMEZONE", ""))
    named = WINDOWS_TO_OLSON.get(named, named)
    return Clock(named, True) if named and known_zone(named) else Clock(zone, False)


def moment_in(event: Any, name: str) -> date | datetime | None:
    """Return a date or time of an event; None when it is missing or cannot be read."""
    found = _content(next(iter(_many(event.get(name))), None), "dt")
    return found if isinstance(found, date) else None


def end_of(event: Any) -> date | datetime | None:
    """Return when an event ends; an all-day event that says nothing, or nothing sensible, takes one day."""
    start = moment_in(event, "DTSTART")
    end = moment_in(event, "DTEND")
    if start is None:
        return end
    if "DURATION" in event and "DTEND" not in event:
        length = _content(event["DURATION"], "dt")
        return start + length if isinstance(length, timedelta) else None
    if "DTEND" in event and (end is None or end != start):
        return end
    return start if isinstance(start, datetime) else start + timedelta(days=1)


def rules_of(event: Any, start: date | datetime, zone: str, clock: Clock) -> Iterator[str]:
    """Yield an event's recurrence lines, one date a line."""
    for name in ("RRULE", "EXRULE"):
        for rule in _many(event.get(name)):
            # A rule that could not be read is kept as its text.
            text = rule.to_ical().decode() if type(rule) is vRecur else str(rule)  # type: ignore[no-untyped-call]
            if text:
                yield with_utc_until(f"{name}:{_ENDLESS.sub('', text)}", start, zone)
    for name in ("RDATE", "EXDATE"):
        for value in _many(event.get(name)):
            for part in _content(value, "dts") or ():
                moment = part.dt[0] if isinstance(part.dt, tuple) else part.dt
                if not isinstance(start, datetime) and isinstance(moment, datetime):
                    moment = moment.date()
                yield f"{name}{_date_text(moment, zone, clock)}"


def _date_text(moment: date | datetime, zone: str, clock: Clock) -> str:
    if not isinstance(moment, datetime):
        return f";VALUE=DATE:{moment:%Y%m%d}"
    return f":{clock.instant(moment, zone):%Y%m%dT%H%M%SZ}"


def zone_name(moment: datetime) -> str:
    """Return the IANA name of an aware time's zone.

    A zone that only the file's VTIMEZONE describes gets the name of one with the same offsets around then; one
    that agrees with none keeps its own name.
    """
    zone = moment.tzinfo
    name = str(getattr(zone, "key", None) or getattr(zone, "_tzid", None) or "")
    if zone is None or name == "UTC" or zone is UTC:
        return "UTC"
    ending = "/".join(name.split("/")[-2:])
    for known in (name, WINDOWS_TO_OLSON.get(name, ""), ending):
        if known and known_zone(known):
            return known
    return _same_offsets(zone, moment.year) or name or "UTC"


@lru_cache(maxsize=256)
def _same_offsets(zone: tzinfo, year: int) -> str:
    days = [datetime.combine(date(year, 1, 1), time(12)) + timedelta(days=7 * week) for week in range(110)]
    wanted = [zone.utcoffset(day) for day in days]
    for candidate in _zones():
        if all(candidate.utcoffset(day) == offset for day, offset in zip(days, wanted, strict=True)):
            return candidate.key
    return ""


@lru_cache(maxsize=1)
def _zones() -> list[ZoneInfo]:
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith("SystemV"))
    return [ZoneInfo(name) for name in names]


def _content(value: Any, name: str) -> Any:
    """Return an attribute of a property; None for a property that could not be read."""
    try:
        return getattr(value, name, None)
    except BrokenCalendarProperty:
        return None


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
