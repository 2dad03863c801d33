"""Faults that the campaign of random organisations has found, each as the shortest story that shows it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calsync.model.errors import Refused
from calsync.model.event import Event
from calsync.model.permission import Access, Level
from calsync.model.side import Create, Patch, Revive, Update
from calsync.sync.outgoing import NO_LONGER
from tests.crm_opencrm.firm import Firm, crm_at, day


@pytest.fixture
def firm(tmp_path):
    """A firm that uses OpenCRM; ana is connected."""
    made = Firm(tmp_path)
    made.person("ana")
    yield made
    made.close()


def test_an_activity_that_comes_back_after_a_complete_listing_without_it_is_brought_back(firm):
    made = firm.crm_add("ana", subject="handed over", **crm_at(day(1)))
    firm.resync("ana")
    firm.crm_edit("ana", made["id"], owner="zoe")
    firm.resync("ana", full=True)
    assert firm.google_titles("ana") == []
    firm.crm_edit("ana", made["id"], owner="ana")
    firm.resync("ana")
    assert firm.google_titles("ana") == ["handed over"]


# -- what a person once knew is not given back by other ways than rounds -----------------------------------


@pytest.fixture
def team(build):
    """ana and ben share a team, and each other's events; ben has a copy of one of ana's."""
    house = build({"push": ["mine", "team"]})
    for user in ("ana", "ben"):
        house.person(user, teams=("sales",))
    house.made = house.crm_add("ana", title="secret", security="public_edit", **crm_day(1))["id"]
    house.resync("ben")
    return house


def crm_day(days):
    return {"start": day(days).isoformat(), "end": (day(days) + timedelta(hours=1)).isoformat()}


def test_undoing_the_run_that_took_a_text_away_does_not_bring_it_back(team):
    team.set_policy(push=["mine", "team:busy"])
    run = team.resync("ben")
    assert team.google_titles("ben") == ["Busy"]
    _, undone = team.undo(run["run"])
    assert [refusal.why for refusal in undone.refused] == [NO_LONGER]
    assert team.google_titles("ben") == ["Busy"]


def test_undoing_a_deletion_does_not_bring_back_what_has_become_private_since(team):
    team.crm_edit("ana", team.made, status="cancelled")
    run = team.resync("ben")
    assert team.google_titles("ben") == []
    team.crm_edit("ana", team.made, security="private")
    _, undone = team.undo(run["run"])
    assert [refusal.why for refusal in undone.refused] == [NO_LONGER]
    assert team.google_titles("ben") == []


def test_undoing_a_deletion_brings_back_what_may_still_be_known(team):
    team.crm_edit("ana", team.made, status="cancelled")
    run = team.resync("ben")
    _, undone = team.undo(run["run"])
    assert undone.refused == []
    assert team.google_titles("ben") == ["secret"]


def test_restoring_what_lost_a_conflict_tells_nobody_what_they_may_not_know_any_more(team):
    [event] = team.google_events("ben")
    team.google_edit("ben", event["id"], summary="ben's")
    team.crm_edit("ana", team.made, title="ana's")
    team.resync("ben")
    [(number, _)] = team.conflicts("ben")
    team.set_policy(push=["mine", "team:busy"])
    team.resync("ben")
    assert team.restore(number).why_not == NO_LONGER
    assert team.google_titles("ben") == ["Busy"]


# -- Google's side takes nothing without a decision --------------------------------------------------------

READ, BUSY = Access(Level.READ, "test"), Access(Level.BUSY, "test")
NOTHING = Access(Level.NONE, "test")
EVENT = Event("secret", day(1), day(1) + timedelta(hours=1))


def writes(event, access):
    """Return one of each kind of write that tells Google something."""
    return [
        Create("m", event, "abcdefg", access),
        Update("abcdefg", Patch(frozenset({"title"}), event), "", access),
        Revive("abcdefg", event, access),
    ]


@pytest.mark.parametrize(("event", "access"), [(EVENT, None), (EVENT, NOTHING), (EVENT, BUSY)])
def test_a_write_without_a_decision_that_covers_it_never_reaches_google(house, event, access):
    house.reset_counters()
    side = house.parts.google_side(house.account("ana"))
    outcomes = list(side.write(writes(event, access)))
    assert all(isinstance(outcome, Refused) for outcome in outcomes)
    assert all("permission decision" in outcome.reason for outcome in outcomes)
    assert house.google_events("ana") == []


@pytest.mark.parametrize(("event", "access"), [(EVENT, READ), (EVENT.busy(), BUSY)])
def test_a_write_with_one_does(house, event, access):
    side = house.parts.google_side(house.account("ana"))
    (stored,) = side.write(writes(event, access)[:1])
    assert stored.key == "abcdefg"
    assert house.google_titles("ana") == [event.title]


# -- guests --------------------------------------------------------------------------------------------------


def test_guests_are_on_the_copy_of_their_host_alone(build):
    house = build({"push": ["mine", "team"], "guests": "write"})
    for user in ("ana", "ben"):
        house.person(user, teams=("sales",))
    guest = [{"email": "guest@other.test"}]
    series = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"], **crm_day(1)}
    made = house.crm_add("ana", title="t", attendees=guest, security="public_edit", **series)
    one = {"original_start": crm_day(2)["start"], "title": "other", "attendees": guest}
    house.crm_edit("ana", made["id"], exceptions=[one])
    for user in ("ana", "ben"):
        house.resync(user)
    house.crm_edit("ana", made["id"], attendees=[*guest, {"email": "second@other.test"}])
    for user in ("ana", "ben"):
        house.resync(user)
    assert "second@other.test" in str(house.google_events("ana"))
    assert house.google_titles("ben")
    assert "other.test" not in str(house.google_events("ben"))
    assert house.resync("ben")["google"] == {"created": 0, "updated": 0, "deleted": 0}
