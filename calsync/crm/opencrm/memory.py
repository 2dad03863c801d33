"""What calendars have shown so far: the tenant tells neither changes nor deletions (5), so scans are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, delete, func, insert, select, update

from calsync.crm.opencrm.tables import seen


@dataclass(frozen=True, slots=True)
class Seen:
    """One activity as it was last seen on a calendar: `year` is that of its start date, "" without one.

    `seq`: the scan in which it last changed. `expected`: it was there, so that a scan of its year has to list it.
    """

    version: str
    year: str
    seq: int = 0
    expected: bool = True


class Memory:
    """The memory of one person's calendar; it commits apart from the engine's tables.

    It is a change feed: what changed in a scan keeps that scan's number until it changes again, so that an observation
    which did not reach the engine is made up for by the next.
    """

    def __init__(self, engine: Engine, login: str) -> None:
        self._engine, self._login = engine, login

    def all(self) -> dict[str, Seen]:
        """Return everything that is remembered, by id."""
        with self._engine.connect().execution_options(reading=True) as connection:
            rows = connection.execute(select(seen).where(seen.c.login == self._login)).all()
        return {row.key: Seen(row.version, row.year, row.seq, row.expected) for row in rows}

    def one(self, key: str) -> Seen | None:
        """Return what is remembered of one activity."""
        with self._engine.connect().execution_options(reading=True) as connection:
            row = connection.execute(self._of(key)).first()
        return Seen(row.version, row.year, row.seq, row.expected) if row is not None else None

    def keep(self, shown: Mapping[str, Seen]) -> int:
        """Remember what a scan has shown anew or otherwise; return the scan's number.

        Their `seq` is that number, whatever it says. Without any, it is the number of the last scan that had some.
        """
        with self._engine.begin() as connection:
            latest = self._latest(connection)
            if not shown:
                return latest
            self._store(connection, {key: (entry, latest + 1) for key, entry in shown.items()})
            return latest + 1

    def note(self, key: str, entry: Seen) -> None:
        """Remember an activity as we have just written it: the engine knows, so that it is no news."""
        with self._engine.begin() as connection:
            before = connection.execute(self._of(key)).first()
            self._store(connection, {key: (entry, before.seq if before is not None else 0)})

    def latest(self) -> int:
        """Return the number of the last scan that had something new; 0 when there was none."""
        with self._engine.connect().execution_options(reading=True) as connection:
            return self._latest(connection)

    def forget(self) -> int:
        """Forget everything about the calendar, and return how many entries that were."""
        with self._engine.begin() as connection:
            return int(connection.execute(delete(seen).where(seen.c.login == self._login)).rowcount)

    def _of(self, key: str) -> Select[*tuple[Any, ...]]:
        return select(seen).where(seen.c.login == self._login, seen.c.key == key)

    def _latest(self, connection: Connection) -> int:
        query = select(func.max(seen.c.seq)).where(seen.c.login == self._login)
        return connection.execute(query).scalar() or 0

    def _store(self, connection: Connection, entries: Mapping[str, tuple[Seen, int]]) -> None:
        known = set(self._known(connection, entries))
        rows = [
            {"who": self._login, "which": key, "version": entry.version, "year": entry.year, "seq": seq}
            | {"expected": entry.expected}
            for key, (entry, seq) in entries.items()
        ]
        old = [row for row in rows if row["which"] in known]
        new = [
            {"login": row["who"], "key": row["which"]}
            | {name: row[name] for name in ("version", "year", "seq", "expected")}
            for row in rows
            if row["which"] not in known
        ]
        if old:
            change = update(seen).where(seen.c.login == bindparam("who"), seen.c.key == bindparam("which"))
            connection.execute(change, old)
        if new:
            connection.execute(insert(seen), new)

    def _known(self, connection: Connection, keys: Iterable[str]) -> Iterable[str]:
        query = select(seen.c.key).where(seen.c.login == self._login, seen.c.key.in_(list(keys)))
        return connection.execute(query).scalars()
