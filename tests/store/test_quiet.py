"""Rounds that found nothing: written for all at once, and never over what somebody else has said since."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calsync.store import accounts
from calsync.store.accounts import State
from calsync.store.database import writing
from calsync.store.quiet import QuietRounds
from tests.store.conftest import NOW

LATER = NOW + timedelta(seconds=300)


@pytest.fixture
def settled(engine, vault, connect):
    """Return a function that connects a person who has been synced before, and returns the account."""

    def make(user="ana"):
        number = connect(user, f"sub-{user}")
        with writing(engine) as connection:
            account = accounts.load(connection, vault, number)
            accounts.save_cursor(connection, account, "token 1", NOW)
            accounts.change(connection, number, crm_cursor="7", crm_looked=NOW)
        return accounts.look(engine, vault, number)

    return make


@pytest.fixture
def look(engine, vault):
    """Return a function that reads an account anew."""
    return lambda account: accounts.look(engine, vault, account.id)


def left_by(account, interval=300.0, token="token 2"):
    """Return what a round that found nothing leaves."""
    return {
        "due_at": LATER,
        "interval_seconds": interval,
        "last_success": NOW,
        "google_cursor": account.cipher.seal_text("account.google_cursor", token),
        "google_looked": NOW + timedelta(seconds=1),
        "crm_cursor": "8",
        "crm_looked": NOW + timedelta(seconds=1),
    }


def test_what_rounds_have_left_is_written_for_all_of_them(engine, settled, look):
    quiet, people = QuietRounds(), [settled("ana"), settled("ben")]
    for account in people:
        quiet.keep(account, left_by(account))
    assert [look(account).last_success for account in people] == [None, None]
    quiet.write(engine)
    for account in map(look, people):
        assert (account.due_at, account.interval_seconds, account.last_success) == (LATER, 300.0, NOW)
        assert (account.google_cursor, account.crm_cursor) == ("token 2", "8")
        assert account.google_looked == account.crm_looked == NOW + timedelta(seconds=1)


def test_it_is_written_once(engine, settled, look):
    quiet, account = QuietRounds(), settled()
    quiet.keep(account, left_by(account))
    quiet.write(engine)
    with writing(engine) as connection:
        accounts.change(connection, account.id, due_at=account.due_at, interval_seconds=5.0)
    quiet.write(engine)
    assert look(account).interval_seconds == 5.0


def test_of_two_rounds_of_an_account_the_later_counts(engine, settled, look):
    quiet, account = QuietRounds(), settled()
    for interval in (10.0, 20.0):
        quiet.keep(account, left_by(account, interval))
    quiet.write(engine)
    assert look(account).interval_seconds == 20.0


@pytest.mark.parametrize(
    "change",
    [
        {"due_at": NOW - timedelta(seconds=1), "interval_seconds": 0.0},
        {"state": State.PAUSED, "due_at": NOW + timedelta(seconds=1)},
        {"google_cursor": None, "crm_cursor": None},
        {"google_looked": NOW + timedelta(seconds=2)},
    ],
    ids=["woken", "paused", "connected anew", "looked at by another round"],
)
def test_an_account_that_was_changed_meanwhile_stays_as_it_is(engine, settled, look, change):
    quiet, account, other = QuietRounds(), settled("ana"), settled("ben")
    quiet.keep(account, left_by(account))
    quiet.keep(other, left_by(other))
    with writing(engine) as connection:
        accounts.change(connection, account.id, **change)
    before = look(account)
    quiet.write(engine)
    after = look(account)
    for name in ("state", "due_at", "interval_seconds", "last_success", "google_cursor", "crm_cursor"):
        assert getattr(after, name) == getattr(before, name)
    assert look(other).due_at == LATER
