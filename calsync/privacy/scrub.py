"""Getting deleted rows out of the database's files too: what was deleted can stay readable there for long.

Measured for SQLite (trust.md 3.4): `secure_delete` and a truncating checkpoint leave nothing; without the checkpoint
the write-ahead log keeps every old page.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import OperationalError

#: Larger databases are not written anew as a whole: that takes their size in memory (SQLite), or locks for long.
LARGEST_BYTES = 512 * 1024 * 1024
_PATIENCE_SECONDS = 20.0


class StillRead(Exception):
    """Somebody reads the database for so long that its log cannot be emptied; try again later."""


def scrub(engine: Engine) -> str:
    """Take what was deleted out of the files, and say in words what was done; StillRead when that must wait."""
    return _sqlite(engine) if engine.dialect.name == "sqlite" else _postgresql(engine)


def _sqlite(engine: Engine) -> str:
    # The driver itself: SQLAlchemy would begin a transaction, in which neither statement can run.
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        done = ["secure_delete"]
        if _size(cursor) <= LARGEST_BYTES:
            cursor.execute("VACUUM")
            done.append("vacuum")
        _empty_log(cursor)
        cursor.close()
    except Exception as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StillRead("the database is in use") from None
        raise
    finally:
        connection.close()
    return ", ".join([*done, "write-ahead log emptied"])


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
            raise StillRead("the database is being read")
        time.sleep(0.05)


def _postgresql(engine: Engine) -> str:
    large = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET lock_timeout = '10s'"))
        try:
            for name in inspect(connection).get_table_names():
                table = connection.dialect.identifier_preparer.quote(name)
                size = connection.execute(
                    text("SELECT pg_total_relation_size(:t)"), {"t": table}
                ).scalar_one()
                full = size <= LARGEST_BYTES
                large += [] if full else [name]
                # ANALYZE too: statistics hold samples of values.
                connection.execute(text(f"VACUUM ({'FULL, ' if full else ''}ANALYZE) {table}"))
        except OperationalError as error:
            raise StillRead(f"the database is in use ({type(error.orig).__name__})") from None
        finally:
            connection.execute(text("RESET lock_timeout"))
    words = "vacuum full; the write-ahead log and its archive expire with the backups"
    return f"{words}; only vacuumed: {', '.join(large)}" if large else words
