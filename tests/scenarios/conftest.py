"""One running installation for all scenarios; each test has people of its own."""

from __future__ import annotations

import pytest

from calsync.sandbox.stage import Stage
from tests.outside.walk import Office
from tests.scenarios.people import Person

#: Switches of the stand-in that scenarios set, as they are otherwise.
USUAL = {
    "short_pages": 0,
    "empty_full_listing": False,
    "html_normalise": False,
    "unasked_mails": False,
    "ghosts": [],
}


@pytest.fixture(scope="package")
def running(tmp_path_factory):
    """An installation of processes with a running daemon."""
    with Stage(tmp_path_factory.mktemp("stage"), {"poll_seconds": 2}) as made:
        made.start_daemon()
        yield made


@pytest.fixture(scope="package")
def office(running):
    """The desk of the running installation."""
    made = Office(running)
    yield made
    made.close()


@pytest.fixture
def person(office):
    """Return a function that makes people; they rest after the test, and Google is as usual again."""
    made = []

    def make(user, zone="Europe/London"):
        made.append(Person(office, user, zone))
        return made[-1]

    yield make
    office.stage.control("DELETE", "faults")
    office.stage.control("POST", "switches", USUAL)
    if not office.stage.is_running():
        office.stage.start_daemon()
    for one in made:
        one.rest()
