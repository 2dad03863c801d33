"""A row of the built-in CRM as an Event, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping

from calsync.model.errors import Unmappable
from calsync.model.event import Attendee, Event, Response, Visibility, length
from calsync.model.permission import Record, Security
from calsync.model.push import Nature
from calsync.model.recurrence import clean_rules, last_day, occurrence_start

Values = dict[str, Any]
Row = Mapping[str, Any] | RowMapping

#: Fields of an exception that are kept when they differ from the series.
_OVERLAY = ("title", "start", "end", "description", "location", "attendees", "reminders")


def moment(text: str) -> date | datetime:
    """Return a stored start or end."""
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def event_of(row: Row) -> Event:
    """Return a row's event, exceptions expanded to whole events; Unmappable when the row is damaged."""
    try:
        series = Event(
            row["title"],
            moment(row["start"]),
            moment(row["end"]),
            row["zone"],
            row["description"],
            row["location"],
            clean_rules(orjson.loads(row["recurrence"])) if row["recurrence"] else (),
            load_attendees(row["attendees"]),
            tuple(orjson.loads(row["reminders"])) if row["reminders"] else None,
            Visibility.PRIVATE if row["security"] == Security.PRIVATE else Visibility.DEFAULT,
        )
        if not row["exceptions"]:
            return series
        overlays = orjson.loads(row["exceptions"])
        return series.with_exceptions(
            {key: apply_overlay(series, key, part) for key, part in overlays.items()}
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unmappable(f"the record is damaged ({type(error).__name__})") from error


def load_attendees(text: str | None) -> tuple[Attendee, ...]:
    """Return stored attendees."""
    if not text:
        return ()
    return tuple(Attendee(email, name, Response(answer)) for email, name, answer in orjson.loads(text))


def occurrence(series: Event, key: str) -> Event:
    """Return an occurrence as the series has it."""
    start = occurrence_start(key)
    return replace(series, start=start, end=start + length(series), recurrence=(), exceptions={})


def apply_overlay(series: Event, key: str, overlay: Values | None) -> Event | None:
    """Return what an exception makes of an occurrence; None for a cancelled one."""
    if overlay is None:
        return None
    changes: Values = dict(overlay)
    for name in ("start", "end"):
        if name in changes:
            changes[name] = moment(changes[name])
    if "attendees" in changes:
        people = changes["attendees"]
        changes["attendees"] = tuple(
            Attendee(email, name, Response(answer)) for email, name, answer in people
        )
    if changes.get("reminders") is not None:
        changes["reminders"] = tuple(changes["reminders"])
    return replace(occurrence(series, key), **changes)


def overlay_of(series: Event, key: str, moved: Event | None) -> Values | None:
    """Return what distinguishes an exception from its occurrence; None for a cancelled one."""
    if moved is None:
        return None
    plain = occurrence(series, key)
    names = [name for name in _OVERLAY if getattr(moved, name) != getattr(plain, name)]
    return {name: _plain(getattr(moved, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple) and value and isinstance(value[0], Attendee):
        return [(person.email, person.name, person.response.value) for person in value]
    return list(value) if isinstance(value, tuple) else value


def content(event: Event) -> Values:
    """Return the columns that hold an event's content, all but its security."""
    start, end = event.start.isoformat(), event.end.isoformat()
    overlays = {key: overlay_of(event, key, moved) for key, moved in event.exceptions.items()}
    return {
        "title": event.title,
        "description": event.description,
        "location": event.location,
        "start": start,
        "end": end,
        "zone": event.zone,
        "last_day": reach(event) if event.recurrence or event.exceptions else end[:10],
        "recurrence": orjson.dumps(event.recurrence).decode() if event.recurrence else None,
        "exceptions": orjson.dumps(overlays).decode() if overlays else None,
        "attendees": dump_attendees(event.attendees),
        "reminders": None if event.reminders is None else orjson.dumps(event.reminders).decode(),
    }


def dump_attendees(people: tuple[Attendee, ...]) -> str | None:
    """Return attendees as they are stored."""
    return orjson.dumps([(p.email, p.name, p.response) for p in people]).decode() if people else None


def reach(event: Event) -> str:
    """Return the last day an event, its series or its exceptions may touch."""
    days = [_day(event.end), last_day(event.start, event.recurrence)]
    days += [_day(moved.end) for moved in event.exceptions.values() if moved is not None]
    return max(days).isoformat()


def _day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def record_of(row: Row, teams: Mapping[str, frozenset[str]]) -> Record:
    """Return what permissions ask of a row; `teams` by login."""
    people = orjson.loads(row["attendees"]) if row["attendees"] else ()
    return Record(
        owner=row["owner"],
        security=row["security"],
        team=row["team"],
        owner_teams=teams.get(row["owner"], frozenset()),
        attendees=frozenset([email for email, _, _ in people]),
        declined=frozenset([email for email, _, answer in people if answer == Response.DECLINED]),
    )


def nature_of(row: Row) -> Nature:
    """Return what push rules ask of a row."""
    return Nature(row["activity_type"], row["status"], row["category"])
