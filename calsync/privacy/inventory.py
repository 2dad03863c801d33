"""What is stored about people, table by table and column by column, as the tables themselves say (see `annotation`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, MetaData, Table, delete, func, select

from calsync.annotation import Data, Note, note_of
from calsync.store.accounts import accounts
from calsync.store.consent import tickets
from calsync.store.database import metadata


def described(parts: Sequence[MetaData]) -> Iterator[tuple[Table, Note]]:
    """Yield every table of these owners with what it says of itself; LookupError for one that says nothing."""
    for part in parts:
        for table in part.sorted_tables:
            yield table, note_of(table)


def missing(parts: Sequence[MetaData]) -> list[str]:
    """Return columns, as TABLE.COLUMN, of which nothing is said, and names that are no columns."""
    found = []
    for table, note in described(parts):
        names = {column.name for column in table.columns}
        found += [f"{table.name}.{name}" for name in sorted(names ^ note.columns.keys())]
        found += [f"{table.name}.{name}" for name in sorted(note.sealed - names)]
    return found


def is_personal(note: Note) -> bool:
    """Return whether a table holds anything about people."""
    return any(data is not Data.TECHNICAL for data in note.columns.values())


def theirs(table: Table, owner: str, user: str) -> ColumnElement[bool]:
    """Return which rows of a table are those of a CRM user; `owner` as the table says it."""
    column = table.c[owner]
    if owner == "account_id":
        return column.in_(select(accounts.c.id).where(accounts.c.user == user))
    if owner == "ticket_id":
        return column.in_(select(tickets.c.id).where(tickets.c.user == user))
    return column == user


def owned() -> list[tuple[Table, str]]:
    """Return the engine's tables whose rows are people's own, those first that refer to others."""
    tables = [(table, note.owner) for table, note in described([metadata]) if note.owner]
    return tables[::-1]


def count_rows(connection: Connection, user: str) -> dict[str, int]:
    """Return how many rows of each table are a user's own; tables without any are left out."""
    counts = {
        str(table.name): connection.execute(
            select(func.count()).select_from(table).where(theirs(table, owner, user))
        ).scalar_one()
        for table, owner in owned()
    }
    return {name: count for name, count in counts.items() if count}


def delete_rows(connection: Connection, user: str) -> dict[str, int]:
    """Delete a user's own rows, their keys among them, and return how many of each table."""
    counts = {}
    for table, owner in owned():
        counts[str(table.name)] = connection.execute(delete(table).where(theirs(table, owner, user))).rowcount
    return {name: count for name, count in counts.items() if count}
