"""Lists that merge one by one: guests and reminders. Pure.

A face has a field for each element. A side takes whole lists, so the elements that move are put into the list
that it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from calsync.model.event import ANSWER, REMINDER, Event, exception_key, is_guest, sort_attendees, whole_name
from calsync.model.link import LISTED, Face, Sight
from calsync.model.side import Patch


def lacks_guests(
    moving: Iterable[str], edits: Iterable[str], source: Face, target: Sight, base: Face
) -> bool:
    """Return whether the target's guests must be read before these fields can move to it.

    They need not when all guests that the source has are what the target should have: nothing of what the source
    has moved stays behind, and they agreed before. `base` is the target's face at the last agreement.
    """
    moved = {name for name in moving if is_guest(name)}
    if not moved or target.event is not None:
        return False
    if moved != {name for name in edits if is_guest(name)}:
        return True
    before = {name: value for name, value in base.items() if is_guest(name) and name not in moved}
    return before != {name: value for name, value in source.items() if is_guest(name) and name not in moved}


def with_elements(event: Event, moving: frozenset[str], source: Sight, target: Sight, base: Face) -> Event:
    """Return `event` with the lists that the target should have when only the elements of `moving` move to it."""
    changes: dict[str, object] = {}
    if any(is_guest(name) for name in moving) and target.event is not None:
        guests = dict(target.guests)
        for name in filter(is_guest, moving):
            guests.pop(name, None)
            if name in source.guests:
                guests[name] = source.guests[name]
        changes["attendees"] = sort_attendees(guests.values())
    if any(name == "reminders" or name.startswith(REMINDER) for name in moving):
        changes["reminders"] = _reminders(moving, source, target.face if target.event is not None else base)
    return replace(event, **changes) if changes else event  # type: ignore[arg-type]


#: What exceptions have from their series unless they say otherwise, and both sides let them follow in.
SHARED = frozenset({"title", "description", "location", "visibility"})


def shared_with_series(moving: Iterable[str], back: frozenset[str]) -> frozenset[str]:
    """Return the fields of a series that move `back` while exceptions of it move here: these follow them."""
    return back & SHARED if any(exception_key(name) for name in moving) else frozenset()


def following_series(event: Event, moving: Iterable[str], shared: frozenset[str], series: Event) -> Event:
    """Return an event whose moving exceptions have the `shared` fields of `series`, as far as they are like `event`.

    Its own side will show them so as well, once these fields have been written to its series.
    """
    moved: dict[str, Event | None] = {}
    for key in filter(None, map(exception_key, moving)):
        exception = event.exceptions.get(key)
        if exception is not None:
            alike = [name for name in shared if getattr(exception, name) == getattr(event, name)]
            moved[key] = replace(exception, **{name: getattr(series, name) for name in alike})
    return event.with_exceptions({**event.exceptions, **moved})


def with_fields(event: Event, names: Iterable[str], other: Event) -> Event:
    """Return an event with these fields as `other` has them."""
    return replace(event, **{name: getattr(other, name) for name in names})


def _reminders(moving: Iterable[str], source: Sight, there: Face) -> tuple[int, ...] | None:
    face = dict(there)
    for name in moving:
        if name in source.face:
            face[name] = source.face[name]
        else:
            face.pop(name, None)
    minutes = sorted(int(name[len(REMINDER) :]) for name in face if name.startswith(REMINDER))
    return tuple(minutes) if minutes or face.get("reminders") == LISTED else None


def patch_of(names: frozenset[str], event: Event, edits: bool) -> Patch:
    """Return the patch that moves these fields of `event`; who may not edit an entry gives their answer only."""
    guests = "attendees" if edits else ANSWER
    return Patch(frozenset(guests if is_guest(name) else whole_name(name) for name in names), event)
