"""How long what is kept (trust.md 3.7), and deleting what is older.

Nobody's data is deleted while they are under a legal hold; its clock runs on all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.sql.elements import ColumnElement

from calsync.privacy import inventory
from calsync.store import audit, holds, requests
from calsync.store.accounts import RUNNING, State, accounts
from calsync.store.conflicts import conflicts
from calsync.store.erasures import erasures
from calsync.store.journal import KEPT_DAYS, entries, runs
from calsync.store.security_audit import LIFE, visits
from calsync.store.tidings import KEPT, tidings
from calsync.store.vault import Vault

#: What happens to an account whose person was not here for so long. Looking without finding anything is no access.
NOTICE, SUSPEND = timedelta(days=365), timedelta(days=548)
#: It is purged this long after the last access, which leaves a month to the promised two years.
IDLE = timedelta(days=700)
#: From here on an erasure of an idle account waits for nobody: two years are never exceeded.
LAST_MOMENT = timedelta(days=725)

JOURNAL = timedelta(days=KEPT_DAYS)
AFTER_DISCONNECT = timedelta(days=30)
NAMES_IN_REQUESTS = timedelta(days=730)
PROOF = timedelta(days=6 * 365 + 2)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: what, older than how many days, how many were deleted, how many are under a hold."""

    what: str
    days: int
    count: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class Sweep:
    """One look at everything: the time (aware), and what is done with rows that are too old: `counting` or `deleting`."""

    vault: Vault
    now: datetime
    act: Callable[[Connection, Table, ColumnElement[bool]], int]

    @property
    def deletes(self) -> bool:
        """Whether anything is changed."""
        return self.act is deleting


def counting(connection: Connection, table: Table, rows: ColumnElement[bool]) -> int:
    """Count what would be deleted."""
    return int(connection.execute(select(func.count()).select_from(table).where(rows)).scalar_one())


def deleting(connection: Connection, table: Table, rows: ColumnElement[bool]) -> int:
    """Delete, and count what was."""
    return int(connection.execute(delete(table).where(rows)).rowcount)


def sweep(connection: Connection, look: Sweep) -> list[Line]:
    """Delete, or count, what is older than it may be; erasing people who were away too long is not among it."""
    held = _held(connection)
    before = look.now - JOURNAL
    old_runs = select(runs.c.id).where(runs.c.began < before)
    lines = [
        _line(connection, look, entries, entries.c.run_id.in_(old_runs), JOURNAL, held),
        _line(connection, look, runs, runs.c.began < before, JOURNAL, held),
        _line(connection, look, conflicts, conflicts.c.at < before, JOURNAL, held),
        _of_users(connection, look, "security audit", visits, LIFE),
        _of_users(connection, look, "notices", tidings, KEPT),
        _ended(connection, look, held),
        _names_in_requests(connection, look),
    ]
    return [*lines, *_proofs(connection, look)]


def _held(connection: Connection) -> Sequence[int]:
    """Return the accounts of people under a legal hold."""
    users = holds.held_users(connection)
    return connection.execute(select(accounts.c.id).where(accounts.c.user.in_(users))).scalars().all()


def _line(
    connection: Connection,
    look: Sweep,
    table: Table,
    old: ColumnElement[bool],
    life: timedelta,
    held: Sequence[int],
) -> Line:
    of_held = table.c.account_id.in_(held)
    kept = counting(connection, table, old & of_held) if held else 0
    return Line(str(table.name), life.days, look.act(connection, table, old & ~of_held), kept)


def _of_users(connection: Connection, look: Sweep, what: str, table: Table, life: timedelta) -> Line:
    """Forget rows of users that are older than they may be, by their `at`."""
    old = table.c.at < look.now - life
    of_held = table.c.user.in_(holds.held_users(connection))
    kept = counting(connection, table, old & of_held)
    return Line(what, life.days, look.act(connection, table, old & ~of_held), kept)


def _ended(connection: Connection, look: Sweep, held: Sequence[int]) -> Line:
    """Forget accounts whose consent has ended, in whichever way, with everything that is theirs.

    Who connects anew later loses nothing: copies are known by their marks.
    """
    old = accounts.c.state.in_([State.DISCONNECTED.value, State.RECONNECT.value]) & (
        accounts.c.ended_at < look.now - AFTER_DISCONNECT
    )
    kept = counting(connection, accounts, old & accounts.c.id.in_(held)) if held else 0
    gone = connection.execute(select(accounts.c.id).where(old & accounts.c.id.not_in(held))).scalars().all()
    for table, owner in inventory.owned():
        if owner == "account_id" and gone:
            look.act(connection, table, table.c.account_id.in_(gone))
    count = look.act(connection, accounts, accounts.c.id.in_(gone))
    return Line("ended connections", AFTER_DISCONNECT.days, count, kept)


def _names_in_requests(connection: Connection, look: Sweep) -> Line:
    """Take names out of requests that were answered long ago."""
    held, before = holds.held_users(connection), look.now - NAMES_IN_REQUESTS
    old = (
        (requests.requests.c.closed_at < before)
        & (requests.requests.c.user != "")
        & requests.requests.c.user.not_in(held)
    )
    count = counting(connection, requests.requests, old)
    if look.deletes:
        requests.depersonalise_closed(connection, before, held)
    return Line("names in answered requests", NAMES_IN_REQUESTS.days, count)


def _proofs(connection: Connection, look: Sweep) -> list[Line]:
    """Forget what was kept as proof; it names nobody."""
    before = look.now - PROOF
    closed = look.act(connection, requests.requests, requests.requests.c.closed_at < before)
    done = look.act(connection, erasures, erasures.c.finished_at < before)
    count = audit.count_older(connection, before)
    if look.deletes:
        audit.forget(connection, look.vault, before, look.now)
    lines = {"request": closed, "erasure": done, "audit": count}
    return [Line(what, PROOF.days, number) for what, number in lines.items()]


@dataclass(frozen=True, slots=True)
class Idle:
    """A person who was away: for how long, and whether a hold keeps their data."""

    user: str
    account_id: int
    state: State
    away: timedelta
    held: bool


def idle(connection: Connection, now: datetime) -> list[Idle]:
    """Return people who were not here for a year or longer, the longest away first.

    The last access is the latest of: consent, a visit to one's own page, and a change on either side that was synced.
    """
    held = set(holds.held_users(connection))
    last = func.coalesce(accounts.c.accessed_at, accounts.c.connected_at)
    query = select(accounts.c.user, accounts.c.id, accounts.c.state, last).where(
        accounts.c.state.not_in([State.DISCONNECTED.value, State.FINISHING.value]), last <= now - NOTICE
    )
    return [
        Idle(user, number, State(state), now - seen, user in held)
        for user, number, state, seen in connection.execute(query.order_by(last))
    ]


def to_suspend(people: Sequence[Idle]) -> list[Idle]:
    """Return those whose syncing is to stop until they are here again."""
    return [one for one in people if SUSPEND <= one.away < IDLE and one.state in RUNNING]


def to_purge(people: Sequence[Idle]) -> list[Idle]:
    """Return those who are to be erased."""
    return [one for one in people if one.away >= IDLE]
