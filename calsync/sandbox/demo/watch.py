"""Looks at `calsync status` and `calsync conflicts` now and then, as an operator would, while a page is open."""

from __future__ import annotations

import threading
import time
from typing import Any

from calsync.sandbox.stage import Stage, StageError

LOOK_SECONDS = 5.0
#: A page that has not asked for so long is closed.
IDLE_SECONDS = 15.0


class Watch:
    """The last answers of both commands; a command takes most of a second, so that pages do not wait for it."""

    def __init__(self, stage: Stage) -> None:
        """Nothing is asked before `start`."""
        self._stage = stage
        self._accounts: dict[str, dict[str, Any]] = {}
        self._conflicts: list[dict[str, Any]] = []
        self._asked = time.monotonic()
        self._stopping = threading.Event()
        self._now = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._now.set()
        self._thread.join(30)

    def look(self) -> None:
        """Look soon: something has happened."""
        self._now.set()

    def accounts(self) -> dict[str, dict[str, Any]]:
        """Return the accounts by user, as `calsync status` last showed them."""
        self._asked = time.monotonic()
        return self._accounts

    def conflicts(self) -> list[dict[str, Any]]:
        """Return what `calsync conflicts` last showed."""
        return self._conflicts

    def _run(self) -> None:
        while not self._stopping.is_set():
            if time.monotonic() - self._asked < IDLE_SECONDS:
                self._ask()
            self._now.wait(LOOK_SECONDS)
            self._now.clear()

    def _ask(self) -> None:
        try:
            rows = self._stage.calsync("status")["accounts"]
            count = sum(row["conflicts"] for row in rows)
            if count != len(self._conflicts):
                self._conflicts = self._stage.calsync("conflicts")["conflicts"]
        except StageError:
            # The page shows the last known state; the next look may fare better.
            return
        self._accounts = {row["user"]: row for row in rows}
