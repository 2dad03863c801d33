"""Series for a CRM that has none: each occurrence within reach is an event of its own, with a link of its own.

It is Google's side that is seen so, and written so: the CRM's side and the engine know of single events only. Its key is
the series' with the occurrence's, which is what Google calls an instance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Protocol

from calsync.model.errors import CursorExpired, Refused, SideError, Stale, Unmappable
from calsync.model.event import ANSWER, EXCEPTION, Event, length
from calsync.model.occurrences import occurrences
from calsync.model.permission import Access, Level
from calsync.model.recurrence import occurrence_key
from calsync.model.side import (
    CalendarSide,
    Create,
    Delete,
    Item,
    MailsGuests,
    Outcome,
    Page,
    Patch,
    Revive,
    Rewrites,
    SideName,
    Update,
    Write,
    one_at_a_time,
)

_KEY = re.compile(r"(.+)_(\d{8}(?:T\d{6}Z)?)", re.ASCII)

PAGE_SIZE = 500

#: Of what they are invited to without the rest of its series, nobody is the organiser.
_GUEST = Access(Level.READ, "organised by somebody else")

_TOO_FAR = Access(Level.NONE, "occurrence is too far ahead")


class Calendar(CalendarSide, Rewrites, MailsGuests, Protocol):
    """A side that knows series, with all that Google's has."""


@dataclass(slots=True)
class _Gathered:
    """What the pages of an observation have said of one series so far."""

    master: Item | None = None
    exceptions: dict[str, Event | None] = field(default_factory=dict)


class OccurrencesSide:
    """A calendar that shows the occurrences of its series up to `last`, never the series."""

    def __init__(self, inner: Calendar, today: date, last: date, secret: bytes) -> None:
        """`today`: once a day all is listed, as new occurrences come within reach; `secret` keys digests."""
        self._inner, self._today, self._last, self._secret = inner, today, last, secret
        self.name: SideName = inner.name
        self.tells_before = inner.tells_before
        self.batch = inner.batch
        self._expanded: dict[str, dict[str, Item]] = {}

    @property
    def calls(self) -> int:
        """Requests made so far."""
        return self._inner.calls

    @property
    def mails(self) -> int:
        """Mails that our writes have caused."""
        return self._inner.mails

    def access_version(self) -> str:
        """See `CalendarSide`."""
        return self._inner.access_version()

    def marker(self, key: str) -> str:
        """See `CalendarSide`; `key` may be that of an occurrence."""
        return self._inner.marker(key)

    def chosen_key(self, marker: str, generation: int) -> str:
        """See `CalendarSide`."""
        return self._inner.chosen_key(marker, generation)

    def as_written(self, event: Event) -> Event:
        """See `model.side.Rewrites`."""
        return self._inner.as_written(event)

    def find(self, marker: str) -> Item | None:
        """See `CalendarSide`: copies of CRM events are single events."""
        return self._inner.find(marker)

    # -- observe ---------------------------------------------------------------------------------------

    def observe(self, cursor: str | None) -> Iterator[Page]:
        """Yield everything, or single events and exceptions that changed.

        A series that has changed otherwise, or is gone, makes the cursor expire: which occurrences have gone with it,
        only a complete listing can tell. Raises as the calendar itself.
        """
        if cursor is None:
            yield from self._everything()
            return
        day, _, inner = cursor.partition(" ")
        if day != self._today.isoformat() or not inner:
            raise CursorExpired("Google: a day later, other occurrences are within reach")
        for page in self._inner.observe(inner):
            items = [changed for item in page.items for changed in self._changed(item)]
            yield replace(page, items=items, cursor=self._cursor(page.cursor))

    def _cursor(self, inner: str | None) -> str | None:
        return None if inner is None else f"{self._today.isoformat()} {inner}"

    def _everything(self) -> Iterator[Page]:
        gathered: dict[str, _Gathered] = {}
        cursor: str | None = None
        for page in self._inner.observe(None):
            singles = [item for item in page.items if not _gather(gathered, item)]
            cursor = page.cursor
            if singles:
                yield Page(singles, complete=True)
        expanded: list[Item] = []
        for key, found in gathered.items():
            expanded += self._of_series(key, found)
            while len(expanded) >= PAGE_SIZE:
                yield Page(expanded[:PAGE_SIZE], complete=True)
                del expanded[:PAGE_SIZE]
        yield Page(expanded, self._cursor(cursor), complete=True)

    def _of_series(self, key: str, found: _Gathered) -> Iterable[Item]:
        if found.master is None or found.master.event is None:
            # Exceptions of a meeting to whose other occurrences the person is not invited.
            return self._of_exceptions(Item(key, access=_GUEST), found.exceptions)
        whole = replace(found.master, exceptions=found.exceptions, partial=False)
        return self._expand(whole).values()

    def _changed(self, item: Item) -> Iterator[Item]:
        """Yield what a change says of single events; CursorExpired when it concerns a series as a whole."""
        if item.event is not None and item.event.recurrence:
            raise CursorExpired("Google: a series has changed")
        if item.exceptions and item.event is None:
            for occurrence in item.exceptions:
                key = f"{item.key}_{occurrence}"
                # Who organises it, the series says.
                yield self.read(key) or Item(key, gone=True)
            return
        if item.gone and item.event is None:
            yield from self._said_to_be_gone(item)
            return
        yield item

    def _said_to_be_gone(self, item: Item) -> Iterable[Item]:
        """Return what a tombstone says of single events; CursorExpired when it may be that of a series.

        Google has sent tombstones of series that were alive: then it says nothing, and the series is shown as it is.
        """
        found = self._inner.read(item.key)
        if found is None or found.event is None or (found.gone and found.event.recurrence):
            raise CursorExpired("Google: a series is gone")
        return self._expand(found).values() if found.event.recurrence else [item]

    def _expand(self, series: Item) -> dict[str, Item]:
        """Return the occurrences of a whole series, by key; a series that cannot be followed is one item that says so."""
        event = series.content
        if event is None:
            return {}
        try:
            starts = list(occurrences(event.start, event.recurrence, event.zone, self._end(event)))
        except Unmappable as error:
            return {series.key: replace(series, event=None, exceptions={}, problem=str(error))}
        found: dict[str, Item] = {}
        for start in starts:
            single = replace(event, start=start, end=start + length(event), recurrence=(), exceptions={})
            item = self._occurrence(series, occurrence_key(start), single)
            found[item.key] = item
        for item in self._of_exceptions(series, event.exceptions):
            if item.key in found or (item.event is not None and _day(item.event.start) <= self._last):
                found[item.key] = item
        return found

    def _end(self, event: Event) -> date | datetime:
        """Return the last start that is within reach."""
        if not isinstance(event.start, datetime):
            return self._last
        return datetime.combine(self._last + timedelta(days=1), time.min, UTC)

    def _of_exceptions(self, series: Item, exceptions: Mapping[str, Event | None]) -> Iterator[Item]:
        for occurrence, moved in exceptions.items():
            if moved is None:
                yield Item(f"{series.key}_{occurrence}", "cancelled", gone=True)
            else:
                yield self._occurrence(series, occurrence, replace(moved, recurrence=(), exceptions={}))

    def _occurrence(self, series: Item, occurrence: str, event: Event) -> Item:
        """Return an occurrence as an item: its version is a digest of what it is, since that of the series moves with
        any other. It is keyed, as texts are guessable.
        """
        key = f"{series.key}_{occurrence}"
        digest = blake2b(repr(event).encode("utf-8", "surrogatepass"), key=self._secret, digest_size=12)
        return Item(
            key,
            digest.hexdigest(),
            event,
            modified=series.modified,
            ical_uid=series.ical_uid,
            untouched=False,
            access=series.access,
            meeting=_meeting(series, key),
        )

    # -- single ones -----------------------------------------------------------------------------------

    def read(self, key: str) -> Item | None:
        """Return an occurrence, or a single event; None for a series, which is never shown. Raises as the calendar."""
        name = _KEY.fullmatch(key)
        if name is None:
            item = self._inner.read(key)
            return None if item is not None and item.event is not None and item.event.recurrence else item
        series, occurrence = name.groups()
        if series not in self._expanded:
            whole = self._inner.read(series)
            if whole is None:
                return self._alone(series, occurrence)
            repeats = not whole.gone and whole.event is not None and bool(whole.event.recurrence)
            self._expanded[series] = self._expand(whole) if repeats else {}
        return self._expanded[series].get(key, self._beyond(key, occurrence))

    def _alone(self, series: str, occurrence: str) -> Item | None:
        """Return an occurrence of a series that the person does not see, since they are invited to this one alone."""
        item = self._inner.read(f"{series}_{occurrence}")
        if item is None or occurrence not in item.exceptions:
            return None
        like = Item(series, access=_GUEST, modified=item.modified)
        return next(self._of_exceptions(like, {occurrence: item.exceptions[occurrence]}))

    def _beyond(self, key: str, occurrence: str) -> Item | None:
        """Return what to say of an occurrence that the series does not have; one too far ahead may not cross yet."""
        day = date(int(occurrence[:4]), int(occurrence[4:6]), int(occurrence[6:8]))
        return Item(key, access=_TOO_FAR) if day > self._last + timedelta(days=1) else None

    def write(self, batch: Sequence[Write]) -> Iterator[Outcome]:
        """Writes to an occurrence make it an exception of its series."""
        return one_at_a_time(self._write, batch)

    def whom(self, write: Write) -> Sequence[str]:
        """See `model.side.MailsGuests`."""
        return self._inner.whom(self._translated(write))

    def _write(self, write: Write) -> Item | None:
        if isinstance(write, Create) or _KEY.fullmatch(write.key) is None:
            return self._through(write)
        self._expanded.clear()
        translated = self._translated(write)
        if translated is write:
            return None
        self._through(translated)
        self._expanded.clear()
        if isinstance(write, Delete):
            return None
        item = self.read(write.key)
        if item is None:
            raise Stale("Google: the occurrence is not there any more")
        return item

    def _through(self, write: Write) -> Item | None:
        (outcome,) = self._inner.write([write])
        if isinstance(outcome, SideError):
            raise outcome
        return outcome

    def _translated(self, write: Write) -> Write:
        """Return a write to an occurrence as one to its series; as it is when there is nothing left to do.

        Raises Stale when the occurrence is not what the decision was made on.
        """
        name = _KEY.fullmatch(write.key) if not isinstance(write, Create) else None
        if isinstance(write, Create) or name is None:
            return write
        series, occurrence = name.groups()
        item = self.read(write.key)
        there = item is not None and not item.gone and item.event is not None
        if isinstance(write, Delete) and not there:
            return write
        if isinstance(write, Revive):
            if write.event is None:
                raise Refused("Google: nobody knows any more what the occurrence was")
            return self._exception(series, occurrence, write.event, write.access)
        if (
            item is None
            or item.event is None
            or item.gone
            or (write.version and write.version != item.version)
        ):
            raise Stale("Google: the occurrence has changed")
        if isinstance(write, Delete):
            return self._exception(series, occurrence, None, None)
        if ANSWER in write.patch.fields:
            raise Refused("Google: an answer to one occurrence is given there")
        changes = {name: getattr(write.patch.event, name) for name in write.patch.fields}
        if "start" in changes:
            changes["zone"] = write.patch.event.zone or item.event.zone
        return self._exception(series, occurrence, replace(item.event, **changes), write.access)

    def _exception(self, series: str, occurrence: str, event: Event | None, access: Access | None) -> Update:
        day = self._today
        carrier = Event("", day, day, exceptions={occurrence: event})
        if event is None:
            # To cancel tells nothing.
            access = access or Access(Level.DELETE, "owner")
        return Update(series, Patch(frozenset({EXCEPTION + occurrence}), carrier), "", access)


def _gather(gathered: dict[str, _Gathered], item: Item) -> bool:
    """Take in what an item says of a living series; False for a single event, and for what is gone."""
    if item.gone:
        return False
    is_master = item.event is not None and bool(item.event.recurrence)
    only_exceptions = item.event is None and bool(item.exceptions)
    if not (is_master or only_exceptions):
        return False
    found = gathered.setdefault(item.key, _Gathered())
    if is_master:
        found.master = item
        found.exceptions |= item.event.exceptions if item.event is not None else {}
    found.exceptions |= item.exceptions
    return True


def _meeting(series: Item, key: str) -> int | None:
    """Return the number of one occurrence of a meeting: the same for all who take part."""
    if series.meeting is None:
        return None
    name = f"{series.meeting} {key.rpartition('_')[2]}".encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big") >> 1


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
