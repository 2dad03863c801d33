"""The audit trail: what was changed, taken out, moved or cut off is found and named, on both databases."""

from __future__ import annotations

import hashlib
import hmac
import threading
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import delete, insert, select, update

from calsync.store import audit, subjects
from calsync.store.audit import COMMAND_LINE, Act, Actor, ByOperator, Head, trail
from calsync.store.database import reading, writing
from tests.store.conftest import NOW


@pytest.fixture
def note(engine, vault):
    """Return a function that adds an entry."""

    def add(act=Act.PAUSED, user="ana", at=NOW, **detail):
        with writing(engine) as connection:
            return audit.append(connection, vault, act, COMMAND_LINE, user, at, **detail)

    return add


@pytest.fixture
def faults(engine, vault):
    """Return a function that says what is wrong with the chain."""

    def look(known=None):
        with reading(engine) as connection:
            return [fault.what for fault in audit.verify(connection, vault, known)]

    return look


@pytest.fixture
def chain(note):
    """Five entries about two people."""
    return [
        note(act, user) for act, user in zip(list(Act)[:5], ["ana", "ben", "ana", "", "ben"], strict=True)
    ]


@pytest.fixture
def tamper(engine):
    """Return a function that does something to the table behind the program's back."""

    def run(statement):
        with writing(engine) as connection:
            connection.execute(statement)

    return run


def row(engine, seq):
    with reading(engine) as connection:
        return dict(connection.execute(select(trail).where(trail.c.seq == seq)).mappings().one())


def test_a_chain_that_nobody_has_touched_is_intact(chain, faults):
    assert faults() == []
    assert faults(Head(chain[-1].seq, chain[-1].mac)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"act": "resumed"},
        {"actor": "person"},
        {"subject": "somebody else"},
        {"detail": '{"count":1}'},
        {"at": NOW + timedelta(microseconds=1)},
        {"mac": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_entry_that_was_changed_is_named(chain, faults, tamper, change):
    tamper(update(trail).where(trail.c.seq == 3).values(**change))
    assert faults()[0] == "entry 3 was changed or moved"


def test_an_entry_that_was_taken_out_is_named(chain, faults, tamper):
    tamper(delete(trail).where(trail.c.seq == 3))
    assert faults() == ["entry 3 missing before entry 4"]


def test_several_that_were_taken_out_are_named(chain, faults, tamper):
    tamper(delete(trail).where(trail.c.seq.in_([1, 2, 3])))
    assert faults() == ["entries 1 to 3 missing before entry 4"]


def test_entries_that_changed_places_are_named(chain, faults, tamper, engine):
    second, third = row(engine, 2), row(engine, 3)
    tamper(delete(trail).where(trail.c.seq.in_([2, 3])))
    tamper(insert(trail).values(**second | {"seq": 3}))
    tamper(insert(trail).values(**third | {"seq": 2}))
    assert {"entry 2 was changed or moved", "entry 3 was changed or moved"} <= set(faults())


def test_an_entry_that_was_forged_with_a_fitting_number_is_named(chain, faults, tamper, engine):
    last = row(engine, 5)
    tamper(insert(trail).values(**last | {"seq": 6, "previous": last["mac"]}))
    assert faults() == ["entry 6 was changed or moved"]


def test_an_end_that_was_cut_off_is_found_by_the_head_that_was_kept_elsewhere(chain, faults, tamper):
    known = Head(chain[-1].seq, chain[-1].mac)
    tamper(delete(trail).where(trail.c.seq > 3))
    assert faults() == []
    (fault,) = faults(known)
    assert "does not contain entry 5" in fault


def test_beginnings_may_be_forgotten_in_time_but_not_by_others(note, faults, engine, vault, tamper):
    for days in (0, 1, 2, 3000, 3001):
        note(at=NOW + timedelta(days=days))
    now = NOW + timedelta(days=3002)
    with writing(engine) as connection:
        assert audit.forget(connection, vault, NOW + timedelta(days=2000), now) == 3
        assert audit.forget(connection, vault, NOW + timedelta(days=2000), now) == 0
    assert faults() == []
    tamper(delete(trail).where(trail.c.seq == 4))
    assert faults() == ["entries 1 to 4 missing before entry 5"]


def test_a_pseudonym_names_the_same_person_until_their_key_is_gone(note, engine, vault):
    first, second, other = note(user="ana"), note(user="ana"), note(user="ben")
    assert first.subject == second.subject != other.subject
    assert "ana" not in first.subject
    with writing(engine) as connection:
        assert subjects.everyone(connection, vault) == {first.subject: "ana", other.subject: "ben"}
        connection.execute(delete(subjects.subjects).where(subjects.subjects.c.user == "ana"))
    assert note(user="ana").subject != first.subject


def test_writers_at_the_same_time_make_one_chain(engine, vault, faults):
    def write():
        for _ in range(10):
            with writing(engine) as connection:
                audit.append(connection, vault, Act.PAUSED, Actor.SYSTEM, "", NOW)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults() == []
    with reading(engine) as connection:
        assert audit.head(connection).seq == 40


def test_an_operator_is_named_and_the_name_is_part_of_what_is_proved(note, engine, vault, faults, tamper):
    with writing(engine) as connection:
        audit.append(connection, vault, Act.PAUSED, ByOperator("dana"), "ana", NOW, because="x")
    with reading(engine) as connection:
        (entry,) = audit.entries(connection)
    assert (entry.actor, entry.by, entry.detail) == ("operator", "dana", {"because": "x"})
    assert not faults()
    tamper(update(trail).values(detail=row(engine, 1)["detail"].replace("dana", "eli")))
    assert faults() == ["entry 1 was changed or moved"]


def test_entries_from_before_operators_were_named_still_verify(engine, vault, faults, note):
    """As they were written then: the actor, and no name in the detail."""
    old = {"seq": 1, "at": NOW, "act": "paused", "actor": "operator", "subject": "", "detail": "{}"}
    text = orjson.dumps([1, NOW.isoformat(), "paused", "operator", "", "{}", ""])
    mac = hmac.new(vault.secret("audit"), text, hashlib.sha256).hexdigest()
    with writing(engine) as connection:
        connection.execute(insert(trail).values(**old, previous="", mac=mac))
    note()
    assert not faults()
    with reading(engine) as connection:
        assert [one.by for one in audit.entries(connection)] == ["", "command line"]
