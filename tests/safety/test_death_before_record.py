"""The process dies when Google has taken a copy and nothing of it is on record yet."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from sqlalchemy import event

from tests.house import crm_at, day, nothing_written


class Death(BaseException):
    """The process ends here."""


@contextmanager
def dying_before_the_record(house):
    """Let the first commit after Google has an event of Ana's be the one that does not happen."""

    def die(_connection):
        if house.google_events("ana"):
            raise Death

    event.listen(house.parts.engine, "commit", die)
    try:
        with pytest.raises(Death):
            yield
    finally:
        event.remove(house.parts.engine, "commit", die)


@pytest.fixture
def copied(house):
    """A series with guests and a changed occurrence, whose copy is at Google and not on record; returns its id."""
    moved = {"original_start": day(2).isoformat(), "title": "special"}
    record = house.crm_add(
        "ana",
        title="S",
        recurrence=["RRULE:FREQ=DAILY;COUNT=4"],
        attendees=[{"email": "x@outside.test"}],
        exceptions=[moved],
        **crm_at(day(1)),
    )
    with dying_before_the_record(house):
        house.resync("ana")
    return record["id"]


def test_a_copy_that_nobody_has_touched_goes_with_its_record(house, copied):
    house.crm_delete("ana", copied)
    house.resync("ana")
    assert house.google_events("ana") == house.crm_events("ana") == []


def test_a_copy_that_nobody_has_touched_is_taken_up_without_a_write(house, copied):
    before = house.crm_events("ana")
    house.resync("ana")
    assert nothing_written(house.resync("ana"))
    assert house.crm_events("ana") == before
    assert len([one for one in house.google_events("ana") if "recurringEventId" not in one]) == 1
    assert house.conflicts("ana") == []
