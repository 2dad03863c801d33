"""An OpenCRM tenant as the people who work in its web application see it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from calsync.sandbox.opencrm.sections import section, toml
from calsync.sandbox.opencrm.tenant import API_KEY, PASS_KEY, SECURITY, TIMES
from calsync.sandbox.standin import StandIn
from calsync.sandbox.workplace import Document, Installation, Trait, in_utc

_ZONE = ZoneInfo("Europe/London")

#: The embedded CRM's names of fields, and those of the tenant.
_NAMES = {"title": "subject", "description": "description", "location": "location", "owner": "owner"}
_STATUS = {"planned": "Planned", "cancelled": "Cancelled"}
_SECURITY = {meaning: value for value, meaning in SECURITY.items()}
_TIMES = {"start": ("date_start", "time_start"), "end": ("due_date", "time_end")}
_MIDNIGHT = ("", "00:00", "00:00:00")

_BARE = frozenset({Trait.OWNERS, Trait.WIDE, Trait.CANCELS})
_ALL = _BARE | {Trait.TIMES, Trait.DAYS, Trait.PLACES, Trait.CLOCK}
#: What a tenant of each profile has. A bare one knows days, but not whether they are all that there is to say.
_TRAITS: Mapping[str, frozenset[Trait]] = {
    "rich": _ALL,
    "bare": _BARE,
    "quirky": _ALL,
}


class Door(Protocol):
    """Where a tenant's control API is; see `standin.StandIn.control`."""

    url: str

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call it."""

    def close(self) -> None:
        """Be done with it."""


class Tenancy:
    """A tenant of one profile, as a process."""

    backend = "opencrm"

    def __init__(self, profile: str = "rich") -> None:
        self.profile, self.traits = profile, _TRAITS[profile]
        self._tenant: Door | None = None

    def open(self, stage: Installation) -> None:
        """Start the tenant."""
        self.enter(StandIn("calsync.sandbox.opencrm", "--profile", self.profile))

    def enter(self, door: Door) -> None:
        """Work in a new tenant that is there, with somebody's activity in it, so that its fields can be seen."""
        self._tenant = door
        self.control("POST", "users", {"login": "office", "email": "office@example.com"})
        times = self._values({"start": "2020-01-01T09:00+00:00", "end": "2020-01-01T10:00+00:00"})
        opening = {"owner": "office", "subject": "Opening", "permission": _SECURITY["private"]}
        self.control("POST", "activities", opening | times)

    def close(self) -> None:
        """Stop the tenant."""
        if self._tenant is not None:
            self._tenant.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the tenant's control API."""
        assert self._tenant is not None
        return self._tenant.control(method, path, body)

    def configuration(self, files: Path) -> str:
        """Return the section that fits the profile."""
        assert self._tenant is not None
        (files / "opencrm.key").write_text(API_KEY)
        (files / "opencrm.passkey").write_text(PASS_KEY)
        return toml("crm.opencrm", section(self.profile, self._tenant.url) | {"users_seconds": 0})

    def login(self, name: str) -> str:
        """Return the name."""
        return name

    def hire(self, user: str, email: str, options: Sequence[str] = ()) -> None:
        """Add a user."""
        self.control("POST", "users", {"login": user, "email": email})

    def events(self, user: str) -> list[Document]:
        """Return what takes place of what a user owns."""
        found = self.control("GET", "activities")["activities"]
        return [self._document(each) for each in found if each["owner"] == user and _takes_place(each)]

    def event(self, user: str, key: str) -> Document | None:
        """Return an activity that the web application shows to a user."""
        found = self.control("GET", f"activities/{key}")
        visible = key in self.control("GET", f"visible/{user}")["ids"]
        return self._document(found) if visible and _takes_place(found) else None

    def add(self, user: str, body: Mapping[str, Any]) -> Document:
        """Make an activity."""
        return self._document(
            self.control("POST", "activities", {"owner": user, "permission": "0"} | self._values(body))
        )

    def edit(self, user: str, key: str, changes: Mapping[str, Any], seen: str = "") -> Document:
        """Change an activity."""
        return self._document(
            self.control("PATCH", f"activities/{key}", self._values(changes) | _condition(seen))
        )

    def delete(self, user: str, key: str, seen: str = "") -> None:
        """Delete an activity."""
        self.control("DELETE", f"activities/{key}", _condition(seen))

    def overtaken(self) -> set[str]:
        """Return values that a write has replaced before any read could have shown them; starts are in UTC."""
        found: set[str] = set()
        for each in self.control("GET", "overtaken")["overtaken"]:
            shown = self._document({"id": each["crmid"], "owner": "", **each["values"]})
            found |= {shown[ours] for ours, theirs in _NAMES.items() if theirs in each["names"]}
            if TIMES.intersection(each["names"]):
                found.add(in_utc(shown["start"]))
        return found

    # -- two languages ---------------------------------------------------------------------------------

    def _values(self, body: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in body.items():
            if name in _TIMES:
                values |= self._moment(name, value)
            elif name == "status":
                values["taskstatus"] = _STATUS[value]
            elif name == "security":
                values["permission"] = _SECURITY[value]
            elif name == "activity_type":
                values["activitytype"] = str(value).title()
            elif name in _NAMES and (name != "location" or Trait.PLACES in self.traits):
                values[_NAMES[name]] = value
            elif name != "all_day":
                raise ValueError(f"a tenant of the profile {self.profile} knows no {name}")
        return values

    def _moment(self, name: str, text: str) -> dict[str, str]:
        day, clock = _TIMES[name]
        if len(text) == len("2026-01-01"):
            last = date.fromisoformat(text) - timedelta(days=name == "end")
            return {day: last.isoformat(), clock: "", "notime": "1"}
        local = datetime.fromisoformat(text).astimezone(_ZONE)
        if Trait.TIMES not in self.traits:
            return {day: f"{local:%Y-%m-%d}"}
        return {day: f"{local:%Y-%m-%d}", clock: f"{local:%H:%M}", "notime": "0"}

    def _document(self, activity: Document) -> Document:
        whole = self._is_whole_day(activity)
        return {
            "id": activity["id"],
            "title": activity["subject"],
            "description": activity["description"],
            "location": activity["location"],
            "start": _shown(activity, "start", whole),
            "end": _shown(activity, "end", whole),
            "time_zone": None,
            "all_day": whole,
            "recurrence": [],
            "exceptions": [],
            "security": SECURITY.get(activity["permission"], ""),
            "owner": activity["owner"],
            "attendees": [],
            "version": json.dumps(activity),
        }

    def _is_whole_day(self, activity: Document) -> bool:
        if Trait.TIMES not in self.traits or activity["notime"] == "1":
            return True
        return activity["time_start"] in _MIDNIGHT and activity["time_end"] in _MIDNIGHT


def _shown(activity: Document, name: str, whole: bool) -> str:
    """Return a date, one day later for an exclusive end, or an instant with its offset."""
    day, clock = (activity[field] for field in _TIMES[name])
    if whole:
        return (date.fromisoformat(day) + timedelta(days=name == "end")).isoformat()
    return datetime.fromisoformat(f"{day} {clock or '00:00'}").replace(tzinfo=_ZONE).isoformat()


def _takes_place(activity: Document) -> bool:
    return not activity["deleted"] and activity["taskstatus"] != _STATUS["cancelled"]


def _condition(seen: str) -> dict[str, Any]:
    return {"seen": json.loads(seen)} if seen else {}
