"""Fixtures: databases of every kind there is, empty or with the schema, and a vault."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from calsync.store import accounts
from calsync.store.accounts import Consent
from calsync.store.database import open_database, writing
from calsync.store.migrations import upgrade
from calsync.store.vault import Vault, new_key_line, parse_ring
from tests.postgres import KINDS, Server

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server."""
    server = Server()
    yield server
    server.close()


@pytest.fixture(params=KINDS)
def url(request, tmp_path):
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/calsync.db"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def empty(url):
    """An open database without tables."""
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A SQLite file with the schema and nothing else: copying it is quicker than making it."""
    path = tmp_path_factory.mktemp("template") / "calsync.db"
    engine = open_database(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def engine(url, template, tmp_path):
    """An open database with the schema, of each kind in turn."""
    if url.startswith("sqlite"):
        shutil.copy(template, tmp_path)
    opened = open_database(url)
    upgrade(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def vault():
    """A vault with one key."""
    return Vault(parse_ring(new_key_line("k1")), b"i" * 32)


@pytest.fixture
def connect(engine, vault):
    """Return a function that connects a CRM user with a Google account."""

    def make(user="ana", subject="sub-ana", address=None, token="refresh"):
        consent = Consent(
            user, subject, address or f"{user}@example.com", token, ("calendar", "openid"), "both"
        )
        with writing(engine) as connection:
            return accounts.connect(connection, vault, consent, NOW)

    return make
