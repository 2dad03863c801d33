"""An event as people get it in an export: plain JSON, every field."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from calsync.model.event import Event
from calsync.model.recurrence import occurrence_start


def document_of(event: Event) -> dict[str, Any]:
    """Return an event as JSON: times in UTC ("Z"), whole days as dates with an exclusive end."""
    return {
        "title": event.title,
        "description": event.description,
        "location": event.location,
        "start": moment(event.start),
        "end": moment(event.end),
        "all_day": event.all_day,
        "time_zone": event.zone or None,
        "recurrence": list(event.recurrence),
        "attendees": [
            {"email": one.email, "name": one.name, "response": one.response.value} for one in event.attendees
        ],
        "reminders_minutes": None if event.reminders is None else list(event.reminders),
        "visibility": event.visibility.value,
        "exceptions": [_exception(key, moved) for key, moved in sorted(event.exceptions.items())],
    }


def value_of(value: object) -> Any:
    """Return one field's value, as kept for a conflict, as JSON."""
    return document_of(value) if isinstance(value, Event) else value


def moment(value: date | datetime) -> str:
    """Return a start or end as text."""
    return value.isoformat().replace("+00:00", "Z")


def _exception(key: str, moved: Event | None) -> dict[str, Any]:
    original = moment(occurrence_start(key))
    if moved is None:
        return {"original_start": original, "cancelled": True}
    return {"original_start": original, **document_of(moved)}
