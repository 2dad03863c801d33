"""Consent under way: a ticket is used once and in time, a state comes back once and to its own browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from calsync.store import consent
from calsync.store.consent import FLOW_LIFE, SESSION_IDLE, SESSION_LIFE, TICKET_LIFE
from calsync.store.database import reading, writing
from tests.store.conftest import NOW

SECOND = timedelta(seconds=1)


@pytest.fixture
def desk(engine, vault):
    """The store of consent, each call in a transaction of its own."""

    class Desk:
        def __getattr__(self, name):
            def call(*values):
                with writing(engine) as connection:
                    sealed = name not in ("use_ticket", "clean_up", "end_flow", "expire_flow", "new_session")
                    sealed = sealed and name not in ("session_user", "end_sessions")
                    return getattr(consent, name)(connection, *([vault] if sealed else []), *values)

            return call

    return Desk()


@pytest.fixture
def ticket(desk):
    """A ticket of ana's."""
    secret, _ = desk.new_ticket("ana", "Ana@Example.com ", NOW)
    return desk.find_ticket(secret, NOW)


@pytest.fixture
def flow(desk, ticket):
    """A way through Google that has come back."""
    desk.start_flow(ticket, "browser", "state", {"verifier": "v"}, NOW)
    return desk.take_return("state", "browser", NOW)


def test_a_ticket_names_its_user_and_the_address_to_expect(desk):
    secret, expires = desk.new_ticket("ana", " Ana@Example.com", NOW)
    found = desk.find_ticket(secret, NOW)
    assert (found.user, found.expected, found.expires_at) == ("ana", "ana@example.com", expires)
    assert expires == NOW + TICKET_LIFE


def test_a_ticket_that_was_never_given_out_is_unknown(desk):
    assert desk.find_ticket("guess", NOW) is None


def test_a_ticket_ends_with_its_time(desk):
    secret, expires = desk.new_ticket("ana", "a@b.c", NOW)
    assert desk.find_ticket(secret, expires - SECOND) is not None
    assert desk.find_ticket(secret, expires) is None


def test_a_ticket_is_used_once(desk, ticket):
    assert desk.use_ticket(ticket.id, NOW)
    assert not desk.use_ticket(ticket.id, NOW)


def test_a_used_ticket_is_not_found(desk):
    secret, _ = desk.new_ticket("ana", "a@b.c", NOW)
    desk.use_ticket(desk.find_ticket(secret, NOW).id, NOW)
    assert desk.find_ticket(secret, NOW) is None


def test_a_new_ticket_ends_the_earlier_one_of_that_user_only(desk):
    ana, ben = (desk.new_ticket(user, "a@b.c", NOW)[0] for user in ("ana", "ben"))
    again = desk.new_ticket("ana", "a@b.c", NOW)[0]
    assert desk.find_ticket(ana, NOW) is None
    assert desk.find_ticket(ben, NOW).user == "ben"
    assert desk.find_ticket(again, NOW).user == "ana"


def test_neither_tickets_nor_addresses_are_stored_in_clear(desk, engine):
    secret, _ = desk.new_ticket("ana", "ana.secret@example.com", NOW)
    with reading(engine) as connection:
        (row,) = connection.execute(select(consent.tickets)).all()
    assert secret not in str(tuple(row))
    assert "secret@" not in str(tuple(row))


def test_a_state_comes_back_once(desk, ticket, flow):
    assert flow.ticket == ticket
    assert flow.secrets == {"verifier": "v"}
    assert desk.take_return("state", "browser", NOW) is None


def test_a_state_of_another_browser_or_none_is_not_taken_and_not_burnt(desk, ticket):
    desk.start_flow(ticket, "browser", "state", {}, NOW)
    assert desk.take_return("state", "thief", NOW) is None
    assert desk.take_return("forged", "browser", NOW) is None
    assert desk.take_return("state", "browser", NOW) is not None


def test_a_state_that_comes_back_too_late_is_not_taken(desk, ticket):
    desk.start_flow(ticket, "browser", "state", {}, NOW)
    assert desk.take_return("state", "browser", NOW + FLOW_LIFE) is None


def test_a_state_whose_ticket_was_used_meanwhile_leads_nowhere(desk, ticket):
    desk.start_flow(ticket, "browser", "state", {}, NOW)
    desk.use_ticket(ticket.id, NOW)
    assert desk.take_return("state", "browser", NOW) is None


def test_a_grant_waits_for_its_own_browser_and_in_time(desk, flow):
    desk.hold_grant(flow, {"subject": "s", "refresh_token": "r"}, NOW)
    assert desk.find_held("browser", NOW).granted == {"subject": "s", "refresh_token": "r"}
    assert desk.find_held("thief", NOW) is None
    assert desk.find_held("browser", NOW + FLOW_LIFE) is None


def test_a_grant_is_stored_sealed(desk, flow, engine):
    desk.hold_grant(flow, {"subject": "sub-4711", "refresh_token": "token-4711"}, NOW)
    with reading(engine) as connection:
        (row,) = connection.execute(select(consent.flows)).all()
    assert "4711" not in str(tuple(row))


def test_a_grant_that_nobody_confirmed_is_overdue_until_it_is_withdrawn(desk, flow):
    desk.hold_grant(flow, {"subject": "s", "refresh_token": "r"}, NOW)
    assert desk.overdue(NOW) == []
    late = NOW + FLOW_LIFE
    (grant,) = desk.overdue(late)
    assert (grant.subject, grant.refresh_token) == ("s", "r")
    desk.clean_up(late)
    assert len(desk.overdue(late)) == 1
    desk.end_flow(grant.flow_id)
    assert desk.overdue(late) == []


def test_clean_up_forgets_what_is_over_and_keeps_the_rest(desk, engine, ticket):
    desk.start_flow(ticket, "browser", "state", {}, NOW)
    desk.new_session("ana", NOW)
    desk.clean_up(NOW + FLOW_LIFE)
    with reading(engine) as connection:
        count = {
            table.name: len(connection.execute(select(table)).all())
            for table in (consent.flows, consent.tickets, consent.sessions)
        }
    assert count == {"consent_flow": 0, "ticket": 1, "web_session": 1}
    desk.clean_up(NOW + TICKET_LIFE)
    with reading(engine) as connection:
        assert connection.execute(select(consent.tickets)).all() == []
        assert connection.execute(select(consent.sessions)).all() == []


def test_a_session_ends_when_it_is_idle_and_at_its_end_however_busy_it_is(desk):
    secret = desk.new_session("ana", NOW)
    assert desk.session_user(secret, NOW) == "ana"
    assert desk.session_user(secret, NOW + SESSION_IDLE) is None
    moment = NOW
    while moment + SESSION_IDLE / 2 < NOW + SESSION_LIFE:
        moment += SESSION_IDLE / 2
        assert desk.session_user(secret, moment) == "ana"
    assert desk.session_user(secret, NOW + SESSION_LIFE) is None


def test_ending_sessions_closes_those_of_one_user(desk):
    ana, ben = desk.new_session("ana", NOW), desk.new_session("ben", NOW)
    desk.end_sessions("ana")
    assert desk.session_user(ana, NOW) is None
    assert desk.session_user(ben, NOW) == "ben"
