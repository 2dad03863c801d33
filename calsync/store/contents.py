"""Events as bytes, for columns that are sealed before they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from calsync.model.event import Attendee, Event, Response, Visibility
from calsync.model.link import Face
from calsync.store.vault import Cipher

_RESPONSES = {response.value: response for response in Response}
_VISIBILITIES = {visibility.value: visibility for visibility in Visibility}


def pack(event: Event) -> list[Any]:
    """Return an event as a list of plain values, in a fixed order."""
    return [
        event.title,
        event.start,
        event.end,
        event.zone,
        event.description,
        event.location,
        event.recurrence,
        [(person.email, person.name, person.response) for person in event.attendees],
        event.reminders,
        event.visibility,
        event.redacted,
        {key: moved and pack(moved) for key, moved in event.exceptions.items()},
    ]


def unpack(values: list[Any]) -> Event:
    """Return the event that `pack` was given."""
    title, start, end, zone, description, location, rules, people, reminders, visibility, redacted, moved = (
        values
    )
    return Event(
        title,
        moment(start),
        moment(end),
        zone,
        description,
        location,
        tuple(rules),
        tuple([Attendee(email, name, _RESPONSES[response]) for email, name, response in people]),
        None if reminders is None else tuple(reminders),
        _VISIBILITIES[visibility],
        {key: value and unpack(value) for key, value in moved.items()},
        redacted,
    )


def moment(text: str) -> date | datetime:
    """Return a start or end as it was stored."""
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class Content:
    """The content of an unsettled sight (see `model.link.Sight`), which is sealed only if it has to be stored.

    `cipher` is that of its owner, `place` the column it would be stored in; it is bound to the entry's key as well,
    so that it opens beside no other.
    """

    event: Event
    face: Face
    master: bool
    partial: bool
    cipher: Cipher
    place: str

    def sealed(self, key: str | None) -> bytes:
        """Return the content as it is stored with the entry `key`."""
        return self.cipher.seal(
            f"{self.place}|{key}", dump_seen(self.event, self.face, self.master, self.partial)
        )


def open_seen(cipher: Cipher, place: str, key: str | None, sealed: bytes) -> Content:
    """Return the content that was sealed for `place` with the entry `key`."""
    return Content(*load_seen(cipher.open(f"{place}|{key}", sealed)), cipher, place)


def dump_seen(event: Event, face: Mapping[str, str], master: bool, partial: bool) -> bytes:
    """Return the content of a sight as bytes."""
    return orjson.dumps([master, partial, face, pack(event)])


def load_seen(data: bytes) -> tuple[Event, dict[str, str], bool, bool]:
    """Return event, face, master and partial of a sight's content."""
    master, partial, face, values = orjson.loads(data)
    return unpack(values), face, master, partial


def dump_value(value: object) -> bytes:
    """Return one field's value (see `model.event.field_value`) as bytes."""
    if isinstance(value, Event):
        return orjson.dumps({"event": pack(value)})
    return orjson.dumps({"value": value})


def load_value(data: bytes) -> object:
    """Return a value stored by `dump_value`, in JSON's types; an exception as an Event."""
    document = orjson.loads(data)
    return unpack(document["event"]) if "event" in document else document["value"]
