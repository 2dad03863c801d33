"""Who was erased, kept outside of the database: a restored backup would bring them back otherwise (trust.md 3.4).

The file holds keyed digests of logins with the time of the erasure, one line each. It only ever grows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import orjson

from calsync.store.vault import Vault

FILE_NAME = "calsync.erased"


def listed_as(vault: Vault, user: str) -> str:
    """Return the digest under which a login stands in the list."""
    return vault.digest("erased", user)


def enlist(places: Iterable[Path], listed: str, now: datetime) -> Path:
    """Add a line durably to the list in the first directory that can be written; return the file.

    Raises OSError when there is none.
    """
    line = orjson.dumps({"who": listed, "at": now.isoformat()}) + b"\n"
    failure: OSError | None = None
    for place in places:
        try:
            _append(place / FILE_NAME, line)
        except OSError as error:
            failure = error
        else:
            return place / FILE_NAME
    raise failure or FileNotFoundError("there is no directory for the list of erasures")


def read(places: Iterable[Path]) -> dict[str, datetime]:
    """Return when each listed person was erased last; a line that a crash has cut off is left out."""
    found: dict[str, datetime] = {}
    for place in dict.fromkeys(places):
        try:
            lines = (place / FILE_NAME).read_bytes().splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            entry = _entry(line)
            if entry is not None:
                who, at = entry
                found[who] = max(at, found.get(who, at))
    return found


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            # A crash has cut the last line off: it must not take this one with it.
            line = b"\n" + line
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _entry(line: bytes) -> tuple[str, datetime] | None:
    try:
        document = orjson.loads(line)
        return str(document["who"]), datetime.fromisoformat(document["at"])
    except (ValueError, KeyError, TypeError):
        return None
