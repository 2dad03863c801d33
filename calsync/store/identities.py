"""Which Google identities a CRM user has given consent with, and whether one is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from calsync.store.accounts import State, accounts, owner_name
from calsync.store.vault import Vault


def is_another(connection: Connection, vault: Vault, user: str, subject: str, address: str) -> bool:
    """Return whether this user was connected under this address before, but to another `sub`.

    Google's `sub` is never given to somebody else, an address may be (OpenID Connect at Google: "use sub").
    """
    subject_digest = vault.digest("google subject", subject)
    query = select(accounts.c.subject_digest, accounts.c.data_key, accounts.c.address)
    rows = connection.execute(query.where(accounts.c.user == user)).all()
    if any(row.subject_digest == subject_digest for row in rows):
        return False
    return any(
        vault.cipher(row.data_key, owner_name(user, row.subject_digest)).open_text(
            "account.address", row.address
        )
        == address
        for row in rows
    )


def user_of(connection: Connection, vault: Vault, subject: str) -> str | None:
    """Return the CRM user whom a Google identity serves or has served last, or None."""
    query = select(accounts.c.user).where(
        accounts.c.subject_digest == vault.digest("google subject", subject)
    )
    return connection.execute(query.order_by(accounts.c.connected_at.desc()).limit(1)).scalar()


@dataclass(frozen=True, slots=True)
class Given:
    """A consent that a person has given, as far as it is remembered: the last one for each Google identity."""

    at: datetime
    address: str
    scopes: tuple[str, ...]
    state: State


def given(connection: Connection, vault: Vault, user: str) -> list[Given]:
    """Return the consents of a CRM user, newest first."""
    query = select(accounts).where(accounts.c.user == user).order_by(accounts.c.connected_at.desc())
    found = []
    for row in connection.execute(query).mappings():
        cipher = vault.cipher(row["data_key"], owner_name(user, row["subject_digest"]))
        address = cipher.open_text("account.address", row["address"])
        found.append(Given(row["connected_at"], address, tuple(row["scopes"].split()), State(row["state"])))
    return found
