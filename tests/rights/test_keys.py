"""Keys: they rotate while everything runs, and what they seal opens in its own row alone."""

from __future__ import annotations

import subprocess
import sys

import pyotp
import pytest
from sqlalchemy import select, update

from calsync.config import load
from calsync.privacy import ring
from calsync.sandbox.stage import Stage
from calsync.store import accounts, conflicts, consent, journal, operators, subjects
from calsync.store.contents import load_value, open_seen
from calsync.store.database import reading, writing
from calsync.store.link_rows import links
from calsync.store.vault import VaultError, key_name, parse_ring
from calsync.wiring import open_parts
from tests.house import at, crm_at, day


def path(house):
    return house.directory / "calsync.keys"


def names(house):
    return [key.name for key in parse_ring(path(house).read_text())]


def uses(house):
    with reading(house.parts.engine) as connection:
        return dict(ring.uses(connection))


def test_after_a_rotation_everything_is_read_with_the_new_key_alone(lived_in):
    assert ring.add_key(path(lived_in)) == "k2"
    assert ring.rewrap(lived_in.parts.engine, lived_in.parts.vault) == 2
    assert uses(lived_in) == {"k2": 2}
    with reading(lived_in.parts.engine) as connection:
        ring.remove_key(path(lived_in), "k1", ring.uses(connection))
    assert names(lived_in) == ["k2"]
    lived_in.google_add("ana", summary="after", **at(day(6)))
    assert lived_in.resync("ana")["outcome"] == "ok"
    assert "after" in lived_in.crm_titles("ana")
    assert lived_in.conflicts("ana")


def test_operators_log_in_after_a_rotation_without_the_old_key(house):
    parts, now = house.parts, house.clock()
    with writing(parts.engine) as connection:
        login = operators.add(connection, parts.vault, "olga", operators.Role.VIEWER, now)
    ring.add_key(path(house))
    ring.rewrap(parts.engine, parts.vault)
    with reading(parts.engine) as connection:
        ring.remove_key(path(house), "k1", ring.uses(connection))
    claim = operators.Claim("olga", login.password, pyotp.TOTP(login.totp_secret).at(now))
    assert operators.log_in(parts.engine, parts.vault, claim, now)


def test_a_process_that_runs_picks_the_new_key_up_by_itself(house):
    ring.add_key(path(house))
    house.person("ben")
    with reading(house.parts.engine) as connection:
        wrapped = connection.execute(
            select(accounts.accounts.c.data_key).where(accounts.accounts.c.user == "ben")
        ).scalar_one()
    assert key_name(wrapped) == "k2"
    assert uses(house) == {"k1": 2, "k2": 2}, "each has an account and a pseudonym"


def test_consent_that_was_begun_before_a_rotation_ends_after_it(house):
    now, vault = house.clock(), house.parts.vault
    with writing(house.parts.engine) as connection:
        secret, _ = consent.new_ticket(connection, vault, "ben", "ben@example.com", now)
    ring.add_key(path(house))
    ring.rewrap(house.parts.engine, vault)
    with reading(house.parts.engine) as connection:
        assert consent.find_ticket(connection, vault, secret, now).expected == "ben@example.com"
        with pytest.raises(ring.StillNeeded, match="1 values need k1"):
            ring.remove_key(path(house), "k1", ring.uses(connection))


@pytest.mark.parametrize(
    ("name", "why"), [("k2", "the newest"), ("k7", "no key 'k7'"), ("k1", "2 values need")]
)
def test_a_key_that_is_needed_is_not_removed(house, name, why):
    ring.add_key(path(house))
    with reading(house.parts.engine) as connection, pytest.raises(ring.StillNeeded, match=why):
        ring.remove_key(path(house), name, ring.uses(connection))
    assert names(house) == ["k2", "k1"]


def test_the_ring_stays_private_and_is_never_half_written(house):
    path(house).chmod(0o400)
    ring.add_key(path(house))
    assert path(house).stat().st_mode & 0o777 == 0o400
    assert [entry.name for entry in house.directory.iterdir() if "keys" in entry.name] == ["calsync.keys"]


REWRAP = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from calsync.config import load
from calsync.privacy import ring
from calsync.sandbox.stage import Stage
from calsync.wiring import open_parts

parts = open_parts(load(sys.argv[1]))
ring.BATCH = 3
commits = []

def committed(connection):
    commits.append(1)
    if len(commits) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(parts.engine, "commit", committed)
ring.rewrap(parts.engine, parts.vault)
"""


def test_a_rotation_that_is_killed_is_finished_by_the_next(tmp_path):
    with Stage(tmp_path, {"poll_seconds": 2}) as stage:
        parts = open_parts(load(str(stage.config)))
        people = [f"p{number}" for number in range(20)]
        with writing(parts.engine) as connection:
            for user in people:
                subjects.pseudonym(connection, parts.vault, user, parts.clock())
        ring.add_key(tmp_path / "calsync.keys")
        died = subprocess.run([sys.executable, "-c", REWRAP, str(stage.config)], capture_output=True)
        assert died.returncode == -9, died.stderr
        with reading(parts.engine) as connection:
            before, half = subjects.everyone(connection, parts.vault), ring.uses(connection)
        assert 0 < half["k2"] < 20
        assert sorted(before.values()) == sorted(people)
        done = stage.calsync("keys", "rotate")
        assert {one["key"]: one["uses"] for one in done["keys"]}["k1"] == 0
        with reading(parts.engine) as connection:
            assert subjects.everyone(connection, parts.vault).keys() == before.keys()
        parts.close()


# -- what is sealed is bound to where it is --------------------------------------------------------------------


@pytest.fixture
def two_conflicts(lived_in):
    """A house in which ana has lost two values."""
    made = lived_in.google_add("ana", summary="B", location="x", **at(day(5)))
    lived_in.resync("ana")
    copy = next(event for event in lived_in.crm_events("ana") if event["title"] == "B")
    lived_in.google_edit("ana", made["id"], summary="B1", location="x1")
    lived_in.crm_edit("ana", copy["id"], title="B2", location="x2")
    lived_in.resync("ana")
    return lived_in


def swap(house, table, column, one, other):
    """Exchange a column of two rows."""
    with writing(house.parts.engine) as connection:
        values = {
            number: connection.execute(select(table.c[column]).where(table.c.id == number)).scalar_one()
            for number in (one, other)
        }
        for number, value in ((one, values[other]), (other, values[one])):
            connection.execute(update(table).where(table.c.id == number).values({column: value}))


def test_a_conflicts_values_open_in_no_other_row_of_the_same_person(two_conflicts):
    numbers = [number for number, _ in two_conflicts.conflicts("ana")]
    assert len(numbers) == 3
    cipher = two_conflicts.account("ana").cipher
    for _, lost in two_conflicts.conflicts("ana"):
        assert load_value(cipher.open(lost.place("lost"), lost.lost))
    swap(two_conflicts, conflicts.conflicts, "lost", numbers[0], numbers[1])
    for number, lost in two_conflicts.conflicts("ana"):
        if number in numbers[:2]:
            with pytest.raises(VaultError):
                cipher.open(lost.place("lost"), lost.lost)


def test_the_journals_values_open_in_no_other_row_of_the_same_person(lived_in):
    account = lived_in.account("ana")
    with reading(lived_in.parts.engine) as connection:
        written = [one for one in journal.everything_of(connection, account.id) if one.after]
    swap(lived_in, journal.entries, "after", written[0].id, written[1].id)
    with reading(lived_in.parts.engine) as connection:
        moved = journal.everything_of(connection, account.id)
    for entry in moved:
        if entry.id in (written[0].id, written[1].id):
            with pytest.raises(VaultError):
                account.cipher.open(entry.place("after"), entry.after)


def test_content_that_waits_opens_beside_its_own_entry_alone(house):
    for number in range(2):
        house.crm_add("ana", title=f"T{number}", **crm_at(day(2 + number)))
    house.fault(operation="events.insert", status=400, reason="invalid", times=2)
    house.resync("ana")
    house.control("DELETE", "faults")
    waiting = [link for link in house.links("ana") if link.crm.seen]
    assert len(waiting) == 2
    cipher = house.account("ana").cipher
    for link in waiting:
        open_seen(cipher, "link.crm_seen", link.crm.key, link.crm.seen)
    swap(house, links, "crm_seen", *[link.id for link in waiting])
    for link in house.links("ana"):
        with pytest.raises(VaultError):
            open_seen(cipher, "link.crm_seen", link.crm.key, link.crm.seen)


def test_keys_of_two_people_cannot_be_exchanged(house):
    house.person("ben")
    one, other = house.account("ana").id, house.account("ben").id
    swap(house, accounts.accounts, "data_key", one, other)
    with pytest.raises(VaultError):
        house.account("ana")
