"""Getting deleted rows out of the database's files too: what was deleted can stay readable there for long.

Measured for SQLite (trust.md 3.4): `secure_delete` and a truncating checkpoint leave nothing of what was deleted; without
the checkpoint the write-ahead log keeps every old page. What was moved within the file before it was deleted, or freed by
a program without `secure_delete`, is gone only when the file is written anew: that is part of it, also for large ones.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import OperationalError

#: Nobody can write while a larger database (SQLite) or table (PostgreSQL) is written anew, for too long by day.
LARGEST_BYTES = 512 * 1024 * 1024
_PATIENCE_SECONDS = 20.0


class NotNow(Exception):
    """The files cannot be cleaned now; the text says what that waits for. Nothing has to be taken back."""


_BY_NIGHT = NotNow("the night, when a database of this size is written anew")


def scrub(engine: Engine) -> None:
    """Overwrite what was deleted, where it was deleted: soon, whatever the size; NotNow when that must wait."""
    if engine.dialect.name == "sqlite":
        with _driver(engine) as cursor:
            _empty_log(cursor)
    else:
        _vacuum(engine, full=False)


def write_anew(engine: Engine, at_length: bool) -> str:
    """Write the files anew, without what was deleted, and say in words what was done; NotNow when that must wait.

    `at_length`: whether nobody may be able to write for as long as that takes with a large database. SQLite does it
    wholly or not at all, PostgreSQL table by table; whoever is interrupted does it again.
    """
    if engine.dialect.name != "sqlite":
        if _is_large(engine) and not at_length:
            raise _BY_NIGHT
        _vacuum(engine, full=True)
        return "vacuum full; the write-ahead log and its archive expire with the backups"
    with _driver(engine) as cursor:
        large = _size(cursor) > LARGEST_BYTES
        if large and not at_length:
            raise _BY_NIGHT
        # A large one is put together on the disk: it may not fit into memory, where sorting stays.
        cursor.execute(f"PRAGMA temp_store={'FILE' if large else 'MEMORY'}")
        try:
            cursor.execute("VACUUM")
        finally:
            cursor.execute("PRAGMA temp_store=MEMORY")
        _empty_log(cursor)
    return "secure_delete, vacuum, write-ahead log emptied"


@contextmanager
def _driver(engine: Engine) -> Iterator[Any]:
    """Give a cursor of the driver itself: SQLAlchemy would begin a transaction, in which none of this can run."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        yield cursor
        cursor.close()
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise NotNow("quiet: the database is in use") from None
        if "full" in str(error):
            raise NotNow("room on the disk for a second copy of the database") from None
        raise
    finally:
        connection.close()


def _size(cursor: Any) -> int:
    pages = cursor.execute("PRAGMA page_count").fetchone()[0]
    return int(pages * cursor.execute("PRAGMA page_size").fetchone()[0])


def _empty_log(cursor: Any) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return
        if time.monotonic() > deadline:
            raise NotNow("quiet: the database is being read")
        time.sleep(0.05)


def _is_large(engine: Engine) -> bool:
    """Return whether one table of PostgreSQL, by which it locks, is large."""
    with engine.connect() as connection:
        quote = connection.dialect.identifier_preparer.quote
        sizes = [
            connection.execute(text("SELECT pg_total_relation_size(:t)"), {"t": quote(name)}).scalar_one()
            for name in inspect(connection).get_table_names()
        ]
    return max(sizes, default=0) > LARGEST_BYTES


def _vacuum(engine: Engine, full: bool) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET lock_timeout = '10s'"))
        try:
            for name in inspect(connection).get_table_names():
                table = connection.dialect.identifier_preparer.quote(name)
                # ANALYZE too: statistics hold samples of values.
                connection.execute(text(f"VACUUM ({'FULL, ' if full else ''}ANALYZE) {table}"))
        except OperationalError as error:
            raise NotNow(f"quiet: the database is in use ({type(error.orig).__name__})") from None
        finally:
            connection.execute(text("RESET lock_timeout"))
