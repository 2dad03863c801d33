"""A consistent copy of the SQLite database while it is in use; keys and the list of erasures are never in it."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

_PAGES = 1024


class NotCopied(Exception):
    """The copy is not what it should be; it was thrown away."""


def copy_database(source: Path, target: Path) -> int:
    """Copy a SQLite file that others may be writing to, test the copy, and return its size in bytes.

    The copy can be read by its owner alone. Raises FileExistsError when something is there, NotCopied when the
    copy fails SQLite's own check, OSError or sqlite3.Error when it cannot be made.
    """
    if target.exists():
        raise FileExistsError(target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(draft)) as copy:
            live.backup(copy, pages=_PAGES)
            # One file, that needs no log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            raise NotCopied("the copy fails SQLite's integrity check; is the database itself in order?")
        _flush(draft)
        os.link(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return target.stat().st_size


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
