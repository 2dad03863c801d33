"""One round at a time for an account, one daemon for a SQLite file: locks that a crash frees."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

_POLL_SECONDS = 0.05


class Held(Exception):
    """Somebody else has the lock."""


@contextmanager
def holding(directory: Path, name: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock `name` of a state directory; Held when it is not free within `wait_seconds` (-1: wait).

    Threads of one process exclude each other as processes do. The file stays: were it removed, two could each
    hold a lock on a file of that name.
    """
    file = _open(directory, f"{name}.lock")
    try:
        _acquire(file, name, wait_seconds)
        yield
    finally:
        # Closing lets go, as the end of the process does.
        os.close(file)


def _open(directory: Path, name: str) -> int:
    path = f"{directory}/{name}"
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _acquire(file: int, name: str, wait_seconds: float) -> None:
    if wait_seconds < 0:
        flock(file, LOCK_EX)
        return
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            flock(file, LOCK_EX | LOCK_NB)
            return
        except BlockingIOError:
            left = deadline - time.monotonic()
        if left <= 0:
            raise Held(name) from None
        time.sleep(min(_POLL_SECONDS, left))
