"""A Google meeting of several connected people is one CRM record, with a link for each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests

from calsync.engine import disconnect
from calsync.model.link import Intent, Verb
from calsync.model.side import SideName
from calsync.store import links
from calsync.store.database import writing
from calsync.sync import settle
from calsync.sync.meetings import PATIENCE
from tests.house import SCOPES, at, crm_at, day, nothing_written
from tests.safety.disasters import dies

FIVE = ("ana", "bo", "cy", "di", "ed")


def guests(*users):
    return [{"email": f"{user}@example.com"} for user in users]


def round_of(house, *users):
    return [house.resync(user) for user in users]


def is_silent(house, *users):
    return all(nothing_written(run) for _ in range(2) for run in round_of(house, *users))


def records(house, user="ana"):
    return house.crm_events(user)


def answers(record):
    return {person["email"].partition("@")[0]: person["response"] for person in record["attendees"]}


@pytest.fixture
def couple(build):
    """Ana and bo, both connected, whose CRM reads each other's records."""
    house = build()
    house.person("ana")
    house.person("bo")
    return house


@pytest.fixture
def met(couple):
    """Ana's meeting, to which bo is invited, on both calendars and once in the CRM; returns (house, event, record)."""
    made = couple.google_add("ana", summary="M", attendees=guests("ana", "bo"), **at(day(1)))
    round_of(couple, "ana", "bo")
    (record,) = records(couple)
    return couple, made, record


def test_five_guests_of_one_meeting_have_one_record_with_five_attendances(build):
    house = build()
    for user in FIVE:
        house.person(user)
    house.control("POST", "accounts", {"email": "host@outside.test"})
    body = {"summary": "M", "attendees": guests(*FIVE), **at(day(1))}
    house.control("POST", "accounts/host@outside.test/events", body)
    round_of(house, *FIVE)
    (record,) = records(house)
    assert set(answers(record)) == {*FIVE}
    assert all(house.links(user)[0].crm.key == record["id"] for user in FIVE)
    assert all(house.google_titles(user) == ["M"] for user in FIVE)
    for _ in range(10):
        assert is_silent(house, *FIVE)
    assert house.control("GET", "mails")["mails"] == []


def test_a_meeting_made_while_both_are_connected_is_one_record_whoever_looks_first(couple):
    for number, order in enumerate([("ana", "bo"), ("bo", "ana")]):
        couple.google_add("ana", summary=f"M{number}", attendees=guests("ana", "bo"), **at(day(1 + number)))
        round_of(couple, *order)
    assert sorted(record["title"] for record in records(couple)) == ["M0", "M1"]
    assert couple.google_titles("bo") == ["M0", "M1"]
    assert is_silent(couple, "ana", "bo")


def test_a_meeting_that_moves_before_its_organiser_s_first_round_is_one_record(couple):
    made = couple.google_add("ana", summary="M", attendees=guests("ana", "bo"), **at(day(1)))
    round_of(couple, "bo")
    couple.google_edit("ana", made["id"], **at(day(2)))
    round_of(couple, "ana", "bo")
    couple.clock.advance(minutes=1)
    round_of(couple, "ana", "bo")
    (record,) = records(couple)
    assert record["start"] == day(2).isoformat().replace("+00:00", "Z")
    assert is_silent(couple, "ana", "bo")


def test_a_record_that_somebody_else_s_round_is_making_is_waited_for(couple):
    couple.google_add("ana", summary="M", attendees=guests("ana", "bo"), **at(day(1)))
    couple.resync("ana")
    (link,) = couple.links("ana")
    key, link.crm.key = link.crm.key, None
    link.intents = (Intent(SideName.CRM, Verb.CREATE, "", "m", ""),)
    with writing(couple.parts.engine) as connection:
        links.save(connection, [link])
    assert nothing_written(couple.resync("bo"))
    link.crm.key, link.intents = key, ()
    with writing(couple.parts.engine) as connection:
        links.save(connection, [link])
    couple.clock.advance(seconds=6)
    couple.resync("bo")
    assert len(records(couple)) == 1


def test_a_dry_run_plans_to_join_and_not_to_make_another_record(couple):
    couple.google_add("ana", summary="M", attendees=guests("ana", "bo"), **at(day(1)))
    couple.resync("ana")
    plan = couple.resync("bo", dry_run=True)
    assert plan["plan"] == []
    assert nothing_written(couple.resync("bo"))
    assert len(records(couple)) == 1


def test_a_full_run_of_who_came_later_changes_nothing(met):
    house, _, record = met
    assert house.resync("bo", full=True)["crm"] == {"created": 0, "updated": 0, "deleted": 0}
    assert [one["version"] for one in records(house)] == [record["version"]]


def test_what_the_organiser_changes_reaches_the_record_once(met):
    house, made, _ = met
    house.google_edit("ana", made["id"], summary="M2")
    runs = round_of(house, "bo", "ana", "bo")
    assert sum(run["crm"]["updated"] for run in runs) == 1
    assert [one["title"] for one in records(house)] == ["M2"]
    assert is_silent(house, "ana", "bo")


def test_what_the_owner_changes_in_the_crm_goes_to_the_organiser_s_event_and_from_there_to_all(met):
    house, made, record = met
    house.crm_edit("ana", record["id"], location="Room 1")
    round_of(house, "bo", "ana", "bo")
    assert house.google_get("bo", made["id"])["location"] == "Room 1"
    assert is_silent(house, "ana", "bo")


def test_an_answer_given_at_google_is_in_the_record(met):
    house, made, _ = met
    people = [{"email": "ana@example.com"}, {"email": "bo@example.com", "responseStatus": "accepted"}]
    house.google_edit("bo", made["id"], attendees=people)
    round_of(house, "bo", "ana")
    assert answers(records(house)[0])["bo"] == "accepted"
    assert is_silent(house, "ana", "bo")
    assert house.conflicts("ana") == house.conflicts("bo") == []


def test_an_answer_given_in_the_crm_reaches_the_organiser_at_google_and_leaves_all_else(met):
    house, made, record = met
    people = [dict(person) for person in record["attendees"]]
    for person in people:
        if person["email"] == "bo@example.com":
            person["response"] = "tentative"
    house.crm_edit("bo", record["id"], attendees=people)
    round_of(house, "bo", "ana", "bo")
    at_google = {
        one["email"]: one["responseStatus"] for one in house.google_get("ana", made["id"])["attendees"]
    }
    assert at_google["bo@example.com"] == "tentative"
    assert house.google_get("ana", made["id"])["summary"] == "M"
    assert is_silent(house, "ana", "bo")


def test_a_guest_cannot_answer_for_others_in_the_crm(met):
    house, _, record = met
    people = [dict(person, response="accepted") for person in record["attendees"]]
    assert house.crm("PATCH", f"events/{record['id']}", "bo", {"attendees": people}).status_code == 403
    assert house.crm("PATCH", f"events/{record['id']}", "bo", {"title": "x"}).status_code == 403


def test_an_owner_who_leaves_takes_nothing_from_the_others(met):
    house, _, _ = met
    made = house.google_add("bo", summary="N", attendees=guests("ana", "bo"), **at(day(3)))
    round_of(house, "ana", "bo")
    house.google_delete("ana", made["id"])
    round_of(house, "ana", "bo", "ana")
    (left,) = [one for one in records(house, "bo") if one["title"] == "N"]
    assert left["owner"] == "bo"
    assert answers(left)["ana"] == "declined"
    assert house.google_titles("bo") == ["M", "N"]
    assert house.google_titles("ana") == ["M"]
    assert is_silent(house, "ana", "bo")
    house.google_delete("bo", made["id"])
    round_of(house, "bo", "ana")
    assert [one["title"] for one in records(house, "bo")] == ["M"]


def test_who_disconnects_and_takes_their_copies_along_leaves_the_record_to_the_others(met):
    house, _, record = met
    disconnect(house.parts, house.account("ana").id, "keep", "remove")
    (left,) = records(house, "bo")
    assert (left["id"], left["owner"]) == (record["id"], "bo")
    assert is_silent(house, "bo")


def test_a_meeting_that_its_organiser_cancels_leaves_the_crm(met):
    house, made, _ = met
    house.google_delete("ana", made["id"])
    round_of(house, "ana", "bo", "ana", "bo")
    assert records(house) == records(house, "bo") == []
    assert is_silent(house, "ana", "bo")


def test_a_record_that_its_owner_deletes_declines_for_nobody_else(couple):
    couple.control("POST", "accounts", {"email": "host@outside.test"})
    body = {"summary": "M", "attendees": guests("ana", "bo"), **at(day(1))}
    couple.control("POST", "accounts/host@outside.test/events", body)
    round_of(couple, "ana", "bo")
    (record,) = records(couple)
    couple.crm_delete("ana", record["id"])
    round_of(couple, "ana", "bo", "ana", "bo")
    assert couple.google_titles("ana") == []
    assert couple.google_titles("bo") == ["M"]
    assert is_silent(couple, "ana", "bo")


def test_one_private_copy_hides_the_record_of_all(met):
    house, made, _ = met
    house.google_edit("bo", made["id"], visibility="private")
    round_of(house, "bo", "ana", "bo")
    (shown,) = records(house)
    assert (shown["title"], shown["security"]) == ("Busy", "private")
    assert house.google_titles("ana") == house.google_titles("bo") == ["M"]
    assert is_silent(house, "ana", "bo")
    house.google_edit("bo", made["id"], visibility="default")
    round_of(house, "bo", "ana", "bo")
    assert records(house)[0]["title"] == "M"
    assert is_silent(house, "ana", "bo")


def test_where_private_events_are_left_out_a_record_that_others_share_is_veiled_and_not_taken_from_them(
    build,
):
    house = build({"private_events": "skip"})
    for user in ("ana", "bo"):
        house.person(user)
    made = house.google_add("ana", summary="M", attendees=guests("ana", "bo"), **at(day(1)))
    round_of(house, "ana", "bo")
    house.google_edit("bo", made["id"], visibility="private")
    round_of(house, "bo", "ana", "bo")
    (shown,) = records(house)
    assert (shown["title"], shown["security"]) == ("Busy", "private")
    assert house.google_titles("ana") == house.google_titles("bo") == ["M"]
    assert is_silent(house, "ana", "bo")


def test_who_keeps_a_meeting_private_hides_it_also_when_they_connect_later(build):
    house = build()
    house.person("ana")
    house.parts.crm.add_user("bo", "bo@example.com", "bo", "standard", ())
    house.tokens["bo"] = house.parts.crm.add_token("bo")
    house.control("POST", "accounts", {"email": "bo@example.com"})
    made = house.google_add("ana", summary="M", attendees=guests("ana", "bo"), **at(day(1)))
    house.google_edit("bo", made["id"], visibility="private")
    house.resync("ana")
    house.connect("bo", "bo@example.com")
    round_of(house, "bo", "ana", "bo")
    assert [one["title"] for one in records(house)] == ["Busy"]
    assert house.google_titles("ana") == ["M"]
    assert is_silent(house, "ana", "bo")


def test_everybody_keeps_their_own_reminders(met):
    house, made, _ = met
    for user, minutes in (("ana", 10), ("bo", 30)):
        own = {"useDefault": False, "overrides": [{"method": "popup", "minutes": minutes}]}
        house.google_edit(user, made["id"], reminders=own)
    round_of(house, "ana", "bo", "ana", "bo")
    assert house.google_get("ana", made["id"])["reminders"]["overrides"][0]["minutes"] == 10
    assert house.google_get("bo", made["id"])["reminders"]["overrides"][0]["minutes"] == 30
    assert records(house)[0]["reminders_minutes"] == [10]


def test_a_guest_invited_in_the_crm_alone_gets_a_copy_and_the_invitation_takes_its_place(couple):
    made = couple.google_add("ana", summary="M", attendees=guests("ana"), **at(day(1)))
    couple.resync("ana")
    (record,) = records(couple)
    people = [*record["attendees"], {"email": "bo@example.com"}]
    couple.crm_edit("ana", record["id"], attendees=people)
    assert nothing_written(couple.resync("bo"))
    couple.clock.advance(minutes=2)
    assert couple.resync("bo")["google"]["created"] == 1
    couple.google_edit("ana", made["id"], attendees=guests("ana", "bo"))
    for _ in range(3):
        round_of(couple, "ana", "bo")
        couple.clock.advance(seconds=30)
    assert [event["id"] for event in couple.google_events("bo")] == [made["id"]]
    assert len(records(couple)) == 1
    assert is_silent(couple, "ana", "bo")


def imported(house, user, **body):
    """Import an event as a program with access to a calendar can: identity and organiser are what it says."""
    access = f"{user}@example.com", SCOPES, datetime.now(UTC) + timedelta(hours=1)
    house.google.world.access["intruder"] = access
    answer = requests.post(
        f"{house.google.url}/calendar/v3/calendars/primary/events/import",
        json=body,
        headers={"Authorization": "Bearer intruder"},
        timeout=30,
    )
    answer.raise_for_status()


@pytest.mark.parametrize(("invited", "days"), [(False, 1), (True, 2)], ids=["not invited", "another time"])
def test_a_forged_identity_joins_nothing(couple, invited, days):
    made = couple.google_add("ana", summary="Board", attendees=guests("ana", "boss"), **at(day(1)))
    couple.resync("ana")
    (record,) = records(couple)
    if invited:
        couple.crm_edit("ana", record["id"], attendees=[*record["attendees"], *guests("bo")])
    uid = couple.google_get("ana", made["id"])["iCalUID"]
    organizer = {"email": "ana@example.com"}
    imported(couple, "bo", iCalUID=uid, organizer=organizer, summary="forged", **at(day(days)))
    for _ in range(PATIENCE + 1):
        couple.resync("bo")
        couple.clock.advance(minutes=1)
    own = [one["title"] for one in records(couple, "bo") if one["owner"] == "bo"]
    assert own == ["forged"]
    assert [one["title"] for one in records(couple) if one["owner"] == "ana"] == ["Board"]


def test_with_guests_written_the_owner_s_copy_invites_and_nobody_gets_two(build):
    house = build({"guests": "write"})
    house.person("ana")
    house.person("bo")
    house.crm_add("ana", title="M", attendees=guests("bo"), **crm_at(day(1)))
    for _ in range(3):
        round_of(house, "bo", "ana")
        house.clock.advance(seconds=40)
    assert house.google_titles("bo") == house.google_titles("ana") == ["M"]
    assert house.google_events("bo")[0]["id"] == house.google_events("ana")[0]["id"]
    assert len(records(house)) == 1
    assert is_silent(house, "ana", "bo")


def test_news_of_a_record_does_not_hasten_a_copy_for_who_may_have_the_invitation(couple):
    couple.google_add("ana", summary="M", **at(day(1)))
    couple.resync("ana")
    (record,) = records(couple)
    couple.crm_edit("ana", record["id"], attendees=guests("bo"))
    couple.resync("bo")
    couple.crm_edit("ana", record["id"], title="M2")
    couple.resync("bo")
    assert couple.google_titles("bo") == []
    couple.clock.advance(minutes=2)
    couple.resync("bo")
    assert couple.google_titles("bo") == ["M2"]


# -- a host's copy that is taken back ----------------------------------------------------------------------


@pytest.fixture
def hosted(build):
    """A house where ana's copy of her record carries its guest bo, whom Google has shown the invitation."""
    house = build({"guests": "write"})
    house.person("ana")
    house.person("bo")
    house.crm_add("ana", title="A", attendees=guests("ana", "bo"), security="public_delete", **crm_at(day(1)))
    round_of(house, "ana", "bo", "ana", "bo")
    assert house.google_titles("bo") == ["A"]
    assert len(records(house)) == 1
    return house


def is_unharmed(house):
    """Return whether the record is there, nobody has declined, and the guest has it on their calendar."""
    round_of(house, "bo", "bo")
    (record,) = records(house)
    return "declined" not in answers(record).values() and house.google_titles("bo") == ["A"]


def test_a_host_s_copy_that_is_taken_back_takes_no_record_with_it(hosted):
    hosted.set_policy(guests="write", push=["invited"])
    hosted.resync("ana")
    assert hosted.google_titles("ana") == []
    assert is_unharmed(hosted)
    assert is_silent(hosted, "ana", "bo")


def test_nor_does_one_that_a_process_takes_back_which_dies(hosted):
    hosted.set_policy(guests="write", push=["invited"])
    dies(hosted, "ana", settle, "_record")
    assert is_unharmed(hosted)


def test_nor_does_one_that_goes_with_its_host(hosted):
    disconnect(hosted.parts, hosted.account("ana").id, "remove", "keep")
    assert is_unharmed(hosted)


def test_a_guest_may_still_delete_the_copy_that_they_got_instead(hosted):
    hosted.set_policy(guests="write", push=["invited"])
    hosted.resync("ana")
    assert is_unharmed(hosted)
    hosted.google_delete("bo", hosted.google_events("bo")[0]["id"])
    hosted.resync("bo")
    assert records(hosted) == []
