"""Somebody whose CRM compares no versions, and whose colleagues edit between any two requests of the engine.

The adapter looks again right before it writes. What people do between that look and the write no client can know: where
the write replaces it, the stand-in keeps it, and it counts as overtaken. Anything else that gets lost is wrong.

Between a write and the look that follows it, nobody moves what was written: a time that comes back otherwise stops all
writing, by intention. What is deleted there may come back, since nobody can tell whether the write was there before.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from clocks import MORNING, TownClock
from deeds import body_of
from google.oauth2.credentials import Credentials
from google_wire import ROOT, Hurry, LocalService, Wire
from oracle import lost
from plays import Played, chance
from strikes import Boundaries
from town import ZONE, TownCalendar
from troubles import Weather

from calsync.config import Settings
from calsync.crm.opencrm import backend
from calsync.crm.opencrm.answers import parse
from calsync.crm.port import CrmContext
from calsync.engine import run_account
from calsync.model.policy import Policy
from calsync.sandbox.answers import ApiError
from calsync.sandbox.campaign.ledger import Ledger, Shown
from calsync.sandbox.gate import Incoming
from calsync.sandbox.opencrm.control import Changed, control
from calsync.sandbox.opencrm.methods import call
from calsync.sandbox.opencrm.sections import section
from calsync.sandbox.opencrm.switches import PROFILES, of_profile
from calsync.sandbox.opencrm.tenant import API_KEY, PASS_KEY, Tenant
from calsync.sandbox.opencrm.workplace import Tenancy
from calsync.sandbox.queries import Query
from calsync.sandbox.standin import Moved
from calsync.sandbox.workplace import Trait, in_utc
from calsync.sandbox.world import World
from calsync.store import accounts
from calsync.store.accounts import Consent
from calsync.store.database import metadata, open_database, writing
from calsync.store.vault import Vault, new_key_line, parse_ring
from calsync.sync.round import Order
from calsync.wiring import Parts

LOGIN, EMAIL, TOKEN = "ana", "ana@example.com", "token-ana"
SCOPE = "https://www.googleapis.com/auth/calendar.events"
FIELDS = {"title": None, "location": Trait.PLACES, "description": None, "start": Trait.TIMES}

EVENTS, ROUNDS, DEEDS = 6, 4, 3
#: At so many boundaries somebody does something.
BUSY = 0.06
#: Rounds after the last deed within which everything must be in step and silent.
PASSES = 8
#: Runs of one scenario.
RUNS = 20


class _Tenant(Tenant):
    """A tenant in the time of the village."""

    clock: TownClock

    def now(self) -> Any:
        """Return the time, which has whole seconds."""
        return self.clock().replace(microsecond=0)


class _Interface:
    """In the place of the adapter's client, and of the people's browser: both go straight to the tenant."""

    url = "http://127.0.0.1"

    def __init__(self, tenant: Tenant, village: Village) -> None:
        self._tenant, self._village = tenant, village

    def read(self, method: str, form: Mapping[str, str]) -> Any:
        """Call a method of the interface."""
        self._village.boundaries.pass_by(f"crm before {method}")
        answer = call(self._tenant, method, dict(form), {"key1": API_KEY, "key2": PASS_KEY})
        self._village.asked = method
        if method == "edit_activity":
            self._village.touched = (
                str(max(self._tenant.activities)) if form["crmid"] == "0" else form["crmid"]
            )
        elif "crmid" in form:
            self._village.touched = form["crmid"]
        self._village.boundaries.pass_by(f"crm after {method}")
        return parse(method, 200, json.dumps(answer).encode(), None)

    write = read

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Do as somebody does in the web application."""
        try:
            return control(self._tenant, method, tuple(path.split("/")), dict(body or {}))
        except Changed:
            raise Moved from None

    def close(self) -> None:
        """Nothing is open."""


class Village:
    """The installation, and what people do in it; everything is noted in a ledger."""

    def __init__(self, seed: str, directory: Path) -> None:
        self.dice = random.Random(seed)
        self.clock = TownCalendar.clock = TownClock()
        self.boundaries, self.ledger, self._count = Boundaries(), Ledger(), 0
        #: The activity that was asked for last, and the method.
        self.touched, self.asked = "", ""
        self.crm = Tenancy(self.dice.choice(list(PROFILES)))
        self.fields = [name for name, need in FIELDS.items() if need is None or need in self.crm.traits]
        self.store = open_database("sqlite://")
        metadata.create_all(self.store)
        self.vault = Vault(parse_ring(new_key_line("k")), os.urandom(32))
        self._build(directory)

    def _build(self, directory: Path) -> None:
        self.world = World()
        person = self.world.add_account(EMAIL, "Ana", ZONE, "sub-ana")
        person.calendars[EMAIL] = TownCalendar(EMAIL, EMAIL, ZONE, switches=self.world.switches)
        self.world.access[TOKEN] = (EMAIL, (SCOPE,), MORNING.replace(year=2200))
        tenant = _Tenant(switches=of_profile(self.crm.profile))
        tenant.clock = self.clock
        interface = _Interface(tenant, self)
        self.crm.enter(interface)
        self.crm.hire(LOGIN, EMAIL)
        options = section(self.crm.profile, interface.url) | {"users_seconds": 0}
        extra = {"digest_key": bytes(32), "policy": Policy()}
        context = CrmContext(options, self.store, self.clock, extra, lambda _key: "key")
        with patch.object(backend, "Client", lambda *_: interface):
            adapter = backend.make(context)
        settings = Settings(path=directory / "calsync.toml", google={"api_root": ROOT})
        self.parts = Parts(
            settings, self.store, self.vault, adapter, Policy(), directory, self.clock, Hurry()
        )
        service = self.parts._service = LocalService()
        service.wire = self._wire = Wire(
            self.world, self.clock, _Watched(self), Weather(), lambda _asked: None
        )
        consent = Consent(LOGIN, "sub-ana", EMAIL, "refresh-ana", (SCOPE,), "both")
        with writing(self.store) as connection:
            self._account = accounts.connect(connection, self.vault, consent, self.clock())
        self.parts.credentials[self._account] = Credentials(TOKEN, refresh_token="refresh-ana")

    # -- deeds -----------------------------------------------------------------------------------------

    def act(self, _kind: str = "") -> None:
        """Let somebody do something, in the CRM mostly with what the engine is at."""
        self.clock.advance(seconds=1)
        side = self.dice.choice(("google", "crm", "crm"))
        there = self.on(side)
        lot = self.dice.random()
        if not there or lot < 0.15:
            self._make(side)
            return
        near = [key for key in there if key == self.touched]
        key = self.dice.choice(near if near and self.dice.random() < 0.7 else sorted(there))
        if lot < 0.25:
            self._delete(side, key, there[key])
        else:
            self._edit(side, key, there[key])

    def _make(self, side: str) -> None:
        tag = f"#{self._fresh()}"
        shown = {name: self._value(name, tag) for name in self.fields}
        self._write(side, "POST", "", {"start": self._value("start", tag), **shown})
        self.ledger.wrote(tag, side, {}, shown)

    def _edit(self, side: str, key: str, shown: Shown) -> None:
        tag = shown["title"].split(" ")[0]
        fields = [name for name in self.fields if name != "start" or not self._is_just_written(key)]
        names = self.dice.sample(fields, self.dice.choice((1, 1, 2)))
        changes = {name: self._value(name, tag) for name in names}
        self._write(side, "PATCH", key, changes)
        self.ledger.wrote(tag, side, shown, {**shown, **changes})

    def _delete(self, side: str, key: str, shown: Shown) -> None:
        if side == "crm":
            self.crm.delete(LOGIN, key)
        else:
            self._at_google("DELETE", key)
        uncertain = shown.values() if self._is_just_written(key) else ()
        self.ledger.deleted(shown["title"].split(" ")[0], side, shown, frozenset(uncertain))

    def _is_just_written(self, key: str) -> bool:
        return self.asked == "edit_activity" and self.touched == key

    def _write(self, side: str, method: str, key: str, values: Mapping[str, str]) -> None:
        body = body_of(side, values)
        body.pop("time_zone", None)
        if side == "google":
            self._at_google(method, key, body)
        elif method == "POST":
            self.crm.add(LOGIN, body)
        else:
            self.crm.edit(LOGIN, key, body)

    def _at_google(self, method: str, key: str, body: Mapping[str, Any] | None = None) -> None:
        path = f"/calendar/v3/calendars/primary/events{'/' if key else ''}{key}"
        raw = json.dumps(body).encode() if body is not None else b""
        incoming = Incoming(method, path, Query({}), {"authorization": f"Bearer {TOKEN}"}, raw)
        with suppress(ApiError):
            self._wire.gate.perform(incoming)

    def _fresh(self) -> int:
        self._count += 1
        return self._count

    def _value(self, name: str, tag: str) -> str:
        number = self._fresh()
        if name == "start":
            return MORNING.replace(day=28, hour=6 + number // 60 % 12, minute=number % 60).isoformat()
        return f"{tag} t{number}" if name == "title" else f"{name[0]}{number}"

    # -- looks -----------------------------------------------------------------------------------------

    def on(self, side: str) -> dict[str, Shown]:
        """Return what a side shows, by key."""
        if side == "crm":
            return {event["id"]: self._shown(event) for event in self.crm.events(LOGIN)}
        rows = self.world.calendar(EMAIL, "primary").rows.values()
        return {row.id: self._shown(_of_google(row.body)) for row in rows if not row.cancelled}

    def _shown(self, event: Mapping[str, Any]) -> Shown:
        shown = {name: str(event[name]) for name in self.fields}
        return shown | ({"start": in_utc(shown["start"])} if "start" in shown else {})

    # -- the run ---------------------------------------------------------------------------------------

    def play(self, strikes: frozenset[int]) -> Played:
        """Play it, with somebody doing something at each of these boundaries, and judge."""
        for _ in range(EVENTS):
            self._make(self.dice.choice(("google", "crm")))
        self.boundaries = Boundaries(dict.fromkeys(strikes, self.act))
        self.boundaries.armed = True
        for _ in range(ROUNDS):
            self._round()
            for _ in range(DEEDS):
                self.act()
        self.boundaries.armed = False
        wrong = self._calm()
        found, overtaken = self._judge()
        conflicts = len(lost(self))
        played = Played(
            self.boundaries.count, self.boundaries.struck, conflicts=conflicts, wrong=wrong + found
        )
        played.overtaken = overtaken
        return played

    def _round(self) -> dict[str, Any]:
        self.clock.advance(minutes=20)
        return run_account(self.parts, self._account, Order(), wait=0).document()

    def _calm(self) -> list[str]:
        report: dict[str, Any] = {}
        for _ in range(PASSES):
            report = self._round()
            if report["outcome"] == "ok" and not any((*report["google"].values(), *report["crm"].values())):
                return []
        return [f"not in step after {PASSES} passes ({report['outcome']} {report.get('reason', '')})"]

    def _judge(self) -> tuple[list[str], int]:
        """Return what is wrong, and how much else is only so because an edit was overtaken."""
        sides = {side: _by_tag(self.on(side)) for side in ("google", "crm")}
        losers, overtaken = lost(self), self.crm.overtaken()
        wrong = self.ledger.verdict(sides["google"], sides["crm"], losers | overtaken)
        blamed = self.ledger.verdict(sides["google"], sides["crm"], losers)
        return wrong, len(set(blamed) - set(wrong))


class _Watched:
    """The boundaries of a village as they are now, for a wire that outlives them."""

    def __init__(self, village: Village) -> None:
        self._village = village

    def pass_by(self, kind: str) -> None:
        """Go past one."""
        self._village.boundaries.pass_by(kind)


def _by_tag(there: Mapping[str, Shown]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    for shown in there.values():
        found.setdefault(shown["title"].split(" ")[0], []).append(shown)
    return found


def _of_google(body: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: body.get(name, "") for name in ("location", "description")}
    start = body["start"]
    return {"title": body.get("summary", ""), "start": start.get("dateTime") or start["date"], **texts}


def versionless(seed: str) -> Iterator[tuple[str, Played]]:
    """Let people edit between any two requests of the engine, in a CRM that compares no versions."""
    count = 0
    for number in range(RUNS):
        dice = random.Random(f"{seed}/{number}")
        strikes = frozenset(place for place in range(count) if dice.random() < BUSY)
        with chance(f"{seed}/{number}"), tempfile.TemporaryDirectory() as directory:
            village = Village(seed, Path(directory))
            try:
                played = village.play(strikes)
            finally:
                village.store.dispose()
        yield f"deeds {number}" if number else "undisturbed", played
        count = count or played.boundaries
