"""What a patch makes of an event, for CRMs that store whole ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from calsync.model.errors import Unmappable
from calsync.model.event import Event, exception_key
from calsync.model.occurrences import is_occurrence
from calsync.model.recurrence import occurrence_start
from calsync.model.side import Patch

#: What an occurrence that is an exception still shares with its series, until it differs.
_SHARED = ("title", "description", "location", "attendees", "reminders")


def patched(event: Event, patch: Patch) -> Event:
    """Return an event with the fields of a patch, and all others as they were.

    Exceptions follow their series in what they share with it, and go when it no longer takes place on their date.
    """
    changes: dict[str, Any] = {}
    exceptions = dict(event.exceptions)
    for name in patch.fields:
        key = exception_key(name)
        if key is None:
            changes[name] = getattr(patch.event, name)
        elif key in patch.event.exceptions:
            exceptions[key] = patch.event.exceptions[key]
        else:
            exceptions.pop(key, None)
    if "start" in changes:
        changes["zone"] = patch.event.zone
    moved = replace(event, **changes, exceptions=_inheriting(event, changes, exceptions, patch.fields))
    return without_strays(moved) if changes.keys() & {"start", "recurrence"} else moved


def _inheriting(
    event: Event, changes: Mapping[str, Any], exceptions: Mapping[str, Event | None], fields: frozenset[str]
) -> dict[str, Event | None]:
    followed: dict[str, Event | None] = {}
    for key, moved in exceptions.items():
        shared = {
            name: changes[name]
            for name in _SHARED
            if name in changes
            and moved is not None
            and f"x:{key}" not in fields
            and getattr(moved, name) == getattr(event, name)
        }
        followed[key] = replace(moved, **shared) if moved is not None and shared else moved
    return followed


def without_strays(event: Event) -> Event:
    """Return a series without exceptions of dates on which it no longer takes place."""
    if not event.exceptions:
        return event
    if not event.recurrence:
        return event.with_exceptions({})
    kept = {key: moved for key, moved in event.exceptions.items() if has_occurrence(event, key)}
    return event if len(kept) == len(event.exceptions) else event.with_exceptions(kept)


def has_occurrence(event: Event, key: str) -> bool:
    """Return whether a series takes place at the time that an occurrence key names; True if nobody can tell."""
    try:
        return is_occurrence(event.start, event.recurrence, event.zone, occurrence_start(key))
    except Unmappable:
        return True
