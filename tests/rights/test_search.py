"""Participants, incidents and corrections: what can be said without a table of participants, and without contents."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calsync.engine import disconnect
from calsync.privacy import anchor, incident
from calsync.privacy.search import search
from calsync.rights.rectification import rectify
from calsync.rights.upkeep import note_head
from calsync.store import audit, requests, subjects
from calsync.store.audit import COMMAND_LINE, Actor, Head
from calsync.store.database import reading, writing
from calsync.store.requests import Progress
from tests.house import at, crm_at, day


def look(house, address, user="ana"):
    with reading(house.parts.engine) as connection:
        return search(connection, house.account(user), address)


def test_a_guest_of_a_linked_event_is_found_whatever_the_case(house):
    made = house.google_add("ana", summary="A", attendees=[{"email": "guest@other.test"}], **at(day(1)))
    house.google_add("ana", summary="B", **at(day(2)))
    house.resync("ana")
    found = look(house, " Guest@Other.TEST ")
    (link,) = [link for link in house.links("ana") if link.google.key == made["id"]]
    assert found.links == (link.id,)
    assert len(found.journal) == 1, "calsync wrote the copy"


def test_somebody_else_is_not_found(house):
    house.google_add("ana", summary="A", attendees=[{"email": "guest@other.test"}], **at(day(1)))
    house.resync("ana")
    assert not look(house, "guest@another.test")
    assert not look(house, "uest@other.test")


def test_an_address_in_a_text_that_lost_a_conflict_is_found(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    (copy,) = house.crm_events("ana")
    house.google_edit("ana", made["id"], description="ask guest@other.test")
    house.crm_edit("ana", copy["id"], description="ask nobody")
    house.resync("ana")
    assert len(look(house, "guest@other.test").conflicts) == 1


def test_an_address_in_an_event_that_waits_is_found(house):
    house.crm_add("ana", title="mail guest@other.test", **crm_at(day(1)))
    house.fault(operation="events.insert", status=400, reason="invalid")
    house.resync("ana")
    (link,) = house.links("ana")
    assert look(house, "guest@other.test").links == (link.id,)


def test_each_persons_digest_of_the_same_guest_differs(house):
    house.person("ben")
    prints = [house.account(user).cipher.fingerprints.guest("guest@other.test") for user in ("ana", "ben")]
    assert prints[0] != prints[1]


def scope(house, **which):
    with reading(house.parts.engine) as connection:
        return {one.user: one for one in incident.scope(connection, **which)}


def test_the_scope_of_an_incident_names_people_keys_tokens_and_what_was_written(house):
    house.person("ben")
    house.crm_add("ana", title="A", **crm_at(day(1)))
    house.resync("ana")
    found = scope(house)
    assert set(found) == {"ana", "ben"}
    assert (found["ana"].runs, found["ben"].runs) == (1, 0)
    assert found["ana"].has_token
    assert found["ana"].key == "k1"
    assert scope(house, key="k2") == {}
    assert set(scope(house, user="ben")) == {"ben"}


def test_who_had_left_before_is_not_in_the_scope(house):
    disconnect(house.parts, house.account("ana").id, "keep", "keep")
    left = house.account("ana").ended_at
    assert set(scope(house, since=left - timedelta(hours=1))) == {"ana"}
    assert scope(house, since=left + timedelta(hours=1)) == {}


@pytest.fixture
def crossed(house):
    """A house in which an event of the CRM has gone to Google, and its id there."""
    house.crm_add("ana", title="right", **crm_at(day(1)))
    house.resync("ana")
    (ours,) = house.google_events("ana")
    return house, ours["id"]


def test_what_is_wrong_at_google_is_put_right_and_answered(crossed):
    house, event = crossed
    house.crm_edit("ana", house.crm_events("ana")[0]["id"], title="corrected")
    done = rectify(house.parts, "ana", house.account("ana").id, event, "the title", Actor.PERSON)
    assert house.google_titles("ana") == ["corrected"]
    assert (done.closed, done.answer) == (True, "corrected: 1 on google")
    with reading(house.parts.engine) as connection:
        request = requests.find(connection, done.request)
        cipher = subjects.known_cipher(connection, house.parts.vault, "ana")
        assert cipher.open_text("request.note", request.note) == "the title"
    assert request.state is Progress.DONE


def test_when_both_sides_agree_the_answer_says_where_to_correct_it(crossed):
    house, _ = crossed
    done = rectify(house.parts, "ana", house.account("ana").id, None, "", Actor.PERSON)
    assert done.closed
    assert "wrong at its source" in done.answer


def test_while_a_side_cannot_answer_the_request_stays_open(crossed):
    house, event = crossed
    house.control("POST", "revoke", {"email": "ana@example.com"})
    done = rectify(house.parts, "ana", house.account("ana").id, event, "", COMMAND_LINE)
    assert not done.closed
    with reading(house.parts.engine) as connection:
        assert requests.find(connection, done.request).state is Progress.OPEN


def test_the_head_that_was_noted_finds_a_trail_that_was_cut_off(house):
    note_head(house.parts)
    known = anchor.read(house.parts.settings.erasure_lists())
    with writing(house.parts.engine) as connection:
        assert known == audit.head(connection)
        assert audit.verify(connection, house.parts.vault, known) == []
        assert audit.verify(connection, house.parts.vault, Head(known.seq + 1, "x"))
