"""Which rows a caller of events.list asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from calsync.model.errors import Unmappable
from calsync.model.recurrence import clean_rules, last_day
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.queries import Query
from calsync.sandbox.rows import Body, Row
from calsync.sandbox.times import instant_of, moment_of
from calsync.sandbox.tokens import Position


class Filter:
    """A test for rows; `delta`: the listing continues from a sync token, so deletions are shown."""

    def __init__(self, query: Query, position: Position, delta: bool) -> None:
        self._uid = query.get("iCalUID")
        self._words = query.get("q").casefold().split()
        self._types = frozenset(query.all("eventTypes"))
        self._properties = [
            (scope, *pair.partition("=")[::2])
            for scope in ("private", "shared")
            for pair in query.all(f"{scope}ExtendedProperty")
        ]
        self._updated_min = query.moment("updatedMin")
        self._first, self._last = _instant(position.time_min), _instant(position.time_max)
        self._single = query.flag("singleEvents")
        self._deleted = delta or query.flag("showDeleted") or self._updated_min is not None
        self._asks_nothing = not (
            self._uid or self._words or self._types or self._properties or self._first or self._last
        )

    def __call__(self, calendar: Calendar, row: Row) -> bool:
        """Return whether a row is listed."""
        if row.cancelled:
            return self._shows_deleted(calendar, row)
        if self._updated_min and row.updated < self._updated_min.timestamp() * 1_000_000:
            return False
        if self._asks_nothing:
            return True
        if self._uid and row.uid != self._uid:
            return False
        body = calendar.whole(row)
        return self._is_of_kind(body) and self._holds_words(body) and self._in_window(calendar, row, body)

    def _shows_deleted(self, calendar: Calendar, row: Row) -> bool:
        """Cancelled occurrences of a living series are part of it, so they are always listed."""
        if (self._uid and row.uid != self._uid) or self._words or self._properties:
            return False
        master = calendar.rows.get(row.series)
        is_part = master is not None and not master.cancelled and not self._single
        return self._deleted or is_part

    def _is_of_kind(self, body: Body) -> bool:
        if self._types and body.get("eventType", "default") not in self._types:
            return False
        properties = body.get("extendedProperties") or {}
        return all(
            (properties.get(scope) or {}).get(name) == value for scope, name, value in self._properties
        )

    def _holds_words(self, body: Body) -> bool:
        if not self._words:
            return True
        people = [person.get(name) or "" for person in body.get("attendees", []) for name in _PERSON]
        text = "\n".join([*(str(body.get(name) or "") for name in _TEXT), *people]).casefold()
        return all(word in text for word in self._words)

    def _in_window(self, calendar: Calendar, row: Row, body: Body) -> bool:
        if (self._first is None and self._last is None) or not (body.get("start") and body.get("end")):
            return True
        starts = instant_of(moment_of(body["start"]), calendar.zone)
        if self._last is not None and starts >= self._last:
            return False
        return self._first is None or _ends(calendar, row, body) > self._first


_TEXT = ("summary", "description", "location")
_PERSON = ("email", "displayName")


def _ends(calendar: Calendar, row: Row, body: Body) -> datetime:
    """Return when an event ends, a series no earlier than its last occurrence."""
    ends = instant_of(moment_of(body["end"]), calendar.zone)
    if row.series or not body.get("recurrence"):
        return ends
    try:
        day = last_day(moment_of(body["start"]), clean_rules(body["recurrence"]))
        return max(ends, datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=2))
    except (Unmappable, OverflowError):
        return ends


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
