"""The account book of the installation's brake: the same answer to everybody, however many ask at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from calsync.model.policy import InstallationBrake
from calsync.store.brake import admit, correct
from tests.store.conftest import NOW

BRAKE = InstallationBrake(count=50, within=timedelta(minutes=10))


def test_those_who_ask_at_once_get_no_more_than_there_is(engine):
    with ThreadPoolExecutor(12) as pool:
        batches = list(pool.map(lambda _: admit(engine, BRAKE, 9, NOW), range(12)))
    assert sum(batch is not None for batch in batches) == 5


def test_what_was_not_made_in_the_end_is_there_for_others(engine):
    first = admit(engine, BRAKE, 50, NOW)
    assert admit(engine, BRAKE, 1, NOW) is None
    correct(engine, first, 20)
    assert admit(engine, BRAKE, 30, NOW) is not None
    assert admit(engine, BRAKE, 1, NOW) is None


def test_room_comes_back_when_the_time_is_over_and_not_before(engine):
    admit(engine, BRAKE, 50, NOW)
    assert admit(engine, BRAKE, 1, NOW + timedelta(minutes=9, seconds=59)) is None
    assert admit(engine, BRAKE, 50, NOW + timedelta(minutes=10)) is not None


def test_a_clock_that_was_far_ahead_for_a_while_does_not_hold_everybody_for_as_long(engine):
    admit(engine, BRAKE, 50, NOW + timedelta(days=1))
    assert admit(engine, BRAKE, 50, NOW) is not None
    assert admit(engine, BRAKE, 1, NOW) is None
