"""What lost in a clash is kept, sealed for its person, newest first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calsync.store import accounts, conflicts
from calsync.store.conflicts import Conflict, place
from calsync.store.contents import dump_value, load_value
from calsync.store.database import reading, writing
from calsync.store.vault import VaultError
from tests.store.conftest import NOW


@pytest.fixture
def lose(engine, vault):
    """Return a function that keeps a loser of an account's."""

    def keep(account_id, kept="new", lost="old"):
        with writing(engine) as connection:
            cipher = accounts.load(connection, vault, account_id).cipher
            row = Conflict(
                account_id,
                7,
                "g1",
                "c1",
                "title",
                cipher.seal(place("kept", 7, "title"), dump_value(kept)),
                cipher.seal(place("lost", 7, "title"), dump_value(lost)),
                "google",
                NOW,
            )
            conflicts.keep(connection, [row])
        return row, cipher

    return keep


def test_losers_come_back_newest_first(connect, lose, engine):
    account_id = connect()
    rows = [lose(account_id)[0] for _ in range(3)]
    with reading(engine) as connection:
        found = conflicts.of_account(connection, account_id)
    assert [row for _, row in found] == rows[::-1]
    assert [number for number, _ in found] == sorted((number for number, _ in found), reverse=True)


def test_every_account_has_its_own(connect, lose, engine):
    ana, ben, cleo = (connect(name, f"sub-{name}") for name in ("ana", "ben", "cleo"))
    lose(ana)
    lose(ana)
    lose(ben)
    with reading(engine) as connection:
        assert conflicts.count(connection) == {ana: 2, ben: 1}
        assert conflicts.of_account(connection, cleo) == []


def test_the_values_open_for_their_owner_only_and_only_where_they_belong(connect, lose):
    kept, cipher = lose(connect(), kept="Lunch", lost="Dinner")
    assert load_value(cipher.open(kept.place("kept"), kept.kept)) == "Lunch"
    assert load_value(cipher.open(kept.place("lost"), kept.lost)) == "Dinner"
    with pytest.raises(VaultError):
        cipher.open(kept.place("lost"), kept.kept)
    for other_row in (replace(kept, link_id=8), replace(kept, field="location")):
        with pytest.raises(VaultError):
            cipher.open(other_row.place("kept"), kept.kept)
    _, other = lose(connect("ben", "sub-ben"))
    with pytest.raises(VaultError):
        other.open(kept.place("kept"), kept.kept)


def test_a_loser_is_kept_in_the_transaction_of_what_overwrites_it(connect, lose, engine):
    row, _ = lose(connect())
    with pytest.raises(ZeroDivisionError):
        _fail_after_keeping(engine, replace(row, field="location"))
    with reading(engine) as connection:
        assert [kept.field for _, kept in conflicts.of_account(connection, row.account_id)] == ["title"]


def _fail_after_keeping(engine, row):
    with writing(engine) as connection:
        conflicts.keep(connection, [row])
        raise ZeroDivisionError
