"""Fixtures: one installation for the tests of a module."""

import pytest

from tests.postgres import Server
from tests.web.premises import Premises


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server."""
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A served installation without mail, as it is configured at first."""
    made = Premises(tmp_path_factory.mktemp("web"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _honest_again(request):
    """Let Google tell the truth again after a test, and the clock go as it does."""
    yield
    if "web" in request.fixturenames:
        made = request.getfixturevalue("web")
        made.liar.lie = None
        made.clock.ahead *= 0
