"""Legal holds: people whose data must not be deleted for now, because the law or a claim requires it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, String, Table, delete, insert, select, update

from calsync.annotation import about
from calsync.store import subjects
from calsync.store.database import UtcDateTime, metadata
from calsync.store.vault import Vault

holds = Table(
    "hold",
    metadata,
    Column("user", String(200), primary_key=True),
    Column("reason", LargeBinary, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    info=about(
        owner="user",
        why="to keep what a claim or a duty requires (Art. 17(3) GDPR)",
        life="until the hold is released",
        sealed="reason",
        logins="user",
        content="reason",
        times="since",
    ),
)


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold, with its reason in clear."""

    user: str
    reason: str
    since: datetime


def put(connection: Connection, vault: Vault, user: str, reason: str, now: datetime) -> None:
    """Hold a person's data, or give an existing hold another reason; call in a writing transaction."""
    sealed = subjects.cipher(connection, vault, user, now).seal_text("hold.reason", reason)
    if is_held(connection, user):
        connection.execute(update(holds).where(holds.c.user == user).values(reason=sealed))
    else:
        connection.execute(insert(holds).values(user=user, reason=sealed, since=now))


def release(connection: Connection, user: str) -> bool:
    """End a hold; False when there was none."""
    return connection.execute(delete(holds).where(holds.c.user == user)).rowcount == 1


def is_held(connection: Connection, user: str) -> bool:
    """Return whether a person's data must stay."""
    return connection.execute(select(holds.c.user).where(holds.c.user == user)).first() is not None


def held_users(connection: Connection) -> list[str]:
    """Return the logins of people whose data must stay."""
    return list(connection.execute(select(holds.c.user).order_by(holds.c.user)).scalars())


def everything(connection: Connection, vault: Vault) -> list[Hold]:
    """Return all holds, by user."""
    rows = connection.execute(select(holds).order_by(holds.c.user)).all()
    found = [(row, subjects.known_cipher(connection, vault, row.user)) for row in rows]
    return [Hold(row.user, cipher.open_text("hold.reason", row.reason), row.since) for row, cipher in found]
