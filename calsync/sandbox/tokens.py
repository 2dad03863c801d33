"""Sync tokens and page tokens: opaque to clients, good for one calendar, one person and one kind of query."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass

from calsync.sandbox import answers
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.queries import Query

#: Parameters that must stay the same from the first request on.
_SHAPE = ("singleEvents", "eventTypes", "maxAttendees", "showHiddenInvitations")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a listing is: it shows changes in (since, upto] and has got to `after`.

    `time_min`, `time_max`: the window of the first request, kept by tokens when windows are frozen.
    """

    since: int
    upto: int
    after: int
    time_min: str = ""
    time_max: str = ""


def shape_of(query: Query) -> list[list[str]]:
    """Return what tells one kind of query from another."""
    return [list(query.all(name)) for name in _SHAPE]


def mint(calendar: Calendar, user: str, query: Query, position: Position) -> str:
    """Return the token of a position."""
    content = [calendar.id, user, calendar.epoch, shape_of(query), asdict(position)]
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def read(calendar: Calendar, user: str, query: Query, name: str) -> Position:
    """Return the position of the token in parameter `name`; ApiError 400, or 410 when it is no longer good."""
    try:
        calendar_id, who, epoch, shape, position = json.loads(base64.urlsafe_b64decode(query.get(name)))
        found = Position(**position)
    except (ValueError, TypeError):
        raise answers.bad("invalid", f"Invalid {name} value.", name) from None
    if (calendar_id, who, epoch, shape) != (calendar.id, user, calendar.epoch, shape_of(query)):
        raise answers.sync_token_expired()
    return found
