"""Opening the database, and its transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    Insert,
    MetaData,
    QueuePool,
    StaticPool,
    TypeDecorator,
    Update,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

#: Tables of the sync engine, consent and web sessions.
metadata = MetaData()

BUSY_TIMEOUT_MS = 30_000

_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode=WAL",
    # An intent must survive a power cut, or the write that follows it becomes a stranger's.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    # Sorting must not spill rows into temporary files.
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-8000",
)


class Bulk:
    """An INSERT or UPDATE that is run for many rows at once.

    The driver gets the rows as they are, but for the few columns that need preparing: SQLAlchemy's own way costs
    more than SQLite's work on the row.
    """

    def __init__(self, statement: Insert | Update, types: Mapping[str, TypeEngine[Any]]) -> None:
        """`types`: of every parameter that a row has, by name."""
        self._statement, self._types = statement, types
        self._ready: dict[str, Callable[[Connection, Sequence[Mapping[str, Any]]], None]] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of these rows."""
        if not rows:
            return
        name = connection.dialect.name
        if name not in self._ready:
            self._ready[name] = self._prepare(connection.dialect)
        self._ready[name](connection, rows)

    def _prepare(self, dialect: Dialect) -> Callable[[Connection, Sequence[Mapping[str, Any]]], None]:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self._types))
        text = str(compiled)
        prepared = {
            name: process
            for name, kind in self._types.items()
            if (process := _processor(kind, dialect)) is not None
        }
        if not isinstance(compiled, SQLCompiler) or compiled.positiontup is None:
            return lambda connection, rows: _run_named(connection, text, rows, prepared)
        order = compiled.positiontup
        places = [(order.index(name), process) for name, process in prepared.items()]
        return lambda connection, rows: _run_placed(connection, text, rows, order, places)


_Process = Callable[[Any], Any]


def _processor(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    if isinstance(kind, UtcDateTime) and dialect.name == "sqlite":
        return _sqlite_text
    process: _Process | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return process


def _sqlite_text(value: datetime) -> str:
    """Return the text that SQLAlchemy makes of a moment, in a tenth of the time."""
    if value.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored")
    moment = value if value.tzinfo is UTC else value.astimezone(UTC)
    return moment.isoformat(" ", "microseconds")[: -len("+00:00")]


def _run_named(
    connection: Connection, text: str, rows: Sequence[Mapping[str, Any]], prepared: Mapping[str, _Process]
) -> None:
    changed = [{**row, **{name: process(row[name]) for name, process in prepared.items()}} for row in rows]
    connection.exec_driver_sql(text, changed)


def _run_placed(
    connection: Connection,
    text: str,
    rows: Sequence[Mapping[str, Any]],
    order: Sequence[str],
    places: Sequence[tuple[int, _Process]],
) -> None:
    pick = itemgetter(*order)
    values = [list(pick(row)) for row in rows]
    for place, process in places:
        for row in values:
            if row[place] is not None:
                row[place] = process(row[place])
    connection.exec_driver_sql(text, [tuple(row) for row in values])


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC; naive values are refused with ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn into UTC; SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_database(url: str) -> Engine:
    """Return an engine for `sqlite:///PATH` or `postgresql+psycopg://...`; nothing is connected yet.

    On SQLite every transaction begins with BEGIN IMMEDIATE, since a deferred one that reads first and writes
    later loses updates silently; `reading` is the exception.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_size=20, max_overflow=20, pool_pre_ping=True)
    in_memory = make_url(url).database in (None, "", ":memory:")
    engine = create_engine(url, poolclass=StaticPool if in_memory else QueuePool)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("reading"):
        # Waits for nobody and cannot fail, so it needs none of SQLAlchemy's care, which costs more than the reading.
        connection.connection.cursor().execute("BEGIN DEFERRED")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that commits at the end, or rolls back when an exception leaves it."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one state of the database and changes nothing."""
    with engine.connect().execution_options(reading=True) as connection:
        yield connection
