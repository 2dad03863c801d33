"""Tables of the built-in CRM: in the same database, with their own metadata, in clear: it is the CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.sql.compiler import SQLCompiler

from calsync.annotation import about

metadata = MetaData()

_CRM = "the built-in CRM's own records: calsync only keeps them"

users = Table(
    "crm_user",
    metadata,
    Column("login", String(200), primary_key=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("teams", Text, nullable=False),
    Column("access_version", Integer, nullable=False, default=0),
    info=about(
        owner="",
        why="the built-in CRM's users",
        life="as the CRM's owner decides",
        kept=_CRM,
        logins="login name",
        addresses="email",
        choices="role teams access_version",
    ),
)

tokens = Table(
    "crm_token",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("login", String(200), nullable=False),
    info=about(
        owner="",
        why="to let the built-in CRM's users in",
        life="as the CRM's owner decides",
        kept=_CRM,
        digests="digest",
        logins="login",
    ),
)

#: `start` and `end` are ISO texts (UTC instants or dates); `modified` is milliseconds since 1970. `seq` is the
#: place in the change feed; `concerns` names those whom a change may concern, the earlier owner included.
events = Table(
    "crm_event",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Column("owner", String(200), nullable=False),
    Column("marker", String(1200)),
    Column("concerns", Text, nullable=False, default=""),
    Column("title", Text, nullable=False, default=""),
    Column("description", Text, nullable=False, default=""),
    Column("location", Text, nullable=False, default=""),
    Column("start", String(32), nullable=False, default=""),
    Column("end", String(32), nullable=False, default=""),
    Column("zone", String(64), nullable=False, default=""),
    Column("last_day", String(10), nullable=False, default=""),
    Column("recurrence", Text),
    Column("exceptions", Text),
    Column("attendees", Text),
    Column("reminders", Text),
    Column("status", String(20), nullable=False, default="planned"),
    Column("activity_type", String(20), nullable=False, default="meeting"),
    Column("security", String(20), nullable=False, default="public_read"),
    Column("team", String(200), nullable=False, default=""),
    Column("category", String(200), nullable=False, default=""),
    Index("crm_event_seq", "seq"),
    Index("crm_event_owner", "owner"),
    Index("crm_event_marker", "marker"),
    info=about(
        owner="",
        why="the built-in CRM's calendar",
        life="as the CRM's owner decides",
        kept=_CRM,
        keys="id marker",
        technical="seq version deleted",
        logins="owner team",
        addresses="concerns attendees",
        content="title description location recurrence exceptions reminders activity_type category",
        choices="status security",
        times="modified start end zone last_day",
    ),
)

counter = Table(
    "crm_counter",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", BigInteger, nullable=False),
    info=about(
        owner="",
        why="the order of changes in the built-in CRM",
        life="as long as the installation",
        technical="name value",
    ),
)

_ADVANCE = (
    update(counter)
    .where(counter.c.name == "seq")
    .values(value=counter.c.value + bindparam("n"))
    .returning(counter.c.value)
)


_LATEST = select(events.c.modified).order_by(events.c.seq.desc()).limit(1)


def stamp(connection: Connection, now: datetime) -> int:
    """Return when a change is made, in milliseconds since 1970: never before the change that precedes it in the
    feed, so that a reader who goes on from the latest time it has seen misses nothing.

    Call it after `next_numbers`, which waits for others to finish.
    """
    latest = connection.execute(_LATEST).scalar()
    return max(int(now.timestamp() * 1000), latest or 0)


def next_numbers(connection: Connection, count: int) -> range:
    """Return `count` places at the end of the change feed.

    The counter's row stays locked until the commit, so that the feed's order is the order of commits.
    """
    last = int(connection.execute(_ADVANCE, {"n": count}).scalar_one())
    return range(last - count + 1, last + 1)


def insert_all(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add events, rows with every column.

    The driver gets them as they are: preparing them as SQLAlchemy does costs more than SQLite's work on them.
    """
    if not rows:
        return
    statement, order = _insertion(connection.dialect)
    if order is None:
        connection.exec_driver_sql(statement, list(rows))
        return
    pick = itemgetter(*order)
    connection.exec_driver_sql(statement, [pick(row) for row in rows])


@lru_cache(maxsize=2)
def _insertion(dialect: Dialect) -> tuple[str, Sequence[str] | None]:
    """Return the statement as the driver wants it, and the order of its parameters where they have no names."""
    compiled = insert(events).inline().compile(dialect=dialect)
    return str(compiled), compiled.positiontup if isinstance(compiled, SQLCompiler) else None
