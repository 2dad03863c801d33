"""How many accounts there are."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from calsync.store.accounts import RUNNING, accounts


def running(connection: Connection) -> int:
    """Return how many accounts have rounds."""
    query = select(func.count()).where(accounts.c.state.in_(RUNNING))
    return connection.execute(query).scalar() or 0
