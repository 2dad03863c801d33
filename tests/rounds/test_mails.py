"""Who is mailed: a dry run says it before, the run counts it, and both are what Google sends."""

from __future__ import annotations

import pytest

from tests.house import House, at, crm_at, day

HOME, AWAY, OUTSIDE = "gus@example.com", "kim@partner.test", "x@outside.test"
DAILY = ["RRULE:FREQ=DAILY;COUNT=6"]


def guests(*emails):
    return [{"email": email} for email in emails]


def furnished(house: House):
    """Ana's calendars with guests of all kinds in step: a meeting, a series, an invitation, CRM-born events."""
    house.person("ana")
    house.control("POST", "accounts", {"email": HOME})
    meeting = house.google_add("ana", summary="meeting", attendees=guests(HOME, OUTSIDE), **at(day(1)))
    series = {"recurrence": DAILY, **at(day(2))}
    house.google_add("ana", summary="series", attendees=guests(AWAY, OUTSIDE), **series)
    house.google_add("ana", summary="alone", **at(day(3)))
    invitation = {"summary": "theirs", "attendees": guests("ana@example.com", OUTSIDE), **at(day(4))}
    house.control("POST", f"accounts/{HOME}/events", invitation)
    for title in ("old", "older"):
        house.crm_add("ana", title=title, attendees=guests(HOME, AWAY), **crm_at(day(5)))
    house.resync("ana")
    house.reset_counters()
    return meeting


def record(house, title):
    return next(event for event in house.crm_events("ana") if event["title"] == title)


def edit(house, name, /, **changes):
    house.crm_edit("ana", record(house, name)["id"], **changes)


# -- what a person does in the CRM -------------------------------------------------------------------------


def make(house):
    house.crm_add("ana", title="new", attendees=guests("ana@example.com", HOME, OUTSIDE), **crm_at(day(6)))


def make_series(house):
    series = house.crm_add(
        "ana", title="s", attendees=guests(OUTSIDE), recurrence=DAILY, time_zone="UTC", **crm_at(day(6))
    )
    moved = {"original_start": day(7).isoformat(), "title": "moved", **crm_at(day(7, 15))}
    cancelled = {"original_start": day(8).isoformat(), "cancelled": True}
    house.crm_edit("ana", series["id"], exceptions=[moved, cancelled])


def rename(house):
    edit(house, "meeting", title="renamed")


def rename_alone(house):
    edit(house, "alone", title="renamed")


def bring_and_drop(house):
    edit(house, "old", attendees=guests(HOME, OUTSIDE))


def delete(house):
    house.crm_delete("ana", record(house, "meeting")["id"])
    house.crm_delete("ana", record(house, "older")["id"])


def move_one_of_a_series(house):
    moved = {"original_start": day(3).isoformat(), **crm_at(day(3, 15))}
    cancelled = {"original_start": day(4).isoformat(), "cancelled": True}
    edit(house, "series", location="Room 1", exceptions=[moved, cancelled])


def accept(house):
    people = [{"email": "ana@example.com", "response": "accepted"}, {"email": OUTSIDE}]
    edit(house, "theirs", attendees=people)


def leave(house):
    house.crm_delete("ana", record(house, "theirs")["id"])


#: What mails somebody when guests are written; the rest do so whether they are or not.
WRITTEN = [make, make_series, bring_and_drop]
ANYWAY = [rename, delete, move_one_of_a_series, accept, leave]
CASES = [("write", deed) for deed in (*WRITTEN, *ANYWAY)] + [("keep", deed) for deed in ANYWAY]


def everything(house):
    for deed in (make, make_series, rename_alone, bring_and_drop, move_one_of_a_series, accept, delete):
        deed(house)


def rehearsed_and_done(house):
    """Return the addresses of a plan, those that Google then mailed, and what both runs counted."""
    plan, run = house.resync("ana", dry_run=True), house.resync("ana")
    planned = sorted(email for step in plan["plan"] for email in step["mails"])
    sent = sorted(mail["to"] for mail in house.control("GET", "mails")["mails"])
    assert run["google"] == plan["google"]
    return planned, sent, plan["mails"], run["mails"]


@pytest.mark.parametrize(("written", "deed"), CASES, ids=lambda case: getattr(case, "__name__", case))
def test_the_plan_names_all_whom_google_then_mails(build, written, deed):
    house = build({"guests": written, "guest_mail": "all"})
    furnished(house)
    deed(house)
    planned, sent, plan_count, run_count = rehearsed_and_done(house)
    assert planned == sent != []
    assert plan_count == run_count == len(sent)


def test_of_many_writes_at_once_every_mail_is_in_the_plan(build):
    house = build({"guests": "write", "guest_mail": "all"})
    furnished(house)
    everything(house)
    planned, sent, plan_count, run_count = rehearsed_and_done(house)
    assert planned == sent
    assert plan_count == run_count == len(sent) > 15
    assert {HOME, AWAY, OUTSIDE} == set(sent)


def test_of_a_series_that_moves_the_plan_has_its_new_exceptions_and_not_those_it_leaves_behind(build):
    house = build({"guests": "write", "guest_mail": "all"})
    furnished(house)
    move_one_of_a_series(house)
    house.resync("ana")
    house.reset_counters()
    edit(house, "series", **crm_at(day(2, 11)))
    edit(house, "series", exceptions=[{"original_start": day(5, 11).isoformat(), **crm_at(day(5, 15))}])
    planned, sent, plan_count, run_count = rehearsed_and_done(house)
    assert planned == sent == sorted([AWAY, OUTSIDE] * 2)
    assert plan_count == run_count == len(sent)


def test_with_external_only_nobody_of_the_person_s_own_domain_is_mailed(build):
    house = build({"guests": "write", "guest_mail": "externalOnly"})
    furnished(house)
    everything(house)
    planned, sent, plan_count, run_count = rehearsed_and_done(house)
    assert planned == sent
    assert plan_count == run_count == len(sent)
    assert {AWAY, OUTSIDE} == set(sent)


def test_as_long_as_nobody_configures_it_nobody_is_mailed_and_guests_are_not_looked_up(build):
    mailing = build({"guests": "write", "guest_mail": "all"})
    silent = build({"guests": "write"})
    looked = []
    for house in (mailing, silent):
        furnished(house)
        everything(house)
        _, sent, plan_count, run_count = rehearsed_and_done(house)
        looked.append(house.counters()["requests"].get("events.get", 0))
    assert (sent, plan_count, run_count) == ([], 0, 0)
    assert looked[1] < looked[0]


def test_a_copy_that_is_taken_back_mails_nobody_whatever_is_configured(build):
    house = build({"guests": "write", "guest_mail": "all"})
    house.person("ana")
    house.person("ben")
    made = house.crm_add("ana", title="ours", attendees=guests(OUTSIDE), **crm_at(day(1)))
    house.crm_add("ana", title="stays", attendees=guests(OUTSIDE), **crm_at(day(2)))
    assert house.resync("ana")["mails"] == 2
    house.reset_counters()
    house.crm_edit("ana", made["id"], owner="ben", security="private")
    planned, sent, _, run_count = rehearsed_and_done(house)
    assert house.google_titles("ana") == ["stays"]
    assert (planned, sent, run_count) == ([], [], 0)


def test_a_dry_run_names_who_would_be_mailed_about_deletions_that_are_held(build):
    house = build({"guests": "write", "guest_mail": "all"})
    house.person("ana")
    invited = [{"email": "guest@outside.test"}]
    made = [house.crm_add("ana", title=f"E{n}", attendees=invited, **crm_at(day(1 + n))) for n in range(12)]
    house.resync("ana")
    for record in made:
        house.crm_delete("ana", record["id"])
    assert house.resync("ana")["held_back"] == 12
    plan = house.resync("ana", dry_run=True)["plan"]
    assert [step["mails"] for step in plan if step.get("held")] == [["guest@outside.test"]] * 12
