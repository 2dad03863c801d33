"""A town of one person with two calendars, one engine between them, and a database that can be put back."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.oauth2.credentials import Credentials
from google_wire import ROOT, Hurry, LocalService, Trouble, Wire
from sqlalchemy import event
from strikes import Boundaries

from calsync.config import Settings
from calsync.crm.builtin.backend import BuiltinCrm
from calsync.crm.builtin.side import BuiltinSide
from calsync.engine import run_account
from calsync.model.policy import Policy
from calsync.sandbox.world import World
from calsync.store import accounts
from calsync.store.accounts import Consent
from calsync.store.database import metadata, open_database, writing
from calsync.store.vault import Vault, new_key_line, parse_ring
from calsync.sync.round import Order
from calsync.wiring import Parts

USER, EMAIL, BOSS = "ana", "ana@example.com", "boss"
TOKEN, REFRESH = "town-token", "town-refresh"
SCOPE = "https://www.googleapis.com/auth/calendar.events"


class TownClock:
    """Time that moves only when somebody looks, by a millisecond, or when it is told to."""

    def __init__(self) -> None:
        self._start = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
        self.reset()

    def reset(self) -> None:
        """Go back to the morning."""
        self._now = self._start

    def __call__(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def advance(self, **amount: float) -> None:
        """Let time pass."""
        self._now += timedelta(**amount)

    @property
    def micros(self) -> int:
        """The time in microseconds since 1970."""
        return int(self._now.timestamp() * 1_000_000)


class _WatchedSide:
    """A CRM side whose calls go past boundaries."""

    def __init__(self, side: BuiltinSide, town: Town) -> None:
        self._side, self._town = side, town

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._side, name)
        if name not in ("observe", "read", "find", "write"):
            return found

        def watched(*arguments: Any) -> Any:
            self._town.boundaries.pass_by(f"crm before {name}")
            answer = found(*arguments)
            if name in ("observe", "write"):
                answer = list(answer)
            self._town.boundaries.pass_by(f"crm after {name}")
            return iter(answer) if isinstance(answer, list) else answer

        return watched


class _WatchedCrm(BuiltinCrm):
    town: Town

    def side(self, login: str) -> Any:
        return _WatchedSide(super().side(login), self.town)


class Town:
    """The whole installation; `restore` puts it back to the first morning in about a millisecond."""

    def __init__(self, policy: Policy) -> None:
        self.clock = TownClock()
        self.policy = policy
        self.boundaries = Boundaries({})
        self.trouble = Trouble()
        self.service = LocalService()
        self.store = open_database("sqlite://")
        self.books = open_database("sqlite://")
        self._directory = tempfile.TemporaryDirectory(prefix="calsync-town-")
        self._build()
        self._morning = [_copy_of(engine) for engine in (self.store, self.books)]
        event.listen(self.store, "commit", lambda _c: self.boundaries.pass_by("store commit"))
        event.listen(self.books, "commit", lambda _c: self.boundaries.pass_by("crm commit"))

    def _build(self) -> None:
        from calsync.crm.builtin.tables import counter
        from calsync.crm.builtin.tables import metadata as crm_metadata

        metadata.create_all(self.store)
        crm_metadata.create_all(self.books)
        with self.books.begin() as connection:
            connection.execute(counter.insert().values(name="seq", value=0))
        self.crm = _WatchedCrm(self.books, self.clock)
        self.crm.town = self
        self.crm.add_user(USER, EMAIL, "Ana", "standard", ())
        self.crm.add_user(BOSS, "boss@example.com", "Boss", "admin", ())
        self.vault = Vault(parse_ring(new_key_line("k")), os.urandom(32))
        consent = Consent(USER, "sub-ana", EMAIL, REFRESH, (SCOPE,), "both")
        with writing(self.store) as connection:
            self.account_id = accounts.connect(connection, self.vault, consent, self.clock())

    def restore(self, boundaries: Boundaries) -> None:
        """Put everything back to the first morning, with these boundaries."""
        self.boundaries = boundaries
        self.trouble = Trouble()
        self.clock.reset()
        for engine, morning in zip((self.store, self.books), self._morning, strict=True):
            morning.backup(_driver(engine))
        self.world = World()
        self.world.add_account(EMAIL, "Ana", "Europe/London", "sub-ana")
        self.world.access[TOKEN] = (EMAIL, (SCOPE,), datetime.now(UTC) + timedelta(days=900))
        self.calendar = self.world.calendar(EMAIL, "primary")
        self.restart()

    def restart(self) -> None:
        """Start a new process: nothing in memory is left of the earlier one."""
        self.wire = self.service.wire = Wire(self.world, self.boundaries, self.trouble)
        settings = Settings(path=Path(self._directory.name) / "calsync.toml", google={"api_root": ROOT})
        self.parts = Parts(
            settings,
            self.store,
            self.vault,
            self.crm,
            self.policy,
            Path(self._directory.name),
            self.clock,
            Hurry(),
        )
        self.parts._service = self.service
        self.parts.credentials[self.account_id] = Credentials(TOKEN, refresh_token=REFRESH)

    def round(self, full: bool = False) -> dict[str, Any]:
        """Run a round, going past boundaries; Death when one of them kills it."""
        self.google_clock()
        self.boundaries.armed = True
        try:
            return run_account(self.parts, self.account_id, Order(full=full), wait=0).document()
        finally:
            self.boundaries.armed = False

    def rival(self, kind: str) -> None:
        """Let a second process begin a round of the same account; it has to leave while the first one runs."""
        if not kind.endswith("commit"):
            # At a commit the one connection to the database in memory is in use.
            run_account(self.parts, self.account_id, Order(), wait=0)

    def google_clock(self) -> None:
        """Bring Google's clock up to the town's."""
        self.calendar._last = max(self.calendar._last, self.clock.micros)

    def close(self) -> None:
        """Take the town down."""
        self.store.dispose()
        self.books.dispose()
        self._directory.cleanup()


def _driver(engine: Any) -> sqlite3.Connection:
    found: sqlite3.Connection = engine.raw_connection().driver_connection
    return found


def _copy_of(engine: Any) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    _driver(engine).backup(copy)
    return copy
