"""What leaves the CRM for Google is what its permissions allow, and what they take back is taken back."""

from __future__ import annotations

import pytest

from tests.house import at, crm_at, day, nothing_written

SECRET = "zebra"


@pytest.fixture
def office(build):
    """ana and ben of sales, cleo of service: all connected."""
    made = build()
    populate(made)
    return made


def populate(house):
    house.person("ana", teams=("sales",))
    house.person("ben", teams=("sales",))
    house.person("cleo", teams=("service",))


def all_of_google(house, user):
    """Return everything that a person's Google calendar holds, as text."""
    return str(house.google_events(user))


def secret(house, owner, **more):
    texts = {name: f"{SECRET} {name}" for name in ("title", "description", "location")}
    people = [{"email": f"{SECRET}@other.test", "name": SECRET}, *more.pop("attendees", [])]
    return house.crm_add(owner, **{**texts, **crm_at(day(1)), "attendees": people, **more})


def test_events_of_others_do_not_go_out_unless_one_is_invited(office):
    secret(office, "ana")
    theirs = office.crm_add("ana", title="us", attendees=[{"email": "ben@example.com"}], **crm_at(day(2)))
    run = office.resync("ben")
    assert run["google"]["created"] == 1
    assert office.google_titles("ben") == ["us"]
    assert office.resync("cleo")["google"]["created"] == 0
    assert theirs["id"]


def test_a_reassigned_event_leaves_one_calendar_and_enters_the_other(office):
    made = office.crm_add("ana", title="handed over", security="private", **crm_at(day(1)))
    for user in ("ana", "ben"):
        office.resync(user)
    assert (office.google_titles("ana"), office.google_titles("ben")) == (["handed over"], [])
    office.crm_edit("ana", made["id"], owner="ben")
    left, entered = office.resync("ana"), office.resync("ben")
    assert (left["google"]["deleted"], left["crm"]["deleted"]) == (1, 0)
    assert entered["google"]["created"] == 1
    assert (office.google_titles("ana"), office.google_titles("ben")) == ([], ["handed over"])
    assert office.crm("GET", f"events/{made['id']}", "ben").json()["owner"] == "ben"
    assert nothing_written(office.resync("ana"))
    assert nothing_written(office.resync("ben"))
    assert office.counters()["mails"] == 0


def test_an_event_that_comes_back_to_its_first_owner_is_on_their_calendar_again(office):
    made = office.crm_add("ana", title="t", **crm_at(day(1)))
    office.resync("ana")
    office.crm_edit("ana", made["id"], owner="ben")
    office.resync("ana")
    office.crm_edit("ben", made["id"], owner="ana")
    office.resync("ana")
    assert office.google_titles("ana") == ["t"]
    assert nothing_written(office.resync("ana"))


def test_who_is_no_longer_invited_loses_the_copy_in_one_run_without_mail(office):
    invited = [{"email": "cleo@example.com"}]
    made = office.crm_add("ana", title="t", security="private", attendees=invited, **crm_at(day(1)))
    office.resync("cleo")
    assert office.google_titles("cleo") == ["t"]
    before = office.crm_edit("ana", made["id"], attendees=[])
    run = office.resync("cleo")
    assert (run["google"]["deleted"], run["crm"]["updated"], run["crm"]["deleted"], run["mails"]) == (
        1,
        0,
        0,
        0,
    )
    assert office.google_titles("cleo") == []
    assert office.crm("GET", f"events/{made['id']}", "ana").json() == before
    assert office.counters()["mails"] == 0


@pytest.mark.parametrize("change", ["record", "team"])
def test_permission_that_ends_takes_the_copy_back_in_one_run_and_leaves_the_record(build, change):
    house = build({"push": ["mine", "invited", "team"]})
    populate(house)
    made = house.crm_add("ana", title="team matter", security="private_group", **crm_at(day(1)))
    assert house.resync("ben")["google"]["created"] == 1
    if change == "record":
        house.crm_edit("ana", made["id"], security="private")
    else:
        house.parts.crm.set_access("ben", "standard", ["service"])
    before = house.crm("GET", f"events/{made['id']}", "ana").json()
    run = house.resync("ben")
    assert (run["google"]["deleted"], run["mails"]) == (1, 0)
    assert house.google_titles("ben") == []
    assert house.crm("GET", f"events/{made['id']}", "ana").json() == before
    assert house.counters()["mails"] == 0
    assert nothing_written(house.resync("ben"))


def test_permission_that_returns_brings_the_copy_back(build):
    house = build({"push": ["team"]})
    populate(house)
    made = house.crm_add("ana", title="t", **crm_at(day(1)))
    house.resync("ben")
    for security, expected in (("private", []), ("public_read", ["t"])):
        house.crm_edit("ana", made["id"], security=security)
        house.resync("ben")
        assert house.google_titles("ben") == expected


def test_a_cancelled_event_is_not_on_google_and_a_planned_one_is_again(office):
    made = office.crm_add("ana", title="t", **crm_at(day(1)))
    office.resync("ana")
    for status, expected in (("cancelled", []), ("planned", ["t"])):
        office.crm_edit("ana", made["id"], status=status)
        office.resync("ana")
        assert office.google_titles("ana") == expected
    assert nothing_written(office.resync("ana"))


def test_private_events_of_others_reach_google_in_no_field_not_even_of_an_exception(build):
    house = build({"push": ["mine", "invited", "team"]})
    populate(house)
    series = secret(house, "ana", security="private", recurrence=["RRULE:FREQ=DAILY;COUNT=5"])
    house.crm_edit(
        "ana", series["id"], exceptions=[{"original_start": series["start"], "title": f"{SECRET} exception"}]
    )
    secret(house, "ana", security="private_group")
    for user in ("ben", "cleo"):
        house.resync(user)
    assert SECRET not in all_of_google(house, "cleo")
    assert house.google_titles("ben") == [f"{SECRET} title"]
    assert "exception" not in all_of_google(house, "ben")


def test_a_team_that_may_know_only_times_gets_only_times(build):
    house = build({"push": ["mine", "team:busy"]})
    populate(house)
    series = secret(house, "ana", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], reminders_minutes=[7])
    house.crm_edit(
        "ana",
        series["id"],
        exceptions=[
            {
                "original_start": series["start"],
                "title": f"{SECRET} exception",
                **crm_at(day(1, 15)),
            }
        ],
    )
    house.resync("ben")
    found = house.google_events("ben")
    assert SECRET not in str(found)
    assert {event.get("summary") for event in found} == {"Busy"}
    assert all(event["visibility"] == "private" for event in found)
    assert any(event["start"].get("dateTime", "").startswith(day(1, 15).isoformat()[:13]) for event in found)
    house.crm_edit("ana", series["id"], description=f"{SECRET} more")
    assert nothing_written(house.resync("ben"))
    assert SECRET in all_of_google(house, "ana") or house.resync("ana")["google"]["created"] == 1


def test_less_permission_turns_a_full_copy_into_times_only(build):
    house = build({"push": ["invited", "team:busy"]})
    populate(house)
    made = secret(house, "ana", attendees=[{"email": "ben@example.com"}])
    house.resync("ben")
    assert SECRET in all_of_google(house, "ben")
    house.crm_edit("ana", made["id"], attendees=[])
    house.resync("ben")
    assert SECRET not in all_of_google(house, "ben")
    assert house.google_titles("ben") == ["Busy"]
    assert nothing_written(house.resync("ben"))


def test_what_a_person_may_not_edit_is_put_back_on_their_google_calendar(office):
    invited = [{"email": "cleo@example.com"}]
    made = office.crm_add("ana", title="as agreed", attendees=invited, **crm_at(day(1)))
    office.resync("cleo")
    (copy,) = office.google_events("cleo")
    office.google_edit("cleo", copy["id"], summary="as I like it", **at(day(3)))
    office.resync("cleo")
    office.resync("cleo")
    (copy,) = office.google_events("cleo")
    assert copy["summary"] == "as agreed"
    assert copy["start"]["dateTime"].startswith(day(1).isoformat()[:13])
    assert office.crm("GET", f"events/{made['id']}", "ana").json()["version"] == "1"
    assert nothing_written(office.resync("cleo"))


def test_deleting_the_copy_of_a_meeting_one_is_invited_to_declines_it(office):
    made = office.crm_add(
        "ana", title="t", security="private", attendees=[{"email": "cleo@example.com"}], **crm_at(day(1))
    )
    office.resync("cleo")
    (copy,) = office.google_events("cleo")
    office.google_delete("cleo", copy["id"])
    office.resync("cleo")
    record = office.crm("GET", f"events/{made['id']}", "ana").json()
    assert [guest["response"] for guest in record["attendees"]] == ["declined"]
    assert office.google_titles("cleo") == []
    assert nothing_written(office.resync("cleo"))


def test_google_events_of_somebody_whose_role_is_read_only_are_set_aside_with_the_reason(build):
    house = build()
    house.person("eli", role="read_only")
    house.google_add("eli", summary="mine", **at(day(1)))
    run = house.resync("eli")
    assert run["crm"]["created"] == 0
    assert run["quarantined"] == 1
    assert any("read-only" in (link.cause or "") for link in house.links("eli"))
    assert house.crm_events("eli") == []
    assert nothing_written(house.resync("eli"))
