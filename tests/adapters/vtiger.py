"""The stand-in for vtiger as tests work with it."""

from __future__ import annotations

from datetime import timedelta

import requests


class Vtiger:
    """The stand-in for vtiger, and what people do at its own pages."""

    def __init__(self, server):
        self.server, self.keys = server, {}

    def control(self, method, path, body=None):
        answer = requests.request(method, f"{self.server.url}/control/{path}", json=body, timeout=20)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def hire(self, login, **facts):
        self.keys[login] = self.control("POST", "users", {"login": login} | facts)["access_key"]

    def users_file(self):
        return "# login, Google address, access key\n" + "".join(
            f"{login} {login}@example.com {key}\n" for login, key in self.keys.items()
        )

    def switch(self, **switches):
        self.control("POST", "switches", switches)

    def fault(self, **order):
        self.control("POST", "faults", order)

    def add(self, login, subject, start, hours=1, **fields):
        """Make an event as a person does."""
        end = start + timedelta(hours=hours)
        form = {
            "subject": subject,
            "date_start": f"{start:%Y-%m-%d}",
            "time_start": f"{start:%H:%M}",
            "due_date": f"{end:%Y-%m-%d}",
            "time_end": f"{end:%H:%M}",
            "duration_hours": str(hours),
            "eventstatus": "Planned",
            "activitytype": "Call",
            "visibility": "Public",
        }
        return self.control("POST", f"events/{login}", form | fields)["id"]

    def edit(self, login, key, **fields):
        return self.control("PATCH", f"events/{login}/{key}", fields)

    def delete(self, login, key):
        self.control("DELETE", f"events/{login}/{key}")

    def events(self, login):
        """Return what a user owns, by subject."""
        return {event["subject"]: event for event in self.control("GET", f"events/{login}")["events"]}

    def requests(self):
        return self.control("GET", "counters")["requests"]


def vtiger_section(vtiger, directory):
    """Return the section [crm.vtiger] for all who were hired; their keys are written into the directory."""
    (directory / "vtiger.users").write_text(vtiger.users_file())
    return {"base_url": vtiger.server.url, "users_file": "vtiger.users"}
