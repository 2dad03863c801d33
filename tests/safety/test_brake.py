"""The brake and an operator's word: seen before it is given, not lost when it comes at a bad moment, good for once."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from tests.house import at, crm_at, day


@pytest.fixture
def braking(house):
    """Fifteen records on both sides, of which people have deleted twelve in the CRM."""
    records = [house.crm_add("ana", title=f"C{n}", **crm_at(day(1 + n))) for n in range(15)]
    house.resync("ana")
    for record in records[:12]:
        house.crm_delete("ana", record["id"])
    return house


@contextmanager
def word_during_a_round(house, user):
    """Give an operator's word while a round is listing, as another process would."""
    side = house.parts.crm.side

    def telling(login):
        found = side(login)
        house.set_account(user, deletions_approved=True, due_at=house.clock())
        return found

    house.parts.crm.side = telling
    try:
        yield
    finally:
        house.parts.crm.side = side


def test_a_dry_run_lists_the_deletions_that_are_held(braking):
    run = braking.resync("ana")
    assert run["held_back"] == 12
    plan = braking.resync("ana", dry_run=True)
    held = [step for step in plan["plan"] if step.get("held")]
    assert {(step["side"], step["action"]) for step in held} == {("google", "delete")}
    there = {event["id"] for event in braking.google_events("ana")}
    assert len({step["id"] for step in held} & there) == 12
    assert plan["google"]["deleted"] == 0
    braking.set_account("ana", deletions_approved=True)
    plan = braking.resync("ana", dry_run=True)
    assert not any(step.get("held") for step in plan["plan"])
    assert plan["google"]["deleted"] == 12
    assert len(braking.google_events("ana")) == 15


def test_a_word_that_comes_while_a_round_is_braking_is_acted_on_at_once(braking):
    with word_during_a_round(braking, "ana"):
        assert braking.resync("ana")["held_back"] == 12
    account = braking.account("ana")
    assert account.deletions_approved
    assert account.due_at <= braking.clock()
    assert braking.resync("ana")["google"]["deleted"] == 12


def test_a_word_for_deletions_that_were_taken_back_does_not_serve_the_next_batch(house):
    made = [house.google_add("ana", summary=f"G{n}", **at(day(1 + n))) for n in range(15)]
    house.resync("ana")
    for event in made[:12]:
        house.google_delete("ana", event["id"])
    house.resync("ana")
    house.set_account("ana", deletions_approved=True)
    for event in made[:12]:
        house.google_edit("ana", event["id"], status="confirmed", summary=event["summary"], **at(day(40)))
    house.resync("ana")
    for event in made[:12]:
        house.google_delete("ana", event["id"])
    assert house.resync("ana")["held_back"] == 12
