"""A long first import yields to others, and goes on where it was."""

from __future__ import annotations

from calsync.engine import run_account
from calsync.sync.round import Order
from tests.house import at, crm_at, day, nothing_written


def test_an_import_that_takes_longer_than_its_turn_goes_on_in_the_next(house):
    for n in range(130):
        house.google_add("ana", summary=f"G{n:03}", **at(day(1 + n)))
        house.crm_add("ana", title=f"C{n:03}", **crm_at(day(1 + n)))
    answers = iter([False, True])
    account_id = house.account("ana").id
    first = run_account(house.parts, account_id, Order(enough=lambda: next(answers)), wait=0)
    assert 0 < first.written < 260
    assert house.account("ana").due_at <= house.clock()
    house.resync("ana")
    assert house.google_titles("ana") == house.crm_titles("ana")
    assert len(house.google_titles("ana")) == 260
    assert nothing_written(house.resync("ana"))


def test_a_process_that_should_end_stops_between_batches_and_loses_nothing(house):
    for n in range(130):
        house.google_add("ana", summary=f"G{n:03}", **at(day(1 + n)))
    house.parts.stopping.set()
    house.resync("ana")
    assert house.crm_titles("ana") == []
    house.parts.stopping.clear()
    house.resync("ana")
    assert house.crm_titles("ana") == house.google_titles("ana")
