"""Rounds that find nothing: what they leave unwritten, and what must be written at once."""

from __future__ import annotations

import pytest

from calsync.engine import run_account
from calsync.store import accounts
from calsync.store.accounts import State
from calsync.store.database import writing
from calsync.store.quiet import QuietRounds
from calsync.sync.round import Order
from calsync.sync.tally import Outcome
from tests.house import at, crm_at, day

#: What a round may move; the rest of an account is other people's.
MOVED = (
    "due_at",
    "interval_seconds",
    "last_success",
    "google_cursor",
    "crm_cursor",
    "google_looked",
    "crm_looked",
)


@pytest.fixture
def settled(house):
    """A house in which ana's calendars agree and nothing waits."""
    house.google_add("ana", summary="G", **at(day(1)))
    house.resync("ana")
    house.resync("ana")
    return house


def run(house, quiet, order=None):
    return run_account(house.parts, house.account("ana").id, order or Order(), wait=0, quiet=quiet)


def wake(house):
    with writing(house.parts.engine) as connection:
        accounts.wake(connection, ["ana"], house.clock())


def seen(account):
    return {name: getattr(account, name) for name in MOVED}


def test_a_round_that_finds_nothing_writes_nothing_until_it_is_told_to(settled):
    quiet, before = QuietRounds(), settled.account("ana")
    settled.clock.advance(minutes=1)
    tally = run(settled, quiet)
    assert (tally.outcome, tally.google_calls, tally.written) == (Outcome.OK, 1, 0)
    assert seen(settled.account("ana")) == seen(before)
    quiet.write(settled.parts.engine)
    after = settled.account("ana")
    for name in ("due_at", "last_success", "google_looked", "crm_looked"):
        assert getattr(after, name) > getattr(before, name)
    assert after.interval_seconds == 2 * before.interval_seconds
    assert (after.state, after.failures, after.reason) == (State.ACTIVE, 0, "")


def test_a_round_that_finds_something_is_written_at_once(settled):
    quiet, before = QuietRounds(), settled.account("ana")
    for change in (
        lambda: settled.google_add("ana", summary="G2", **at(day(2))),
        lambda: settled.crm_add("ana", title="C", **crm_at(day(3))),
    ):
        settled.clock.advance(minutes=1)
        change()
        assert run(settled, quiet).written == 1
        after = settled.account("ana")
        assert after.last_success > before.last_success
        before = after


def test_trouble_and_its_end_are_written_at_once(settled):
    quiet = QuietRounds()
    settled.fault(operation="events.list", status=503, times=10)
    assert run(settled, quiet).outcome is Outcome.PARTIAL
    troubled = settled.account("ana")
    assert troubled.failures == 1
    assert troubled.reason
    settled.control("DELETE", "faults")
    assert run(settled, quiet).outcome is Outcome.OK
    healed = settled.account("ana")
    assert (healed.failures, healed.reason) == (0, "")
    assert healed.last_success > troubled.last_success


def test_who_is_woken_after_a_quiet_round_stays_due(settled):
    quiet = QuietRounds()
    run(settled, quiet)
    wake(settled)
    quiet.write(settled.parts.engine)
    assert settled.account("ana").due_at <= settled.clock()


def test_who_is_paused_after_a_quiet_round_stays_paused(settled):
    quiet = QuietRounds()
    run(settled, quiet)
    settled.set_account("ana", state=State.PAUSED, due_at=settled.clock())
    quiet.write(settled.parts.engine)
    assert settled.account("ana").state is State.PAUSED


def test_a_resync_after_a_quiet_round_has_the_last_word(settled):
    quiet = QuietRounds()
    run(settled, quiet)
    settled.google_add("ana", summary="G2", **at(day(2)))
    settled.resync("ana")
    resynced = settled.account("ana")
    quiet.write(settled.parts.engine)
    assert seen(settled.account("ana")) == seen(resynced)


def test_who_is_woken_in_the_middle_of_a_round_is_due_again_after_it(settled):
    settled.google_add("ana", summary="G2", **at(day(2)))

    def wake_and_go_on():
        wake(settled)
        return False

    assert run(settled, None, Order(enough=wake_and_go_on)).written == 1
    woken = settled.account("ana")
    assert woken.due_at <= settled.clock()
    assert woken.interval_seconds == 0.0
