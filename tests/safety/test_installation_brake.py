"""The brake of the whole installation: what deletes a little for everybody is stopped before it has gone round."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from calsync.wiring import open_parts
from tests.house import at, crm_at, day

#: Room enough in each account's own brake for what only the installation's should hold.
LOOSE = {"delete_brake": {"count": 60, "share": 0.05}}


def fill(house, **events):
    """Connect people who each have so many events of Google's on both sides; return the events by person."""
    made = {}
    for user, count in events.items():
        house.person(user)
        made[user] = [
            house.google_add(user, summary=f"{user} {n}", **at(day(1 + n % 40))) for n in range(count)
        ]
        house.resync(user)
    return made


def delete(house, user, made):
    for event in made:
        house.google_delete(user, event["id"])


@pytest.fixture
def team(build):
    """Six people with twelve events each, who have all deleted ten of them in Google."""
    house = build()
    people = ("ana", "ben", "cleo", "dan", "eva", "finn")
    for user, events in fill(house, **dict.fromkeys(people, 12)).items():
        delete(house, user, events[:10])
    return house, people


def test_the_sixth_person_who_deletes_ten_waits_and_the_rest_of_their_round_goes_on(team):
    house, people = team
    house.google_add("finn", summary="new", **at(day(3)))
    runs = [house.resync(user) for user in people]
    assert [run["crm"]["deleted"] for run in runs] == [10, 10, 10, 10, 10, 0]
    assert [run["outcome"] for run in runs] == ["ok"] * 5 + ["attention"]
    assert (runs[-1]["held_back"], runs[-1]["crm"]["created"]) == (10, 1)
    account = house.account("finn")
    assert (account.state, account.held_back) == ("braked", 10)
    assert "over all accounts" in account.reason
    assert runs[-1]["reason"] == account.reason


def test_what_only_the_installation_held_goes_through_by_itself_ten_minutes_later(team):
    house, people = team
    for user in people:
        house.resync(user)
    house.clock.advance(minutes=9)
    assert house.resync("finn")["held_back"] == 10
    house.clock.advance(minutes=2)
    assert house.resync("finn")["crm"]["deleted"] == 10
    account = house.account("finn")
    assert (account.state, account.held_back, account.reason) == ("active", 0, "")


def test_a_word_lets_the_held_deletions_through_at_once_and_no_others(team):
    house, people = team
    for user in people:
        house.resync(user)
    gus = fill(house, gus=3)["gus"]
    delete(house, "gus", gus)
    house.set_account("finn", deletions_approved=True)
    assert house.resync("finn")["crm"]["deleted"] == 10
    assert house.account("finn").state == "active"
    assert house.resync("gus")["held_back"] == 3


def test_the_status_tells_which_of_the_two_brakes_it_was(build):
    house = build({"delete_brake": {"count": 45, "share": 0.05}})
    made = fill(house, ana=45, ben=46, cleo=6)
    for user, events in made.items():
        delete(house, user, events)
        house.resync(user)
    reasons = [house.account(user).reason for user in made]
    assert reasons[0] == ""
    assert "over all accounts" not in reasons[1]
    assert "over all accounts" in reasons[2]


def test_rounds_of_several_accounts_at_once_do_not_delete_more_than_one_after_the_other(team):
    house, people = team
    with ThreadPoolExecutor(len(people)) as pool:
        runs = list(pool.map(house.resync, people))
    assert sum(run["crm"]["deleted"] for run in runs) == 50
    assert len(house.crm_events("ana")) == 72 - 50


def test_a_restart_does_not_begin_a_new_count(team):
    house, people = team
    for user in people[:5]:
        house.resync(user)
    house.parts.close()
    house.parts = open_parts(house.parts.settings, house.clock)
    assert house.resync("finn")["held_back"] == 10


def test_deletions_that_a_person_approved_leave_room_for_everybody_else(build):
    house = build(LOOSE)
    made = fill(house, ana=70, ben=45, cleo=6)
    delete(house, "ana", made["ana"])
    assert house.resync("ana")["held_back"] == 70
    house.set_account("ana", deletions_approved=True)
    assert house.resync("ana")["crm"]["deleted"] == 70
    delete(house, "ben", made["ben"])
    assert house.resync("ben")["crm"]["deleted"] == 45
    delete(house, "cleo", made["cleo"])
    assert house.resync("cleo")["held_back"] == 6


def test_copies_that_are_taken_back_leave_room_for_what_people_delete(build):
    house = build(LOOSE)
    house.person("ana")
    invited = [{"email": "ana@example.com"}]
    house.parts.crm.add_user("zoe", "zoe@example.com", "zoe", "standard", ())
    house.tokens["zoe"] = house.parts.crm.add_token("zoe")
    records = [
        house.crm_add("zoe", title=f"Z{n}", attendees=invited, **crm_at(day(1 + n % 40))) for n in range(55)
    ]
    house.resync("ana")
    for record in records:
        house.crm_edit("zoe", record["id"], security="private", attendees=[])
    assert house.resync("ana")["google"]["deleted"] == 55
    made = fill(house, ben=45, cleo=6)
    for user, events in made.items():
        delete(house, user, events)
    assert house.resync("ben")["crm"]["deleted"] == 45
    assert house.resync("cleo")["held_back"] == 6


def test_deletions_that_google_does_not_take_now_are_not_counted(build):
    house = build(LOOSE)
    house.person("ana")
    records = [house.crm_add("ana", title=f"C{n}", **crm_at(day(1 + n % 40))) for n in range(45)]
    house.resync("ana")
    for record in records:
        house.crm_delete("ana", record["id"])
    house.fault(operation="events.delete", status=403, reason="quotaExceeded", times=2)
    assert [house.resync("ana")["google"]["deleted"] for _ in range(3)] == [0, 0, 45]
    ben = fill(house, ben=6)["ben"]
    delete(house, "ben", ben)
    assert house.resync("ben")["held_back"] == 6


def test_a_dry_run_lists_what_the_installation_would_hold_and_takes_no_room(team):
    house, people = team
    for user in people[:5]:
        house.resync(user, dry_run=True)
        house.resync(user)
    plan = house.resync("finn", dry_run=True)
    assert plan["held_back"] == 10
    assert [step["held"] for step in plan["plan"]] == [True] * 10
