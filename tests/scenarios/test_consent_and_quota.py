"""Consent that ends elsewhere, limits that Google sets, and events that Google keeps for itself."""

from __future__ import annotations

import pytest

from calsync.sandbox.stage import Stage
from tests.house import at, crm_at, day
from tests.outside.walk import Office
from tests.scenarios.people import Person


def test_after_a_withdrawal_at_google_disconnecting_and_connecting_both_work(person):
    sven = person("sven")
    sven.google_add(summary="A", **at(day(1)))
    sven.connect()
    sven.shows("A")
    sven.stage.control("POST", "revoke", {"email": sven.email})
    sven.until(lambda: sven.account().state == "reconnect", "the withdrawal to be noticed")
    assert sven.crm_titles() == ["A"]
    done = sven.stage.calsync("disconnect", sven.user)
    assert done["state"] == "disconnected"
    sven.google_add(summary="B", **at(day(2)))
    sven.connect()
    sven.shows("A", "B")


@pytest.fixture
def host(tmp_path):
    """Somebody whose copies carry guests, on an installation that writes them."""
    with Stage(tmp_path, {"poll_seconds": 2, "guests": "write"}) as stage:
        stage.start_daemon()
        office = Office(stage)
        yield Person(office, "host")
        office.close()


def test_a_limit_on_inviting_delays_invitations_only(host):
    party = host.crm_add(title="party", **crm_at(day(1)))
    walk = host.crm_add(title="walk", **crm_at(day(2)))
    host.connect()
    host.shows("party", "walk")
    copy = host.google_by("party")["id"]
    host.fault(path=copy, method="PATCH", status=403, reason="quotaExceeded", times=9999)
    host.rest()
    host.crm_edit(party["id"], attendees=[{"email": "guest@outside.test"}])
    host.crm_edit(walk["id"], title="long walk")
    host.google_add(summary="from Google", **at(day(3)))
    host.go_on()
    host.shows("party", "long walk", "from Google")
    host.rounds(2)
    assert host.hits() == 1
    assert "attendees" not in host.google_by("party")


@pytest.mark.parametrize("kind", ["birthday", "workingLocation"])
def test_what_google_makes_of_dates_and_places_is_never_copied_nor_written(person, kind):
    tom = person(f"tom-{kind.lower()}")
    first, last = {"date": f"{day(1):%Y-%m-%d}"}, {"date": f"{day(2):%Y-%m-%d}"}
    details = {
        "birthday": {
            "recurrence": ["RRULE:FREQ=YEARLY"],
            "visibility": "private",
            "transparency": "transparent",
        },
        "workingLocation": {"workingLocationProperties": {"type": "homeOffice", "homeOffice": {}}},
    }
    made = tom.google_add(summary="special", eventType=kind, start=first, end=last, **details[kind])
    tom.google_add(summary="usual", **at(day(2)))
    tom.connect()
    tom.until(lambda: tom.crm_titles() == ["usual"], "the usual event")
    tom.stays_silent()
    assert tom.google("GET", f"/{made['id']}")["etag"] == made["etag"]
    assert tom.google_writes() == 0
    answer = tom.stage.run("explain", tom.user, made["id"]).stdout
    assert kind in answer
