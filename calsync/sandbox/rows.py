"""What a calendar holds: one row for a master, a single event, or an exception of a series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: An event as people write it: JSON without what Google adds.
Body = dict[str, Any]


@dataclass(slots=True)
class Row:
    """A master, a single event, or (with `series`) an exception, which holds only what differs from its series.

    `created`, `updated` and `version` are microseconds since 1970. `version` moves with every change, `updated`
    not with reminders. `organizer` is a calendar id; `copies` are the calendars that hold a guest's copy.
    """

    id: str
    body: Body
    created: int
    series: str = ""
    key: str = ""
    updated: int = 0
    seq: int = 0
    cancelled: bool = False
    sequence: int = 0
    uid: str = ""
    organizer: str = ""
    creator: str = ""
    version: int = 0
    copies: frozenset[str] = frozenset()
    rendered: dict[str, bytes] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """Twice the time of the last change in microseconds, quoted, as Google has it."""
        return f'"{(self.version or self.updated) * 2}"'
