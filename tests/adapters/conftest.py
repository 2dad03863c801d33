"""Fixtures: a CalDAV server, and an installation whose CRM it is."""

from __future__ import annotations

import sys

import pytest

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
