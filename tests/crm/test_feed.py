"""The change feed on every kind of database: its order is that of commits, whoever writes beside whom."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from calsync.crm.builtin.backend import BuiltinCrm
from calsync.crm.builtin.migrations import upgrade
from calsync.model.event import Event
from calsync.model.side import Create, Patch, Update
from calsync.store.database import open_database
from tests.postgres import KINDS, Server

NINE = datetime(2026, 5, 4, 9, tzinfo=UTC)
REVIEW = Event("Review", NINE, NINE + timedelta(hours=1))


@pytest.fixture(params=KINDS)
def crm(request, tmp_path):
    """The CRM of two people, on each kind of database in turn."""
    server = Server() if request.param == "postgresql" else None
    engine = open_database(server.new_database() if server else f"sqlite:///{tmp_path}/crm.db")
    upgrade(engine)
    made = BuiltinCrm(engine, lambda: datetime.now(UTC))
    for login in ("ana", "ben"):
        made.add_user(login, f"{login}@example.com", login, "standard", ["sales"])
    yield made
    engine.dispose()
    if server:
        server.close()


def write_some(crm, login, name, count=8):
    side = crm.side(login)
    for number in range(count):
        first, second = side.write([Create(f"{login}-{name}{number}-{half}", REVIEW) for half in "ab"])
        list(side.write([Update(second.key, Patch(frozenset({"title"}), REVIEW), second.version)]))
        assert first.version == "1"


def test_a_reader_who_follows_the_feed_meets_every_change_while_many_write(crm):
    done, seen = threading.Event(), {}

    def follow():
        cursor = "0"
        while True:
            last = done.is_set()
            for page in crm.side("ana").observe(cursor):
                seen.update({item.key: item.version for item in page.items})
                cursor = page.cursor or cursor
            if last:
                return

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(follow)
        for writer in [
            pool.submit(write_some, crm, login, name) for login in ("ana", "ben") for name in "xy"
        ]:
            writer.result()
        done.set()
        reader.result()
    stored = {}
    for login in ("ana", "ben"):
        for page in crm.side(login).observe(None):
            stored.update({item.key: item.version for item in page.items})
    assert seen == stored
    assert sorted(stored.values()) == ["1"] * 32 + ["2"] * 32


def test_times_of_changes_never_go_back_along_the_feed(crm):
    with ThreadPoolExecutor(4) as pool:
        for writer in [
            pool.submit(write_some, crm, login, name) for login in ("ana", "ben") for name in "xy"
        ]:
            writer.result()
    with crm.engine.connect() as connection:
        rows = connection.execute(text("SELECT seq, modified FROM crm_event ORDER BY seq")).all()
    assert [row.modified for row in rows] == sorted(row.modified for row in rows)
    assert len({row.seq for row in rows}) == len(rows)


def test_writers_of_the_same_original_at_the_same_time_make_one_copy(crm):
    turn = threading.Barrier(4)

    def create(number):
        turn.wait()
        return [item.key for item in crm.side("ana").write([Create(f"m{number}", REVIEW)])]

    for number in range(10):
        with ThreadPoolExecutor(4) as pool:
            keys = [made.result() for made in [pool.submit(create, number) for _ in range(4)]]
        assert len({key for (key,) in keys}) == 1
