"""One person who works in both calendars while they are being synced, and notes everything in a ledger."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from calsync.sandbox.campaign.ledger import Ledger, Shown
from calsync.sandbox.stage import Stage
from calsync.sandbox.standin import Moved
from calsync.sandbox.workplace import Trait, in_utc

FIELDS = {"title": None, "location": Trait.PLACES, "description": None, "start": Trait.TIMES}
#: So many events get half of all edits.
POPULAR = 20
#: The ids on both sides are looked up again after so many edits.
REFRESH = 25
_DATES = 4
_RULE = f"RRULE:FREQ=DAILY;COUNT={_DATES}"


class Busybody:
    """Makes, edits and deletes events on both sides over HTTP, in fields that both have."""

    def __init__(self, stage: Stage, user: str, seed: int) -> None:
        """`user` must be connected; the same seed does the same in the same order."""
        self.stage, self.user, self.email = stage, user, f"{user}@example.com"
        self.workplace = stage.workplace
        self.fields = [name for name, need in FIELDS.items() if need is None or need in self.workplace.traits]
        self.ledger = Ledger()
        #: What was overtaken in the work of others: their values may be the same.
        self._earlier = self.workplace.overtaken()
        #: Tags of series that nobody touches, where each of their dates is a record of its own.
        self.series: set[str] = set()
        self._dice = random.Random(seed)
        self._count = 0
        self._start = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
        self._http = requests.Session()
        self._stop = threading.Event()
        self._keys: dict[str, dict[str, str]] = {}
        self._picks = 0

    def close(self) -> None:
        """Release connections."""
        self._http.close()

    # -- writing ---------------------------------------------------------------------------------------

    def make(self, side: str) -> None:
        """Make an event on a side; one in ten is a series, where the side can have one."""
        tag = self._fresh("#")
        shown = {name: self._value(name, tag) for name in self.fields}
        body = body_of(side, {"start": self._value("start", tag), **shown})
        whole = Trait.SERIES in self.workplace.traits
        if self._dice.random() < 0.1 and (whole or side == "google"):
            body["recurrence"] = [_RULE]
            if not whole:
                self.series.add(tag)
        made = self._make(side, body)
        if made and tag not in self.series:
            self.ledger.wrote(tag, side, {}, shown)

    def _make(self, side: str, body: dict[str, Any]) -> bool:
        if side == "crm":
            return bool(self.workplace.add(self.user, self._sayable(body)))
        return self._google("POST", "", body).ok

    def _sayable(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a body without the zone, where the CRM names none."""
        named = Trait.ZONES in self.workplace.traits
        return body if named else {name: value for name, value in body.items() if name != "time_zone"}

    def edit(self, side: str) -> None:
        """Change one or two fields of some event, unless somebody changes it at the same moment."""
        picked = self._pick(side)
        if picked is None:
            return
        tag, key, version, before = picked
        names = self._dice.sample(self.fields, self._dice.choice((1, 1, 2)))
        after = {**before, **{name: self._value(name, tag) for name in names}}
        if self._change(side, key, version, body_of(side, {name: after[name] for name in names})):
            self.ledger.wrote(tag, side, before, after)

    def _change(self, side: str, key: str, version: str, body: dict[str, Any]) -> bool:
        if side == "google":
            return self._google("PATCH", f"/{key}?if_match={quote(version)}", body).ok
        try:
            self.workplace.edit(self.user, key, self._sayable(body), version)
        except Moved:
            return False
        return True

    def delete(self, side: str) -> None:
        """Delete some event, unless somebody changes it at the same moment."""
        picked = self._pick(side)
        if picked is not None and self._remove(side, picked[1], picked[2]):
            self.ledger.deleted(picked[0], side, picked[3])

    def _remove(self, side: str, key: str, version: str) -> bool:
        if side == "google":
            return self._google("DELETE", f"/{key}?if_match={quote(version)}").ok
        try:
            self.workplace.delete(self.user, key, version)
        except Moved:
            return False
        return True

    def work(self, seconds: float) -> threading.Thread:
        """Edit on both sides in a thread, one change every `seconds` on average, until `rest`."""
        self._stop.clear()

        def go_on() -> None:
            while not self._stop.wait(self._dice.uniform(0, 2 * seconds)):
                self.edit(self._dice.choice(("google", "crm")))

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        return thread

    def rest(self, thread: threading.Thread) -> None:
        """End `work`."""
        self._stop.set()
        thread.join(timeout=60)

    def _google(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        """Work on Google's page; `path` goes behind that of the person's events."""
        url = f"{self.stage.google}/control/accounts/{self.email}/events{path}"
        return self._http.request(method, url, json=body, timeout=60)

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _value(self, name: str, tag: str) -> str:
        if name == "start":
            self._count += 1
            # No two of them are equal, and all lie inside the window.
            moment = self._start + timedelta(minutes=self._count)
            return moment.isoformat()
        return f"{tag} {self._fresh('t')}" if name == "title" else self._fresh(name[0])

    def _pick(self, side: str) -> tuple[str, str, str, Shown] | None:
        """Return tag, id, version and content of one event of a side, as it is now; None when it is gone."""
        key = self._some_key(side)
        if not key:
            return None
        event = self._look(side, key)
        if event is None:
            return None
        _, version, shown = self._row(side, event)
        return shown["title"].split(" ")[0], key, version, shown

    def _look(self, side: str, key: str) -> Mapping[str, Any] | None:
        if side == "crm":
            return self.workplace.event(self.user, key)
        answer = self._google("GET", f"/{key}")
        event: dict[str, Any] = answer.json() if answer.ok else {"status": "cancelled"}
        return None if event.get("status") == "cancelled" else event

    def _some_key(self, side: str) -> str:
        """Return the id of an event: often one of a few, so that both sides meet at it."""
        if self._picks % REFRESH == 0:
            self._keys = {
                name: {tag: rows[0][0] for tag, rows in self.rows(name).items() if tag not in self.series}
                for name in ("google", "crm")
            }
        self._picks += 1
        tags = sorted(self._keys[side])
        popular = tags[:POPULAR] if self._dice.random() < 0.5 else tags
        return self._keys[side][self._dice.choice(popular)] if tags else ""

    # -- reading ---------------------------------------------------------------------------------------

    def rows(self, side: str) -> dict[str, list[tuple[str, str, Shown]]]:
        """Return (id, version, content) of all events of a side, by tag."""
        found: dict[str, list[tuple[str, str, Shown]]] = {}
        for event in self._events(side):
            row = self._row(side, event)
            found.setdefault(row[2]["title"].split(" ")[0], []).append(row)
        return found

    def _events(self, side: str) -> list[dict[str, Any]]:
        if side == "google":
            events = self._google("GET", "").json()["events"]
            return [event for event in events if "recurringEventId" not in event]
        # Colleagues' events may be visible too.
        return [event for event in self.workplace.events(self.user) if event["owner"] == self.user]

    def judge(self) -> tuple[list[str], int]:
        """Return what is wrong with the two calendars now, one sentence each, and how much else is not as it should be
        because an edit was overtaken by a write that no look could have preceded.
        """
        conflicts = self.stage.calsync("conflicts", self.user)["conflicts"]
        lost = {
            in_utc(conflict["lost"]) if conflict["field"] == "start" else str(conflict["lost"])
            for conflict in conflicts
        }
        sides = {
            side: {tag: [shown for _, _, shown in rows] for tag, rows in self.rows(side).items()}
            for side in ("google", "crm")
        }
        series = {
            tag: (len(sides["google"].pop(tag, [])), len(sides["crm"].pop(tag, []))) for tag in self.series
        }
        wrong = [
            f"{tag}: a series has {count} records" for tag, count in series.items() if count != (1, _DATES)
        ]
        overtaken = self.workplace.overtaken() - self._earlier
        wrong += self.ledger.verdict(sides["google"], sides["crm"], lost | overtaken)
        blamed = self.ledger.verdict(sides["google"], sides["crm"], lost)
        return wrong, len(set(blamed) - set(wrong))

    def _row(self, side: str, event: Mapping[str, Any]) -> tuple[str, str, Shown]:
        version = event["etag"] if side == "google" else event["version"]
        return event["id"], version, {name: _shown(side, event, name) for name in self.fields}


def body_of(side: str, shown: Shown, zone: str = "Europe/London") -> dict[str, Any]:
    """Return what to send to a side, so that it shows these fields."""
    body: dict[str, Any] = {name: value for name, value in shown.items() if name != "start"}
    if side == "google" and "title" in body:
        body["summary"] = body.pop("title")
    if "start" in shown:
        end = (datetime.fromisoformat(shown["start"]) + timedelta(hours=1)).isoformat()
        for name, text in (("start", shown["start"]), ("end", end)):
            body[name] = {"dateTime": text, "timeZone": zone} if side == "google" else text
        if side == "crm":
            body["time_zone"] = zone
    return body


def _shown(side: str, event: Mapping[str, Any], name: str) -> str:
    if name == "start":
        return in_utc(event["start"]["dateTime"] if side == "google" else event["start"])
    return str(event.get("summary" if (side, name) == ("google", "title") else name, ""))
