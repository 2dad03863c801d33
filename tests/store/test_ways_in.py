"""Operators, codes, ways back and tidings: the same on every database."""

from __future__ import annotations

import threading
from datetime import timedelta

import pyotp
import pytest
from argon2 import PasswordHasher

from calsync.store import codes, operators, passwords, tidings, visits
from calsync.store.codes import Answer
from calsync.store.database import reading, writing
from calsync.store.operators import Claim, NameTaken, Role
from calsync.store.tidings import Kind, Reader
from tests.store.conftest import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch):
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: quick)


@pytest.fixture
def dana(engine, vault):
    """What dana logs in with."""
    with writing(engine) as connection:
        return operators.add(connection, vault, "dana", Role.OPERATOR, NOW)


def claim(entry, now=NOW, password=None):
    return Claim("dana", password or entry.password, pyotp.TOTP(entry.totp_secret).at(now))


# -- operators ---------------------------------------------------------------------------------------------


def test_password_and_factor_open_the_login_and_are_noted(engine, vault, dana):
    assert operators.log_in(engine, vault, claim(dana), NOW)
    with reading(engine) as connection:
        (found,) = operators.everyone(connection)
    assert (found.name, found.role, found.last_login) == ("dana", Role.OPERATOR, NOW)


def test_a_name_is_taken_once(engine, vault, dana):
    with pytest.raises(NameTaken), writing(engine) as connection:
        operators.add(connection, vault, "dana", Role.VIEWER, NOW)


def test_a_code_that_is_half_a_minute_old_still_works_and_an_older_one_does_not(engine, vault, dana):
    assert not operators.log_in(engine, vault, claim(dana, NOW - 2 * MINUTE), NOW)
    assert operators.log_in(engine, vault, claim(dana, NOW - MINUTE / 2), NOW)


def test_many_tries_at_once_are_not_more_than_one_after_another(engine, vault, dana):
    """However many guess at the same moment, the login is closed after five."""
    wrong = Claim("dana", "guess", "000000")
    start = threading.Barrier(12)

    def guess():
        start.wait()
        operators.log_in(engine, vault, wrong, NOW)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        row = connection.execute(operators.operators.select()).mappings().one()
    assert row["failures"] == operators.FREE_FAILURES, "later tries were not even looked at"
    assert not operators.log_in(engine, vault, claim(dana), NOW)
    assert operators.log_in(engine, vault, claim(dana, NOW + 16 * MINUTE), NOW + 16 * MINUTE)


def test_of_two_who_enter_the_same_code_at_once_one_comes_in(engine, vault, dana):
    opened = []
    threads = [
        threading.Thread(target=lambda: opened.append(operators.log_in(engine, vault, claim(dana), NOW)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened.count(True) == 1


def test_a_second_factor_is_bound_to_its_operator(engine, vault, dana):
    with writing(engine) as connection:
        operators.add(connection, vault, "eve", Role.VIEWER, NOW)
        taken = operators.operators.select().where(operators.operators.c.name == "dana")
        row = connection.execute(taken).mappings().one()
        change = operators.operators.update().where(operators.operators.c.name == "eve")
        connection.execute(
            change.values(password=row["password"], data_key=row["data_key"], totp=row["totp"])
        )
    with pytest.raises(Exception, match="cannot be decrypted"):
        operators.log_in(engine, vault, Claim("eve", dana.password, claim(dana).code), NOW)


# -- codes, ways back, tidings -----------------------------------------------------------------------------


def test_a_code_is_entered_once_in_its_browser(engine, vault):
    with writing(engine) as connection:
        code = codes.new_code(connection, vault, "ana", "browser", NOW)
        assert codes.enter(connection, vault, "ana", "another", code, NOW) is Answer.OVER
        assert not codes.is_proven(connection, "ana", "browser", NOW)
        assert codes.enter(connection, vault, "ana", "browser", code, NOW) is Answer.RIGHT
        assert codes.is_proven(connection, "ana", "browser", NOW)
        assert codes.enter(connection, vault, "ana", "browser", code, NOW) is Answer.OVER
        assert not codes.is_proven(connection, "ana", "browser", NOW + codes.PROVEN_LIFE)
        codes.expire(connection, NOW + timedelta(hours=3))
        assert not codes.is_proven(connection, "ana", "browser", NOW)


def test_a_sign_in_is_taken_once_by_its_browser_and_in_time(engine, vault):
    with writing(engine) as connection:
        for state in ("one", "two"):
            visits.start_sign_in(connection, vault, f"browser {state}", state, {"nonce": state}, NOW)
        assert visits.take_sign_in(connection, vault, "one", "browser two", NOW) is None
        assert visits.take_sign_in(connection, vault, "one", "browser one", NOW) == {"nonce": "one"}
        assert visits.take_sign_in(connection, vault, "one", "browser one", NOW) is None
        assert visits.take_sign_in(connection, vault, "two", "browser two", NOW + 11 * MINUTE) is None
        visits.expire(connection, NOW + 11 * MINUTE)


def test_a_visit_is_used_once_and_a_newer_one_ends_it(engine):
    with writing(engine) as connection:
        earlier, _ = visits.new_visit(connection, "ana", NOW)
        secret, expires = visits.new_visit(connection, "ana", NOW)
        assert expires == NOW + 2 * MINUTE
        assert visits.visitor(connection, earlier, NOW) is None
        assert visits.visitor(connection, secret, NOW) == "ana"
        assert visits.use_visit(connection, secret, NOW) == "ana"
        assert visits.use_visit(connection, secret, NOW) is None
        visits.expire(connection, expires)


def test_a_tiding_waits_longer_after_each_try_and_is_forgotten_in_the_end(engine):
    with writing(engine) as connection:
        tidings.note(connection, "ana", Kind.CONNECTED, Reader.PERSON, NOW)
        (one,) = tidings.waiting(connection, NOW)
        assert (one.user, one.kind, one.reader) == ("ana", Kind.CONNECTED, Reader.PERSON)
        tidings.begin(connection, one, NOW)
        assert tidings.waiting(connection, NOW) == []
        (again,) = tidings.waiting(connection, NOW + MINUTE)
        tidings.begin(connection, again, NOW + MINUTE)
        assert tidings.waiting(connection, NOW + 2 * MINUTE) == []
        (last,) = tidings.waiting(connection, NOW + 3 * MINUTE)
        tidings.sent(connection, last.id, NOW + 3 * MINUTE)
        assert tidings.waiting(connection, NOW + 9 * MINUTE) == []
        assert tidings.for_operator(connection) == []
        tidings.expire(connection, NOW + timedelta(days=31))
        assert tidings.of_user(connection, "ana", Kind.CONNECTED) == []
