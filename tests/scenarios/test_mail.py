"""No guest gets mail because of us, and nobody's answer is touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calsync.sandbox.workplace import Trait
from tests.house import at, crm_at, day

GUESTS = [{"email": "x@outside.test", "responseStatus": "accepted"}, {"email": "y@outside.test"}]


@pytest.mark.needs(Trait.GUESTS)
def test_a_first_connection_with_hundreds_of_events_with_guests_mails_nobody(person):
    nina = person("nina")
    nina.stage.control("POST", "switches", {"unasked_mails": True})
    start = f"{datetime.now(UTC).date() - timedelta(days=55)}"
    order = {"generate": {"n": 300, "seed": 5, "start": start}}
    nina.stage.control("POST", f"accounts/{nina.email}/seed", order)
    for n in range(10):
        guests = [{"email": guest["email"]} for guest in GUESTS]
        nina.crm_add(title=f"C{n}", attendees=guests, **crm_at(day(n - 5)))
    nina.connect()
    living = len([event for event in nina.google_events() if "recurringEventId" not in event])
    nina.until(lambda: len(nina.crm_events()) >= living + 10, "the import")
    nina.until(lambda: nina.requests().get("events.insert") == 10, "the copies")
    nina.rounds()
    assert nina.mails() == []


def test_a_new_title_from_the_crm_leaves_every_answer_as_it_is(person):
    oskar = person("oskar")
    guests = [
        {"email": "a@outside.test", "responseStatus": "accepted", "comment": "gladly", "additionalGuests": 2},
        {"email": "b@outside.test", "responseStatus": "declined", "optional": True},
        {"email": "c@outside.test", "responseStatus": "tentative", "displayName": "C"},
        {"email": "d@outside.test"},
    ]
    made = oskar.google_add(summary="A", attendees=guests, **at(day(1)))
    oskar.connect()
    oskar.shows("A")
    before = oskar.google("GET", f"/{made['id']}")["attendees"]
    oskar.crm_edit(oskar.crm_by("A")["id"], title="A2")
    oskar.shows("A2")
    assert oskar.google("GET", f"/{made['id']}")["attendees"] == before
    assert oskar.mails() == []


@pytest.mark.needs(Trait.GUESTS)
def test_nothing_that_happens_in_the_crm_sends_guests_or_mails_for_meetings_of_others(person):
    petra, host = person("petra"), person("petras-host")
    petra.stage.control("POST", "switches", {"unasked_mails": True})
    guests = [{"email": petra.email}, *GUESTS]
    meeting = host.google_add(summary="theirs", attendees=guests, **at(day(1)))
    before = host.google("GET", f"/{meeting['id']}")["attendees"]
    own = petra.crm_add(title="own", attendees=[{"email": "x@outside.test"}], **crm_at(day(2)))
    petra.connect()
    petra.shows("own", "theirs")
    petra.crm_edit(own["id"], attendees=[{"email": "z@outside.test"}], location="Room 1")
    petra.until(lambda: petra.google_by("own").get("location") == "Room 1", "the edit")
    record = petra.crm_by("theirs")
    petra.crm_edit(record["id"], attendees=[{"email": "z@outside.test"}, {"email": petra.email}])
    petra.rounds(2)
    petra.crm_delete(own["id"])
    petra.shows("theirs")
    petra.crm_delete(record["id"])
    petra.until(lambda: petra.google_titles() == [], "the deletions")
    petra.rounds()
    assert petra.mails() == host.mails() == []
    after = host.google("GET", f"/{meeting['id']}")["attendees"]
    assert [g for g in after if g["email"] != petra.email] == [g for g in before if g["email"] != petra.email]
