"""Retention: what is old goes on its day, a hold keeps it, and two years are never exceeded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from calsync.engine import disconnect
from calsync.privacy.inventory import count_rows
from calsync.privacy.register import Desk, close, receive
from calsync.rights.erasure import go_on_with_all
from calsync.rights.retention import preview, sweep
from calsync.rights.upkeep import hourly
from calsync.store import accounts, audit, consent, holds, requests
from calsync.store.accounts import State
from calsync.store.audit import COMMAND_LINE, trail
from calsync.store.database import reading, writing
from calsync.store.requests import Kind
from tests.house import at, crm_at, day


def held(house):
    with reading(house.parts.engine) as connection:
        return count_rows(connection, "ana")


def line(lines, what):
    return next(one for one in lines if one.what == what)


def hold(house):
    with writing(house.parts.engine) as connection:
        holds.put(connection, house.parts.vault, "ana", "claim", house.clock())


@pytest.mark.parametrize(("days", "gone"), [(699, False), (700, True), (729, True), (730, True)])
def test_who_was_away_for_700_days_is_erased(house, days, gone):
    house.clock.advance(days=days)
    lines = sweep(house.parts)
    assert line(lines, "people to erase").count == gone
    assert (held(house) == {}) is gone
    assert house.control("GET", "grants/ana@example.com")["live"] == (not gone)


def test_looking_without_finding_anything_is_no_access(house):
    house.resync("ana")
    for _ in range(7):
        house.clock.advance(days=100)
        assert house.resync("ana")["outcome"] in ("ok", "attention")
    sweep(house.parts)
    assert held(house) == {}


@pytest.mark.parametrize("act", ["google edit", "crm edit", "visit", "consent"])
def test_a_change_a_visit_and_a_new_consent_are_accesses(house, act):
    house.clock.advance(days=500)
    if act == "google edit":
        house.google_add("ana", summary="A", **at(day(501)))
    elif act == "crm edit":
        house.crm_add("ana", title="A", **crm_at(day(501)))
    elif act == "visit":
        with writing(house.parts.engine) as connection:
            consent.new_session(connection, "ana", house.clock())
    else:
        house.connect("ana", "ana@example.com")
    house.resync("ana")
    house.clock.advance(days=300)
    sweep(house.parts)
    assert held(house)["account"] == 1
    house.clock.advance(days=400)
    sweep(house.parts)
    assert held(house) == {}


def test_after_a_year_they_are_named_and_after_18_months_suspended(house):
    house.clock.advance(days=365)
    assert line(sweep(house.parts), "people away for a year").count == 1
    assert house.account("ana").state is State.ACTIVE
    house.clock.advance(days=548 - 365)
    assert line(sweep(house.parts), "people to suspend").count == 1
    account = house.account("ana")
    assert (account.state, "18 months" in account.reason) == (State.PAUSED, True)


def test_a_hold_keeps_the_data_and_not_the_clock(house):
    hold(house)
    house.clock.advance(days=800)
    assert line(sweep(house.parts), "people to erase").held == 1
    assert held(house)["account"] == 1
    with writing(house.parts.engine) as connection:
        holds.release(connection, "ana")
    sweep(house.parts)
    assert held(house) == {}


def test_two_years_are_not_exceeded_even_when_google_never_answers(house):
    house.fault(operation="revoke", status=503, times=99)
    house.clock.advance(days=700)
    sweep(house.parts)
    assert held(house)["account"] == 1
    house.clock.advance(days=24)
    assert go_on_with_all(house.parts)[0].receipt is None
    house.clock.advance(days=1)
    receipt = go_on_with_all(house.parts)[0].receipt
    assert receipt["not_withdrawn_at_google"] == 1
    assert held(house) == {}


def test_a_disconnected_account_is_forgotten_after_thirty_days_and_its_consent_is_still_proven(lived_in):
    disconnect(lived_in.parts, lived_in.account("ana").id, "keep", "keep")
    lived_in.clock.advance(days=29)
    sweep(lived_in.parts)
    assert held(lived_in)["link"] == 4
    lived_in.clock.advance(days=2)
    lines = sweep(lived_in.parts)
    assert line(lines, "ended connections").count == 1
    assert set(held(lived_in)) == {"subject"}
    with reading(lived_in.parts.engine) as connection:
        assert audit.entries(connection)[0].act == "consent.given"


def test_who_took_access_away_at_google_is_forgotten_after_thirty_days_and_comes_back_without_duplicates(
    house,
):
    house.crm_add("ana", title="Lunch", **crm_at(day(40)))
    house.resync("ana")
    house.control("POST", "revoke", {"email": "ana@example.com"})
    house.google_add("ana", summary="G", **at(day(41)))
    house.resync("ana")
    house.clock.advance(days=31)
    assert line(sweep(house.parts), "ended connections").count == 1
    assert set(held(house)) == {"subject"}
    house.connect("ana", "ana@example.com")
    assert house.resync("ana")["outcome"] == "ok"
    assert house.google_titles("ana") == house.crm_titles("ana") == ["G", "Lunch"]


def test_a_hold_keeps_journal_conflicts_and_ended_accounts(lived_in):
    before = held(lived_in)
    hold(lived_in)
    disconnect(lived_in.parts, lived_in.account("ana").id, "keep", "keep")
    lived_in.clock.advance(days=100)
    lines = sweep(lived_in.parts)
    assert (line(lines, "journal").held, line(lines, "conflict").held) == (
        before["journal"],
        before["conflict"],
    )
    assert line(lines, "ended connections").held == 1
    assert held(lived_in) == before | {"hold": 1, "tiding": 1}, "the notice of the end is held too"


def test_a_dry_run_counts_what_a_sweep_deletes_and_deletes_nothing(lived_in):
    disconnect(lived_in.parts, lived_in.account("ana").id, "keep", "keep")
    lived_in.clock.advance(days=40)
    before = held(lived_in)
    foretold = preview(lived_in.parts)
    assert held(lived_in) == before
    assert [one for one in foretold if one.count]
    assert sweep(lived_in.parts) == foretold


def test_names_leave_answered_requests_after_two_years_and_the_rest_after_six(house):
    with writing(house.parts.engine) as connection:
        desk = Desk(house.parts.vault, house.clock(), house.parts.settings.privacy.zone)
        number = receive(connection, desk, "ben", Kind.ACCESS, COMMAND_LINE, note="words")
        close(connection, desk, number, "sent", COMMAND_LINE)
    house.clock.advance(days=729)
    sweep(house.parts)
    assert request(house, number).user == "ben"
    house.clock.advance(days=2)
    sweep(house.parts)
    assert (request(house, number).user, request(house, number).note) == ("", None)
    house.clock.advance(days=6 * 366)
    sweep(house.parts)
    assert request(house, number) is None
    with reading(house.parts.engine) as connection:
        assert audit.verify(connection, house.parts.vault) == []
        assert connection.execute(select(func.min(trail.c.seq))).scalar() > 1


def request(house, number):
    with reading(house.parts.engine) as connection:
        return requests.find(connection, number)


def test_the_daemon_sweeps_once_a_day_and_keeps_the_head_of_the_trail_beside_the_keys(house):
    hourly(house.parts)
    assert (house.directory / "calsync.audit-head").exists()
    house.clock.advance(days=31)
    with writing(house.parts.engine) as connection:
        old = house.clock() - timedelta(days=40)
        change = update(accounts.accounts).values(state=State.DISCONNECTED, ended_at=old)
        connection.execute(change)
    hourly(house.parts)
    assert "account" not in held(house)
    swept = (house.directory / "calsync.swept").stat().st_mtime_ns
    hourly(house.parts)
    assert (house.directory / "calsync.swept").stat().st_mtime_ns == swept
