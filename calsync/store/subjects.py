"""Pseudonyms: under which a person stands in what outlives them, and which nobody can resolve once they are erased.

A pseudonym is a digest of the login with a key of that person alone. The key goes with the person; what is left tells
that it was the same person each time, and not who.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, String, Table, insert, select

from calsync.annotation import about
from calsync.store.database import UtcDateTime, metadata
from calsync.store.vault import Cipher, Vault

subjects = Table(
    "subject",
    metadata,
    Column("user", String(200), primary_key=True),
    Column("key", LargeBinary, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    info=about(
        owner="user",
        why="to tell who stands behind a pseudonym in audit trail and register, as long as that may be told",
        life="until erasure",
        sealed="key",
        logins="user",
        secrets="key",
        times="since",
    ),
)


def owner_name(user: str) -> str:
    """Return the name under which a person's pseudonym key is bound."""
    return f"subject|{user}"


def pseudonym(connection: Connection, vault: Vault, user: str, now: datetime) -> str:
    """Return a person's pseudonym, made at the first time; call in a writing transaction. "" for nobody."""
    if not user:
        return ""
    known = find(connection, vault, user)
    if known is not None:
        return known
    wrapped = vault.new_data_key(owner_name(user))
    connection.execute(insert(subjects).values(user=user, key=wrapped, since=now))
    return _pseudonym(vault, user, wrapped)


def find(connection: Connection, vault: Vault, user: str) -> str | None:
    """Return a person's pseudonym, or None when nothing was ever noted about them."""
    wrapped = connection.execute(select(subjects.c.key).where(subjects.c.user == user)).scalar()
    return _pseudonym(vault, user, wrapped) if wrapped is not None else None


def everyone(connection: Connection, vault: Vault) -> dict[str, str]:
    """Return the login behind each pseudonym that may still be told."""
    rows = connection.execute(select(subjects.c.user, subjects.c.key)).all()
    return {_pseudonym(vault, user, wrapped): user for user, wrapped in rows}


def _pseudonym(vault: Vault, user: str, wrapped: bytes) -> str:
    key = vault.cipher(wrapped, owner_name(user)).derived("pseudonym")
    return hmac.new(key, user.encode(), hashlib.sha256).hexdigest()[:32]


def cipher(connection: Connection, vault: Vault, user: str, now: datetime) -> Cipher:
    """Return the cipher of a person whether or not they are connected; call in a writing transaction."""
    pseudonym(connection, vault, user, now)
    return known_cipher(connection, vault, user)


def known_cipher(connection: Connection, vault: Vault, user: str) -> Cipher:
    """Return the cipher of a person who has a pseudonym already."""
    wrapped = connection.execute(select(subjects.c.key).where(subjects.c.user == user)).scalar_one()
    return vault.cipher(wrapped, owner_name(user))
