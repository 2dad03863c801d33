"""What lost in a clash: kept, encrypted for its person, until it expires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from calsync.annotation import about
from calsync.store.database import UtcDateTime, metadata

conflicts = Table(
    "conflict",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("link_id", Integer, nullable=False),
    Column("google_key", String(1024)),
    Column("crm_key", String(1024)),
    Column("field", String(100), nullable=False),
    Column("kept", LargeBinary, nullable=False),
    Column("lost", LargeBinary, nullable=False),
    Column("kept_side", String(10), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("asked_at", UtcDateTime),
    Index("conflict_account", "account_id"),
    info=about(
        owner="account_id",
        why="to let people put back what lost when both sides changed the same",
        life="30 days",
        sealed="kept lost",
        technical="id account_id link_id",
        keys="google_key crm_key",
        choices="field kept_side",
        content="kept lost",
        times="at asked_at",
    ),
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One lost value; `kept` and `lost` are sealed for the account at the `place` of that name."""

    account_id: int
    link_id: int
    google_key: str | None
    crm_key: str | None
    field: str
    kept: bytes
    lost: bytes
    kept_side: str
    at: datetime

    def place(self, which: str) -> str:
        """Return where `which` ("kept" or "lost") is sealed: it opens in no other row."""
        return place(which, self.link_id, self.field)


def place(which: str, link_id: int, field: str) -> str:
    """Return where one value of a conflict is sealed."""
    return f"conflict.{which}|{link_id}|{field}"


def keep(connection: Connection, lost: Sequence[Conflict]) -> None:
    """Store losers: in the transaction of the intent that overwrites them."""
    if lost:
        rows = [{column: getattr(row, column) for column in Conflict.__slots__} for row in lost]
        connection.execute(insert(conflicts), rows)


def of_account(connection: Connection, account_id: int) -> list[tuple[int, Conflict]]:
    """Return an account's conflicts with their ids, newest first."""
    query = select(conflicts).where(conflicts.c.account_id == account_id).order_by(conflicts.c.id.desc())
    rows = connection.execute(query).mappings()
    return [(row["id"], Conflict(**{name: row[name] for name in Conflict.__slots__})) for row in rows]


def find(connection: Connection, number: int) -> Conflict | None:
    """Return a conflict by its id."""
    row = connection.execute(select(conflicts).where(conflicts.c.id == number)).mappings().first()
    return Conflict(**{name: row[name] for name in Conflict.__slots__}) if row else None


def together(connection: Connection, one: Conflict) -> dict[int, Conflict]:
    """Return a conflict and those that its link lost at the same time, by id."""
    query = select(conflicts).where(conflicts.c.link_id == one.link_id, conflicts.c.at == one.at)
    rows = connection.execute(query).mappings()
    return {row["id"]: Conflict(**{name: row[name] for name in Conflict.__slots__}) for row in rows}


def ask_back(connection: Connection, account_id: int, number: int, now: datetime) -> bool:
    """Note that a person wants a lost value back; False when the account has no such conflict."""
    mine = (conflicts.c.id == number, conflicts.c.account_id == account_id)
    return connection.execute(update(conflicts).where(*mine).values(asked_at=now)).rowcount == 1


def asked_back(connection: Connection, account_id: int) -> list[int]:
    """Return the conflicts of an account whose lost values are wanted back, oldest wish first."""
    query = select(conflicts.c.id).where(
        conflicts.c.account_id == account_id, conflicts.c.asked_at.is_not(None)
    )
    return list(connection.execute(query.order_by(conflicts.c.asked_at, conflicts.c.id)).scalars())


def answer(connection: Connection, number: int) -> None:
    """Note that a wish was tried: what could not be put back stays open, and can be wished for again."""
    connection.execute(update(conflicts).where(conflicts.c.id == number).values(asked_at=None))


def settle(connection: Connection, numbers: Sequence[int]) -> None:
    """Forget conflicts that are no longer open."""
    connection.execute(delete(conflicts).where(conflicts.c.id.in_(numbers)))


def count(connection: Connection) -> dict[int, int]:
    """Return how many conflicts each account has."""
    query = select(conflicts.c.account_id, func.count()).group_by(conflicts.c.account_id)
    return dict(connection.execute(query).tuples().all())
