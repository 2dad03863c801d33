"""Erasure: what is held goes, what stays is named, and nobody is erased by half."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, select, text

from calsync.privacy import receipt
from calsync.privacy.inventory import count_rows
from calsync.rights.erasure import Copies, begin, erase, go_on_with_all, is_known
from calsync.store import accounts, audit, consent, holds, subjects
from calsync.store.accounts import State
from calsync.store.audit import COMMAND_LINE, Act, Actor
from calsync.store.database import reading, writing
from calsync.store.erasures import Step
from tests.house import SCOPES, crm_at, day
from tests.marks import hits


def rows_of(engine):
    """Return the content of every table but the built-in CRM's own, by name."""
    with reading(engine) as connection:
        names = [name for name in inspect(connection).get_table_names() if not name.startswith("crm_")]
        return {name: repr(connection.execute(text(f'SELECT * FROM "{name}"')).all()) for name in names}


def held(house, user="ana"):
    with reading(house.parts.engine) as connection:
        return count_rows(connection, user)


def remains(done):
    return {one["what"]: one["count"] for one in done.receipt["remains"]}


def test_everything_that_is_held_goes_and_the_receipt_counts_it(erased, lived_in):
    before = held(lived_in)
    assert set(before) == {"account", "link", "run", "journal", "conflict", "subject"}
    done = erased()
    assert held(lived_in) == {}
    assert {name: done.receipt["removed"][name] for name in before} == before
    assert done.receipt["withdrawn_at_google"] == 1
    assert done.receipt["keys_destroyed"] == 2
    assert lived_in.control("GET", "grants/ana@example.com")["live"] == 0


def test_no_row_names_the_person_any_more(erased, lived_in):
    account = lived_in.account("ana")
    keys = [link.google.key for link in lived_in.links("ana") if link.google.key]
    names = ["'ana'", account.address, account.subject_digest, *keys]
    assert any(hits(row.encode(), names) for row in rows_of(lived_in.parts.engine).values()), (
        "the search works"
    )
    erased()
    for table, content in rows_of(lived_in.parts.engine).items():
        assert hits(content.encode(), names) == [], table


def test_originals_stay_and_copies_as_chosen(erased, lived_in):
    google, crm = lived_in.google_titles("ana"), lived_in.crm_titles("ana")
    done = erased()
    assert (lived_in.google_titles("ana"), lived_in.crm_titles("ana")) == (google, crm)
    assert remains(done) | {"audit": 0} == {
        "google originals": 2,
        "google copies": 1,
        "crm originals": 2,
        "crm copies": 2,
        "crm user": 1,
        "audit": 0,
    }


def test_copies_are_removed_where_that_was_chosen_and_originals_are_not(erased, lived_in):
    done = erased("remove", "remove")
    assert lived_in.crm_titles("ana") == ["Zqx7-crm", "Zqx7-refused"]
    assert len(lived_in.google_titles("ana")) == 2
    assert "Zqx7-crm" not in lived_in.google_titles("ana")
    assert done.receipt["removed"]["copies"] == 3
    assert "google copies" not in remains(done)
    assert "crm copies" not in remains(done)


def test_copies_in_the_crm_are_removed_also_when_google_lets_nobody_in_any_more(erased, lived_in):
    lived_in.control("POST", "revoke", {"email": "ana@example.com"})
    lived_in.resync("ana")
    assert lived_in.account("ana").state is State.RECONNECT
    done = erased("remove", "remove")
    assert lived_in.crm_titles("ana") == ["Zqx7-crm", "Zqx7-refused"]
    assert remains(done)["google copies out of reach"] == 1


def test_retired_connections_of_the_person_go_too(lived_in, erased):
    with writing(lived_in.parts.engine) as connection:
        now = lived_in.clock()
        accounts.end_consent(connection, lived_in.account("ana").id, State.DISCONNECTED, "disconnected", now)
    lived_in.connect("ana", "ana.new@example.com")
    done = erased()
    assert done.receipt["removed"]["account"] == 2
    assert held(lived_in) == {}


def test_others_keep_what_is_theirs(lived_in, erased):
    lived_in.person("ben")
    lived_in.crm_add("ben", title="Ben's", **crm_at(day(2)))
    lived_in.resync("ben")
    before = held(lived_in, "ben")
    erased()
    assert held(lived_in, "ben") == before
    assert lived_in.resync("ben")["outcome"] == "ok"


def test_the_audit_trail_stays_whole_and_tells_nobody_who_it_was(lived_in, erased):
    with reading(lived_in.parts.engine) as connection:
        who = subjects.find(connection, lived_in.parts.vault, "ana")
    erased()
    with reading(lived_in.parts.engine) as connection:
        assert audit.verify(connection, lived_in.parts.vault) == []
        acts = [entry.act for entry in audit.entries(connection, who)]
        assert subjects.everyone(connection, lived_in.parts.vault) == {}
    assert acts == [Act.CONSENT_GIVEN, Act.ERASURE_BEGAN, Act.CONSENT_ENDED, Act.ERASED]


def test_a_receipt_is_signed_and_a_changed_one_is_not_ours(lived_in, erased):
    document = dict(erased().receipt)
    assert receipt.is_ours(lived_in.parts.vault, document)
    assert not receipt.is_ours(lived_in.parts.vault, document | {"keys_destroyed": 7})
    assert "ana" not in repr(document)


def test_what_was_only_begun_stops_everything_at_once_and_the_daemon_does_the_rest(lived_in):
    begin(lived_in.parts, "ana", Copies(), Actor.PERSON)
    assert lived_in.account("ana").state is State.FINISHING
    assert lived_in.control("GET", "grants/ana@example.com")["live"] == 1
    (done,) = go_on_with_all(lived_in.parts)
    assert done.receipt["withdrawn_at_google"] == 1


def test_while_google_cannot_be_reached_syncing_is_over_and_the_rest_waits(lived_in, erased):
    lived_in.fault(operation="revoke", status=503)
    done = erased()
    assert (done.receipt, done.step) == (None, Step.WITHDRAW)
    assert "Google" in done.waits_for
    assert lived_in.account("ana").state is State.FINISHING
    lived_in.control("DELETE", "faults")
    (later,) = go_on_with_all(lived_in.parts)
    assert later.receipt["withdrawn_at_google"] == 1
    assert held(lived_in) == {}


def test_a_legal_hold_ends_consent_and_keeps_the_data_until_it_is_released(lived_in, erased):
    with writing(lived_in.parts.engine) as connection:
        holds.put(connection, lived_in.parts.vault, "ana", "claim 17", lived_in.clock())
    done = erased()
    assert "legal hold" in done.waits_for
    assert lived_in.control("GET", "grants/ana@example.com")["live"] == 0
    assert held(lived_in)["conflict"] == 1
    assert go_on_with_all(lived_in.parts)[0].receipt is None
    with writing(lived_in.parts.engine) as connection:
        assert holds.release(connection, "ana")
    assert go_on_with_all(lived_in.parts)[0].receipt is not None
    assert held(lived_in) == {}


def test_erasing_twice_at_once_is_one_erasure(lived_in):
    def again(step):
        if step is Step.ENLIST:
            with reading(lived_in.parts.engine) as connection:
                assert connection.execute(select(text("count(*) FROM erasure"))).scalar() == 1

    one = erase(lived_in.parts, "ana", Copies(), COMMAND_LINE, reached=again)
    assert one.receipt is not None


@pytest.mark.parametrize("wanted", ["grant", "ticket"])
def test_consent_that_was_under_way_ends_too(house, wanted):
    now, vault = house.clock(), house.parts.vault
    house.control("POST", "accounts", {"email": "bob@example.com"})
    with writing(house.parts.engine) as connection:
        secret, _ = consent.new_ticket(connection, vault, "bob", "bob@example.com", now)
        ticket = consent.find_ticket(connection, vault, secret, now)
        if wanted == "grant":
            token = house.google.world.grant("bob@example.com", SCOPES).refresh_token
            consent.start_flow(connection, vault, ticket, "browser", "state", {"nonce": "n"}, now)
            flow = consent.take_return(connection, vault, "state", "browser", now)
            consent.hold_grant(connection, vault, flow, {"subject": "s", "refresh_token": token}, now)
    assert is_known(house.parts, "bob")
    assert erase(house.parts, "bob", Copies(), Actor.PERSON).receipt is not None
    assert held(house, "bob") == {}
    assert house.control("GET", "grants/bob@example.com")["live"] == 0
