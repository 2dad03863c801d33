"""The scope of an incident (Art. 33 GDPR): whose data a leaked key, token or backup concerns, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from calsync.privacy import inventory
from calsync.store.accounts import State, accounts
from calsync.store.journal import runs
from calsync.store.vault import key_name


@dataclass(frozen=True, slots=True)
class Affected:
    """One person: what a thief of the database and of the named key would have, and how much was written since."""

    user: str
    state: State
    key: str
    has_token: bool
    scopes: tuple[str, ...]
    connected_at: datetime
    last_success: datetime | None
    runs: int
    rows: int


def scope(
    connection: Connection, since: datetime | None = None, key: str | None = None, user: str | None = None
) -> list[Affected]:
    """Return who is affected, by user: those who were connected since an instant, whose data key `key` has wrapped."""
    query = select(accounts).order_by(accounts.c.user, accounts.c.id)
    if user is not None:
        query = query.where(accounts.c.user == user)
    found = []
    for row in connection.execute(query).mappings():
        gone = since is not None and row["ended_at"] is not None and row["ended_at"] < since
        if gone or key not in (None, key_name(row["data_key"])):
            continue
        written = select(func.count()).where(runs.c.account_id == row["id"])
        if since is not None:
            written = written.where(runs.c.began >= since)
        found.append(
            Affected(
                row["user"],
                State(row["state"]),
                key_name(row["data_key"]),
                row["refresh_token"] is not None,
                tuple(scope.rpartition("/")[2] for scope in row["scopes"].split()),
                row["connected_at"],
                row["last_success"],
                connection.execute(written).scalar_one(),
                sum(inventory.count_rows(connection, row["user"]).values()),
            )
        )
    return found
