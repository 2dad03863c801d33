"""Series and their exceptions cross as one event, in both directions."""

from __future__ import annotations

from datetime import datetime

import pytest

from calsync.model.recurrence import occurrence_key
from tests.house import at, crm_at, day, nothing_written

DAILY = ["RRULE:FREQ=DAILY;COUNT=6"]


@pytest.fixture
def weekly(house):
    """A series of six days from tomorrow that is on both sides; returns (house, Google event, CRM event)."""
    made = house.google_add("ana", summary="S", recurrence=DAILY, **at(day(1)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    return house, made, record


def instance(made, days):
    return f"{made['id']}_{occurrence_key(day(days))}"


def in_step(house):
    assert nothing_written(house.resync("ana"))


def test_a_series_arrives_whole_with_its_rule(weekly):
    house, _, record = weekly
    assert record["recurrence"] == DAILY
    assert record["time_zone"] == "Europe/London"
    in_step(house)


def test_one_occurrence_moved_in_google_is_one_exception_in_the_crm(weekly):
    house, made, _ = weekly
    house.google_edit("ana", instance(made, 2), summary="S moved", **at(day(2, 15)))
    run = house.resync("ana")
    assert run["crm"] == {"created": 0, "updated": 1, "deleted": 0}
    (record,) = house.crm_events("ana")
    (exception,) = record["exceptions"]
    assert exception["title"] == "S moved"
    in_step(house)


def test_one_occurrence_cancelled_in_google_is_cancelled_in_the_crm(weekly):
    house, made, _ = weekly
    house.google_delete("ana", instance(made, 3))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert [exception.get("cancelled") for exception in record["exceptions"]] == [True]
    in_step(house)


def test_one_occurrence_moved_in_the_crm_is_one_exception_in_google(weekly):
    house, made, record = weekly
    exception = {"original_start": day(2).isoformat(), "title": "Moved", **crm_at(day(2, 16))}
    house.crm_edit("ana", record["id"], exceptions=[exception])
    run = house.resync("ana")
    assert run["google"]["updated"] == 1
    stored = house.google_get("ana", instance(made, 2))
    assert stored["summary"] == "Moved"
    assert house.google_get("ana", made["id"])["recurrence"] == DAILY
    in_step(house)


def test_one_occurrence_cancelled_in_the_crm_is_cancelled_in_google_and_comes_back(weekly):
    house, made, record = weekly
    house.crm_edit(
        "ana", record["id"], exceptions=[{"original_start": day(2).isoformat(), "cancelled": True}]
    )
    house.resync("ana")
    assert house.google_get("ana", instance(made, 2))["status"] == "cancelled"
    in_step(house)
    house.crm_edit("ana", record["id"], exceptions=[{"original_start": day(2).isoformat(), "restored": True}])
    house.resync("ana")
    assert house.google_get("ana", instance(made, 2))["status"] == "confirmed"
    in_step(house)


def test_two_people_who_change_different_occurrences_both_keep_theirs(weekly):
    house, made, record = weekly
    house.google_edit("ana", instance(made, 2), summary="from Google")
    exception = {"original_start": day(4).isoformat(), "title": "from the CRM"}
    house.crm_edit("ana", record["id"], exceptions=[exception])
    run = house.resync("ana")
    assert run["conflicts"] == 0
    (record,) = house.crm_events("ana")
    assert sorted(part["title"] for part in record["exceptions"]) == ["from Google", "from the CRM"]
    assert house.google_get("ana", instance(made, 4))["summary"] == "from the CRM"
    in_step(house)


def test_a_series_made_in_the_crm_with_exceptions_arrives_whole(house):
    moved = {"original_start": day(2).isoformat(), "title": "Moved"}
    cancelled = {"original_start": day(3).isoformat(), "cancelled": True}
    house.crm_add(
        "ana",
        title="S",
        time_zone="Europe/London",
        recurrence=DAILY,
        exceptions=[moved, cancelled],
        **crm_at(day(1)),
    )
    run = house.resync("ana")
    assert run["google"]["created"] == 1
    master = next(event for event in house.google_events("ana") if "recurrence" in event)
    assert house.google_get("ana", instance(master, 2))["summary"] == "Moved"
    assert house.google_get("ana", instance(master, 3))["status"] == "cancelled"
    in_step(house)


def test_a_new_rule_crosses_and_takes_only_strayed_exceptions_along(weekly):
    house, made, record = weekly
    house.google_edit("ana", instance(made, 2), summary="stays")
    house.google_edit("ana", instance(made, 6), summary="strays")
    house.resync("ana")
    house.google_edit("ana", made["id"], recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert record["recurrence"] == ["RRULE:FREQ=DAILY;COUNT=3"]
    assert [part["title"] for part in record["exceptions"]] == ["stays"]
    in_step(house)


def test_a_new_rule_without_the_date_of_an_exception_leaves_nothing_behind(weekly):
    house, made, record = weekly
    for days in (2, 3):
        house.google_edit("ana", instance(made, days), summary=f"moved {days}", **at(day(days, 15)))
    house.resync("ana")
    house.google_edit("ana", made["id"], recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    for _ in range(2):
        assert house.resync("ana")["outcome"] == "ok"
    (record,) = house.crm_events("ana")
    assert record["exceptions"] == []
    in_step(house)


def test_this_and_following_becomes_two_series(weekly):
    house, made, _ = weekly
    body = {"at": day(4).isoformat(), "patch": {"summary": "S from now on"}}
    house.control("POST", f"accounts/ana@example.com/events/{made['id']}/split", body)
    house.resync("ana")
    assert house.crm_titles("ana") == ["S", "S from now on"]
    in_step(house)


def test_a_deleted_series_goes_with_its_exceptions(weekly):
    house, made, _ = weekly
    house.google_edit("ana", instance(made, 2), summary="moved")
    house.resync("ana")
    house.google_delete("ana", made["id"])
    run = house.resync("ana")
    assert run["crm"] == {"created": 0, "updated": 0, "deleted": 1}
    assert house.crm_events("ana") == []
    in_step(house)


def test_an_all_day_series_keeps_its_days(house):
    first, last = day(1).date(), day(2).date()
    body = {
        "start": {"date": str(first)},
        "end": {"date": str(last)},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"],
    }
    made = house.google_add("ana", summary="Out", **body)
    second = day(8).date()
    moved = {"start": {"date": str(day(9).date())}, "end": {"date": str(day(10).date())}}
    house.google_edit("ana", f"{made['id']}_{second:%Y%m%d}", **moved)
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert record["all_day"]
    assert record["exceptions"][0]["original_start"] == str(second)
    in_step(house)


def test_a_series_changed_on_one_side_and_one_occurrence_on_the_other_merge(weekly):
    house, made, record = weekly
    house.google_edit("ana", made["id"], location="garden")
    house.crm_edit(
        "ana", record["id"], exceptions=[{"original_start": day(3).isoformat(), "title": "special"}]
    )
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert record["location"] == "garden"
    assert record["exceptions"][0]["title"] == "special"
    assert house.google_get("ana", instance(made, 3))["summary"] == "special"
    house.resync("ana")
    in_step(house)


@pytest.mark.parametrize("written", [0, 1])
def test_exceptions_that_could_not_be_written_with_their_new_series_are_written_later(house, written):
    exceptions = [{"original_start": day(n).isoformat(), "title": f"special {n}"} for n in (2, 3)]
    house.crm_add("ana", title="S", recurrence=DAILY, exceptions=exceptions, **crm_at(day(1)))
    house.fault(operation="events.patch", when="before", status=503, skip=written, times=9)
    assert house.resync("ana")["outcome"] == "partial"
    house.control("DELETE", "faults")
    house.clock.advance(minutes=5)
    house.resync("ana")
    in_step(house)
    (record,) = house.crm_events("ana")
    assert sorted(part["title"] for part in record["exceptions"]) == ["special 2", "special 3"]
    master = next(event for event in house.google_events("ana") if "recurrence" in event)
    for n in (2, 3):
        assert house.google_get("ana", instance(master, n))["summary"] == f"special {n}"


@pytest.mark.parametrize("shuffle", [False, True], ids=["master first", "exceptions first"])
@pytest.mark.parametrize("rows", [0, 1], ids=["on one page", "each on a page of its own"])
def test_exceptions_come_in_any_order_and_on_any_page(house, shuffle, rows):
    made = house.google_add("ana", summary="S", recurrence=DAILY, **at(day(1)))
    house.google_edit("ana", instance(made, 2), summary="moved", **at(day(2, 15)))
    house.google_delete("ana", instance(made, 3))
    house.control("POST", "switches", {"shuffle": shuffle, "short_pages": rows})
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert [part.get("cancelled", False) for part in record["exceptions"]] == [False, True]
    house.google_edit("ana", made["id"], summary="S2")
    house.google_edit("ana", instance(made, 4), summary="moved too")
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert record["title"] == "S2"
    assert [part.get("title", "") for part in record["exceptions"]] == ["moved", "", "moved too"]
    in_step(house)


@pytest.mark.parametrize("told", [False, True], ids=["silently", "each told as cancelled"])
def test_exceptions_of_a_deleted_series_go_with_it(weekly, told):
    house, made, _ = weekly
    house.google_edit("ana", instance(made, 2), summary="moved")
    house.resync("ana")
    house.control("POST", "switches", {"children_tombstones": told, "shuffle": told})
    house.google_delete("ana", made["id"])
    house.resync("ana")
    assert house.crm_events("ana") == []
    in_step(house)


def test_a_series_moved_by_an_hour_on_either_side_keeps_its_dates(weekly):
    house, made, record = weekly
    house.google_edit("ana", made["id"], **at(day(1, 10)))
    house.resync("ana")
    (moved,) = house.crm_events("ana")
    assert datetime.fromisoformat(moved["start"]) == day(1, 10)
    house.crm_edit("ana", record["id"], **crm_at(day(1, 12)))
    house.resync("ana")
    start = house.google_get("ana", made["id"])["start"]["dateTime"]

    assert datetime.fromisoformat(start) == day(1, 12)
    in_step(house)


def test_a_series_that_moves_in_the_crm_leaves_its_old_exceptions_behind_on_both_sides(weekly):
    house, _, record = weekly
    moved = {"original_start": day(2).isoformat(), "title": "Moved", **crm_at(day(2, 16))}
    cancelled = {"original_start": day(3).isoformat(), "cancelled": True}
    house.crm_edit("ana", record["id"], exceptions=[moved, cancelled])
    house.resync("ana")
    house.crm_edit("ana", record["id"], **crm_at(day(1, 11)))
    run = house.resync("ana")
    assert (run["outcome"], run["quarantined"], run["google"]["updated"]) == ("ok", 0, 1)
    [series] = house.google_events("ana")
    assert datetime.fromisoformat(series["start"]["dateTime"]) == day(1, 11)
    assert house.crm_events("ana")[0]["exceptions"] == []
    in_step(house)
    assert nothing_written(house.resync("ana", full=True))
