"""Occurrences of a series as Google has them, beside what their series says of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from calsync.google import mapping
from calsync.google.zones import Body
from calsync.model.errors import Unmappable
from calsync.model.event import Event, length
from calsync.model.recurrence import occurrence_start

#: What people change of an occurrence on Google's page, and is told alike of one and of its series.
_SEEN = ("title", "description", "location", "start", "end")


def is_special(occurrence: Body, key: str, known: Iterable[Event], wanted: Event | None) -> bool:
    """Return whether somebody has changed an occurrence since its series was seen.

    It may be as the series had it at any of the times when that is `known`, with the exceptions that were seen (None
    among them is a cancelled one), or as it should be by an earlier attempt. When a series is written to, exceptions
    take over only those of its fields that they have no own value for.
    """
    seen = [one.exceptions[key] if key in one.exceptions else as_series(one, key) for one in known]
    if occurrence.get("status") == "cancelled":
        return wanted is not None and None not in seen
    try:
        there = mapping.to_event(occurrence)
    except Unmappable:
        return True
    alike = [one for one in (*seen, wanted) if one is not None]
    return any(all(getattr(there, name) != getattr(one, name) for one in alike) for name in _SEEN)


def as_series(series: Event, key: str) -> Event:
    """Return the occurrence as the series has it, for taking an exception back."""
    start = occurrence_start(key)
    end = start + length(series)
    return replace(series, start=start, end=end, recurrence=(), exceptions={})
