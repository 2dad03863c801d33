"""Calendars that people wrote (RFC 5545), stored as Google would hold them after an import.

Nothing is dropped for being wrong: what Google would refuse is stored as far as it can be read, so that the
engine meets it. Of several events with one UID, the highest SEQUENCE counts; an occurrence that its series
does not have becomes an event of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from icalendar import Calendar as Ics

from calsync.model.errors import Unmappable
from calsync.model.occurrences import is_occurrence
from calsync.model.recurrence import clean_rules, occurrence_key, occurrence_start
from calsync.sandbox.answers import ApiError
from calsync.sandbox.bodies import check
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.ics_times import Clock, clock_of, end_of, moment_in, rules_of
from calsync.sandbox.rows import Body, Row
from calsync.sandbox.times import moment_of

_VISIBILITY = {"PRIVATE": "private", "CONFIDENTIAL": "confidential", "PUBLIC": "public"}
_RESPONSES = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}


@dataclass(frozen=True, slots=True)
class Series:
    """What was stored for a UID: the row's id, the master's body, and the file's own component."""

    id: str
    body: Body
    event: Any


def seed_ics(calendar: Calendar, text: str) -> dict[str, Any]:
    """Put the events of an ICS text into a calendar; tell how many, and which Google would have refused."""
    document = Ics.from_ical(text)
    clock = clock_of(document, calendar.zone)
    events: dict[str, list[Any]] = {}
    for number, event in enumerate(document.walk("VEVENT")):
        events.setdefault(str(event.get("UID", "")) or f"nameless {number}", []).append(event)
    bad: list[dict[str, str]] = []
    for uid, versions in events.items():
        why = _store(calendar, clock, uid, versions)
        if why:
            bad.append({"uid": uid, "why": why})
    return {"events": sum(len(versions) for versions in events.values()), "bad": bad}


def _store(calendar: Calendar, clock: Clock, uid: str, versions: list[Any]) -> str:
    """Store the events of one UID; return why Google would refuse one of them, or ""."""
    masters = [event for event in versions if "RECURRENCE-ID" not in event]
    series = None
    problems = []
    if masters:
        event = max(masters, key=_sequence)
        body = _body(event, clock)
        series = Series(_put(calendar, uid, body, event), body, event)
        problems.append(_problem(body))
        _store_periods(calendar, clock, uid, series)
    exceptions = sorted((event for event in versions if "RECURRENCE-ID" in event), key=_sequence)
    problems += [_store_exception(calendar, clock, uid, series, event) for event in exceptions]
    return next(filter(None, problems), "")


def _sequence(event: Any) -> int:
    try:
        return int(event.get("SEQUENCE", -1))
    except (TypeError, ValueError):
        return -1


def _put(calendar: Calendar, uid: str, body: Body, event: Any) -> str:
    name, number = "", 0
    while not name or name in calendar.rows:
        text = f"{uid}|{event.get('RECURRENCE-ID', '')}|{number}"
        name, number = hashlib.sha256(text.encode()).hexdigest()[:26], number + 1
    calendar.put(name, body, uid)
    if _is_cancelled(event):
        calendar.delete(name)
    return name


def _is_cancelled(event: Any) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


def _problem(body: Body) -> str:
    try:
        check(body)
    except (ApiError, ValueError, OverflowError) as error:
        return str(error) or type(error).__name__
    return ""


def _store_exception(calendar: Calendar, clock: Clock, uid: str, series: Series | None, event: Any) -> str:
    body = _body(event, clock)
    key = _key_in(series, clock, event) if series and not _is_cancelled(series.event) else None
    if series is not None and key is not None:
        _put_exception(calendar, uid, series.id, key, body, _is_cancelled(event))
    elif series is None or not _is_stale(series, clock, event):
        _put(calendar, uid, body, event)
    return _problem(body)


def _put_exception(calendar: Calendar, uid: str, series: str, key: str, body: Body, cancelled: bool) -> None:
    row = Row(f"{series}_{key}", body, calendar.now(), series, key, uid=uid, organizer=calendar.owner)
    row.cancelled = cancelled
    row.body.setdefault("status", "confirmed")
    calendar.exceptions.setdefault(series, {})[key] = row
    calendar.changed(row)


def _key_in(series: Series, clock: Clock, event: Any) -> str | None:
    """Return the key of the occurrence that an event replaces; None when the series does not have it."""
    original = _original(series, clock, event)
    return occurrence_key(original) if original is not None and _has(series.body, original) else None


def _original(series: Series, clock: Clock, event: Any) -> date | datetime | None:
    named = moment_in(event, "RECURRENCE-ID")
    if named is None or "start" not in series.body:
        return None
    if "date" in series.body["start"]:
        return named.date() if isinstance(named, datetime) else named
    zone = series.body["start"].get("timeZone", "")
    return clock.instant(named, zone) if isinstance(named, datetime) else None


def _has(body: Body, original: date | datetime) -> bool:
    try:
        rules = clean_rules(body.get("recurrence") or [])
        return is_occurrence(moment_of(body["start"]), rules, body["start"].get("timeZone", ""), original)
    except (Unmappable, ValueError):
        return False


def _is_stale(series: Series, clock: Clock, event: Any) -> bool:
    """Return whether an event belongs to an earlier state of its series, or its date was taken out since."""
    original = _original(series, clock, event)
    rules = [line for line in series.body.get("recurrence", []) if not line.startswith("EXDATE")]
    if original is not None and _has({**series.body, "recurrence": rules}, original):
        return True
    repeats = any(name in event for name in ("RRULE", "RDATE", "EXDATE"))
    return repeats and _sequence(event) < _sequence(series.event)


def _store_periods(calendar: Calendar, clock: Clock, uid: str, series: Series) -> None:
    """Make exceptions of the additional dates that have a length of their own."""
    for starts, ends in clock.periods(series.event, series.body):
        key = occurrence_key(starts)
        if _has(series.body, occurrence_start(key)):
            zone = series.body["start"].get("timeZone", "")
            body = {"start": clock.stored(starts, zone), "end": clock.stored(ends, zone)}
            _put_exception(calendar, uid, series.id, key, body, cancelled=False)


def _body(event: Any, clock: Clock) -> Body:
    body: Body = {
        "summary": str(event.get("SUMMARY", "")),
        "description": str(event.get("DESCRIPTION", "")),
        "location": str(event.get("LOCATION", "")),
        "attendees": [_attendee(person) for person in _many(event.get("ATTENDEE"))],
        "visibility": _VISIBILITY.get(str(event.get("CLASS", "")).upper(), ""),
        "transparency": "transparent" if str(event.get("TRANSP", "")) == "TRANSPARENT" else "",
    }
    start, end = moment_in(event, "DTSTART"), end_of(event)
    zone = clock.home_of(event)
    if start is not None:
        body["start"] = clock.stored(start, zone)
    if end is not None:
        body["end"] = clock.stored(end, zone)
    if "RECURRENCE-ID" not in event and start is not None:
        body["recurrence"] = list(rules_of(event, start, zone, clock))
    minutes = sorted(_reminders(event))[:5]
    if minutes:
        overrides = [{"method": "popup", "minutes": minute} for minute in minutes]
        body["reminders"] = {"useDefault": False, "overrides": overrides}
    return {name: value for name, value in body.items() if value not in ("", [], None)}


def _attendee(person: Any) -> Body:
    parameters = person.params
    response = _RESPONSES.get(str(parameters.get("PARTSTAT", "")).upper(), "needsAction")
    name = str(parameters.get("CN", ""))
    shown = {"email": str(person).lower().removeprefix("mailto:"), "responseStatus": response}
    return shown | ({"displayName": name} if name else {})


def _reminders(event: Any) -> set[int]:
    found = set()
    for alarm in event.walk("VALARM"):
        trigger = getattr(alarm.get("TRIGGER"), "dt", None)
        if isinstance(trigger, timedelta) and trigger <= timedelta(0):
            found.add(int(-trigger.total_seconds() // 60))
    return found


def _many(value: Any) -> Iterable[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
