"""Which Google identities a CRM user has given consent with, and whether one is new."""

from __future__ import annotations

from sqlalchemy import Connection, select

from calsync.store.accounts import accounts, owner_name
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
