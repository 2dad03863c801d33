"""The account book of the installation's brake: how many deletions it has let through lately, over all accounts.

The journal would tell too late: rounds of several accounts run at once, in several processes, and each must know
what the others are about to delete. So a round puts its deletions down before it makes them.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from calsync.annotation import about
from calsync.model.policy import InstallationBrake
from calsync.store.database import UtcDateTime, metadata, writing

batches = Table(
    "deletion_batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("deletions", Integer, nullable=False),
    info=about(
        owner="",
        why="to hold back unusually many deletions over all accounts",
        life="ten minutes",
        technical="id at deletions",
    ),
)

_TURN = select(func.pg_advisory_xact_lock(func.hashtext(batches.name)))


def admit(engine: Engine, brake: InstallationBrake, deletions: int, now: datetime) -> int | None:
    """Put down so many deletions and return the number of their batch; None when the brake holds them, all of them.

    What was put down counts for `brake.within`, also when the process dies before it has deleted anything.
    """
    with writing(engine) as connection:
        _take_turn(connection)
        # A time that lies ahead comes from a clock that was wrong.
        old = or_(batches.c.at <= now - brake.within, batches.c.at >= now + brake.within)
        connection.execute(delete(batches).where(old))
        before = connection.execute(select(func.sum(batches.c.deletions))).scalar() or 0
        if not brake.allows(deletions, before):
            return None
        made = connection.execute(insert(batches).values(at=now, deletions=deletions).returning(batches.c.id))
        return int(made.scalar_one())


def correct(engine: Engine, batch: int, deletions: int) -> None:
    """Put down how many deletions of a batch were made in the end."""
    with writing(engine) as connection:
        connection.execute(update(batches).where(batches.c.id == batch).values(deletions=deletions))


def _take_turn(connection: Connection) -> None:
    """Let nobody else look until this transaction ends; on SQLite only one writes at a time as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(_TURN)
