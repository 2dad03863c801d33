"""The one place for whole network addresses: consents and operators' logins, only if the configuration asks for it.

Encrypted under a key of its own, and kept for 90 days. Everything else sees addresses cut off (trust.md 3.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Integer, LargeBinary, String, Table, insert, select

from calsync.annotation import about
from calsync.store.database import UtcDateTime, metadata
from calsync.store.vault import Cipher, Vault

LIFE = timedelta(days=90)

visits = Table(
    "security_audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("act", String(40), nullable=False),
    Column("user", String(200), nullable=False),
    Column("address", LargeBinary, nullable=False),
    info=about(
        owner="user",
        why="to find out who has misused a consent link or an operator's login, where the operator has chosen so",
        life="90 days",
        sealed="address",
        technical="id",
        logins="user",
        addresses="address",
        choices="act",
        times="at",
    ),
)

_PLACE = "security_audit.address"


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit, with the whole network address in clear."""

    at: datetime
    act: str
    user: str
    address: str


def cipher(vault: Vault) -> Cipher:
    """Return the cipher under which addresses are kept."""
    return Cipher(vault.secret("security audit"), "security_audit")


def seal(vault: Vault, address: str) -> bytes:
    """Return an address as it is kept."""
    return cipher(vault).seal_text(_PLACE, address)


def note(connection: Connection, act: str, user: str, sealed: bytes, now: datetime) -> None:
    """Keep a visit; `sealed`: see `seal`. `user` is "" for an operator."""
    connection.execute(insert(visits).values(at=now, act=act, user=user, address=sealed))


def everything(connection: Connection, vault: Vault, user: str | None = None) -> list[Visit]:
    """Return visits, of all or of one user, oldest first."""
    query = select(visits).order_by(visits.c.id)
    if user is not None:
        query = query.where(visits.c.user == user)
    opened = cipher(vault)
    rows = connection.execute(query).all()
    return [Visit(row.at, row.act, row.user, opened.open_text(_PLACE, row.address)) for row in rows]
