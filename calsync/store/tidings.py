"""Tidings: what a person or the operator should hear of, durable before it is mailed and when nothing is mailed.

A tiding says what happened to whose connection, and nothing else: no address is stored, a person's is looked up at
the CRM when it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    delete,
    insert,
    or_,
    select,
    update,
)

from calsync.annotation import about
from calsync.store.database import UtcDateTime, metadata

#: A tiding that could not be mailed for so long is not mailed any more: it would surprise more than it tells.
MAILED_WITHIN = timedelta(days=1)
KEPT = timedelta(days=30)
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_DOUBLING = 6


class Reader(StrEnum):
    """Who should hear of it."""

    PERSON = "person"
    OPERATOR = "operator"


class Kind(StrEnum):
    """What happened."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    OTHER_ACCOUNT = "other_account"
    ALREADY_LINKED = "already_linked"
    OTHER_SUBJECT = "other_subject"
    BAD_IDENTITY = "identity"
    ERASURE_ASKED = "erasure_asked"


tidings = Table(
    "tiding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("user", String(200), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("reader", String(10), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("sent_at", UtcDateTime),
    Index("tiding_due", "due_at"),
    info=about(
        owner="user",
        why="to tell people and operators what happened to a connection",
        life="30 days",
        technical="id attempts",
        logins="user",
        choices="kind reader",
        times="at due_at sent_at",
    ),
)


@dataclass(frozen=True, slots=True)
class Tiding:
    """One tiding; `user` is the CRM user whom it is about."""

    id: int
    at: datetime
    user: str
    kind: Kind
    reader: Reader
    attempts: int
    sent_at: datetime | None


def note(connection: Connection, user: str, kind: Kind, reader: Reader, now: datetime) -> None:
    """Note what somebody should hear of: in the transaction of what happened."""
    values = {"at": now, "user": user, "kind": kind.value, "reader": reader.value, "due_at": now}
    connection.execute(insert(tidings).values(attempts=0, **values))


def waiting(connection: Connection, now: datetime, limit: int = 20) -> list[Tiding]:
    """Return tidings that should be mailed now, oldest first."""
    query = select(tidings).where(
        tidings.c.sent_at.is_(None), tidings.c.due_at <= now, tidings.c.at > now - MAILED_WITHIN
    )
    rows = connection.execute(query.order_by(tidings.c.id).limit(limit)).mappings()
    return [_tiding(row) for row in rows]


def begin(connection: Connection, tiding: Tiding, now: datetime) -> None:
    """Note that a tiding is about to be mailed: whoever dies over it is not tried again at once."""
    pause = _FIRST_PAUSE * 2 ** min(tiding.attempts, _LONGEST_DOUBLING)
    values = {"attempts": tiding.attempts + 1, "due_at": now + pause}
    connection.execute(update(tidings).where(tidings.c.id == tiding.id).values(**values))


def sent(connection: Connection, number: int, now: datetime) -> None:
    """Note that a tiding was mailed."""
    connection.execute(update(tidings).where(tidings.c.id == number).values(sent_at=now))


def for_operator(connection: Connection, limit: int = 20) -> list[Tiding]:
    """Return what the operator should know, newest first: their own tidings, and those that no mail has carried."""
    query = select(tidings).where(or_(tidings.c.reader == Reader.OPERATOR, tidings.c.sent_at.is_(None)))
    rows = connection.execute(query.order_by(tidings.c.id.desc()).limit(limit)).mappings()
    return [_tiding(row) for row in rows]


def of_user(connection: Connection, user: str, kind: Kind) -> list[datetime]:
    """Return when something of this kind happened to a user, newest first."""
    query = select(tidings.c.at).where(tidings.c.user == user, tidings.c.kind == kind.value)
    return list(connection.execute(query.order_by(tidings.c.id.desc())).scalars())


def expire(connection: Connection, now: datetime) -> None:
    """Forget old tidings."""
    connection.execute(delete(tidings).where(tidings.c.at < now - KEPT))


def _tiding(row: RowMapping) -> Tiding:
    values = {name: row[name] for name in Tiding.__slots__}
    return Tiding(**values | {"kind": Kind(row["kind"]), "reader": Reader(row["reader"])})
