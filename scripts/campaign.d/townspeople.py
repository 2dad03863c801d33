"""What the person in the town does in either calendar, noted in a ledger."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from town import BOSS, EMAIL, TOKEN, USER, Town

from calsync.crm.builtin.documents import document_of
from calsync.crm.builtin.rest import Desk
from calsync.crm.builtin.tables import events
from calsync.model.event import Event
from calsync.model.recurrence import occurrence_key
from calsync.sandbox.campaign.ledger import Ledger, Shown
from calsync.sandbox.campaign.people import body_of
from calsync.sandbox.gate import Incoming
from calsync.sandbox.queries import Query
from calsync.store import contents
from calsync.store.conflicts import conflicts
from calsync.store.database import reading

FIELDS = ("title", "location", "description", "start")
SIDES = ("google", "crm")
#: How titles of the boss's records begin: Ana has them on her calendar while she is invited, and only then.
_OF_BOSS = "@"
_RULE = "RRULE:FREQ=DAILY;COUNT=5"


class Person:
    """Makes, edits and deletes events; the same dice do the same while nothing else differs."""

    def __init__(self, town: Town, dice: random.Random) -> None:
        self.town, self.dice = town, dice
        self.ledger = Ledger()
        self._count = 0
        self._day = town.clock().replace(hour=6, minute=0, second=0, microsecond=0)
        self._invited: dict[str, bool] = {}

    # -- acting ----------------------------------------------------------------------------------------

    def act(self) -> None:
        """Do something somewhere."""
        self.town.clock.advance(seconds=1)
        side = self.dice.choice(SIDES)
        lot = self.dice.random()
        if lot < 0.06:
            self.invite()
        elif lot < 0.32:
            self.make(side)
        elif lot < 0.75:
            self.edit(side)
        elif lot < 0.9:
            self.edit_occurrence(side)
        else:
            self.delete(side)

    def make(self, side: str) -> None:
        """Make an event; every third is a series of five days."""
        tag = self._fresh("#")
        shown = {name: self._value(name, tag) for name in FIELDS}
        body = body_of(side, shown, "UTC")
        if self.dice.random() < 0.34:
            body["recurrence"] = [_RULE]
        self._write(side, "POST", "", body)
        self.ledger.wrote(tag, side, {}, shown)

    def invite(self) -> None:
        """Let the boss make a record, with Ana or without, or change whether she is invited."""
        found = self.dice.choice([None, *self._invited])
        invited = self.dice.random() < 0.5 if found is None else not self._invited[found]
        guests = [{"email": EMAIL, "name": "Ana"}] if invited else []
        with self.town.books.begin() as connection:
            desk = Desk(connection, BOSS, self.town.clock())
            if found is None:
                tag = self._fresh(_OF_BOSS)
                body = body_of("crm", {"title": tag, "start": self._value("start", tag)}, "UTC")
                found = str(desk.create({**body, "attendees": guests})["id"])
            else:
                desk.change(found, {"attendees": guests}, None)
        self._invited[found] = invited

    def edit(self, side: str) -> None:
        """Change one or two fields; a series keeps its times, since moving it moves its exceptions."""
        picked = self._pick(side)
        if picked is None:
            return
        tag, event, before = picked
        choices = FIELDS[:3] if event.get("recurrence") else FIELDS
        names = self.dice.sample(choices, self.dice.choice((1, 1, 2)))
        after = {**before, **{name: self._value(name, tag) for name in names}}
        self._write(side, "PATCH", event["id"], body_of(side, {name: after[name] for name in names}, "UTC"))
        self.ledger.wrote(tag, side, before, after)

    def edit_occurrence(self, side: str) -> None:
        """Rename or cancel one occurrence of a series."""
        picked = self._pick(side, series=True)
        if picked is None:
            return
        tag, event, before = picked
        start = datetime.fromisoformat(before["start"]) + timedelta(days=self.dice.randrange(5))
        name = f"x:{occurrence_key(start)}"
        if before.get(name, "").startswith("cancelled"):
            return
        value = f"cancelled {start:%d}" if self.dice.random() < 0.3 else self._fresh("x")
        self._change_occurrence(side, event, start, value)
        self.ledger.wrote(tag, side, before, {**before, name: value})

    def _change_occurrence(self, side: str, event: Mapping[str, Any], start: datetime, value: str) -> None:
        cancelled = value.startswith("cancelled")
        if side == "google":
            key = f"{event['id']}_{occurrence_key(start)}"
            if cancelled:
                self._write(side, "DELETE", key)
            else:
                self._write(side, "PATCH", key, {"summary": value})
            return
        part: dict[str, Any] = {"original_start": start.isoformat()}
        part |= {"cancelled": True} if cancelled else {"title": value}
        self._write(side, "PATCH", event["id"], {"exceptions": [part]})

    def delete(self, side: str) -> None:
        """Delete an event."""
        picked = self._pick(side)
        if picked is None:
            return
        tag, event, before = picked
        self._write(side, "DELETE", event["id"])
        self.ledger.deleted(tag, side, before)

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _value(self, name: str, tag: str) -> str:
        if name == "start":
            self._count += 1
            return (self._day + timedelta(days=1, minutes=self._count)).isoformat()
        return f"{tag} {self._fresh('t')}" if name == "title" else self._fresh(name[0])

    def _pick(self, side: str, series: bool = False) -> tuple[str, dict[str, Any], Shown] | None:
        found = [
            (tag, event, shown)
            for tag, rows in sorted(self.rows(side).items())
            for event, shown in rows
            if not tag.startswith(_OF_BOSS)
            if event.get("recurrence") or not series
        ]
        return self.dice.choice(found) if found else None

    def _write(self, side: str, method: str, key: str, body: Mapping[str, Any] | None = None) -> None:
        if side == "google":
            self.town.google_clock()
            path = f"/calendar/v3/calendars/primary/events{'/' if key else ''}{key}"
            raw = json.dumps(body).encode() if body is not None else b""
            incoming = Incoming(method, path, Query({}), {"authorization": f"Bearer {TOKEN}"}, raw)
            self.town.wire.gate.perform(incoming)
            return
        with self.town.books.begin() as connection:
            desk = Desk(connection, USER, self.town.clock())
            if method == "POST":
                desk.create(dict(body or {}))
            elif method == "PATCH":
                desk.change(key, dict(body or {}), None)
            else:
                desk.remove(key, None)

    # -- looking ---------------------------------------------------------------------------------------

    def rows(self, side: str) -> dict[str, list[tuple[dict[str, Any], Shown]]]:
        """Return what a side shows, by tag."""
        found: dict[str, list[tuple[dict[str, Any], Shown]]] = {}
        for event, shown in self._google() if side == "google" else self._crm():
            found.setdefault(shown["title"].split(" ")[0], []).append((event, shown))
        return found

    def _google(self) -> list[tuple[dict[str, Any], Shown]]:
        calendar = self.town.calendar
        rows = sorted(calendar.rows.values(), key=lambda row: row.created)
        found = []
        for row in rows:
            if row.cancelled or row.series:
                continue
            shown = _of_google(row.body)
            for key, exception in calendar.exceptions.get(row.id, {}).items():
                value = f"cancelled {key[6:8]}" if exception.cancelled else exception.body.get("summary")
                if value:
                    shown[f"x:{key}"] = value
            found.append(({"id": row.id, "recurrence": row.body.get("recurrence")}, shown))
        return found

    def _crm(self) -> list[tuple[dict[str, Any], Shown]]:
        with self.town.books.connect().execution_options(reading=True) as connection:
            query = select(events).where(events.c.deleted.is_(False)).order_by(events.c.id)
            documents = [document_of(row) for row in connection.execute(query).mappings()]
        return [(document, _of_crm(document)) for document in documents if document["owner"] == USER]

    def judge(self) -> list[str]:
        """Return what is wrong with the two calendars."""
        sides = {
            side: {tag: [shown for _, shown in rows] for tag, rows in self.rows(side).items()}
            for side in SIDES
        }
        shown = sum(len(rows) for tag, rows in sides["google"].items() if tag.startswith(_OF_BOSS))
        google = {tag: rows for tag, rows in sides["google"].items() if not tag.startswith(_OF_BOSS)}
        wrong = self.ledger.verdict(google, sides["crm"], self.lost())
        expected = sum(self._invited.values())
        if shown != expected:
            wrong.append(f"{shown} of the boss's records are at Google, Ana is invited to {expected}")
        return wrong + (["guests were mailed"] if self.town.world.mails else [])

    def lost(self) -> set[str]:
        """Return the values on record as losers of conflicts."""
        account = self.town.vault
        with reading(self.town.store) as connection:
            from calsync.store import accounts

            cipher = accounts.load(connection, account, self.town.account_id).cipher
            rows = connection.execute(select(conflicts)).mappings().all()
        found = set()
        for row in rows:
            value = contents.load_value(cipher.open("conflict.lost", row["lost"]))
            found |= _lost_values(row["field"], value)
        return found


def _lost_values(field: str, value: object) -> set[str]:
    if field == "start" and isinstance(value, str):
        return {datetime.fromisoformat(value).astimezone(UTC).isoformat()}
    if isinstance(value, Event):
        return {value.title}
    if field.startswith("x:") and value is None:
        return {f"cancelled {field[8:10]}"}
    return {str(value)}


def _of_google(body: Mapping[str, Any]) -> dict[str, str]:
    start = datetime.fromisoformat(body["start"]["dateTime"]).astimezone(UTC)
    return {
        "title": body.get("summary", ""),
        "location": body.get("location", ""),
        "description": body.get("description", ""),
        "start": start.isoformat(),
    }


def _of_crm(document: Mapping[str, Any]) -> dict[str, str]:
    shown = {name: document[name] for name in ("title", "location", "description")}
    shown["start"] = datetime.fromisoformat(document["start"]).astimezone(UTC).isoformat()
    for part in document["exceptions"]:
        original = datetime.fromisoformat(part["original_start"]).astimezone(UTC)
        value = f"cancelled {original:%d}" if part.get("cancelled") else part.get("title")
        if value:
            shown[f"x:{occurrence_key(original)}"] = value
    return shown
