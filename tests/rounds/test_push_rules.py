"""Which CRM events go out: by what they are to a person, and by type, status and category."""

from __future__ import annotations

import pytest

from tests.house import crm_at, day, nothing_written

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
