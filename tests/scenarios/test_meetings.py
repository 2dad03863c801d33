"""Several connected people in one meeting: one record, whoever comes and goes."""

from __future__ import annotations

import pytest

from calsync.sandbox.workplace import Trait
from tests.house import at, day

pytestmark = pytest.mark.needs(Trait.GUESTS)


def invited(*people):
    return [{"email": person.email} for person in people]


def records(person, title):
    """Return the records of that title which a person may see, whoever owns them."""
    return [event for event in person.stage.crm_events(person.user) if event["title"] == title]


def is_joined(people, title):
    """Return whether all have the meeting on their calendar, and one record with a link for each."""
    found = records(people[0], title)
    keys = {link.crm.key for person in people for link in person.links() if link.meeting is not None}
    return (
        len(found) == 1
        and keys == {found[0]["id"]}
        and all(title in person.google_titles() for person in people)
        and all(any(link.crm.key in keys for link in person.links()) for person in people)
    )


def test_two_guests_of_one_meeting_share_one_record_also_after_ten_cycles(person):
    rosa, sven, host = person("rosalind"), person("svenja"), person("rosalinds-host")
    host.google_add(summary="two", attendees=invited(rosa, sven), **at(day(1)))
    rosa.connect()
    sven.connect()
    rosa.until(lambda: is_joined([rosa, sven], "two"), "one record")
    before = rosa.google_writes(), sven.google_writes(), records(rosa, "two")
    for _ in range(10):
        assert rosa.stage.run("resync", rosa.user, sven.user).returncode == 0
    assert (rosa.google_writes(), sven.google_writes(), records(rosa, "two")) == before


def test_a_meeting_of_five_members_is_one_record_with_five_attendances(person):
    five = [person(f"member{number}") for number in range(5)]
    for one in five:
        one.connect()
        one.rounds()
    five[0].google_add(summary="five", attendees=invited(*five), **at(day(2)))
    for one in five:
        one.wake()
    five[0].until(lambda: is_joined(five, "five"), "one record")
    (record,) = records(five[0], "five")
    assert {guest["email"] for guest in record["attendees"]} == {one.email for one in five}
    assert all(one.mails() == [] for one in five)


def test_an_owner_who_is_no_longer_a_guest_leaves_the_record_to_the_others(person):
    tilda, udo, host = person("tilda"), person("udo"), person("tildas-host")
    meeting = host.google_add(summary="open house", attendees=invited(tilda, udo), **at(day(3)))
    tilda.connect()
    tilda.until(lambda: tilda.crm_titles() == ["open house"], "the import")
    udo.connect()
    tilda.until(lambda: is_joined([tilda, udo], "open house"), "one record")
    tilda.google("DELETE", f"/{meeting['id']}")
    tilda.until(lambda: udo.crm_titles() == ["open house"], "the record to be udo's")
    answers = {guest["email"]: guest["response"] for guest in udo.crm_by("open house")["attendees"]}
    assert answers[tilda.email] == "declined"
    udo.rounds(2)
    assert udo.google_titles() == ["open house"]
    assert tilda.google_titles() == []


def test_an_organiser_who_takes_themselves_off_the_list_keeps_the_record(person):
    vera = person("verena")
    guests = [{"email": vera.email, "responseStatus": "accepted"}, {"email": "x@outside.test"}]
    made = vera.google_add(summary="hosted", attendees=guests, **at(day(4)))
    vera.connect()
    vera.shows("hosted")
    vera.google_edit(made["id"], attendees=guests[1:])
    vera.until(lambda: len(vera.crm_by("hosted")["attendees"]) == 1, "the attendance to go")
    vera.shows("hosted")
