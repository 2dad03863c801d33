"""People's rights with PostgreSQL: the same story as with SQLite, from the first request to the last receipt."""

from __future__ import annotations

import pytest

from calsync.privacy import incident, ring
from calsync.privacy.register import Desk, receive
from calsync.privacy.search import search
from calsync.rights.erasure import Copies, erase
from calsync.rights.export import export
from calsync.rights.retention import preview, sweep
from calsync.rights.revocation import revoke_all
from calsync.rights.upkeep import hourly
from calsync.store import audit, holds, requests
from calsync.store.audit import COMMAND_LINE, Actor
from calsync.store.database import reading, writing
from calsync.store.requests import Kind
from tests.house import House, at, day
from tests.postgres import KINDS, Server

pytestmark = pytest.mark.skipif("postgresql" not in KINDS, reason="PostgreSQL is not installed")


@pytest.fixture
def house(tmp_path):
    """A house whose database is on a PostgreSQL server, with two people."""
    server = Server()
    made = House(tmp_path, database=server.new_database())
    for user in ("ana", "ben"):
        made.person(user)
    yield made
    made.close()
    server.close()


def test_every_right_can_be_exercised(house):
    parts = house.parts
    house.google_add("ana", summary="A", attendees=[{"email": "guest@other.test"}], **at(day(1)))
    assert house.resync("ana")["outcome"] == "ok"
    with writing(parts.engine) as connection:
        desk = Desk(parts.vault, house.clock(), parts.settings.privacy.zone)
        number = receive(connection, desk, "ana", Kind.ACCESS, COMMAND_LINE, note="words")
        holds.put(connection, parts.vault, "ana", "claim", house.clock())
    assert export(parts, "ana", Actor.PERSON).closed == (number,)
    with reading(parts.engine) as connection:
        assert search(connection, house.account("ana"), "guest@other.test").links
        assert {one.user for one in incident.scope(connection)} == {"ana", "ben"}
    ring.add_key(house.directory / "calsync.keys")
    assert ring.rewrap(parts.engine, parts.vault) == 4
    assert "legal hold" in erase(parts, "ana", Copies("remove", "remove"), Actor.PERSON).waits_for
    with writing(parts.engine) as connection:
        holds.release(connection, "ana")
    assert erase(parts, "ana", Copies(), Actor.PERSON).receipt["withdrawn_at_google"] == 1
    assert revoke_all(parts).revoked == 1
    hourly(parts)
    house.clock.advance(days=3000)
    assert {line.what for line in preview(parts) if line.count} >= {"request", "audit"}
    sweep(parts)
    with reading(parts.engine) as connection:
        assert requests.everything(connection) == []
        assert audit.verify(connection, parts.vault) == []
