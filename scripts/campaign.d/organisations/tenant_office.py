"""A tenant of OpenCRM as its people use it; what they may see there, the operator's configuration says."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from clocks import TownClock
from google_wire import Hurry

from calsync.crm.opencrm.backend import OpenCrm, _tenant
from calsync.crm.opencrm.client import Client, Door
from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.crm.opencrm.pace import Budget, Pace
from calsync.crm.port import CrmContext
from calsync.sandbox.opencrm.methods import call
from calsync.sandbox.opencrm.sections import section
from calsync.sandbox.opencrm.switches import of_profile
from calsync.sandbox.opencrm.tenant import API_KEY, PASS_KEY, SECURITY, Tenant
from organisations.charter import Charter
from organisations.district import LOGINS, District
from organisations.papers import Paper

_ROOT = "http://127.0.0.1"
_ZONE = ZoneInfo("Europe/London")
_LENGTH = timedelta(minutes=5)
_NOBODY = "777"


class _TownTenant(Tenant):
    """A tenant in the town's time."""

    clock: TownClock

    def now(self) -> datetime:
        return self.clock.true.replace(microsecond=0)


class _Line:
    """In the place of an HTTP session: the interface without a network."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def post(self, url: str, data: dict[str, str], headers: dict[str, str], **_: Any) -> Any:
        named = {name.lower(): value for name, value in headers.items()}
        answer = call(self._tenant, url.rpartition("/")[2], data, named)
        return SimpleNamespace(status_code=200, headers={}, content=json.dumps(answer).encode())


class TenantOffice:
    """Keeps papers as activities."""

    series = False
    guests = False
    kinds = ("Meeting", "Call", "Task", "Site visit")
    statuses = ("Planned", "Planned", "Planned", "Planned", "Held", "Cancelled")
    categories = ("", "Board", "sales trip", "Personal")
    #: The last two are values that no operator has explained.
    securities = (*SECURITY, "8", "")
    owners = (*LOGINS, "nobody")

    def __init__(self, district: District, charter: Charter, sync: dict[str, Any]) -> None:
        self._district, self._charter, self._sync = district, charter, sync
        charter.never = frozenset({"Task", "Emails"})
        self._tenant = _TownTenant(switches=of_profile("rich"))
        self._tenant.clock = district.clock
        for login in LOGINS:
            self._tenant.add_user(login, f"{login}@example.com")
        district.open(self._crm(), sync)

    def _crm(self) -> OpenCrm:
        """Return the adapter as a restarted process would have it."""
        district, stopping = self._district, Hurry()
        district.govern(self._sync)
        options = OpenCrmOptions.model_validate(self._section())
        pace = Pace(options.requests_per_second, time.monotonic, stopping.wait)
        door = Door(_ROOT, API_KEY, PASS_KEY, options.auth)
        client = Client(door, pace, Budget(0, district.clock), district.clock, stopping)
        client._session = _Line(self._tenant)
        context = CrmContext({}, district.books, district.clock)
        return OpenCrm(_tenant(options, client, context, district.policy, b"0" * 32))

    def _section(self) -> dict[str, Any]:
        found = section("rich", _ROOT)
        members = self._charter.members.values()
        teams = sorted({team for member in members for team in member.teams})
        found["fields"] |= {"category": "category"}
        found["permissions"] = {
            "values": dict(self._charter.meaning),
            "teams": {team: [one.login for one in members if team in one.teams] for team in teams},
            "admins": [one.login for one in members if one.role == "admin"],
            "read_only": [one.login for one in members if one.role == "read_only"],
        }
        return found

    def seat(self) -> None:
        """Let the configuration name everybody's role and teams."""
        self.govern(self._sync)

    def govern(self, sync: dict[str, Any]) -> None:
        """Let other keys of [sync] hold."""
        self._sync = sync
        self._district.crm = self._crm()
        self._district.parts.crm, self._district.parts.policy = self._district.crm, self._district.policy

    def make(self, paper: Paper) -> None:
        """Add an activity."""
        paper.key = str(self._tenant.add(self._values(paper)).id)

    def store(self, paper: Paper) -> None:
        """Give an activity what its paper says."""
        self._tenant.change(self._tenant.activities[int(paper.key)], self._values(paper))

    def erase(self, paper: Paper) -> None:
        """Delete an activity."""
        self._tenant.activities[int(paper.key)].deleted = True

    def snapshot(self) -> object:
        """Return all that the CRM holds of activities, and how often it was written to over the interface."""
        held = {
            number: (dict(one.values), one.deleted, one.modified)
            for number, one in self._tenant.activities.items()
        }
        return held, len(self._tenant.writes)

    def _values(self, paper: Paper) -> dict[str, str]:
        owner = self._tenant.users.get(paper.owner)
        return {
            "subject": paper.texts["title"],
            "description": paper.texts["description"],
            "location": paper.texts["location"],
            "smownerid": str(owner.id) if owner is not None else _NOBODY,
            "permission": paper.security,
            "activitytype": paper.kind,
            "taskstatus": paper.status,
            "category": paper.category,
            **_times(paper),
        }


def _times(paper: Paper) -> dict[str, str]:
    if paper.whole_day is not None:
        day = paper.whole_day.isoformat()
        return {"date_start": day, "due_date": day, "notime": "1", "time_start": "", "time_end": ""}
    start = paper.start().astimezone(_ZONE)
    end = (paper.start() + _LENGTH).astimezone(_ZONE)
    return {
        "date_start": f"{start:%Y-%m-%d}",
        "time_start": f"{start:%H:%M}",
        "due_date": f"{end:%Y-%m-%d}",
        "time_end": f"{end:%H:%M}",
        "notime": "0",
    }
