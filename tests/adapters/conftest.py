"""Fixtures: a CalDAV server, a stand-in for vtiger, and installations whose CRM they are."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
import requests

from calsync.sandbox.vtiger.server import start as start_vtiger
from tests.adapters.radicale import PEOPLE, install, radicale
from tests.house import House


@pytest.fixture(scope="module")
def dav(tmp_path_factory):
    """The address of a CalDAV server with empty calendars; the plug-in can be loaded."""
    installed = tmp_path_factory.mktemp("installed")
    install(installed)
    sys.path.insert(0, str(installed))
    try:
        with radicale(tmp_path_factory.mktemp("radicale")) as url:
            yield url
    finally:
        sys.path.remove(str(installed))


@pytest.fixture
def dav_house(tmp_path, dav):
    """An installation whose CRM is the CalDAV server; nobody is connected."""
    (tmp_path / "caldav.passwords").write_text("ana:öffne dich: ana\nben:öffne dich: ben\n")
    options = {
        "url": f"{dav}{{login}}/calendar/",
        "passwords_file": "caldav.passwords",
        "users": {login: f"{login}@example.com" for login in PEOPLE},
    }
    made = House(tmp_path, backend="caldav", options=options)
    yield made
    made.close()


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


@pytest.fixture
def vtiger():
    """A vtiger with two users."""
    with start_vtiger() as server:
        made = Vtiger(server)
        for login in ("ana", "ben"):
            made.hire(login)
        yield made


@pytest.fixture
def vtiger_house(tmp_path, vtiger):
    """Return a function that makes an installation whose CRM is vtiger; ana is connected."""
    houses = []

    def make(**options):
        (tmp_path / "vtiger.users").write_text(vtiger.users_file())
        section = {"base_url": vtiger.server.url, "users_file": "vtiger.users"} | options
        houses.append(House(tmp_path, backend="vtiger", options=section))
        houses[-1].connect("ana", "ana@example.com")
        return houses[-1]

    yield make
    for house in houses:
        house.close()
