"""What every round asks of the database: SQLAlchemy prepares the statement once, the driver answers it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Engine, Select, StaticPool, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

_Process = Callable[[Any], Any]
_Row = tuple[Any, ...]
_Values = dict[str, Any] | Sequence[Any]
#: Rows, and the driver's name for the type of each column.
_Answer = tuple[list[_Row], Sequence[object]]


class Question:
    """A SELECT without lists among its parameters, asked by itself: outside of any transaction.

    SQLAlchemy's own way takes ten times as long as the database does, for one small row.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        """`statement`: its parameters are named by `bindparam`."""
        self._statement = statement
        self.names = tuple(column.key for column in statement.selected_columns)
        self._ready: dict[str, Callable[[Engine, dict[str, Any]], list[_Row]]] = {}

    def ask(self, engine: Engine, **values: Any) -> list[_Row]:
        """Return the rows as they are now, with values in the order of `names`; raises DBAPIError."""
        answer = self._ready.get(engine.dialect.name)
        if answer is None:
            answer = self._ready[engine.dialect.name] = self._prepare(engine.dialect)
        return answer(engine, values)

    def _prepare(self, dialect: Dialect) -> Callable[[Engine, dict[str, Any]], list[_Row]]:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        text, order = str(compiled), compiled.positiontup
        fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        into = [
            (name, process)
            for name, bind in compiled.binds.items()
            if bind.required and (process := _into(bind.type, dialect)) is not None
        ]
        out: list[tuple[int, _Process]] | None = None

        def answer(engine: Engine, values: dict[str, Any]) -> list[_Row]:
            nonlocal out
            values.update(fixed)
            for name, process in into:
                values[name] = process(values[name])
            rows, codes = _fetch(engine, text, values if order is None else [values[name] for name in order])
            if out is None:
                out = _out_of(self._statement, codes, dialect)
            return [_processed(row, out) for row in rows] if out else rows

        return answer


class _Askers:
    """Connections of one engine on which nothing is done but asking, each question in a moment of its own.

    Lent by the pool for one question they would cost more than the answer: on PostgreSQL BEGIN and ROLLBACK too.
    """

    def __init__(self, engine: Engine) -> None:
        self._idle: deque[Any] = deque()
        event.listen(engine, "engine_disposed", self._close)

    def ask(self, engine: Engine, text: str, values: _Values) -> _Answer:
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._use(_opened(engine), text, values)
        try:
            return self._use(connection, text, values)
        except engine.dialect.loaded_dbapi.Error:
            # The server may have gone and come back: then all of them are dead, and a new one is not.
            self._close(engine)
            return self._use(_opened(engine), text, values)

    def _use(self, connection: Any, text: str, values: _Values) -> _Answer:
        try:
            answer = _execute(connection, text, values)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _close(self, _engine: Engine) -> None:
        while self._idle:
            self._idle.pop().close()


_askers: WeakKeyDictionary[Engine, _Askers] = WeakKeyDictionary()


def _fetch(engine: Engine, text: str, values: _Values) -> _Answer:
    try:
        if isinstance(engine.pool, StaticPool):
            # All there is of a database in memory is its one connection.
            with closing(engine.raw_connection()) as lent:
                return _execute(lent.driver_connection, text, values)
        askers = _askers.get(engine) or _askers.setdefault(engine, _Askers(engine))
        return askers.ask(engine, text, values)
    except engine.dialect.loaded_dbapi.Error as error:
        kind = engine.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(text, None, error, kind, hide_parameters=True) from error


def _execute(connection: Any, text: str, values: _Values) -> _Answer:
    cursor = connection.execute(text, values)
    rows = cursor.fetchall()
    return rows, [column[1] for column in cursor.description]


def _opened(engine: Engine) -> Any:
    lent = engine.raw_connection()
    connection: Any = lent.driver_connection
    lent.detach()
    engine.dialect.set_isolation_level(connection, "AUTOCOMMIT")
    return connection


def _processed(row: _Row, out: Sequence[tuple[int, _Process]]) -> _Row:
    values = list(row)
    for place, process in out:
        if values[place] is not None:
            values[place] = process(values[place])
    return tuple(values)


def _into(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    process: _Process | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return process


def _out_of(
    statement: Select[*tuple[Any, ...]], codes: Sequence[object], dialect: Dialect
) -> list[tuple[int, _Process]]:
    """Return what is to be done to the columns of an answer, of which the driver has told the types."""
    found: list[tuple[int, _Process]] = []
    for place, (column, code) in enumerate(zip(statement.selected_columns, codes, strict=True)):
        process = column.type.dialect_impl(dialect).result_processor(dialect, code)
        if process is not None:
            found.append((place, process))
    return found
