"""Events that are given to somebody else leave one calendar and come to another; nobody has deleted anything."""

from __future__ import annotations

import pytest

from calsync.sandbox.workplace import Trait
from tests.house import at, crm_at, day

pytestmark = pytest.mark.needs(Trait.OWNERS)

FROM_CRM, FROM_GOOGLE = [f"C{n}" for n in range(25)], [f"G{n}" for n in range(5)]
#: Two fifths of all, and of the copies at Google more than the brake lets be deleted.
GIVEN = [*FROM_CRM[:11], *FROM_GOOGLE[:1]]


def records(*people):
    """Return what these people own in the CRM, by title: who, and everything else but the version."""
    return {event["title"]: event | {"version": ""} for one in people for event in one.crm_events()}


def test_two_fifths_of_somebodys_events_given_to_a_colleague_are_deleted_nowhere(person):
    giver, taker = person("giver"), person("taker")
    for number, title in enumerate(FROM_CRM):
        giver.crm_add(title=title, **crm_at(day(1 + number)))
    for number, title in enumerate(FROM_GOOGLE):
        giver.google_add(summary=title, **at(day(1 + number)))
    for one in (giver, taker):
        one.connect()
    giver.shows(*FROM_CRM, *FROM_GOOGLE)
    giver.rounds()
    with giver.unwatched(), taker.unwatched():
        for title in GIVEN:
            giver.crm_edit(giver.crm_by(title)["id"], owner=taker.user)
        before = records(giver, taker)
    assert len(before) == len(FROM_CRM) + len(FROM_GOOGLE)
    taker.shows(*GIVEN)
    kept = sorted({*FROM_CRM, *FROM_GOOGLE} - {*GIVEN} | {*FROM_GOOGLE})
    giver.until(lambda: giver.google_titles() == kept, "the copies to be withdrawn")
    for one in (giver, taker):
        one.stays_silent()
    assert records(giver, taker) == before
    assert giver.google_titles() == kept
    assert {giver.account().state, taker.account().state} == {"active"}
    assert giver.mails() == taker.mails() == []


def test_events_that_are_given_back_are_as_they_were(person):
    giver, taker = person("lender"), person("borrower")
    kept, lent = (giver.crm_add(title=title, **crm_at(day(n))) for n, title in ((1, "kept"), (2, "lent")))
    for one in (giver, taker):
        one.connect()
    giver.shows("kept", "lent")
    giver.crm_edit(lent["id"], owner=taker.user)
    giver.shows("kept")
    taker.shows("lent")
    taker.crm_edit(lent["id"], owner=giver.user)
    giver.shows("kept", "lent")
    taker.shows()
    assert {event["id"] for event in giver.crm_events()} == {kept["id"], lent["id"]}
