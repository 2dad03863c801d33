"""Unusual deletions wait for a person; a dry run touches nothing."""

from __future__ import annotations

import pytest

from tests.house import at, crm_at, day, nothing_written


@pytest.fixture
def many(house):
    """Thirty events made in Google, on both sides."""
    made = [house.google_add("ana", summary=f"G{n}", **at(day(1 + n))) for n in range(30)]
    house.resync("ana")
    return house, made


def test_a_mass_deletion_is_held_and_the_rest_goes_on(many):
    house, made = many
    for event in made[:20]:
        house.google_delete("ana", event["id"])
    house.google_edit("ana", made[25]["id"], summary="edited")
    run = house.resync("ana")
    assert run["outcome"] == "attention"
    assert run["held_back"] == 20
    assert run["crm"] == {"created": 0, "updated": 1, "deleted": 0}
    assert house.account("ana").state == "braked"
    assert len(house.crm_events("ana")) == 30


def test_held_deletions_stay_held_until_they_are_approved_once(many):
    house, made = many
    for event in made[:20]:
        house.google_delete("ana", event["id"])
    house.resync("ana")
    assert house.resync("ana")["held_back"] == 20
    house.set_account("ana", deletions_approved=True)
    run = house.resync("ana")
    assert run["crm"]["deleted"] == 20
    assert house.account("ana").state == "active"
    for event in made[20:]:
        house.google_delete("ana", event["id"])
    assert house.resync("ana")["crm"]["deleted"] == 10
    assert house.crm_events("ana") == []


def test_held_deletions_that_people_take_back_release_the_brake(many):
    house, made = many
    for event in made[:20]:
        house.google_delete("ana", event["id"])
    house.resync("ana")
    for event in made[:20]:
        house.google_edit("ana", event["id"], status="confirmed", summary=event["summary"], **at(day(40)))
    run = house.resync("ana")
    assert run["outcome"] == "ok"
    assert house.account("ana").state == "active"
    assert len(house.crm_events("ana")) == 30


def test_a_mass_deletion_in_the_crm_is_held_too(house):
    records = [house.crm_add("ana", title=f"C{n}", **crm_at(day(1 + n))) for n in range(15)]
    house.resync("ana")
    for record in records:
        house.crm_delete("ana", record["id"])
    run = house.resync("ana")
    assert run["held_back"] == 15
    assert len(house.google_events("ana")) == 15


def test_a_few_deletions_pass(many):
    house, made = many
    for event in made[:10]:
        house.google_delete("ana", event["id"])
    assert house.resync("ana")["crm"]["deleted"] == 10


def test_a_dry_run_changes_nothing_and_says_what_the_next_run_does(many):
    house, made = many
    house.google_edit("ana", made[0]["id"], summary="edited")
    house.google_delete("ana", made[1]["id"])
    house.google_add("ana", summary="new", **at(day(3)))
    house.crm_add("ana", title="back", **crm_at(day(2)))
    before = (house.google_events("ana"), house.crm_events("ana"), house.links("ana"), house.account("ana"))
    plan = house.resync("ana", dry_run=True)
    after = (house.google_events("ana"), house.crm_events("ana"), house.links("ana"), house.account("ana"))
    assert after[:2] == before[:2]
    assert after[2] == before[2]
    assert after[3].google_cursor == before[3].google_cursor
    real = house.resync("ana")
    assert (plan["google"], plan["crm"]) == (real["google"], real["crm"])
    steps = sorted((step["side"], step["action"], step["title"]) for step in plan["plan"])
    assert ("crm", "create", "new") in steps
    assert ("crm", "update", "edited") in steps
    assert ("google", "create", "back") in steps
    assert len(steps) == 4
    assert all(step["mails"] == [] for step in plan["plan"])


def test_a_full_run_of_what_is_in_step_writes_nothing(many):
    house, _ = many
    house.crm_add("ana", title="C", **crm_at(day(2)))
    house.resync("ana")
    for _ in range(2):
        run = house.resync("ana", full=True)
        assert nothing_written(run)
        assert run["outcome"] == "ok"


def test_one_event_can_be_synced_alone(house):
    house.google_add("ana", summary="other", **at(day(1)))
    made = house.google_add("ana", summary="mine", **at(day(1)))
    house.resync("ana", event=made["id"])
    assert house.crm_titles("ana") == ["mine"]
    record = house.crm_events("ana")[0]
    house.crm_edit("ana", record["id"], title="mine too")
    house.resync("ana", event=record["id"])
    assert house.google_get("ana", made["id"])["summary"] == "mine too"
    house.resync("ana")
    assert house.crm_titles("ana") == ["mine too", "other"]


def test_an_unknown_event_id_is_said(house):
    run = house.resync("ana", event="nosuchevent")
    assert run["outcome"] == "partial"
    assert "no event" in run["reason"]


def test_a_living_series_that_google_lists_as_cancelled_stays(house):
    rule = ["RRULE:FREQ=DAILY;COUNT=6"]
    made = house.google_add("ana", summary="S", recurrence=rule, **at(day(1)))
    house.resync("ana")
    house.control("POST", "switches", {"ghosts": [made["id"]]})
    house.google_edit("ana", made["id"], colorId="3")
    run = house.resync("ana")
    assert nothing_written(run)
    assert house.crm_titles("ana") == ["S"]
    house.control("POST", "switches", {"ghosts": []})
    house.google_edit("ana", made["id"], summary="S2")
    house.resync("ana")
    assert house.crm_titles("ana") == ["S2"]
    house.google_delete("ana", made["id"])
    assert house.resync("ana")["crm"]["deleted"] == 1
