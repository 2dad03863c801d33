"""The mapping row in values: what was agreed, what is seen, what is about to be written."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from hashlib import blake2b

from calsync.model.event import EXCEPTION, GUEST, REMINDER, Attendee, Event, Visibility, field_value, is_guest
from calsync.model.permission import Level
from calsync.model.side import SideName

#: Fingerprints of one side of a link, by field name. A field at its default is left out.
Face = Mapping[str, str]

#: Present in the face of an event of which only the time is known.
REDACTED = "~"

#: The fingerprint of an occurrence that does not take place.
CANCELLED = "cancelled"

#: The fingerprint of a list that is there, and of an element of which nothing can change.
LISTED = "1"


class Kind(StrEnum):
    """What a side shows of an event, compared with the last agreement."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    NEVER = "never"
    WITHHELD = "withheld"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was last seen of a side.

    `event` and `face` are filled when `kind` is CHANGED, and when a side was read for its content. `master`
    says that the series itself was seen, not only exceptions (`event` is then a mere carrier of them).
    `partial` says that exceptions not mentioned are as at base. `level` is what the person may do there, `owned`
    whether the entry is theirs, so that it follows their own reminders. `guests` are the event's, by field name.
    """

    kind: Kind
    event: Event | None = None
    face: Face = field(default_factory=dict)
    master: bool = True
    partial: bool = False
    modified: datetime | None = None
    level: Level = Level.DELETE
    owned: bool = True
    guests: Mapping[str, Attendee] = field(default_factory=dict)

    def value(self, name: str) -> object:
        """Return the value of a field (see `event.field_value`); of a guest the Attendee, None if not invited."""
        if self.event is None:
            return None
        return self.guests.get(name) if name.startswith(GUEST) else field_value(self.event, name)

    @property
    def whole(self) -> bool:
        """True when the content is all there is, so that a copy can be made of it."""
        return self.event is not None and self.master and not self.partial


@dataclass(frozen=True, slots=True)
class Base:
    """The last agreement: the face that each side had; None where there is none."""

    google: Face | None = None
    crm: Face | None = None
    origin: SideName | None = None

    def face(self, side: SideName) -> Face | None:
        """Return the face of one side."""
        return self.google if side is SideName.GOOGLE else self.crm

    def with_face(self, side: SideName, face: Face | None) -> Base:
        """Return the agreement with another face of one side."""
        return replace(self, google=face) if side is SideName.GOOGLE else replace(self, crm=face)

    @property
    def linked(self) -> bool:
        """True when both sides have agreed before."""
        return self.google is not None and self.crm is not None


#: Field names and answers of so many guests are remembered: colleagues meet again.
_GUESTS_KEPT = 5000


class Verb(StrEnum):
    """What an intent does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RETRACT = "retract"
    REVIVE = "revive"


@dataclass(frozen=True, slots=True)
class Intent:
    """The write about to be made: on record before it is sent, gone when its outcome is recorded.

    `marker` names the original of which a copy is made, or deleted. `sent` is the face of what is written, `source` the
    face of the original at the decision; both are limited to the fields that move. A deletion has neither; without
    `source` the other side's face stays.
    """

    side: SideName
    verb: Verb
    key: str
    marker: str
    version: str
    sent: Face = field(default_factory=dict)
    source: Face = field(default_factory=dict)


class Fingerprints:
    """Makes keyed fingerprints of an account's fields: equal texts look different in another account."""

    def __init__(self, key: bytes) -> None:
        """`key`: 16 to 64 secret bytes."""
        self._seed = blake2b(key=key, digest_size=9)
        self._seeds: dict[str, blake2b] = {}
        self._guests: dict[str, str] = {}
        self._answers: dict[str, str] = {}

    def of(self, name: str, value: str) -> str:
        """Return the fingerprint of one text under a field name, 12 characters."""
        seed = self._seeds.get(name)
        if seed is None:
            seed = self._seeds[name] = self._seed.copy()
            seed.update(f"{name}\0".encode())
        digest = seed.copy()
        digest.update(value.encode("utf-8", "surrogatepass"))
        return b2a_base64(digest.digest(), newline=False).decode()

    def guest(self, email: str) -> str:
        """Return the field name of a guest; `email` in lower case."""
        name = self._guests.get(email)
        if name is None:
            if len(self._guests) >= _GUESTS_KEPT:
                self._guests.clear()
            name = self._guests[email] = GUEST + self.of("guest", email)
        return name

    def guests(self, event: Event) -> dict[str, Attendee]:
        """Return the guests of an event by field name."""
        return {self.guest(person.email): person for person in event.attendees}

    def face(self, event: Event) -> dict[str, str]:
        """Return the face of an event, exceptions included."""
        face = self._fields(event)
        for key, moved in event.exceptions.items():
            face[EXCEPTION + key] = self.exception(moved)
        return face

    def exception(self, moved: Event | None) -> str:
        """Return the fingerprint of one exception: that of its content, or of being cancelled.

        That of its guests comes behind a colon: not every side takes them. Its zone is left out, since not every side
        names one and it does not repeat.
        """
        if moved is None:
            return CANCELLED
        fields = sorted(self._fields(replace(moved, zone="")).items())
        if not moved.attendees:
            return self.of("exception", repr(fields))
        guests = repr([item for item in fields if is_guest(item[0])])
        rest = repr([item for item in fields if not is_guest(item[0])])
        return f"{self.of('exception', rest)}:{self.of('guests', guests)}"

    def match(self, event: Event) -> int:
        """Return a number that is equal for events which people would call the same (63 bits)."""
        title = " ".join(event.title.casefold().split())
        digest = self._seed.copy()
        digest.update(f"match\0{title}\0{event.start}\0{event.end}\0{event.recurrence}".encode())
        return int.from_bytes(digest.digest()[:8], "big") >> 1

    def _answer(self, text: str) -> str:
        answer = self._answers.get(text)
        if answer is None:
            if len(self._answers) >= _GUESTS_KEPT:
                self._answers.clear()
            answer = self._answers[text] = self.of("answer", text)
        return answer

    def _add_elements(self, face: dict[str, str], event: Event) -> None:
        """Add a field for each guest and reminder."""
        for person in event.attendees:
            face[self.guest(person.email)] = self._answer(f"{person.name}\0{person.response}")
        if event.reminders is not None:
            face["reminders"] = LISTED
            for minutes in event.reminders:
                face[f"{REMINDER}{minutes}"] = LISTED

    def _fields(self, event: Event) -> dict[str, str]:
        of = self.of
        start, end = event.start.isoformat(), event.end.isoformat()
        if event.zone:
            start = f"{start} {event.zone}"
        face = {"start": of("start", start), "end": of("end", end)}
        if event.title:
            face["title"] = of("title", event.title)
        if event.description:
            face["description"] = of("description", event.description)
        if event.location:
            face["location"] = of("location", event.location)
        if event.recurrence:
            face["recurrence"] = of("recurrence", "\n".join(event.recurrence))
        if event.attendees or event.reminders is not None:
            self._add_elements(face, event)
        if event.visibility is not Visibility.DEFAULT:
            face["visibility"] = of("visibility", event.visibility.value)
        if event.redacted:
            face[REDACTED] = "1"
        return face


def carrier(exceptions: Mapping[str, Event | None], day: date) -> Event:
    """Return an event that only carries exceptions of a series whose own fields were not seen."""
    return Event(title="", start=day, end=day, exceptions=exceptions)
