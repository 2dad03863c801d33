"""A whole installation on loopback whose CRM is the stand-in for an OpenCRM tenant, for the demo.

People's edits come in the form of the built-in CRM, and are made as in the tenant's web application.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests

from calsync.sandbox.opencrm.sections import section, toml
from calsync.sandbox.opencrm.tenant import API_KEY, PASS_KEY
from calsync.sandbox.stage import TIMEOUT_SECONDS, Stage, StageError

_ZONE = ZoneInfo("Europe/London")
_PROFILE = "rich"

#: The built-in CRM's names, and those of the tenant.
_TEXTS = {"title": "subject", "description": "description", "location": "location"}


class TenantStage(Stage):
    """A stage with another CRM: everything else is as it is there."""

    def __init__(self, directory: Path, sync: dict[str, Any] | None = None) -> None:
        super().__init__(directory, sync, crm="opencrm")
        self.tenant = ""

    def configure(self) -> None:
        """Write the configuration and keys, for a tenant that runs and has an activity to look at."""
        if not self.tenant:
            self._start_tenant()
        super().configure()
        (self.directory / "opencrm.key").write_text(API_KEY)
        (self.directory / "opencrm.passkey").write_text(PASS_KEY)
        with self.config.open("a") as file:
            file.write(toml("crm.opencrm", section(_PROFILE, self.tenant)))

    def _start_tenant(self) -> None:
        arguments = [sys.executable, "-m", "calsync.sandbox.opencrm", "--profile", _PROFILE]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        self._processes["tenant"] = process
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise StageError("the stand-in for OpenCRM did not start")
        self.tenant = json.loads(line)["url"]
        self._in_tenant("POST", "users", {"login": "office", "email": "office@example.com"})
        self._in_tenant("POST", "activities", {"owner": "office", "subject": "Opening", "permission": "3"})

    def add_person(self, user: str, email: str | None = None, *options: str) -> str:
        """Add a user of the tenant with a Google account; return the address."""
        email = email or f"{user}@example.com"
        self._in_tenant("POST", "users", {"login": user, "email": email})
        self.tokens[user] = ""
        self.control("POST", "accounts", {"email": email})
        return email

    def crm(self, method: str, path: str, user: str, body: Any = None, **headers: str) -> requests.Response:
        """Edit as a user would in the tenant's web application."""
        key = path.removeprefix("events").strip("/")
        where = f"activities/{key}" if key else "activities"
        return self._in_tenant(method, where, _values(user, body) if body is not None else None)

    def crm_events(self, user: str, query: str = "") -> list[dict[str, Any]]:
        """Return a user's activities that take place, in the form of the built-in CRM."""
        found = self._in_tenant("GET", "activities").json()["activities"]
        return [
            _document(each)
            for each in found
            if each["owner"] == user and not each["deleted"] and each["taskstatus"] != "Cancelled"
        ]

    def _in_tenant(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.http.request(method, f"{self.tenant}/control/{path}", json=body, timeout=TIMEOUT_SECONDS)


def _values(user: str, body: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {_TEXTS[name]: text for name, text in body.items() if name in _TEXTS}
    for name, day, clock in (("start", "date_start", "time_start"), ("end", "due_date", "time_end")):
        if name in body:
            local = datetime.fromisoformat(body[name]).astimezone(_ZONE)
            values |= {day: f"{local:%Y-%m-%d}", clock: f"{local:%H:%M}"}
    if body.get("activity_type") == "call":
        values["activitytype"] = "Call"
    return values | {"owner": user}


def _document(activity: dict[str, Any]) -> dict[str, Any]:
    all_day = activity["notime"] == "1"
    return {
        "id": activity["id"],
        "title": activity["subject"],
        "description": activity["description"],
        "location": activity["location"],
        "start": _moment(activity["date_start"], activity["time_start"], all_day, 0),
        "end": _moment(activity["due_date"], activity["time_end"], all_day, 1),
        "all_day": all_day,
        "recurrence": [],
        "security": "private" if activity["permission"] == "3" else "public_read",
        "owner": activity["owner"],
        "attendees": [],
    }


def _moment(day: str, clock: str, all_day: bool, more: int) -> str:
    """Return a date, `more` days later for an exclusive end, or an instant with its offset."""
    if all_day:
        return (date.fromisoformat(day) + timedelta(days=more)).isoformat()
    return datetime.fromisoformat(f"{day} {clock or '00:00'}").replace(tzinfo=_ZONE).isoformat()
