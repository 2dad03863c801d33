"""An installation in this process whose CRM is the OpenCRM stand-in, and what its operator knows of each tenant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from calsync.sandbox.opencrm.sections import FIELDS
from calsync.sandbox.opencrm.sections import section as given
from calsync.sandbox.opencrm.server import start as start_tenant
from calsync.sandbox.opencrm.tenant import API_KEY, PASS_KEY
from tests.house import House

LONDON = ZoneInfo("Europe/London")

PROFILES = tuple(FIELDS)


def section(profile: str, url: str, **more: Any) -> dict[str, Any]:
    """Return `[crm.opencrm]` for a tenant of that profile, small and fresh, with other keys on top."""
    base = given(profile, url) | {"users_seconds": 0, "page_size": 10}
    merged = {name: base[name] | more.pop(name, {}) for name in ("fields", "permissions")}
    return base | merged | more


class Firm(House):
    """`profile`: the tenant's; `crm`: keys of `[crm.opencrm]`; `sync`: keys of `[sync]`."""

    def __init__(self, directory, profile="rich", crm=None, sync=None):
        self.profile, self.tenant = profile, start_tenant(profile=profile)
        (directory / "opencrm.key").write_text(API_KEY)
        (directory / "opencrm.passkey").write_text(PASS_KEY)
        options = section(profile, self.tenant.url, **(crm or {}))
        super().__init__(directory, sync, "opencrm", options)
        # Somebody's record, so that the tenant's fields can be seen.
        self.in_crm("POST", "users", {"login": "zoe", "email": "zoe@example.com"})
        self.crm_add("zoe", subject="Of no concern", **crm_at(day(1)))

    def close(self):
        super().close()
        self.tenant.close()

    def person(self, user, zone="Europe/London", **more):
        """Add a CRM user who has connected a Google account; return the address."""
        email = f"{user}@example.com"
        self.in_crm("POST", "users", {"login": user, "email": email, **more})
        self.connect(user, email, zone)
        return email

    def in_crm(self, method, path, body=None):
        """Do something in the tenant's web application."""
        answer = self.control_http.request(method, f"{self.tenant.url}/control/{path}", json=body, timeout=60)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def crm_add(self, user, **values):
        return self.in_crm("POST", "activities", {"owner": user, **values})

    def crm_edit(self, _user, key, **values):
        return self.in_crm("PATCH", f"activities/{key}", values)

    def crm_delete(self, _user, key):
        self.in_crm("DELETE", f"activities/{key}")

    def crm_get(self, key):
        return self.in_crm("GET", f"activities/{key}")

    def crm_events(self, user):
        """Return a user's activities that take place."""
        found = self.in_crm("GET", "activities")["activities"]
        return [
            each
            for each in found
            if each["owner"] == user and not each["deleted"] and each["taskstatus"] != "Cancelled"
        ]

    def crm_titles(self, user):
        return sorted(each["subject"] for each in self.crm_events(user))

    def switch(self, **values):
        self.in_crm("POST", "switches", values)

    def crm_fault(self, **order):
        self.in_crm("POST", "faults", order)

    def written(self):
        """Return the fields of every write over the interface."""
        return [each["values"] for each in self.in_crm("GET", "writes")["writes"]]

    def rounds(self, user, most=4):
        """Run rounds until one writes nothing; return the last."""
        for _ in range(most):
            run = self.resync(user)
            if run["outcome"] == "ok" and not any(run["google"].values()) and not any(run["crm"].values()):
                return run
        raise AssertionError(run)


def day(days, hour=9):
    """Return an hour of a day from now on London's clocks, as an instant."""
    today = datetime.now(LONDON).replace(hour=hour, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=days)).replace(hour=hour).astimezone(UTC)


def crm_at(start, hours=1.0):
    """Return the fields of a time as the web application has them."""
    local, end = start.astimezone(LONDON), (start + timedelta(hours=hours)).astimezone(LONDON)
    return {
        "date_start": f"{local:%Y-%m-%d}",
        "time_start": f"{local:%H:%M}",
        "due_date": f"{end:%Y-%m-%d}",
        "time_end": f"{end:%H:%M}",
    }
