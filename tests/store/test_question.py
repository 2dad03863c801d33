"""Questions that every round asks: the same answers as SQLAlchemy's, on every database."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.exc import DBAPIError

from calsync.question import Question
from calsync.store import accounts
from calsync.store.accounts import accounts as table
from calsync.store.database import open_database, reading, writing
from calsync.store.migrations import upgrade
from tests.store.conftest import NOW

BY_STATE = (
    select(table).where(table.c.state == bindparam("which"), table.c.failures == 0).order_by(table.c.id)
)
DUE = Question(select(table.c.user).where(table.c.due_at <= bindparam("now", type_=table.c.due_at.type)))


def test_the_answer_is_that_of_sqlalchemy_in_value_and_type(engine, connect):
    connect("ana", "sub-ana")
    connect("ben", "sub-ben")
    question = Question(BY_STATE)
    with reading(engine) as connection:
        expected = [tuple(row) for row in connection.execute(BY_STATE, {"which": "active"})]
    found = question.ask(engine, which="active")
    assert found == expected
    assert [[type(value) for value in row] for row in found] == [
        [type(value) for value in row] for row in expected
    ]
    assert question.names == tuple(table.columns.keys())
    assert question.ask(engine, which="paused") == []


def test_moments_are_compared_as_moments(engine, connect):
    connect()
    assert DUE.ask(engine, now=NOW) == [("ana",)]
    assert DUE.ask(engine, now=NOW - timedelta(microseconds=1)) == []


def test_the_answer_is_as_of_now_and_not_of_an_earlier_question(engine, connect):
    number = connect()
    assert len(DUE.ask(engine, now=NOW)) == 1
    with writing(engine) as connection:
        accounts.change(connection, number, due_at=NOW + timedelta(hours=1))
        assert len(DUE.ask(engine, now=NOW)) == 1, "what is not committed yet was seen"
    assert DUE.ask(engine, now=NOW) == []


def test_a_question_that_cannot_be_answered_is_an_error_without_its_values(empty):
    with pytest.raises(DBAPIError) as raised:
        Question(BY_STATE).ask(empty, which="secret state")
    assert "secret state" not in str(raised.value)


def test_questions_are_answered_after_an_error_and_after_everything_was_closed(engine, connect):
    connect()
    wrong = Question(select(literal_column("no_such_column")).select_from(table))
    for _ in range(2):
        assert len(DUE.ask(engine, now=NOW)) == 1
        with pytest.raises(DBAPIError):
            wrong.ask(engine)
        assert len(DUE.ask(engine, now=NOW)) == 1
        engine.dispose()


def test_a_server_that_has_closed_our_connections_is_asked_on_a_new_one(engine, connect):
    connect()
    assert len(DUE.ask(engine, now=NOW)) == 1
    if engine.dialect.name == "postgresql":
        with writing(engine) as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    assert len(DUE.ask(engine, now=NOW)) == 1


def test_threads_ask_at_the_same_time(engine, connect):
    connect()
    found = []

    def ask():
        found.extend(DUE.ask(engine, now=NOW) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[("ana",)]] * 200


def test_a_database_in_memory_answers_too():
    engine = open_database("sqlite://")
    upgrade(engine)
    assert DUE.ask(engine, now=NOW) == []
    with writing(engine) as connection:
        assert connection.execute(select(table.c.id)).all() == []
    engine.dispose()
