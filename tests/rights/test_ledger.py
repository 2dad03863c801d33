"""The consent ledger: who gave consent to what, by which words, and how it ended, told by whoever did it."""

from __future__ import annotations

from calsync.engine import begin_disconnect, disconnect
from calsync.store import audit
from calsync.store.accounts import State
from calsync.store.audit import Act, Actor
from calsync.store.database import reading


def ledger(house):
    with reading(house.parts.engine) as connection:
        assert audit.verify(connection, house.parts.vault) == []
        return audit.entries(connection)


def test_consent_is_entered_with_its_scopes_and_so_is_the_next_one(house):
    house.connect("ana", "ana@example.com")
    first, again = ledger(house)
    assert (first.act, first.actor, first.detail["again"]) == (Act.CONSENT_GIVEN, Actor.PERSON, False)
    assert "calendar.events" in first.detail["scopes"]
    assert again.detail["again"]
    assert first.subject == again.subject


def test_withdrawing_is_entered_with_who_did_it_and_what_came_of_it(house):
    disconnect(house.parts, house.account("ana").id, "remove", "keep")
    _, withdrawn, ended = ledger(house)
    assert (withdrawn.act, withdrawn.actor, withdrawn.by) == (
        Act.CONSENT_WITHDRAWN,
        "operator",
        "command line",
    )
    assert withdrawn.detail == {"google_copies": "remove", "crm_copies": "keep"}
    assert (ended.act, ended.detail) == (Act.CONSENT_ENDED, {"revoked": True, "removed": 0})


def test_a_person_who_leaves_by_their_own_page_is_the_one_who_withdraws(house):
    begin_disconnect(house.parts, house.account("ana").id, "keep", "keep", Actor.PERSON)
    assert ledger(house)[-1].actor == Actor.PERSON


def test_who_takes_access_away_at_google_has_withdrawn_and_no_token_is_kept(house):
    house.control("POST", "revoke", {"email": "ana@example.com"})
    house.resync("ana")
    account = house.account("ana")
    assert (account.state, account.sealed_refresh_token) == (State.RECONNECT, None)
    assert ledger(house)[-1].act == Act.CONSENT_LOST
    house.connect("ana", "ana@example.com")
    assert house.resync("ana")["outcome"] == "ok"


def test_no_entry_names_anybody(house):
    disconnect(house.parts, house.account("ana").id, "keep", "keep")
    assert "ana" not in repr(ledger(house))
