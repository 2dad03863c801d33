"""Fixtures: people whose rights are exercised."""

from __future__ import annotations

import pytest

from calsync.rights.erasure import Copies, erase
from calsync.store.audit import COMMAND_LINE
from tests.house import at, crm_at, day


@pytest.fixture
def lived_in(house):
    """A house in which ana has events of both sides, a conflict, and an event that was set aside."""
    made = house.google_add(
        "ana", summary="Zqx7-dentist", attendees=[{"email": "zqx7@other.test"}], **at(day(1))
    )
    house.google_add("ana", summary="Zqx7-private", visibility="private", **at(day(2)))
    house.crm_add("ana", title="Zqx7-crm", **crm_at(day(3)))
    assert house.resync("ana")["outcome"] == "ok"
    (copy,) = [event for event in house.crm_events("ana") if event["title"] == "Zqx7-dentist"]
    house.google_edit("ana", made["id"], summary="Zqx7-mine")
    house.crm_edit("ana", copy["id"], title="Zqx7-yours")
    assert house.resync("ana")["conflicts"] == 1
    house.crm_add("ana", title="Zqx7-refused", **crm_at(day(4)))
    house.fault(operation="events.insert", status=400, reason="invalid")
    assert house.resync("ana")["quarantined"] == 1
    house.control("DELETE", "faults")
    return house


@pytest.fixture
def erased(lived_in):
    """Return a function that erases ana and returns how far it got."""

    def run(google="keep", crm="keep", **options):
        return erase(lived_in.parts, "ana", Copies(google, crm), COMMAND_LINE, **options)

    return run
