"""Occurrences of a series as Google has them, beside what their series says of them. Pure."""

from __future__ import annotations

from dataclasses import replace

from calsync.google import mapping
from calsync.google.zones import Body
from calsync.model.errors import Unmappable
from calsync.model.event import Event, length
from calsync.model.recurrence import occurrence_start

#: What people change of an occurrence on Google's page, and is told alike of one and of its series.
_SEEN = ("title", "description", "location", "start", "end")


def is_special(occurrence: Body, key: str, series: Event, wanted: Event | None) -> bool:
    """Return whether an occurrence is neither as it was seen with its series nor, by an earlier attempt, as it should be.

    `series`: with its exceptions as they were seen; None among them is a cancelled one.
    """
    seen = series.exceptions[key] if key in series.exceptions else as_series(series, key)
    if occurrence.get("status") == "cancelled":
        return wanted is not None and seen is not None
    try:
        there = mapping.to_event(occurrence)
    except Unmappable:
        return True
    alike = [one for one in (seen, wanted) if one is not None]
    return all(any(getattr(there, name) != getattr(one, name) for name in _SEEN) for one in alike)


def as_series(series: Event, key: str) -> Event:
    """Return the occurrence as the series has it, for taking an exception back."""
    start = occurrence_start(key)
    end = start + length(series)
    return replace(series, start=start, end=end, recurrence=(), exceptions={})
