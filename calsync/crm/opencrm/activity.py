"""One activity in normal form: a row of the interface, parsed by the tenant's names of fields."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from calsync.crm.opencrm.answers import Row, digits, id_of, text_of
from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.crm.opencrm.times import parse_clock, parse_day, to_instant
from calsync.model.errors import Unmappable
from calsync.model.event import clean_text
from calsync.model.recurrence import known_zone

#: What may stand behind the marker in the token field: see `Note`.
NOTE = "~"


@dataclass(frozen=True, slots=True)
class Note:
    """What the tenant has no field for, kept behind the marker in the token field.

    `all_day`: the entry covers whole days. `clock` and `minutes`: when it begins and how long it takes, in a
    tenant that knows no times of day; a person who moves the date keeps the time.
    """

    all_day: bool = False
    clock: time | None = None
    minutes: int = 0

    def __str__(self) -> str:
        if self.all_day:
            return f"{NOTE}d"
        return f"{NOTE}{self.clock:%H%M}+{self.minutes}" if self.clock is not None else ""


@dataclass(frozen=True, slots=True)
class Activity:
    """What an activity says; texts are clean, `owner` and `permission` as the tenant writes them.

    `flagged`: the tenant's own all-day mark, None where it has none. `minutes`: the length by the duration fields.
    `modified` and `created` are aware. `deleted`: the tenant still shows a record that was deleted.
    """

    key: str
    owner: str = ""
    permission: str = ""
    status: str = ""
    kind: str = ""
    category: str = ""
    title: str = ""
    description: str = ""
    location: str = ""
    start_day: date | None = None
    start_clock: time | None = None
    end_day: date | None = None
    end_clock: time | None = None
    minutes: int | None = None
    flagged: bool | None = None
    marker: str = ""
    note: Note = Note()
    modified: datetime | None = None
    created: datetime | None = None
    deleted: bool = False
    problem: str = ""


def parse(row: Row, options: OpenCrmOptions) -> Activity:
    """Return a row as an activity; never raises for odd data: it then says what its problem is."""
    names = options.fields
    marker, note = parse_token(text_of(row, options.token_field))
    plain = Activity(
        id_of(row),
        digits(row.get(names.owner)),
        text_of(row, names.permission).strip(),
        _text(row, names.status, options),
        _text(row, names.activity_type, options),
        _text(row, names.category, options),
        _text(row, names.title, options).replace("\n", " "),
        _text(row, names.description, options),
        _text(row, names.location, options).replace("\n", " "),
        marker=marker,
        note=note,
        deleted=text_of(row, "deleted") in ("1", "true", "True"),
    )
    try:
        start_day, start_clock = parse_day(text_of(row, names.start_date))
        end_day, end_clock = parse_day(text_of(row, names.end_date))
        if not names.combined:
            start_clock = parse_clock(text_of(row, names.start_time))
            end_clock = parse_clock(text_of(row, names.end_time))
        return replace(
            plain,
            start_day=start_day,
            start_clock=start_clock,
            end_day=end_day,
            end_clock=end_clock,
            minutes=_minutes(row, options),
            flagged=text_of(row, names.all_day).strip() in ("1", "on", "true") if names.all_day else None,
            modified=_moment(text_of(row, names.modified), options),
            created=_moment(text_of(row, names.created), options),
        )
    except Unmappable as error:
        return replace(plain, problem=str(error))


def parse_token(text: str) -> tuple[str, Note]:
    """Return marker and note of a token field; a note that is none is nothing."""
    marker, _, rest = html.unescape(text).strip().partition(NOTE)
    if rest == "d":
        return marker, Note(all_day=True)
    clock, _, minutes = rest.partition("+")
    if len(clock) == len("HHMM") and digits(clock) and digits(minutes) and len(minutes) < 8:
        hour, minute = int(clock[:2]), int(clock[2:])
        if hour < 24 and minute < 60:
            return marker, Note(clock=time(hour, minute), minutes=int(minutes))
    return marker, Note()


def _text(row: Row, name: str, options: OpenCrmOptions) -> str:
    text = text_of(row, name)
    return clean_text(html.unescape(text) if options.entities else text)


def _minutes(row: Row, options: OpenCrmOptions) -> int | None:
    """Return the length of an activity: hours as "2", "1.5" or "1:30", minutes in a field of their own (1.5, 4.3)."""
    hours = text_of(row, options.fields.duration_hours).strip()
    minutes = digits(text_of(row, options.fields.duration_minutes))
    whole, colon, part = hours.partition(":")
    try:
        total = float(whole or 0) * 60 + (int(part) if colon else 0) + int(minutes or 0)
    except ValueError:
        return None
    if (not hours and not minutes) or not 0 <= total < 60 * 24 * 3660:
        return None
    return round(total)


def _moment(text: str, options: OpenCrmOptions) -> datetime | None:
    """Return a time stamp in the tenant's zone as an instant; None for one that cannot be read."""
    zone = known_zone(options.timezone)
    try:
        day, clock = parse_day(text)
    except Unmappable:
        return None
    return (
        to_instant(day, clock, zone) if day is not None and clock is not None and zone is not None else None
    )
