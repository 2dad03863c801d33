"""Fixtures: a CalDAV server, a stand-in for vtiger, and installations whose CRM they are."""

from __future__ import annotations

import sys

import pytest

from calsync.sandbox.vtiger.server import start as start_vtiger
from tests.adapters.radicale import PEOPLE, install, radicale
from tests.adapters.vtiger import Vtiger, vtiger_section
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
        houses.append(House(tmp_path, backend="vtiger", options=vtiger_section(vtiger, tmp_path) | options))
        houses[-1].connect("ana", "ana@example.com")
        return houses[-1]

    yield make
    for house in houses:
        house.close()
