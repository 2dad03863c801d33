"""Which state directories may write with a database: a copied or restored database must not touch calendars.

A random id lies in the state directory; the database holds a digest of it, of where the directory is, and of the
machine. A copy of the database alone lacks the id, a copy of the whole directory lies elsewhere.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from calsync.annotation import about
from calsync.store.database import UtcDateTime, metadata, reading, writing

instances = Table(
    "instance",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    info=about(
        owner="",
        why="to keep a copied database from writing to calendars",
        life="as long as the installation",
        technical="digest since",
    ),
)

FILE_NAME = "calsync.state-id"
_MACHINE = Path("/etc/machine-id")


class NotAdopted(Exception):
    """The database belongs to another state directory; the message says what an operator can do."""


def check(engine: Engine, state_dir: Path, now: datetime) -> None:
    """See that this state directory may write with this database; the first one becomes the one that may.

    Raises NotAdopted otherwise.
    """
    with reading(engine) as connection:
        known = _known(connection)
    if not known:
        with suppress(IntegrityError), writing(engine) as connection:
            # Another process may have been first, from another directory.
            if not _known(connection):
                _enter(connection, state_dir, now)
        with reading(engine) as connection:
            known = _known(connection)
    text = _read(state_dir)
    if not text:
        raise NotAdopted(_LACKING.format(place=state_dir, name=FILE_NAME))
    if _digest(text, state_dir) not in known:
        raise NotAdopted(_ELSEWHERE.format(place=state_dir, name=FILE_NAME))


def adopt(engine: Engine, state_dir: Path, now: datetime, beside_others: bool = False) -> None:
    """Let this state directory write with this database; no other may from now on, unless `beside_others`."""
    with writing(engine) as connection:
        if not beside_others:
            connection.execute(delete(instances))
        if not beside_others or _digest(_read(state_dir), state_dir) not in _known(connection):
            _enter(connection, state_dir, now)


def _known(connection: Connection) -> set[str]:
    return set(connection.execute(select(instances.c.digest)).scalars())


def _enter(connection: Connection, state_dir: Path, now: datetime) -> None:
    text = _read(state_dir) or _make(state_dir)
    connection.execute(insert(instances).values(digest=_digest(text, state_dir), since=now))


def _read(state_dir: Path) -> str:
    try:
        return (state_dir / FILE_NAME).read_text().strip()
    except FileNotFoundError:
        return ""


def _make(state_dir: Path) -> str:
    """Make the id, whole from its first moment on: two processes may start at once."""
    place, draft = state_dir / FILE_NAME, state_dir / f".{FILE_NAME}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(16) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            os.link(draft, place)
    finally:
        draft.unlink()
    return _read(state_dir)


def _digest(text: str, state_dir: Path) -> str:
    try:
        machine = _MACHINE.read_text().strip()
    except OSError:
        machine = ""
    return blake2b(f"{text}\0{state_dir.resolve()}\0{machine}".encode(), digest_size=32).hexdigest()


_REMEDY = (
    "If this is now the only installation that uses these calendars, run `calsync db adopt`; "
    "if it is a copy of one that is still in use, leave it as it is"
)
_LACKING = (
    "the database was used before, but not from {place}: {name} is missing there, so nothing is written. The state "
    "directory was emptied, daemon.state_dir names another one, or the database is a copy. " + _REMEDY
)
_ELSEWHERE = (
    "the database and {place}/{name} do not belong together here, so nothing is written: one of them was copied, "
    "restored or moved. " + _REMEDY
)
