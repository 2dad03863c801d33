"""What every run wrote, with the values before and after, encrypted for their person until they expire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    update,
)

from calsync.annotation import about
from calsync.model.link import Face, Verb
from calsync.model.side import SideName
from calsync.store.database import Bulk, UtcDateTime, metadata

#: How long values before and after a write, and losers of conflicts, are kept.
KEPT_DAYS = 30

#: Outcome of a run that has written something and has not come to its end, or died.
UNFINISHED = "unfinished"

runs = Table(
    "run",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("began", UtcDateTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("reason", String(200), nullable=False, default=""),
    Column("counts", Text, nullable=False, default="{}"),
    Column("is_full", Boolean, nullable=False, default=False),
    Column("undoes", String(16)),
    Index("run_account", "account_id", "began"),
    info=about(
        owner="account_id",
        why="to show what calsync did, and to take it back",
        life="30 days",
        technical="account_id is_full",
        keys="id undoes",
        choices="outcome reason counts",
        times="began",
    ),
)

entries = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", String(16), nullable=False),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("link_id", Integer, nullable=False),
    Column("side", String(10), nullable=False),
    Column("verb", String(10), nullable=False),
    Column("google_key", String(1024)),
    Column("crm_key", String(1024)),
    Column("stored", Text, nullable=False),
    Column("before", LargeBinary),
    Column("after", LargeBinary),
    Column("at", UtcDateTime, nullable=False),
    Index("journal_run", "run_id"),
    Index("journal_link", "link_id"),
    info=about(
        owner="account_id",
        why="to take back what calsync wrote",
        life="30 days",
        sealed="before after",
        technical="id account_id link_id",
        keys="run_id google_key crm_key",
        digests="stored",
        choices="side verb",
        content="before after",
        times="at",
    ),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One write that happened.

    `stored` is the face of what the side holds since, limited to the fields that moved. `before` and `after` are
    events, sealed for the account at the `place` of that name; None where there is or was nothing,
    or nobody could tell.
    """

    run_id: str
    account_id: int
    link_id: int
    side: SideName
    verb: Verb
    google_key: str | None
    crm_key: str | None
    stored: Face
    before: bytes | None
    after: bytes | None
    at: datetime
    id: int = 0

    def place(self, which: str) -> str:
        """Return where `which` ("before" or "after") is sealed: it opens in no other row."""
        return place(which, self.run_id, self.link_id, self.side, self.verb)

    def key(self, side: SideName) -> str | None:
        """Return the event's id on a side."""
        return self.google_key if side is SideName.GOOGLE else self.crm_key


def place(which: str, run_id: str, link_id: int, side: SideName, verb: Verb) -> str:
    """Return where one event of an entry is sealed."""
    return f"journal.{which}|{run_id}|{link_id}|{side.value}|{verb.value}"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that wrote something; `counts` is what the tally counted."""

    id: str
    account_id: int
    began: datetime
    outcome: str
    reason: str
    counts: Mapping[str, Any]
    is_full: bool
    undoes: str | None


_INSERT = Bulk(
    insert(entries).inline(), {column.name: column.type for column in entries.columns if column.name != "id"}
)
_LAST = select(entries).where(
    entries.c.id.in_(
        select(func.max(entries.c.id))
        .where(entries.c.link_id.in_(bindparam("links", expanding=True)), entries.c.after.is_not(None))
        .group_by(entries.c.link_id)
    )
)


def begin(connection: Connection, run: Run) -> None:
    """Note that a run is about to write for the first time."""
    values = {name: getattr(run, name) for name in Run.__slots__}
    connection.execute(insert(runs).values(values | {"counts": orjson.dumps(run.counts).decode()}))


def finish(connection: Connection, run_id: str, outcome: str, reason: str, counts: Mapping[str, Any]) -> None:
    """Note how a run ended; nothing when it wrote nothing."""
    values = {"outcome": outcome, "reason": reason[:200], "counts": orjson.dumps(counts).decode()}
    connection.execute(update(runs).where(runs.c.id == run_id).values(values))


def note(connection: Connection, written: Sequence[Entry]) -> None:
    """Store entries: in the transaction that records the outcomes."""
    _INSERT.run(connection, [_values(entry) for entry in written])


def last_of(connection: Connection, link_ids: Sequence[int]) -> dict[int, Entry]:
    """Return, by link, the latest entry that knows what was stored."""
    if not link_ids:
        return {}
    rows = connection.execute(_LAST, {"links": list(link_ids)}).mappings()
    return {row["link_id"]: _entry(row) for row in rows}


def of_account(connection: Connection, account_id: int | None, limit: int | None = 200) -> list[Run]:
    """Return the runs of an account, or of all, newest first."""
    query = select(runs).order_by(runs.c.began.desc(), runs.c.id).limit(limit)
    if account_id is not None:
        query = query.where(runs.c.account_id == account_id)
    return [_run(row) for row in connection.execute(query).mappings()]


def find(connection: Connection, run_id: str) -> Run | None:
    """Return a run by its id."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
    return _run(row) if row else None


def of_run(connection: Connection, run_id: str) -> list[Entry]:
    """Return what a run wrote, in order."""
    query = select(entries).where(entries.c.run_id == run_id).order_by(entries.c.id)
    return [_entry(row) for row in connection.execute(query).mappings()]


def count(connection: Connection, run_id: str) -> dict[tuple[str, str], int]:
    """Return how often a run wrote, by side and verb."""
    query = select(entries.c.side, entries.c.verb, func.count()).where(entries.c.run_id == run_id)
    rows = connection.execute(query.group_by(entries.c.side, entries.c.verb))
    return {(side, verb): number for side, verb, number in rows}


def everything_of(connection: Connection, account_id: int) -> list[Entry]:
    """Return everything that was written for an account, in order."""
    query = select(entries).where(entries.c.account_id == account_id).order_by(entries.c.id)
    return [_entry(row) for row in connection.execute(query).mappings()]


def of_link(connection: Connection, link_id: int) -> list[Entry]:
    """Return what was ever written for a link, in order."""
    query = select(entries).where(entries.c.link_id == link_id).order_by(entries.c.id)
    return [_entry(row) for row in connection.execute(query).mappings()]


def _values(entry: Entry) -> dict[str, Any]:
    return {
        "run_id": entry.run_id,
        "account_id": entry.account_id,
        "link_id": entry.link_id,
        "side": entry.side.value,
        "verb": entry.verb.value,
        "google_key": entry.google_key,
        "crm_key": entry.crm_key,
        "stored": orjson.dumps(entry.stored).decode(),
        "before": entry.before,
        "after": entry.after,
        "at": entry.at,
    }


def _entry(row: RowMapping) -> Entry:
    return Entry(
        row["run_id"],
        row["account_id"],
        row["link_id"],
        SideName(row["side"]),
        Verb(row["verb"]),
        row["google_key"],
        row["crm_key"],
        orjson.loads(row["stored"]),
        row["before"],
        row["after"],
        row["at"],
        row["id"],
    )


def _run(row: RowMapping) -> Run:
    values = {name: row[name] for name in Run.__slots__}
    return Run(**values | {"counts": orjson.loads(row["counts"])})
