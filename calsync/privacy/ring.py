"""Changing the key ring while everything runs: a new key in front, all data keys wrapped by it, old keys out.

A process that is running finds the new key in the file when it meets a data key that is wrapped by it, and before it
wraps anything itself (see `store.vault`). Data keys themselves stay, so that no content has to be encrypted anew.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, bindparam, select, update

from calsync.store import accounts, operators, subjects
from calsync.store.accounts import owner_name
from calsync.store.consent import flows, tickets
from calsync.store.database import reading, writing
from calsync.store.vault import RingKey, Vault, key_name, new_key_line, parse_ring
from calsync.store.visits import sign_ins

#: So many data keys are wrapped anew in one transaction.
BATCH = 200


class StillNeeded(Exception):
    """A key cannot be taken out of the ring; the text says why."""


def add_key(path: Path) -> str:
    """Put a fresh key in front of the ring and return its name; the file is replaced whole, with the same owner."""
    text = path.read_text()
    names = {key.name for key in parse_ring(text)}
    numbers = [int(found.group(1)) for name in names if (found := re.fullmatch(r"k(\d+)", name))]
    name = f"k{max(numbers, default=0) + 1}"
    _replace(path, [new_key_line(name), *text.split()])
    return name


def remove_key(path: Path, name: str, uses: Counter[str]) -> None:
    """Take a key out of the ring; StillNeeded when something is wrapped by it, or it is the newest or unknown."""
    lines = path.read_text().split()
    names = [line.partition(":")[0] for line in lines]
    if name not in names:
        raise StillNeeded(f"the ring has no key {name!r}; `calsync keys list` shows them")
    if names[0] == name:
        raise StillNeeded(f"{name} is the newest key; `calsync keys rotate` makes another")
    if uses[name]:
        raise StillNeeded(
            f"{uses[name]} values need {name}; `calsync keys rotate` wraps them anew, or wait a day"
        )
    _replace(path, [line for line in lines if line.partition(":")[0] != name])


def rewrap(engine: Engine, vault: Vault) -> int:
    """Wrap every data key by the newest key of the ring, in batches; return how many were not yet.

    Safe to interrupt and to repeat, and beside a running daemon: a row that changes meanwhile is left for the next pass.
    """
    count, newest = 0, vault.newest()
    while todo := list(_old(engine, newest)):
        for start in range(0, len(todo), BATCH):
            batch = todo[start : start + BATCH]
            with writing(engine) as connection:
                for table in {row[0] for row in batch}:
                    rows = [row for row in batch if row[0] is table]
                    count += _rewrap(connection, vault, newest, table, rows)
    return count


def uses(connection: Connection) -> Counter[str]:
    """Return how many values need each key of the ring, short-lived ones of consent under way included."""
    columns: Sequence[Column[Any]] = (
        accounts.accounts.c.data_key,
        subjects.subjects.c.key,
        operators.operators.c.data_key,
        flows.c.sealed,
        flows.c.granted,
        sign_ins.c.sealed,
    )
    # Of a ticket that was used nothing is opened any more.
    queries = [*map(select, columns), select(tickets.c.expected).where(tickets.c.used_at.is_(None))]
    found: Counter[str] = Counter()
    for query in queries:
        found.update(key_name(value) for value in connection.execute(query).scalars() if value)
    return found


_Row = tuple[Table, Any, str, bytes]


def _old(engine: Engine, newest: RingKey) -> Iterator[_Row]:
    """Yield data keys that another key has wrapped: the table, the row's key, the owner, and the data key."""
    table, people, staff = accounts.accounts, subjects.subjects, operators.operators
    with reading(engine) as connection:
        rows = connection.execute(
            select(table.c.id, table.c.user, table.c.subject_digest, table.c.data_key)
        ).all()
        keys = connection.execute(select(people.c.user, people.c.key)).all()
        logins = connection.execute(select(staff.c.id, staff.c.name, staff.c.data_key)).all()
    for number, user, digest, wrapped in rows:
        if key_name(wrapped) != newest.name:
            yield table, number, owner_name(user, digest), wrapped
    for user, wrapped in keys:
        if key_name(wrapped) != newest.name:
            yield people, user, subjects.owner_name(user), wrapped
    for number, name, wrapped in logins:
        if key_name(wrapped) != newest.name:
            yield staff, number, operators.owner_name(name), wrapped


def _rewrap(connection: Connection, vault: Vault, newest: RingKey, table: Table, rows: Sequence[_Row]) -> int:
    (identity,) = table.primary_key.columns
    column = table.c.data_key if "data_key" in table.c else table.c.key
    change = update(table).where(identity == bindparam("row"), column == bindparam("was"))
    values = [
        {"row": row, "was": wrapped, "wrapped": vault.rewrap(wrapped, owner, newest)}
        for _, row, owner, wrapped in rows
    ]
    return int(connection.execute(change.values({column.name: bindparam("wrapped")}), values).rowcount)


def _replace(path: Path, lines: Sequence[str]) -> None:
    before = path.stat()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if os.geteuid() == 0:
            os.fchown(file.fileno(), before.st_uid, before.st_gid)
        os.fchmod(file.fileno(), before.st_mode & 0o777)
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
