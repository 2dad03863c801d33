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

FIELDS = ("title", "location", "description", "start")
#: So many events get half of all edits.
POPULAR = 20
#: The ids on both sides are looked up again after so many edits.
REFRESH = 25
_RULE = "RRULE:FREQ=DAILY;COUNT=4"


class Busybody:
    """Makes, edits and deletes events on both sides over HTTP."""

    def __init__(self, stage: Stage, user: str, seed: int) -> None:
        """`user` must be connected; the same seed does the same in the same order."""
        self.stage, self.user, self.email = stage, user, f"{user}@example.com"
        self.ledger = Ledger()
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
        """Make an event on a side; one in ten is a series."""
        tag = self._fresh("#")
        shown = {name: self._value(name, tag) for name in FIELDS}
        body = body_of(side, shown)
        if self._dice.random() < 0.1:
            body["recurrence"] = [_RULE]
        path = f"accounts/{self.email}/events" if side == "google" else "events"
        answer = self._call(side, "POST", path, body)
        if answer.ok:
            self.ledger.wrote(tag, side, {}, shown)

    def edit(self, side: str) -> None:
        """Change one or two fields of some event, unless somebody changes it at the same moment."""
        picked = self._pick(side)
        if picked is None:
            return
        tag, key, version, before = picked
        names = self._dice.sample(FIELDS, self._dice.choice((1, 1, 2)))
        after = {**before, **{name: self._value(name, tag) for name in names}}
        body = body_of(side, {name: after[name] for name in names})
        if self._write(side, "PATCH", key, version, body).ok:
            self.ledger.wrote(tag, side, before, after)

    def delete(self, side: str) -> None:
        """Delete some event, unless somebody changes it at the same moment."""
        picked = self._pick(side)
        if picked is None:
            return
        tag, key, version, before = picked
        if self._write(side, "DELETE", key, version, None).ok:
            self.ledger.deleted(tag, side, before)

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

    def _write(
        self, side: str, method: str, key: str, version: str, body: Mapping[str, Any] | None
    ) -> requests.Response:
        if side == "google":
            path = f"accounts/{self.email}/events/{key}?if_match={quote(version)}"
            return self._call(side, method, path, body)
        return self._call(side, method, f"events/{key}", body, {"If-Match": version})

    def _call(
        self,
        side: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        if side == "google":
            url, sent = f"{self.stage.google}/control/{path}", {}
        else:
            url = f"{self.stage.url}/crm/v1/{path}"
            sent = {"Authorization": f"Bearer {self.stage.tokens[self.user]}", **(headers or {})}
        return self._http.request(method, url, json=body, headers=sent, timeout=60)

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
        path = f"accounts/{self.email}/events/{key}" if side == "google" else f"events/{key}"
        answer = self._call(side, "GET", path)
        event = answer.json() if answer.ok else {"deleted": True}
        if event.get("status") == "cancelled" or event.get("deleted"):
            return None
        _, version, shown = _row(side, event)
        return shown["title"].split(" ")[0], key, version, shown

    def _some_key(self, side: str) -> str:
        """Return the id of an event: often one of a few, so that both sides meet at it."""
        if self._picks % REFRESH == 0:
            self._keys = {
                name: {tag: rows[0][0] for tag, rows in self.rows(name).items()} for name in ("google", "crm")
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
            row = _row(side, event)
            found.setdefault(row[2]["title"].split(" ")[0], []).append(row)
        return found

    def _events(self, side: str) -> list[dict[str, Any]]:
        if side == "google":
            events = self._call(side, "GET", f"accounts/{self.email}/events").json()["events"]
            return [event for event in events if "recurringEventId" not in event]
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self._call(side, "GET", f"events?limit=500{after}").json()
            # Colleagues' events may be visible too.
            found += [event for event in page["events"] if event["owner"] == self.user]
            if not page["next"]:
                return found
            after = f"&after={page['next']}"

    def judge(self) -> list[str]:
        """Return what is wrong with the two calendars now, one sentence each."""
        conflicts = self.stage.calsync("conflicts", self.user)["conflicts"]
        lost = {_lost(conflict) for conflict in conflicts}
        sides = {
            side: {tag: [shown for _, _, shown in rows] for tag, rows in self.rows(side).items()}
            for side in ("google", "crm")
        }
        return self.ledger.verdict(sides["google"], sides["crm"], lost)


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


def _row(side: str, event: Mapping[str, Any]) -> tuple[str, str, Shown]:
    return event["id"], event["etag"] if side == "google" else event["version"], _shown(side, event)


def _shown(side: str, event: Mapping[str, Any]) -> dict[str, str]:
    title = event.get("summary", "") if side == "google" else event["title"]
    start = event["start"]["dateTime"] if side == "google" else event["start"]
    return {
        "title": title,
        "location": event.get("location", ""),
        "description": event.get("description", ""),
        "start": datetime.fromisoformat(start).astimezone(UTC).isoformat(),
    }


def _lost(conflict: Mapping[str, Any]) -> str:
    if conflict["field"] != "start":
        return str(conflict["lost"])
    return datetime.fromisoformat(conflict["lost"]).astimezone(UTC).isoformat()
