"""A calendar side for CRMs that know no markers, versions or patches of ours: what adapters would else write anew.

An adapter brings `Records`, the few things that a CRM's own interface does for one person. `CarefulSide` makes the
six verbs of them: it searches before it creates, reads and compares before it writes, and answers with what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from calsync.crm.patching import patched
from calsync.crm.port import Capabilities, Recurrence
from calsync.model.errors import Refused, Stale, Unmappable
from calsync.model.event import ANSWER, Event, Visibility
from calsync.model.permission import Level
from calsync.model.side import (
    Create,
    Delete,
    Item,
    Outcome,
    Page,
    Revive,
    SideName,
    Update,
    Write,
    one_at_a_time,
)

#: What a CRM shows of a field that it does not keep.
_NOTHING: Mapping[str, Any] = {
    "description": "",
    "location": "",
    "attendees": (),
    "reminders": None,
    "visibility": Visibility.DEFAULT,
}

#: So many writes are noted as intents at once: a crash leaves no more of them to be looked up one by one.
BATCH = 50


class Records(Protocol):
    """One person's records. Every method may raise a SideError.

    Items are whole: with their version, marker, access decision and content, or `gone`, or with a `problem`.
    """

    @property
    def calls(self) -> int:
        """Requests made so far."""

    def changes(self, cursor: str | None) -> Iterator[Page]:
        """Yield what `CalendarSide.observe` does."""

    def get(self, key: str) -> Item | None:
        """Return a record, or None when the CRM has none of that key."""

    def find(self, marker: str) -> Item | None:
        """Return the living record that was added under a marker."""

    def add(self, marker: str, event: Event) -> Item:
        """Make a record, and return it as it is stored."""

    def change(self, there: Item, event: Event, names: frozenset[str]) -> Item:
        """Give the record `there` the content `event`, of which `names` are new; return it as it is stored.

        Where the CRM compares versions itself, Stale when the record no longer has that of `there`.
        """

    def remove(self, there: Item) -> None:
        """Delete the record `there`; it may be gone already."""

    def access_version(self) -> str:
        """Return a value that moves when this person's permissions as a whole may have changed."""


class CarefulSide:
    """The calendar of one person, made of their records."""

    name = SideName.CRM
    #: Each write reads the record first.
    tells_before = True
    batch = BATCH
    mails = 0

    def __init__(
        self, records: Records, able: Capabilities, shown: Callable[[Event], Event] | None = None
    ) -> None:
        """`shown` returns an event as the CRM will show it once it was written; without it, what `able` says of it."""
        self._records, self._able = records, able
        self._shown = shown or self._without_what_gets_lost

    @property
    def calls(self) -> int:
        """Requests made so far."""
        return self._records.calls

    def access_version(self) -> str:
        """Return a value that moves when this person's permissions as a whole may have changed."""
        return self._records.access_version()

    def marker(self, key: str) -> str:
        """Name a record: by its key."""
        return key

    def chosen_key(self, marker: str, generation: int) -> str:
        """The CRM, or its adapter, chooses keys."""
        return ""

    def observe(self, cursor: str | None) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything when it is None."""
        return self._records.changes(cursor)

    def read(self, key: str) -> Item | None:
        """Return the record now; None when there is none of that key."""
        return self._records.get(key)

    def find(self, marker: str) -> Item | None:
        """Return our living copy of that original, if there is one."""
        return self._records.find(marker) if marker else None

    def write(self, batch: Sequence[Write]) -> Iterator[Outcome]:
        """Carry out the writes in order."""
        return one_at_a_time(self._write, batch)

    def as_written(self, event: Event) -> Event:
        """Return an event as it will be shown; see `model.side.Rewrites`."""
        return self._shown(event)

    def _without_what_gets_lost(self, event: Event) -> Event:
        lost = {name: value for name, value in _NOTHING.items() if name not in self._able.keeps}
        if event.visibility is Visibility.PUBLIC:
            lost["visibility"] = Visibility.DEFAULT
        exceptions = {
            key: moved and self._without_what_gets_lost(moved) for key, moved in event.exceptions.items()
        }
        return replace(event, **lost, exceptions=exceptions)

    def _write(self, write: Write) -> Item | None:
        try:
            if isinstance(write, Create):
                return self._create(write)
            if isinstance(write, Update):
                return self._update(write)
            return self._delete(write) if isinstance(write, Delete) else self._revive(write)
        except Unmappable as error:
            raise Refused(f"CRM: {error}") from None

    def _create(self, write: Create) -> Item:
        self._check(write.event)
        there = self.find(write.marker)
        if there is not None and not there.gone:
            # An earlier attempt made it; nobody knows who has changed it since.
            return replace(there, untouched=False)
        return self._records.add(write.marker, write.event)

    def _update(self, write: Update) -> Item:
        there = self._current(write.key, write.version)
        if there is None:
            raise Stale("CRM: the record is gone")
        if ANSWER in write.patch.fields:
            raise Refused("CRM: the answer to an invitation has no place there")
        if there.access is None or there.access.level < Level.EDIT:
            raise Refused(
                f"CRM: no permission to edit ({there.access.because if there.access else 'unknown'})"
            )
        before = there.content
        if before is None:
            raise Refused(
                f"CRM: the record cannot be changed ({there.problem or 'its content is not known'})"
            )
        after = patched(before, write.patch)
        self._check(after)
        if after == before:
            return there
        return replace(self._records.change(there, after, write.patch.fields), before=before, untouched=False)

    def _delete(self, write: Delete) -> Item | None:
        there = self._current(write.key, write.version)
        if there is None:
            return None
        if write.leaves:
            # It keeps no answers of guests.
            return there
        if there.access is None or there.access.level < Level.DELETE:
            raise Refused(
                f"CRM: no permission to delete ({there.access.because if there.access else 'unknown'})"
            )
        self._records.remove(there)
        return Item(write.key, gone=True, before=there.content)

    def _revive(self, write: Revive) -> Item:
        """Make the record anew, under another key: what is deleted stays so."""
        if write.event is None:
            raise Refused("CRM: only a record of which the content is known can be brought back")
        self._check(write.event)
        return self._records.add("", write.event)

    def _current(self, key: str, version: str) -> Item | None:
        """Return a record if it is there; Stale when it has changed since `version`."""
        there = self._records.get(key)
        if there is None or there.gone:
            return None
        if version and version != there.version:
            raise Stale("CRM: the record has changed")
        return there

    def _check(self, event: Event) -> None:
        if self._able.recurrence is Recurrence.OCCURRENCES and (event.recurrence or event.exceptions):
            raise Refused("CRM: it keeps single events only, and this is a series")
