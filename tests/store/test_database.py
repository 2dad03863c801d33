"""Transactions: no update is lost, readers see one state, and times keep their meaning."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from calsync.model.side import SideName
from calsync.store import links
from calsync.store.database import UtcDateTime, open_database, reading, writing
from tests.store.conftest import NOW

scratch = MetaData()
numbers = Table("scratch", scratch, Column("id", Integer, primary_key=True), Column("value", Integer))
moments = Table("moments", scratch, Column("id", Integer, primary_key=True), Column("at", UtcDateTime))


@pytest.fixture
def tables(empty):
    scratch.create_all(empty)
    return empty


@pytest.fixture
def file(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/calsync.db")
    scratch.create_all(engine)
    yield engine
    engine.dispose()


def test_writers_that_read_first_do_not_lose_updates(file):
    with writing(file) as connection:
        connection.execute(insert(numbers).values(id=1, value=0))

    def count():
        for _ in range(25):
            with writing(file) as connection:
                value = connection.execute(select(numbers.c.value)).scalar_one()
                connection.execute(update(numbers).values(value=value + 1))

    writers = [threading.Thread(target=count) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with reading(file) as connection:
        assert connection.execute(select(numbers.c.value)).scalar_one() == 100


def test_a_reader_sees_one_state_while_others_write_and_holds_nobody_up(file):
    with reading(file) as reader:
        assert reader.execute(select(numbers)).all() == []
        with writing(file) as writer:
            writer.execute(insert(numbers).values(id=1, value=1))
        assert reader.execute(select(numbers)).all() == []
    with reading(file) as reader:
        assert reader.execute(select(numbers)).all() == [(1, 1)]


def test_an_exception_leaves_nothing_of_its_transaction(tables):
    with pytest.raises(IntegrityError), writing(tables) as connection:
        connection.execute(insert(numbers), [{"id": 1, "value": 1}, {"id": 1, "value": 2}])
    with reading(tables) as connection:
        assert connection.execute(select(numbers)).all() == []


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("temp_store", 2),  # MEMORY
        ("busy_timeout", 30_000),
    ],
)
def test_every_connection_to_sqlite_is_durable_and_strict(file, pragma, value):
    with writing(file) as first, reading(file) as second:
        for connection in (first, second):
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_a_reference_to_nothing_is_refused(engine):
    with pytest.raises(IntegrityError), writing(engine) as connection:
        links.add(connection, [links.Link(12345, SideName.CRM, links.Half(), links.Half())])


def test_a_moment_comes_back_as_the_same_instant_in_utc(tables):
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    with writing(tables) as connection:
        connection.execute(insert(moments), [{"id": 1, "at": tokyo}, {"id": 2, "at": None}])
    with reading(tables) as connection:
        found = connection.execute(select(moments.c.at).order_by(moments.c.id)).scalars().all()
    assert found == [NOW, None]
    assert found[0].tzinfo is UTC or found[0].utcoffset() == timedelta(0)


def test_moments_of_different_zones_compare_as_instants(tables):
    earlier = (NOW - timedelta(hours=1)).astimezone(timezone(timedelta(hours=9)))
    with writing(tables) as connection:
        connection.execute(insert(moments), [{"id": 1, "at": earlier}])
    with reading(tables) as connection:
        before = connection.execute(select(moments.c.id).where(moments.c.at < NOW)).scalars().all()
    assert before == [1]


def test_a_time_without_zone_is_never_stored(tables):
    with (
        pytest.raises(StatementError, match="naive datetime cannot be stored"),
        writing(tables) as connection,
    ):
        connection.execute(insert(moments).values(id=1, at=datetime(2026, 5, 4)))
