"""Putting back what lost in a conflict."""

from __future__ import annotations

import pytest

from calsync.model.recurrence import occurrence_key
from tests.house import at, crm_at, day, nothing_written


@pytest.fixture
def clash(build):
    """A house where the CRM wins, and an event on both sides; returns (house, Google id, CRM id)."""
    house = build({"conflict": "crm"})
    house.person("ana")
    body = {"summary": "A", "location": "room", "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"]}
    made = house.google_add("ana", **body, **at(day(1)))
    house.resync("ana")
    return house, made["id"], house.crm_events("ana")[0]["id"]


def only_conflict(house):
    numbers = [number for number, _ in house.conflicts("ana")]
    assert len(numbers) == 1
    return numbers[0]


def in_step(house):
    assert nothing_written(house.resync("ana"))


def test_a_title_that_lost_stands_on_both_sides_again(clash):
    house, google_id, crm_id = clash
    house.google_edit("ana", google_id, summary="mine")
    house.crm_edit("ana", crm_id, title="theirs")
    house.resync("ana")
    assert house.restore(only_conflict(house)).fields == ("title",)
    assert house.google_get("ana", google_id)["summary"] == "mine"
    assert house.crm_titles("ana") == ["mine"]
    assert house.conflicts("ana") == []
    in_step(house)


def test_a_start_comes_back_with_its_end(clash):
    house, google_id, crm_id = clash
    house.google_edit("ana", google_id, **at(day(1, 13), 2))
    house.crm_edit("ana", crm_id, **crm_at(day(1, 15)))
    house.resync("ana")
    (number, _), *_ = house.conflicts("ana")
    assert house.restore(number).fields == ("end", "start")
    assert house.google_get("ana", google_id)["start"]["dateTime"].startswith(day(1, 13).isoformat()[:13])
    assert house.conflicts("ana") == []
    in_step(house)


def test_an_occurrence_that_lost_comes_back(clash):
    house, google_id, crm_id = clash
    instance = f"{google_id}_{occurrence_key(day(2))}"
    house.google_edit("ana", instance, summary="mine")
    house.crm_edit("ana", crm_id, exceptions=[{"original_start": day(2).isoformat(), "cancelled": True}])
    house.resync("ana")
    assert house.restore(only_conflict(house)).fields == (f"x:{occurrence_key(day(2))}",)
    assert house.google_get("ana", instance)["summary"] == "mine"
    assert house.crm_events("ana")[0]["exceptions"][0]["title"] == "mine"
    in_step(house)


def test_a_restored_value_can_be_undone(clash):
    house, google_id, crm_id = clash
    house.google_edit("ana", google_id, location="mine")
    house.crm_edit("ana", crm_id, location="theirs")
    house.resync("ana")
    house.restore(only_conflict(house))
    assert house.google_get("ana", google_id)["location"] == "mine"
    in_step(house)


def test_nothing_is_put_back_into_an_event_that_is_gone(clash):
    house, google_id, crm_id = clash
    house.google_edit("ana", google_id, summary="mine")
    house.crm_edit("ana", crm_id, title="theirs")
    house.resync("ana")
    house.crm_delete("ana", crm_id)
    house.resync("ana")
    restored = house.restore(only_conflict(house))
    assert restored.fields == ()
    assert "no longer" in restored.why_not
