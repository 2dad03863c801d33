"""The calendar entry in the form both calendars can say, and the names of its fields.

An `Event` is always in normal form: texts without control characters and trailing space, instants in
UTC to the second, dates for all-day entries, tuples in a fixed order. Two events that mean the same are equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

#: Fields of an event that are compared and carried one by one, in the order in which people read them.
FIELDS = (
    "title",
    "start",
    "end",
    "description",
    "location",
    "recurrence",
    "attendees",
    "reminders",
    "visibility",
)

#: An exception of a series is a field of its own: this prefix and the occurrence key.
EXCEPTION = "x:"

#: A guest is a field of its own: this prefix and a keyed digest of the address, so that none is stored with it.
GUEST = "a:"

#: So is a reminder: this prefix and the minutes. "reminders" itself then says only that there is a list.
REMINDER = "r:"

#: In a patch: nothing but the answer of the one attendee that its event has.
ANSWER = "answer"

#: What a reader who may only know that time is taken does not get; guests neither.
REDACTED_FIELDS = frozenset({"title", "description", "location", "attendees"})

BUSY_TITLE = "Busy"

#: Outside of these years an event is a mistake, and reckoning with days and zones would leave the calendar.
EARLIEST_YEAR, LATEST_YEAR = 1000, 9000

#: What Google keeps of a description, in characters of HTML.
DESCRIPTION_LIMIT = 8192

_ROOM = {"&": len("&amp;"), "<": len("&lt;"), ">": len("&gt;")}

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Visibility(StrEnum):
    """Who besides the attendees may read an event on its own calendar."""

    DEFAULT = "default"
    PUBLIC = "public"
    PRIVATE = "private"


class Response(StrEnum):
    """An attendee's answer."""

    NEEDS_ACTION = "needs_action"
    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, order=True)
class Attendee:
    """One guest; `email` in lower case is the identity."""

    email: str
    name: str = ""
    response: Response = Response.NEEDS_ACTION


@dataclass(frozen=True, slots=True)
class Event:
    """A calendar entry, or a whole series with its exceptions.

    `start` and `end` are both dates (all-day, `end` exclusive) or both aware datetimes in UTC.
    `zone` is the IANA zone in which a series repeats, and in which people see a timed event; "" is unknown.
    `reminders` are minutes before the start, ascending; None means the calendar's own default.
    `exceptions` maps occurrence keys (see `recurrence.occurrence_key`) to what happens instead: a whole
    Event, or None for a cancelled occurrence.
    """

    title: str
    start: date | datetime
    end: date | datetime
    zone: str = ""
    description: str = ""
    location: str = ""
    recurrence: tuple[str, ...] = ()
    attendees: tuple[Attendee, ...] = ()
    reminders: tuple[int, ...] | None = None
    visibility: Visibility = Visibility.DEFAULT
    exceptions: Mapping[str, Event | None] = field(default_factory=dict)
    redacted: bool = False

    @property
    def all_day(self) -> bool:
        """True when the entry covers whole days."""
        return not isinstance(self.start, datetime)

    def busy(self) -> Event:
        """Return the same time without saying what it is for, exceptions included."""
        return Event(
            title=BUSY_TITLE,
            start=self.start,
            end=self.end,
            zone=self.zone,
            recurrence=self.recurrence,
            visibility=Visibility.PRIVATE,
            exceptions={key: event and event.busy() for key, event in self.exceptions.items()},
            redacted=True,
        )

    @property
    def says_more_than_times(self) -> bool:
        """True when it, or one of its exceptions, has anything that `busy` takes away."""
        texts = self.title not in ("", BUSY_TITLE) or self.description or self.location or self.attendees
        return bool(texts) or any(part and part.says_more_than_times for part in self.exceptions.values())

    def shortened(self) -> Event:
        """Return this event with as much of its descriptions as any calendar can hold."""
        text = _shortened(self.description)
        exceptions = {key: event and event.shortened() for key, event in self.exceptions.items()}
        if text == self.description and all(
            exceptions[key] is event for key, event in self.exceptions.items()
        ):
            return self
        return replace(self, description=text, exceptions=exceptions)

    def without_guests(self) -> Event:
        """Return this event without anybody who is invited, exceptions included."""
        exceptions = {key: event and event.without_guests() for key, event in self.exceptions.items()}
        return replace(self, attendees=(), exceptions=exceptions)

    def with_exceptions(self, exceptions: Mapping[str, Event | None]) -> Event:
        """Return this event with exactly these exceptions."""
        return replace(self, exceptions=exceptions)


def exception_key(name: str) -> str | None:
    """Return the occurrence key when `name` is the field of an exception, else None."""
    return name[len(EXCEPTION) :] if name.startswith(EXCEPTION) else None


def is_guest(name: str) -> bool:
    """Return whether a field is one guest."""
    return name.startswith(GUEST)


def is_text(name: str) -> bool:
    """Return whether a field says more than that time is taken."""
    return name in REDACTED_FIELDS or is_guest(name)


def whole_name(name: str) -> str:
    """Return the name of the list that an element belongs to; other fields are whole already."""
    if name.startswith(GUEST):
        return "attendees"
    return "reminders" if name.startswith(REMINDER) else name


def field_value(event: Event, name: str) -> object:
    """Return the value of one field; of an element, that of its whole list.

    An exception that does not exist is the string "as the series".
    """
    key = exception_key(name)
    if key is None:
        return getattr(event, whole_name(name))
    return event.exceptions.get(key, "as the series")


def length(event: Event) -> timedelta:
    """Return how long an event, or each occurrence of a series, takes."""
    if isinstance(event.start, datetime) and isinstance(event.end, datetime):
        return event.end - event.start
    return date(event.end.year, event.end.month, event.end.day) - date(
        event.start.year, event.start.month, event.start.day
    )


def clean_text(text: str | None) -> str:
    """Return `text` in normal form: Unix line ends, no control characters, no space at line ends."""
    if not text:
        return ""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isprintable():
        text = _CONTROL.sub("", text)
    if "\n" not in text:
        return text.strip()
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _shortened(text: str) -> str:
    if len(text) * 5 <= DESCRIPTION_LIMIT:
        return text
    room = DESCRIPTION_LIMIT - 1
    for place, char in enumerate(text):
        # What means something in HTML takes more room there: &amp; and &lt;.
        room -= _ROOM.get(char, 1)
        if room < 0:
            return f"{text[:place].rstrip()}…"
    return text


def to_utc(moment: datetime) -> datetime:
    """Return an aware datetime as UTC without fractions of a second; ValueError if it is naive."""
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC).replace(microsecond=0)


def sort_attendees(attendees: Iterable[Attendee]) -> tuple[Attendee, ...]:
    """Return attendees once each, by address."""
    people = tuple(attendees)
    if len(people) < 2:
        return people
    found = {person.email: person for person in people}
    return tuple(found[email] for email in sorted(found))
