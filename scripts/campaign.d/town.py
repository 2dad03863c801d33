"""A town of people with two calendars each, one engine and one CRM for all, and a state that can be put back."""

from __future__ import annotations

import gc
import os
import pickle
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from clocks import TownClock
from google.oauth2.credentials import Credentials
from google_wire import ROOT, Hurry, LocalService, Wire
from sqlalchemy import event
from strikes import Boundaries
from troubles import Asked, Weather

from calsync.config import Settings
from calsync.crm.builtin.backend import BuiltinCrm
from calsync.crm.builtin.side import BuiltinSide
from calsync.crm.builtin.tables import counter
from calsync.crm.builtin.tables import metadata as crm_metadata
from calsync.engine import run_account
from calsync.model.policy import Policy
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.world import World
from calsync.store import accounts
from calsync.store.accounts import Consent, State
from calsync.store.database import metadata, open_database, writing
from calsync.store.vault import Vault, new_key_line, parse_ring
from calsync.sync.round import Order
from calsync.wiring import GARBAGE_THRESHOLDS, Parts

SCOPE = "https://www.googleapis.com/auth/calendar.events"
ZONE = "Europe/London"


class Resident(NamedTuple):
    """Somebody who uses both calendars."""

    login: str
    email: str

    @property
    def token(self) -> str:
        """The access token, which never expires here."""
        return f"token-{self.login}"

    @property
    def side(self) -> str:
        """The name of this person's Google calendar in the ledger."""
        return f"google:{self.login}"


RESIDENTS = tuple(Resident(login, f"{login}@example.com") for login in ("ana", "bo"))
BY_LOGIN = {person.login: person for person in RESIDENTS}
#: An administrator of the CRM without a Google account.
BOSS = "boss"
TEAM = "sales"
#: What people set in their own events at Google, and the engine must leave alone.
COLOUR = "5"


class TownCalendar(Calendar):
    """A Google calendar in the town's time."""

    clock: ClassVar[TownClock]

    def now(self) -> int:
        """Return the time in microseconds since 1970, never the same twice."""
        moment = int(self.clock.google().timestamp() * 1000) * 1000
        self._last = max(self._last + 1000, moment)
        return self._last


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


@dataclass(frozen=True, slots=True)
class Moment:
    """What is durable at one moment: both databases, Google, and the clocks."""

    store: bytes
    books: bytes
    world: bytes
    clocks: tuple[datetime, timedelta, timedelta]


class Town:
    """The whole installation; `restore` puts it back to a moment in no time."""

    def __init__(self, residents: Sequence[Resident] = RESIDENTS) -> None:
        self.residents, self.by_login = residents, {person.login: person for person in residents}
        self.clock = TownCalendar.clock = TownClock()
        self.policy = Policy()
        self.boundaries = Boundaries()
        self.weather = Weather()
        #: Told of every transaction that has begun, by the name of its database.
        self.begun: Callable[[str], None] = lambda _database: None
        #: Shown every request that the engine sends to Google.
        self.look: Callable[[Asked], None] = lambda _asked: None
        self.service = LocalService()
        self.store, self.books = open_database("sqlite://"), open_database("sqlite://")
        # Borrowed once: what gives a connection back to its pool also rolls back what is going on there.
        self.store_driver, self.books_driver = _driver(self.store), _driver(self.books)
        self._drivers = {"store": self.store_driver, "books": self.books_driver}
        self._directory = tempfile.TemporaryDirectory(prefix="calsync-town-")
        self._accounts: dict[str, int] = {}
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        self._build()
        self.world = _first_world(self.residents)
        self.morning = self.moment()
        for database in ("store", "books"):
            event.listen(getattr(self, database), "commit", self._at_commit(database))
            event.listen(getattr(self, database), "begin", self._at_begin(database))

    def _at_commit(self, database: str) -> Callable[[object], None]:
        name = "crm" if database == "books" else "store"

        def passing(_connection: object) -> None:
            self.boundaries.pass_by(f"{name} commit")
            if self.boundaries.armed:
                self.weather.commit(name)

        return passing

    def _at_begin(self, database: str) -> Callable[[object], None]:
        return lambda _connection: self.begun(database)

    def _build(self) -> None:
        metadata.create_all(self.store)
        crm_metadata.create_all(self.books)
        with self.books.begin() as connection:
            connection.execute(counter.insert().values(name="seq", value=0))
        self.crm = _WatchedCrm(self.books, self.clock)
        self.crm.town = self
        for person in self.residents:
            self.crm.add_user(person.login, person.email, person.login.title(), "standard", ())
        self.crm.add_user(BOSS, f"{BOSS}@example.com", "Boss", "admin", ())
        self.vault = Vault(parse_ring(new_key_line("k")), os.urandom(32))
        for person in self.residents:
            self.connect(person.login)

    def connect(self, login: str) -> None:
        """Let somebody consent, for the first time or anew."""
        person = self.by_login[login]
        consent = Consent(login, f"sub-{login}", person.email, f"refresh-{login}", (SCOPE,), "both")
        with writing(self.store) as connection:
            self._accounts[login] = accounts.connect(connection, self.vault, consent, self.clock())

    def account_id(self, login: str) -> int:
        """Return the id of somebody's account."""
        return self._accounts[login]

    # -- moments ---------------------------------------------------------------------------------------

    def database(self, name: str) -> bytes:
        """Return a database as it is, "store" or "books", what is not committed yet included."""
        return self._drivers[name].serialize()

    def in_transaction(self, name: str) -> bool:
        """Return whether a transaction is open in a database."""
        return self._drivers[name].in_transaction

    def written(self) -> tuple[int, ...]:
        """Return a value that moves with everything that is written at Google."""
        return tuple(self.calendar(person.login).seq for person in self.residents)

    def moment(self) -> Moment:
        """Return what is durable now; no transaction may be open."""
        world = pickle.dumps(self.world)
        return Moment(self.database("store"), self.database("books"), world, self.clock.now())

    def restore(self, moment: Moment) -> None:
        """Put everything back to a moment, in fair weather, and start a process."""
        self.clock.set(moment.clocks)
        self.store_driver.deserialize(moment.store)
        self.books_driver.deserialize(moment.books)
        self.world = pickle.loads(moment.world)
        self.boundaries = Boundaries()
        self.weather = Weather()
        self.begun = lambda _database: None
        self.restart()

    def replace_store(self, store: bytes) -> None:
        """Put another state of the engine's database in the place of this one; keys and CRM stay."""
        self.store_driver.deserialize(store)
        self.restart()

    def restart(self) -> None:
        """Start a new process: nothing in memory is left of the earlier one."""
        self.boundaries.armed = False
        self.wire = self.service.wire = Wire(
            self.world, self.clock, self.boundaries, self.weather, lambda asked: self.look(asked)
        )
        directory = Path(self._directory.name)
        settings = Settings(path=directory / "calsync.toml", google={"api_root": ROOT})
        self.parts = Parts(
            settings, self.store, self.vault, self.crm, self.policy, directory, self.clock, Hurry()
        )
        self.parts._service = self.service
        for person in self.residents:
            credentials = Credentials(person.token, refresh_token=f"refresh-{person.login}")
            self.parts.credentials[self.account_id(person.login)] = credentials

    # -- rounds ----------------------------------------------------------------------------------------

    def calendar(self, login: str) -> Calendar:
        """Return somebody's Google calendar."""
        return self.world.calendar(self.by_login[login].email, "primary")

    def round(self, login: str, full: bool = False) -> dict[str, Any]:
        """Run somebody's round, going past boundaries; Death when one of them kills it."""
        self.boundaries.armed, self.weather.lagged = True, False
        try:
            return self.sync(login, full)
        finally:
            self.boundaries.armed = False

    def sync(self, login: str, full: bool = False, event: str | None = None) -> dict[str, Any]:
        """Run somebody's round as it comes; with `event`, look at this one alone."""
        return run_account(self.parts, self.account_id(login), Order(full, event), wait=0).document()

    def reactivate(self, login: str) -> None:
        """Do what somebody does about an account that has stopped: consent anew, or say that all is well."""
        account = accounts.look(self.store, self.vault, self.account_id(login))
        assert account is not None
        if account.state is State.RECONNECT:
            self.connect(login)
        elif account.state is State.LOST:
            with writing(self.store) as connection:
                accounts.change(connection, account.id, state=State.ACTIVE)

    def close(self) -> None:
        """Take the town down."""
        self.store.dispose()
        self.books.dispose()
        self._directory.cleanup()


def _first_world(residents: Sequence[Resident]) -> World:
    """Return Google before anybody has written anything."""
    world = World()
    for person in residents:
        account = world.add_account(person.email, person.login.title(), ZONE, f"sub-{person.login}")
        account.calendars[person.email] = TownCalendar(
            person.email, person.email, ZONE, switches=world.switches
        )
        world.access[person.token] = (person.email, (SCOPE,), datetime(2200, 1, 1, tzinfo=UTC))
    return world


def _driver(engine: Any) -> sqlite3.Connection:
    """Return the one connection of a database in memory."""
    found: sqlite3.Connection = engine.raw_connection().driver_connection
    return found
