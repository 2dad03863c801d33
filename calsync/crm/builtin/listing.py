"""What a listing of the built-in CRM asks for: a window, changes since a moment, a place to go on from."""

from __future__ import annotations

import base64
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson
from sqlalchemy import or_, select

from calsync.crm.builtin.documents import BadRequest
from calsync.crm.builtin.records import Row, event_of
from calsync.crm.builtin.tables import events
from calsync.model.errors import Unmappable
from calsync.model.event import EARLIEST_YEAR, LATEST_YEAR, Event, length
from calsync.model.occurrences import occurrences
from calsync.model.recurrence import occurrence_start

PAGE_SIZE, LARGEST_PAGE = 100, 500


class Listing:
    """The parameters of a listing, checked."""

    chunk = 500

    def __init__(
        self,
        start: str | None,
        end: str | None,
        changed_since: str | None,
        after: str | None,
        limit: str | None,
    ) -> None:
        self.start, self.end = _time(start, "start"), _time(end, "end")
        self.changed_since = _time(changed_since, "changed_since")
        self.after = _parse_token(after)
        self.limit = _page_size(limit)

    def statement(self, after: tuple[int, str]) -> Any:
        """Return the query for what comes after a place."""
        query = select(events).where(events.c.seq > after[0]).order_by(events.c.seq).limit(self.chunk)
        if self.changed_since is not None:
            query = query.where(events.c.modified >= int(self.changed_since.timestamp() * 1000))
        else:
            query = query.where(events.c.deleted.is_(False))
        if self.start is not None:
            query = query.where(or_(events.c.deleted, events.c.last_day >= _day(self.start, -1)))
        if self.end is not None:
            # An exception may lie before its series.
            early = or_(events.c.start <= _day(self.end, 2), events.c.exceptions.is_not(None))
            query = query.where(or_(events.c.deleted, early))
        return query

    def in_range(self, row: Row) -> bool:
        """Return whether a record, or an occurrence of it, overlaps [start, end)."""
        if self.start is None and self.end is None:
            return True
        first = self.start or datetime(1900, 1, 1, tzinfo=UTC)
        last = self.end or datetime(2199, 1, 1, tzinfo=UTC)
        event = event_of(row)
        if any(moved is not None and _takes_place(moved, first, last) for moved in event.exceptions.values()):
            return True
        return _takes_place(event, first, last)


def _takes_place(event: Event, first: datetime, last: datetime) -> bool:
    low, high = (first, last) if not event.all_day else (first.date(), _day_after(last))
    try:
        # Exceptions are looked at one by one; here they are as if they were taken out.
        moved = {occurrence_start(key) for key in event.exceptions}
        starts = occurrences(event.start, event.recurrence, event.zone, high)
        return any(start < high and start + length(event) > low and start not in moved for start in starts)
    except Unmappable:
        return True


def _day_after(moment: datetime) -> date:
    """Return the first day that lies wholly behind a moment."""
    return (moment - timedelta(seconds=1)).date() + timedelta(days=1)


def _day(moment: datetime, days: int) -> str:
    return (moment.date() + timedelta(days=days)).isoformat()


def _time(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        if len(text) == len("YYYY-MM-DD"):
            moment = datetime.combine(date.fromisoformat(text), time.min, UTC)
        else:
            moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise BadRequest(f"{name}: must be RFC 3339 with an offset, or YYYY-MM-DD") from None
    if moment.tzinfo is None:
        raise BadRequest(f"{name}: has no offset, e.g. Z or +01:00")
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise BadRequest(f"{name}: must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return moment


def _page_size(text: str | None) -> int:
    if text is None:
        return PAGE_SIZE
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise BadRequest(f"limit: must be a number from 1 to {LARGEST_PAGE}")
    return int(text)


def place(seq: int, key: str) -> str:
    """Return the token with which a listing goes on behind a record."""
    return base64.urlsafe_b64encode(orjson.dumps([seq, key])).decode()


def _parse_token(token: str | None) -> tuple[int, str]:
    if token is None:
        return (0, "")
    try:
        seq, key = orjson.loads(base64.urlsafe_b64decode(token))
        if type(seq) is not int or not isinstance(key, str) or not 0 <= seq < 2**63:
            raise ValueError("no token")
        return seq, key
    except (ValueError, TypeError):
        raise BadRequest("after: is not a value of `next` from an earlier answer") from None
