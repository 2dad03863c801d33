"""Calendars that already share events, a lost database, and copies that people make."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from calsync.store.database import writing
from calsync.store.links import links
from tests.house import at, crm_at, day, nothing_written


def test_events_on_both_sides_before_we_came_are_paired_not_doubled(house):
    for n in range(5):
        house.google_add("ana", summary=f"E{n}", description="kept", **at(day(1 + n)))
        house.crm_add("ana", title=f"E{n}", location="room", **crm_at(day(1 + n)))
    run = house.resync("ana")
    assert run["google"]["created"] == run["crm"]["created"] == 0
    titles = [f"E{n}" for n in range(5)]
    assert house.google_titles("ana") == house.crm_titles("ana") == titles
    assert {event["location"] for event in house.google_events("ana")} == {"room"}
    assert {event["description"] for event in house.crm_events("ana")} == {"kept"}
    assert nothing_written(house.resync("ana"))


def test_two_equal_events_on_each_side_stay_two(house):
    for _ in range(2):
        house.google_add("ana", summary="twin", **at(day(1)))
        house.crm_add("ana", title="twin", **crm_at(day(1)))
    house.resync("ana")
    assert house.google_titles("ana") == house.crm_titles("ana") == ["twin", "twin"]


def test_more_twins_on_one_side_are_made_up_on_the_other(house):
    for _ in range(3):
        house.google_add("ana", summary="twin", **at(day(1)))
    house.crm_add("ana", title="twin", **crm_at(day(1)))
    house.resync("ana")
    assert house.google_titles("ana") == house.crm_titles("ana") == ["twin"] * 3


def test_a_person_who_disconnects_and_comes_back_finds_nothing_doubled(house):
    house.google_add("ana", summary="G", **at(day(1)))
    record = house.crm_add("ana", title="C", **crm_at(day(1)))
    house.resync("ana")
    house.set_account("ana", state="disconnected", refresh_token=None, google_cursor=None, crm_cursor=None)
    house.crm_edit("ana", record["id"], title="C2")
    house.connect("ana", "ana@example.com")
    run = house.resync("ana")
    assert run["google"] == {"created": 0, "updated": 1, "deleted": 0}
    assert house.google_titles("ana") == house.crm_titles("ana") == ["C2", "G"]


def test_a_copy_that_a_person_makes_of_our_copy_is_a_new_event(house):
    house.crm_add("ana", title="C", **crm_at(day(1)))
    house.resync("ana")
    (ours,) = house.google_events("ana")
    properties = ours["extendedProperties"]
    house.google_add("ana", summary="C by hand", extendedProperties=properties, **at(day(2)))
    house.resync("ana")
    assert house.crm_titles("ana") == ["C", "C by hand"]
    assert nothing_written(house.resync("ana"))


def test_events_that_google_made_itself_take_no_place_in_the_crm(house):
    first, last = {"date": str(day(1).date())}, {"date": str(day(2).date())}
    house.google_add("ana", summary="Birthday", eventType="birthday", start=first, end=last)
    house.google_add("ana", summary="Home", eventType="workingLocation", start=first, end=last)
    run = house.resync("ana")
    assert run["outcome"] == "ok"
    assert house.crm_events("ana") == []


@pytest.mark.parametrize("side", ["google", "crm"])
def test_mapping_rows_that_lost_an_id_find_their_event_again(house, side):
    house.google_add("ana", summary="G", **at(day(1)))
    house.crm_add("ana", title="C", **crm_at(day(2)))
    house.resync("ana")
    house.resync("ana")
    keys = {(link.google.key, link.crm.key) for link in house.links("ana")}
    with writing(house.parts.engine) as connection:
        connection.execute(update(links).values({f"{side}_key": None, f"{side}_version": ""}))
    run = house.resync("ana", full=True)
    assert run["outcome"] == "ok"
    assert nothing_written(run)
    assert {(link.google.key, link.crm.key) for link in house.links("ana")} == keys
    assert nothing_written(house.resync("ana", full=True))
