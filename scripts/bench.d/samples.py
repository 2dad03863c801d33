"""One measurement of one job, in a process of its own: by calsync or by its floor."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import floors
import requests
from gauge import Gauge
from installation import Installation
from standin import Person

from calsync.google.mapping import to_event
from calsync.log import configure
from calsync.model.side import Create, SideName


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure: `job` of `who` ("floor" or "calsync") for `person`, with `size` events, `times` over.

    `directory` is empty, or has an installation whose links are settled; `token` is Google's at that point.
    """

    job: str
    who: str
    google: str
    person: Person
    directory: Path
    size: int = 0
    times: int = 1
    token: str = ""

    def dump(self) -> str:
        return json.dumps(asdict(self) | {"directory": str(self.directory)})

    def floor(self) -> floors.Google:
        return floors.Google(f"{self.google}/calendar/v3/", self.person.access_token)

    def installation(self, gauge: Gauge) -> Installation:
        house = Installation(self.directory, self.google, self.person)
        gauge.watch(house.parts.engine)
        return house


def load(text: str) -> Order:
    values = json.loads(text)
    person, directory = Person(**values.pop("person")), Path(values.pop("directory"))
    return Order(**values, person=person, directory=directory)


def take(order: Order) -> dict[str, Any]:
    """Do it and return the figures of the whole job; nothing is divided yet."""
    configure()
    gauge = Gauge()
    found = _SAMPLES[order.job, order.who](order, gauge)
    figures = {"wall": gauge.wall, "cpu": gauge.cpu, "peak_kib": gauge.peak_kib}
    return figures | {"statements": gauge.statements, "rows": gauge.rows} | found


def _pull_floor(order: Order, gauge: Gauge) -> dict[str, Any]:
    google, store = order.floor(), floors.open_store(order.directory / "floor.db")
    with gauge.measuring():
        floors.pull(google, store)
    return {"calls": google.calls}


def _pull_calsync(order: Order, gauge: Gauge) -> dict[str, Any]:
    house = order.installation(gauge)
    with gauge.measuring():
        tally = house.round()
    created = tally.writes[SideName.CRM]["created"]
    if not created:
        raise RuntimeError("the pull wrote nothing into the CRM")
    return {"calls": tally.google_calls, "written": created}


def _unchanged_floor(order: Order, gauge: Gauge) -> dict[str, Any]:
    google, token = order.floor(), order.token
    token = floors.poll(google, token)
    google.calls = 0
    with gauge.measuring():
        for _ in range(order.times):
            token = floors.poll(google, token)
    return {"calls": google.calls}


def _unchanged_calsync(order: Order, gauge: Gauge) -> dict[str, Any]:
    house = order.installation(gauge)
    house.round()
    calls = 0
    with gauge.measuring():
        for _ in range(order.times):
            tally = house.round()
            calls += tally.google_calls
            if tally.written or tally.changed:
                raise RuntimeError("something has changed")
    return {"calls": calls}


def _push_floor(order: Order, gauge: Gauge) -> dict[str, Any]:
    google, bodies = order.floor(), _bodies(order.size)
    floors.poll(google, google.do(google.events.list(**floors.LIST))["nextSyncToken"])
    google.calls = 0
    with gauge.measuring():
        floors.push(google, bodies)
    return {"calls": google.calls}


def _push_calsync(order: Order, gauge: Gauge) -> dict[str, Any]:
    house = order.installation(gauge)
    house.round()
    side = house.parts.crm.side("ana")
    list(side.write([Create("", to_event(body)) for body in _bodies(order.size)]))
    with gauge.measuring():
        tally = house.round()
    if tally.writes[SideName.GOOGLE]["created"] != order.size:
        raise RuntimeError(f"{tally.writes} instead of {order.size} events on Google")
    return {"calls": tally.google_calls}


def _bodies(count: int) -> list[dict[str, Any]]:
    """Events of the coming months as the CRM's people make them, in Google's form."""
    today = datetime.now(UTC).date()
    return [_body(number, today + timedelta(days=number % 300)) for number in range(count)]


def _body(number: int, day: date) -> dict[str, Any]:
    return {
        "summary": f"Besprechung {number}",
        "description": f"Besprechung {number}: Budget Projekt Kunde Zürich Demo Team Café Review",
        "location": f"Raum {number % 40}",
        "start": {"dateTime": f"{day}T09:15:00Z"},
        "end": {"dateTime": f"{day}T10:00:00Z"},
        "reminders": {"useDefault": True},
    }


def _change_floor(order: Order, gauge: Gauge) -> dict[str, Any]:
    google, store = order.floor(), floors.open_store(order.directory / "floor.db")
    state = {"token": floors.pull(google, store)}
    google.calls = 0

    def take_it() -> None:
        state["token"] = floors.pull(google, store, state["token"])

    _after_each_edit(order, gauge, take_it)
    return {"calls": google.calls}


def _change_calsync(order: Order, gauge: Gauge) -> dict[str, Any]:
    house = order.installation(gauge)
    house.round()
    state = {"calls": 0}

    def take_it() -> None:
        tally = house.round()
        state["calls"] += tally.google_calls
        if tally.writes[SideName.CRM]["updated"] != 1:
            raise RuntimeError(f"{tally.writes} after one edit")

    _after_each_edit(order, gauge, take_it)
    return state


def _after_each_edit(order: Order, gauge: Gauge, take_it: Callable[[], None]) -> None:
    """Let the person edit an event on Google's page, `times` over, and measure what follows each time."""
    events = f"{order.google}/control/accounts/{order.person.email}/events"
    with requests.Session() as session:
        rows = session.get(events, timeout=60).json()["events"]
        plain = [row["id"] for row in rows if "recurringEventId" not in row and "recurrence" not in row]
        for number in range(order.times):
            edit = {"location": f"Raum {order.who} {number}"}
            session.patch(f"{events}/{plain[number % len(plain)]}", json=edit, timeout=60).raise_for_status()
            with gauge.measuring():
                take_it()


def _prepare(order: Order, gauge: Gauge) -> dict[str, Any]:
    """Leave an installation in which everything is settled; return Google's token at that point."""
    house = order.installation(gauge)
    while house.round().written:
        pass
    store = floors.open_store(order.directory / "floor.db")
    return {"token": floors.pull(order.floor(), store)}


_SAMPLES: dict[tuple[str, str], Callable[[Order, Gauge], dict[str, Any]]] = {
    ("pull", "floor"): _pull_floor,
    ("pull", "calsync"): _pull_calsync,
    ("unchanged", "floor"): _unchanged_floor,
    ("unchanged", "calsync"): _unchanged_calsync,
    ("push", "floor"): _push_floor,
    ("push", "calsync"): _push_calsync,
    ("change", "floor"): _change_floor,
    ("change", "calsync"): _change_calsync,
    ("prepare", "calsync"): _prepare,
}
