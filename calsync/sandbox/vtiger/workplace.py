"""A vtiger as the people who work at its own pages see it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from calsync.sandbox.standin import StandIn
from calsync.sandbox.workplace import Document, Installation, Trait, in_utc

_ZONE = ZoneInfo("Europe/London")
_FIELD = "cf_852"

_TEXTS = {"title": "subject", "description": "description", "location": "location", "owner": "owner"}
_STATUS = {"planned": "Planned", "cancelled": "Cancelled"}
_SECURITY = {"public_read": "Public", "private": "Private"}
_TIMES = {"start": ("date_start", "time_start"), "end": ("due_date", "time_end")}
_FORM = {
    "eventstatus": "Planned",
    "activitytype": "Call",
    "visibility": "Public",
    "duration_hours": "1",
}


class Vtiger:
    """A vtiger with a field for markers, as a process."""

    backend = "vtiger"
    traits = frozenset({Trait.TIMES, Trait.DAYS, Trait.PLACES, Trait.OWNERS, Trait.CLOCK, Trait.CANCELS})

    def __init__(self) -> None:
        self._server: StandIn | None = None
        self._users: Path | None = None
        self._hired: list[str] = []

    def open(self, stage: Installation) -> None:
        """Start vtiger."""
        self._server = StandIn("calsync.sandbox.vtiger")
        self.control("POST", "fields", {"name": _FIELD})

    def close(self) -> None:
        """Stop vtiger."""
        if self._server is not None:
            self._server.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the stand-in's control API."""
        assert self._server is not None
        return self._server.control(method, path, body)

    def configuration(self, files: Path) -> str:
        """Return the section; the file with the users' keys grows with each who is hired."""
        assert self._server is not None
        self._users = files / "vtiger.users"
        if not self._users.exists():
            self._users.write_text("# login, Google address, access key\n")
        values = {"base_url": self._server.url, "users_file": self._users.name, "marker_field": _FIELD}
        return "[crm.vtiger]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())

    def login(self, name: str) -> str:
        """Return the name."""
        return name

    def hire(self, user: str, email: str, options: Sequence[str] = ()) -> None:
        """Add a user, and their key to the file of calsync; all see each other's public events."""
        assert self._users is not None
        person = {"login": user, "email": email, "shares_with": self._hired}
        key = self.control("POST", "users", person)["access_key"]
        for other in self._hired:
            self.control("POST", "users", {"login": other, "shares_with": [user]})
        self._hired.append(user)
        with self._users.open("a") as file:
            file.write(f"{user} {email} {key}\n")

    def events(self, user: str) -> list[Document]:
        """Return what takes place of what a user owns."""
        return [_document(user, each) for each in self._records(user) if _takes_place(each)]

    def event(self, user: str, key: str) -> Document | None:
        """Return an event that a user owns."""
        return next((event for event in self.events(user) if event["id"] == key), None)

    def _records(self, user: str) -> list[Document]:
        found: list[Document] = self.control("GET", f"events/{user}")["events"]
        return found

    def add(self, user: str, body: Mapping[str, Any]) -> Document:
        """Make an event."""
        return _document(user, self.control("POST", f"events/{user}", _FORM | _values(body)))

    def edit(self, user: str, key: str, changes: Mapping[str, Any], seen: str = "") -> Document:
        """Change an event."""
        changed = self.control("PATCH", f"events/{user}/{key}", _values(changes) | _condition(seen))
        return _document(user, changed)

    def delete(self, user: str, key: str, seen: str = "") -> None:
        """Delete an event."""
        self.control("DELETE", f"events/{user}/{key}", _condition(seen))

    def overtaken(self) -> set[str]:
        """Return values that a write has replaced before any look could have shown them; starts are in UTC."""
        found: set[str] = set()
        for each in self.control("GET", "overtaken")["overtaken"]:
            shown = _document("", each["values"])
            found |= {shown[ours] for ours, theirs in _TEXTS.items() if theirs in each["names"]}
            if {"date_start", "time_start"}.intersection(each["names"]):
                found.add(in_utc(shown["start"]))
        return found


def _values(body: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name in _TIMES:
            day, clock = _TIMES[name]
            moment = _instant(value)
            values |= {day: f"{moment:%Y-%m-%d}", clock: f"{moment:%H:%M:%S}"}
        elif name == "status":
            values["eventstatus"] = _STATUS[value]
        elif name == "security":
            values["visibility"] = _SECURITY[value]
        elif name in _TEXTS:
            values[_TEXTS[name]] = value
        elif name != "all_day":
            raise ValueError(f"vtiger knows no {name}")
    return values


def _instant(text: str) -> datetime:
    """Return a time in UTC; a day begins at midnight in the users' zone."""
    if len(text) == len("2026-01-01"):
        return datetime.combine(date.fromisoformat(text), time(), _ZONE).astimezone(UTC)
    return datetime.fromisoformat(text).astimezone(UTC)


def _document(user: str, record: Document) -> Document:
    start, end = (_moment(record, name) for name in _TIMES)
    whole = end > start and all(moment.timetz().replace(tzinfo=None) == time() for moment in (start, end))
    return {
        "id": record["id"],
        "title": record["subject"],
        "description": record["description"],
        "location": record["location"],
        "start": start.date().isoformat() if whole else start.isoformat(),
        "end": end.date().isoformat() if whole else end.isoformat(),
        "time_zone": None,
        "all_day": whole,
        "recurrence": [],
        "exceptions": [],
        "security": "private" if record["visibility"] == "Private" else "public_read",
        "owner": user,
        "attendees": [],
        "version": json.dumps(record),
    }


def _moment(record: Document, name: str) -> datetime:
    """Return a time by the clocks of the users' zone."""
    day, clock = (record[field] for field in _TIMES[name])
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC).astimezone(_ZONE)


def _takes_place(record: Document) -> bool:
    return bool(record["eventstatus"] != _STATUS["cancelled"])


def _condition(seen: str) -> dict[str, Any]:
    return {"seen": json.loads(seen)} if seen else {}
