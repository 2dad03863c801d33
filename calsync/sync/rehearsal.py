"""A dry run: the real round on a copy of the account's links, with sides that only pretend to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine, insert, or_, select, true

from calsync.model.event import Event
from calsync.model.permission import Access, Level, Relation
from calsync.model.policy import Policy
from calsync.model.side import (
    CalendarSide,
    Create,
    Delete,
    Item,
    MailsGuests,
    Outcome,
    Page,
    Revive,
    SideName,
    Update,
    Write,
    one_at_a_time,
)
from calsync.store.accounts import Account, accounts
from calsync.store.brake import batches
from calsync.store.conflicts import conflicts
from calsync.store.database import metadata, open_database, reading, writing
from calsync.store.journal import entries, runs
from calsync.store.links import links
from calsync.store.meetings import notices
from calsync.sync import round as rounds
from calsync.sync.round import Order
from calsync.sync.tally import Tally

_OWN = Access(Level.DELETE, "rehearsal", frozenset({Relation.MINE}))


class PretendedSide:
    """A side that observes for real, and notes writes in a plan instead of sending them."""

    #: Nothing is looked up for a journal that nobody keeps.
    tells_before = True

    def __init__(self, side: CalendarSide, tally: Tally) -> None:
        """`tally` collects the plan."""
        self._side, self._tally = side, tally
        self.name, self.batch = side.name, side.batch
        self.mails = 0
        self._whom = side.whom if isinstance(side, MailsGuests) else _nobody
        self._made = 0

    @property
    def calls(self) -> int:
        """Requests made for looking."""
        return self._side.calls

    def observe(self, cursor: str | None) -> Iterator[Page]:
        """Observe."""
        return self._side.observe(cursor)

    def read(self, key: str) -> Item | None:
        """Read."""
        return self._side.read(key)

    def find(self, marker: str) -> Item | None:
        """Find."""
        return self._side.find(marker)

    def access_version(self) -> str:
        """Return the side's own."""
        return self._side.access_version()

    def marker(self, key: str) -> str:
        """Return the side's own."""
        return self._side.marker(key)

    def chosen_key(self, marker: str, generation: int) -> str:
        """Return the side's own."""
        return self._side.chosen_key(marker, generation)

    def write(self, batch: Sequence[Write]) -> Iterator[Outcome]:
        """Note each write in the plan, and answer as if it had been done."""
        return one_at_a_time(self._pretend, batch)

    def whom(self, write: Write) -> Sequence[str]:
        """Return the side's own."""
        return self._whom(write)

    def _pretend(self, write: Write) -> Item | None:
        mails = list(self._whom(write))
        self.mails += len(mails)
        if isinstance(write, Delete):
            self._note("delete", write.key, self._last(write.key), [], mails)
            return None
        if isinstance(write, Create):
            self._made += 1
            key = write.key or f"new-{self._made}"
            self._note("create", key, write.event, [], mails)
            return Item(key, "0", replace(write.event, redacted=False), access=_OWN)
        if isinstance(write, Revive):
            return Item(write.key, "0", write.event, access=_OWN)
        self._note("update", write.key, write.patch.event, sorted(write.patch.fields), mails)
        return self._updated(write)

    def _last(self, key: str) -> Event | None:
        """Return an event that would go: a person who is asked whether it should wants to know its title."""
        item = self._side.read(key)
        return item.event if item is not None else None

    def _updated(self, write: Update) -> Item:
        exceptions = {k: v for k, v in write.patch.event.exceptions.items() if f"x:{k}" in write.patch.fields}
        whole = write.patch.fields - {f"x:{key}" for key in exceptions}
        event = replace(write.patch.event, exceptions=exceptions) if whole else None
        return Item(write.key, "0", event, exceptions, partial=True, access=_OWN)

    def _note(self, action: str, key: str, event: Event | None, fields: list[str], mails: list[str]) -> None:
        title = event.title if event is not None else ""
        step = {"side": self.name.value, "action": action, "id": key, "title": title}
        self._tally.plan.append(step | {"fields": fields, "mails": mails})


def _nobody(_write: Write) -> Sequence[str]:
    return ()


def rehearse(
    engine: Engine,
    account: Account,
    sides: dict[SideName, CalendarSide],
    policy: Policy,
    now: datetime,
    order: Order,
    tally: Tally,
) -> None:
    """Run a round that changes nothing anywhere, and leave the plan in `tally`."""
    scratch = open_database("sqlite://")
    try:
        _copy(engine, scratch, account.id)
        pretended: dict[SideName, CalendarSide] = {
            side: PretendedSide(calendar, tally) for side, calendar in sides.items()
        }
        rounds.run(scratch, account, pretended, policy, now, order, tally)
    finally:
        scratch.dispose()


def _copy(engine: Engine, scratch: Engine, account_id: int) -> None:
    metadata.create_all(scratch, tables=[accounts, links, notices, conflicts, runs, entries, batches])
    with reading(engine) as source, writing(scratch) as target:
        # Those who share meetings have made records that this round would join.
        shared = or_(links.c.account_id == account_id, links.c.meeting.is_not(None))
        for table, those in ((accounts, true()), (links, shared), (batches, true())):
            rows = source.execute(select(table).where(those)).mappings()
            for part in rows.partitions(1000):
                target.execute(insert(table), [dict(row) for row in part])
