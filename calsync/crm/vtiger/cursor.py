"""Where an observation of vtiger goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from calsync.model.errors import CursorExpired


@dataclass(frozen=True, slots=True)
class Cursor:
    """From the server's second `since`, by its own clock; everything was listed at `listed`, by ours. Both in UTC."""

    since: datetime
    listed: datetime

    def text(self) -> str:
        """Return the cursor as the engine keeps it."""
        return f"{stamp(self.since)}|{self.listed.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Return a cursor; CursorExpired for anything else."""
        since, _, listed = text.partition("|")
        try:
            found = cls(datetime.fromisoformat(since).replace(tzinfo=UTC), datetime.fromisoformat(listed))
        except ValueError:
            raise CursorExpired("vtiger: no place to go on from") from None
        if found.listed.tzinfo is None:
            raise CursorExpired("vtiger: no place to go on from")
        return found


def stamp(moment: datetime) -> str:
    """Return a time as vtiger's records have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
