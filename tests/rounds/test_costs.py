"""What a sync costs, in requests to Google."""

from __future__ import annotations

import pytest

from tests.house import at, crm_at, day, nothing_written


def list_calls(house):
    return house.counters()["requests"].get("events.list", 0)


def generate(house, count):
    body = {"generate": {"n": count, "seed": 7}}
    house.control("POST", "accounts/ana@example.com/seed", body)


@pytest.mark.parametrize("count", [100, 5100])
def test_a_pull_costs_one_list_call_for_2500_changes(house, count):
    generate(house, count)
    house.reset_counters()
    run = house.resync("ana")
    assert run["google_calls"] == list_calls(house) == -(-count // 2500)
    assert house.counters()["writes"] == 0
    house.reset_counters()
    run = house.resync("ana")
    assert run["google_calls"] == 1
    assert nothing_written(run)


def test_a_change_in_google_costs_one_call(house):
    generate(house, 50)
    house.resync("ana")
    house.google_add("ana", summary="new", **at(day(1)))
    run = house.resync("ana")
    assert run["crm"]["created"] == 1
    assert run["google_calls"] == 1


def test_a_change_pushed_costs_exactly_one_call_besides_the_poll(house):
    record = house.crm_add("ana", title="A", **crm_at(day(1)))
    house.resync("ana")
    house.resync("ana")
    for change in (
        lambda: house.crm_add("ana", title="B", **crm_at(day(2))),
        lambda: house.crm_edit("ana", record["id"], title="A2"),
        lambda: house.crm_edit("ana", record["id"], **crm_at(day(5))),
        lambda: house.crm_delete("ana", record["id"]),
    ):
        change()
        house.reset_counters()
        house.resync("ana")
        assert house.counters()["writes"] == 1
        requests = house.counters()["requests"]
        assert sum(requests.values()) - requests["events.list"] == 1
        assert house.resync("ana")["google_calls"] == 1


def test_a_push_of_many_costs_one_call_each(house):
    house.resync("ana")
    for n in range(20):
        house.crm_add("ana", title=f"C{n}", **crm_at(day(1 + n)))
    house.reset_counters()
    run = house.resync("ana")
    assert run["google"]["created"] == 20
    assert run["google_calls"] == 21


def test_our_own_writes_come_back_as_silence(house):
    house.google_add("ana", summary="S", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **at(day(1)))
    house.crm_add("ana", title="T", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **crm_at(day(1)))
    generate(house, 60)
    house.resync("ana")
    for _ in range(5):
        house.reset_counters()
        assert nothing_written(house.resync("ana"))
        assert house.counters()["writes"] == 0
