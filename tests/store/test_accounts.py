"""Accounts: one Google account for one CRM user, and what survives a disconnection."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from calsync.model.side import SideName
from calsync.store import accounts, links
from calsync.store.accounts import RUNNING, AlreadyLinked, State
from calsync.store.database import reading, writing
from calsync.store.links import Half, Link
from calsync.store.vault import VaultError
from tests.store.conftest import NOW


@pytest.fixture
def look(engine, vault):
    """Return a function that loads an account."""

    def load(account_id):
        with reading(engine) as connection:
            return accounts.load(connection, vault, account_id)

    return load


@pytest.fixture
def change(engine):
    """Return a function that sets columns of an account."""

    def write(account_id, **values):
        with writing(engine) as connection:
            accounts.change(connection, account_id, **values)

    return write


def end(engine, account_id):
    with writing(engine) as connection:
        accounts.end_consent(connection, account_id, State.DISCONNECTED, "disconnected")


def test_a_connected_account_is_active_and_due_at_once(connect, look):
    account = look(connect("ana", address="ana.g@gmail.com"))
    assert (account.user, account.state, account.address) == ("ana", State.ACTIVE, "ana.g@gmail.com")
    assert account.due_at == account.connected_at == NOW
    assert account.google_cursor is None


def test_an_unknown_account_is_none(look, engine, vault):
    assert look(99) is None
    with reading(engine) as connection:
        assert accounts.find(connection, vault, "nobody") is None
        assert accounts.place(connection, 99) is None


def test_a_google_account_serves_one_crm_user(connect):
    connect("ana", "sub-1")
    with pytest.raises(AlreadyLinked, match="already serves another CRM user"):
        connect("ben", "sub-1")


def test_a_crm_user_has_one_google_account(connect):
    connect("ana", "sub-1")
    with pytest.raises(AlreadyLinked, match="disconnect that one first"):
        connect("ana", "sub-2")


@pytest.mark.parametrize("state", [state for state in State if state is not State.DISCONNECTED])
def test_an_account_is_taken_in_every_state_but_disconnected(connect, change, state):
    change(connect("ana", "sub-1"), state=state)
    with pytest.raises(AlreadyLinked):
        connect("ben", "sub-1")


def test_after_a_disconnection_both_ends_are_free_again(connect, engine, vault):
    first = connect("ana", "sub-1")
    end(engine, first)
    second = connect("ben", "sub-1")
    third = connect("ana", "sub-2")
    assert len({first, second, third}) == 3
    with reading(engine) as connection:
        assert accounts.find(connection, vault, "ana").id == third
        assert [account.id for account in accounts.current(connection, vault)] == [third, second]


def test_reconnecting_keeps_links_data_key_and_direction_but_starts_looking_anew(
    connect, engine, look, change
):
    first = connect("ana", "sub-1", token="old")
    change(first, direction="to_crm", state=State.RECONNECT, failures=4, crm_cursor="17")
    with writing(engine) as connection:
        links.add(connection, [Link(first, SideName.CRM, Half(), Half("r1"))])
        accounts.save_cursor(connection, look(first), "sync token", NOW)
    before = look(first)
    sealed = before.cipher.seal("a.b", b"kept")
    assert before.google_cursor == "sync token"
    assert connect("ana", "sub-1", token="new") == first
    after = look(first)
    assert (after.state, after.direction, after.failures) == (State.ACTIVE, "to_crm", 0)
    assert (after.google_cursor, after.crm_cursor) == (None, None)
    assert after.cipher.open("a.b", sealed) == b"kept"
    with reading(engine) as connection:
        assert accounts.refresh_token(connection, after) == "new"
        assert [link.crm.key for link in links.after(connection, first, 0, 10)] == ["r1"]


def test_ending_consent_forgets_tokens_and_keeps_links(connect, engine, look):
    account_id = connect("ana")
    with writing(engine) as connection:
        links.add(connection, [Link(account_id, SideName.CRM, Half(), Half("r1"))])
        accounts.save_cursor(connection, look(account_id), "sync token", NOW)
    end(engine, account_id)
    with reading(engine) as connection:
        account = look(account_id)
        assert accounts.refresh_token(connection, account) is None
        assert links.count_linked(connection, account_id) == 0
        assert len(links.after(connection, account_id, 0, 10)) == 1
    assert account.google_cursor is None


def test_nothing_that_names_a_person_at_google_is_stored_in_clear(connect, engine, look):
    account_id = connect("ana", "sub-4711", "ana.secret@gmail.com", "refresh-4711")
    with writing(engine) as connection:
        accounts.save_cursor(connection, look(account_id), "cursor-4711", NOW)
        row = connection.execute(select(accounts.accounts)).one()
    for secret in ("4711", "secret"):
        assert secret not in str(tuple(row))


def test_the_address_of_one_person_does_not_open_in_the_row_of_another(connect, engine, look, vault):
    ana, ben = connect("ana", "sub-1"), connect("ben", "sub-2")
    with writing(engine) as connection:
        row = (
            connection.execute(select(accounts.accounts).where(accounts.accounts.c.id == ana))
            .mappings()
            .one()
        )
        accounts.change(connection, ben, address=row["address"])
    with pytest.raises(VaultError):
        look(ben)
    with writing(engine) as connection:
        accounts.change(connection, ben, address=row["address"], data_key=row["data_key"])
    with pytest.raises(VaultError):
        look(ben)


def test_rounds_are_due_for_running_accounts_whose_time_has_come_longest_waiting_first(
    connect, change, engine
):
    ids = {state: connect(state.value, f"sub-{state}") for state in State}
    late = connect("late", "sub-late")
    early = connect("early", "sub-early")
    for state, account_id in ids.items():
        change(account_id, state=state)
    change(late, due_at=NOW + timedelta(seconds=1))
    change(early, due_at=NOW - timedelta(hours=1))
    with reading(engine) as connection:
        found = accounts.due(connection, NOW, 10)
        assert accounts.due(connection, NOW, 1) == [early]
    assert found[0] == early
    assert set(found) == {early, ids[State.ACTIVE], ids[State.BRAKED], ids[State.FINISHING]}
    assert set(RUNNING) == {State.ACTIVE, State.BRAKED}


def test_waking_brings_accounts_forward_and_never_puts_one_off(connect, change, look, engine):
    asleep, overdue, other = connect("ana", "sub-1"), connect("ben", "sub-2"), connect("cleo", "sub-3")
    later, before = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
    change(asleep, due_at=later, interval_seconds=300.0)
    change(overdue, due_at=before)
    change(other, due_at=later)
    with writing(engine) as connection:
        accounts.wake(connection, ["ana", "ben", "nobody"], NOW)
    assert look(asleep).due_at == NOW
    assert look(asleep).interval_seconds == 0.0
    assert look(overdue).due_at == before
    assert look(other).due_at == later


def test_whether_a_google_account_serves_anybody_is_known_without_its_name(connect, engine, vault):
    account_id = connect("ana", "sub-1")
    with reading(engine) as connection:
        assert accounts.serves(connection, vault, "sub-1")
        assert not accounts.serves(connection, vault, "sub-2")
    end(engine, account_id)
    with reading(engine) as connection:
        assert not accounts.serves(connection, vault, "sub-1")
