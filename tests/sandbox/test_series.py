"""Series: masters with changed and cancelled occurrences, and what becomes of them."""

import pytest

from tests.sandbox.times import START, all_day, instance, timed, weekly


@pytest.fixture
def series(ana):
    return ana.insert(summary="Weekly", description="all weeks", **weekly())


def test_an_occurrence_can_be_read_before_anybody_touched_it(ana, series):
    shown = ana.get(instance(series, 1))
    assert shown["recurringEventId"] == series["id"]
    assert shown["originalStartTime"]["dateTime"] == shown["start"]["dateTime"] == "2030-03-11T09:00:00Z"
    assert shown["iCalUID"] == series["iCalUID"]
    assert "recurrence" not in shown
    assert len(ana.list()) == 1


def test_there_is_no_occurrence_where_the_rule_has_none(ana, series, refused):
    assert refused(ana.get, f"{series['id']}_20300305T090000Z") == (404, "notFound")
    assert refused(ana.patch, instance(series, 9), summary="x") == (404, "notFound")


def test_a_changed_occurrence_keeps_its_id_when_it_is_moved(ana, series):
    moved = ana.patch(instance(series, 1), summary="Moved", **timed(9))
    assert moved["id"] == instance(series, 1)
    assert moved["start"]["dateTime"] == "2030-03-13T09:00:00Z"
    assert moved["originalStartTime"]["dateTime"] == "2030-03-11T09:00:00Z"
    assert moved["description"] == "all weeks"


def test_what_an_exception_clears_does_not_come_back_from_its_series(ana, series):
    assert "description" not in ana.patch(instance(series, 1), description=None)
    assert "description" not in ana.get(instance(series, 1))


def test_an_exception_follows_its_series_in_what_it_did_not_change(ana, series):
    ana.patch(instance(series, 1), summary="Moved")
    ana.patch(series["id"], location="Room", summary="Weekly 2")
    shown = ana.get(instance(series, 1))
    assert (shown["summary"], shown["location"]) == ("Moved", "Room")


def test_exceptions_that_the_rule_no_longer_has_are_dropped(ana, series, refused):
    ana.patch(instance(series, 3), summary="Moved")
    ana.patch(series["id"], recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    assert [row["id"] for row in ana.list()] == [series["id"]]
    assert refused(ana.get, instance(series, 3)) == (404, "notFound")


def test_a_cancelled_occurrence_is_an_exception_and_not_an_exdate(ana, series, refused):
    ana.delete(instance(series, 1))
    assert ana.get(series["id"])["recurrence"] == series["recurrence"]
    assert ana.get(instance(series, 1))["status"] == "cancelled"
    assert refused(ana.delete, instance(series, 1)) == (410, "deleted")
    assert ana.patch(instance(series, 1), status="confirmed")["summary"] == "Weekly"


def test_an_exdate_takes_an_occurrence_away(ana, refused):
    rules = ["RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE;TZID=Europe/London:20300311T090000"]
    made = ana.insert(**timed(recurrence=rules))
    assert refused(ana.get, instance(made, 1)) == (404, "notFound")


def test_a_series_keeps_its_wall_clock_over_a_change_of_clocks(ana, series):
    starts = [
        row["start"]["dateTime"]
        for row in ana.list(singleEvents=True, timeMax="2031-01-01T00:00:00Z", orderBy="startTime")
    ]
    assert starts[3] == "2030-03-25T09:00:00Z"
    longer = ana.insert(**weekly(6))
    shown = ana.get(f"{longer['id']}_20300401T080000Z")
    assert shown["start"]["dateTime"] == "2030-04-01T09:00:00+01:00"


def test_occurrences_of_whole_days_are_named_by_their_day(ana):
    made = ana.insert(**all_day(recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    shown = ana.get(f"{made['id']}_20300305")
    assert (shown["start"], shown["end"]) == ({"date": "2030-03-05"}, {"date": "2030-03-06"})
    assert shown["originalStartTime"] == {"date": "2030-03-05"}


@pytest.mark.parametrize("switch", [False, True])
def test_exceptions_of_a_deleted_series_are_listed_only_when_switched_on(google, ana, series, switch):
    google.switch(children_tombstones=switch)
    ana.patch(instance(series, 1), summary="Moved")
    token = ana.token_now()
    ana.delete(series["id"])
    changes = {row["id"]: row["status"] for row in ana.changes(token)}
    children = {instance(series, 1): "cancelled"} if switch else {}
    assert changes == {series["id"]: "cancelled"} | children


def test_a_more_private_occurrence_makes_the_series_private_and_not_the_other_way(ana, series):
    ana.patch(instance(series, 1), visibility="private")
    assert ana.get(series["id"])["visibility"] == "private"
    ana.patch(instance(series, 1), visibility="public")
    assert ana.get(series["id"])["visibility"] == "private"


def test_this_and_following_makes_a_second_series_named_after_the_first(google, ana, series):
    at = "2030-03-18T09:00:00+00:00"
    path = f"accounts/{ana.email}/events/{series['id']}/split"
    second = google.control("POST", path, {"at": at, "patch": {"summary": "New"}})
    assert second["id"] == f"{series['id']}_R20300318T090000"
    assert second["iCalUID"] == f"{second['id']}@google.com"
    found = ana.list(singleEvents=True, orderBy="startTime", timeMax="2030-04-02T00:00:00Z")
    assert [row["summary"] for row in found] == ["Weekly", "Weekly", "New", "New"]
    third = ana.get(instance(series, 2))
    assert third["recurringEventId"] == second["id"]
    assert START.isoformat() == "2030-03-04T09:00:00+00:00"


def test_this_and_following_leaves_dates_that_were_taken_out_as_they_are(google, ana, series):
    rules = [*series["recurrence"], "EXDATE:20300311T090000Z"]
    ana.patch(series["id"], recurrence=rules)
    at = "2030-03-18T09:00:00+00:00"
    google.control("POST", f"accounts/{ana.email}/events/{series['id']}/split", {"at": at})
    assert ana.get(series["id"])["recurrence"][1] == "EXDATE:20300311T090000Z"
    found = ana.list(singleEvents=True, orderBy="startTime", timeMax="2030-03-20T00:00:00Z")
    assert [row["start"]["dateTime"][:10] for row in found] == ["2030-03-04", "2030-03-18"]
