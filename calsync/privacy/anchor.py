"""The end of the audit trail, kept outside of the database, so that cutting it off is noticed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import orjson

from calsync.store.audit import Head

FILE_NAME = "calsync.audit-head"


def keep(places: Iterable[Path], head: Head) -> None:
    """Write the head into the first directory that can be written, whole or not at all; OSError when none can."""
    failure: OSError | None = None
    for place in places:
        try:
            _write(place / FILE_NAME, head)
        except OSError as error:
            failure = error
        else:
            return
    raise failure or FileNotFoundError("there is no directory for the end of the audit trail")


def read(places: Iterable[Path]) -> Head | None:
    """Return the latest head that was kept, or None."""
    found = []
    for place in places:
        with suppress(OSError, ValueError, KeyError, TypeError):
            document = orjson.loads((place / FILE_NAME).read_bytes())
            found.append(Head(int(document["seq"]), str(document["mac"])))
    return max(found, key=lambda head: head.seq, default=None)


def _write(path: Path, head: Head) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps({"seq": head.seq, "mac": head.mac}) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
