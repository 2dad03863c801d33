"""Which CRM events go out: by what they are to a person, and by type, status and category."""

from __future__ import annotations

from datetime import datetime

import pytest

from calsync.model.recurrence import occurrence_key
from tests.house import at, crm_at, day, nothing_written

#: A setting of [sync], and what then is on Google of a meeting, a call that is held, and a task of the board's.
SETTINGS = {
    "no limit": ({}, ["call", "meeting", "task"]),
    "two types": ({"push_types": ["Meeting", "call"]}, ["call", "meeting"]),
    "all types but one": ({"push_types": ["*", "task:none"]}, ["call", "meeting"]),
    "one type as busy": ({"push_types": ["*", "call:busy"]}, ["Busy", "meeting", "task"]),
    "a status that stays": ({"push_statuses": ["*", "held:none"]}, ["meeting", "task"]),
    "a category that stays": ({"push_categories": ["*", "Board:none"]}, ["call", "meeting"]),
    "a category as busy": ({"push_categories": ["*", "board:busy"]}, ["Busy", "call", "meeting"]),
    "what has no category": ({"push_categories": [""]}, ["call", "meeting"]),
    "the stricter of two": ({"push_types": ["*", "task:busy"], "push_categories": [""]}, ["call", "meeting"]),
}


def records(house):
    return {
        title: house.crm_add("ana", title=title, **crm_at(day(n + 1)), **more)["id"]
        for n, (title, more) in enumerate(
            {
                "meeting": {},
                "call": {"activity_type": "call", "status": "held"},
                "task": {"activity_type": "task", "category": "Board"},
            }.items()
        )
    }


@pytest.mark.parametrize(("sync", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_type_status_and_category_limit_what_goes_out(build, sync, expected):
    house = build(sync)
    house.person("ana")
    records(house)
    house.resync("ana")
    assert house.google_titles("ana") == sorted(expected)
    assert nothing_written(house.resync("ana"))


@pytest.mark.parametrize(("sync", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_other_settings_bring_and_take_back_copies_in_one_round(build, sync, expected):
    house = build()
    house.person("ana")
    made = records(house)
    house.resync("ana")
    before = house.crm_events("ana")
    house.set_policy(**sync)
    house.resync("ana")
    assert house.google_titles("ana") == sorted(expected)
    house.set_policy()
    house.resync("ana")
    assert house.google_titles("ana") == sorted(made)
    assert house.crm_events("ana") == before
    assert house.counters()["mails"] == 0


def test_a_relation_that_no_longer_goes_out_is_taken_back_in_one_round(build):
    house = build({"push": ["mine", "team"]})
    for user in ("ana", "ben"):
        house.person(user, teams=("sales",))
    house.crm_add("ana", title="t", **crm_at(day(1)))
    house.resync("ben")
    for push, expected in ((["team:busy"], ["Busy"]), (["mine"], []), (["team"], ["t"])):
        house.set_policy(push=push)
        house.resync("ben")
        assert house.google_titles("ben") == expected


def test_explain_names_the_rule_that_keeps_an_event_or_takes_it_back(build):
    house = build({"push_types": ["*", "call:none"]})
    house.person("ana")
    made = records(house)
    house.resync("ana")
    assert house.explain("ana", made["call"]).answer == "sync.push_types names its type"
    assert house.explain("ana", made["meeting"]).rule == "sync.push sends out what is mine in full"
    house.set_policy(push_categories=[""])
    assert "copy retracted" in house.explain("ana", made["task"]).answer
    assert house.explain("ana", made["task"]).rule == "sync.push_categories does not name its category"
    house.resync("ana")
    resting = house.explain("ana", made["task"])
    assert resting.answer == "it rests: sync.push_categories does not name its category"


def test_a_record_that_changes_its_type_comes_and_goes(build):
    house = build({"push_types": ["meeting"]})
    house.person("ana")
    made = records(house)["meeting"]
    for kind, expected in (("meeting", ["meeting"]), ("other", []), ("meeting", ["meeting"])):
        house.crm_edit("ana", made, activity_type=kind)
        house.resync("ana")
        assert house.google_titles("ana") == expected


def test_what_came_from_google_stays_there_whatever_is_pushed(build):
    house = build({"push": ["team"], "push_types": ["call"]})
    house.person("ana")
    house.google_add("ana", summary="from Google", **at(day(1)))
    house.resync("ana")
    assert house.crm_titles("ana") == ["from Google"]
    assert nothing_written(house.resync("ana", full=True))
    assert house.google_titles("ana") == ["from Google"]


def test_an_occurrence_of_a_copy_that_tells_only_times_takes_no_text_from_its_record(house):
    house.set_policy(push=["team:busy"])
    house.person("bo")
    for user in ("ana", "bo"):
        house.parts.crm.set_access(user, "standard", ["north"])
    rule = ["RRULE:FREQ=DAILY;COUNT=5"]
    house.crm_add("bo", title="S", recurrence=rule, security="public_edit", **crm_at(day(1)))
    house.resync("ana")
    (event,) = house.google_events("ana")
    moved, cancelled = (f"{event['id']}_{occurrence_key(day(number))}" for number in (2, 3))
    house.google_edit("ana", moved, **at(day(2, 11)))
    house.google_delete("ana", cancelled)
    house.resync("ana")
    (record,) = house.crm_events("bo")
    assert record["exceptions"] == [{"original_start": f"{day(3).date()}T09:00:00Z", "cancelled": True}]
    shown = house.google_get("ana", moved)
    assert datetime.fromisoformat(shown["start"]["dateTime"]) == day(2)
