"""Bringing tables to the revision that the program knows, with Alembic.

Every owner of tables has a directory of revisions (`r0001_tables.py`, ...; one follows the other) and a version
table: the built-in CRM commits apart from the engine, and its tables go with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, MetaData, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

if TYPE_CHECKING:
    from alembic.config import Config

_TURN = "SELECT pg_advisory_xact_lock(hashtext(:table))"


class SchemaTooNew(Exception):
    """The database was made by a later version of the program."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one owner: `revisions` is the directory of their history, the last name is the newest."""

    version_table: str
    revisions: Path
    metadata: MetaData

    def known(self) -> list[str]:
        """Return the revisions that this program knows, oldest first."""
        return sorted(path.stem[1:5] for path in self.revisions.glob("r[0-9]*.py"))


def upgrade(engine: Engine, schema: Schema) -> None:
    """Bring tables up to date: one query when they are.

    Safe when several processes start at once: one does it, the others wait for their turn and find it done.
    Raises SchemaTooNew when the database knows a revision that the program does not, and SQLAlchemyError when
    it cannot be used; nothing is changed then.
    """
    with engine.connect().execution_options(reading=True) as connection:
        try:
            found = _revision(connection, schema)
        except (OperationalError, ProgrammingError):
            # There is no version table: nothing has been made yet.
            found = None
    if not _is_current(found, schema):
        _migrate(engine, schema)


def _revision(connection: Connection, schema: Schema) -> str | None:
    return connection.execute(text(f"SELECT version_num FROM {schema.version_table}")).scalar()  # noqa: S608


def _is_current(found: str | None, schema: Schema) -> bool:
    known = schema.known()
    if found is not None and found not in known:
        raise SchemaTooNew(
            f"the database has revision {found} of {schema.version_table}, this program knows {known[-1]} at most; "
            "it was used by a later version: install that one, or restore a backup made before"
        )
    return found == known[-1]


def _migrate(engine: Engine, schema: Schema) -> None:
    from alembic import command

    with engine.begin() as connection:
        # On SQLite the transaction has the only write lock from its beginning.
        if connection.dialect.name == "postgresql":
            connection.execute(text(_TURN), {"table": schema.version_table})
        there = inspect(connection).has_table(schema.version_table)
        if not _is_current(_revision(connection, schema) if there else None, schema):
            command.upgrade(configuration(schema, connection), "head")


def configuration(schema: Schema, connection: Connection) -> Config:
    """Return what Alembic's commands want, to work on `connection` in its transaction."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "schema": schema})
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("version_locations", str(schema.revisions))
    config.set_main_option("path_separator", "newline")
    return config
