"""Events outside the window rest, and come in when their day comes."""

from __future__ import annotations

from tests.house import at, crm_at, day, nothing_written


def test_an_old_event_stays_where_it_is(house):
    house.google_add("ana", summary="old", **at(day(-100)))
    house.crm_add("ana", title="old too", **crm_at(day(-100)))
    run = house.resync("ana")
    assert nothing_written(run)


def test_an_old_series_that_goes_on_crosses(house):
    house.google_add("ana", summary="weekly", recurrence=["RRULE:FREQ=WEEKLY"], **at(day(-700)))
    house.resync("ana")
    assert house.crm_titles("ana") == ["weekly"]


def test_an_old_series_that_has_ended_stays(house):
    house.google_add("ana", summary="weekly", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"], **at(day(-700)))
    house.resync("ana")
    assert house.crm_titles("ana") == []


def test_a_far_event_comes_in_when_its_day_comes(house):
    house.google_add("ana", summary="far", **at(day(400)))
    house.crm_add("ana", title="far too", **crm_at(day(410)))
    assert nothing_written(house.resync("ana"))
    house.clock.advance(days=60)
    run = house.resync("ana")
    assert run["crm"]["created"] == run["google"]["created"] == 1
    assert nothing_written(house.resync("ana"))


def test_an_event_that_moves_out_and_back_is_never_deleted(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    house.google_edit("ana", made["id"], **at(day(800)))
    run = house.resync("ana")
    assert nothing_written(run)
    assert house.crm_titles("ana") == ["A"]
    house.google_edit("ana", made["id"], **at(day(3)))
    run = house.resync("ana")
    assert run["crm"] == {"created": 0, "updated": 1, "deleted": 0}
    assert nothing_written(house.resync("ana"))


def test_time_that_passes_writes_nothing(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.crm_add("ana", title="B", **crm_at(day(1)))
    house.resync("ana")
    for _ in range(4):
        house.clock.advance(days=40)
        assert nothing_written(house.resync("ana", full=True))
    assert house.google_titles("ana") == house.crm_titles("ana") == ["A", "B"]
