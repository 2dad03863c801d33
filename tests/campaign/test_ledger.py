"""The oracle of the campaigns finds every kind of damage, and only that."""

from __future__ import annotations

import pytest

from calsync.sandbox.campaign.ledger import Ledger, Weight

BORN = {"title": "#1 a", "location": "l1"}
MOVED = {"title": "#1 a", "location": "l2"}


@pytest.fixture
def ledger():
    """One event, made in Google."""
    made = Ledger()
    made.wrote("#1", "google", {}, BORN)
    return made


def verdict(ledger, google, crm, lost=()):
    return ledger.verdict({"#1": google}, {"#1": crm}, lost)


def test_an_event_that_is_on_both_sides_as_it_was_written_is_right(ledger):
    assert verdict(ledger, [BORN], [BORN]) == []


def test_an_edit_that_a_person_replaced_is_not_missed(ledger):
    ledger.wrote("#1", "crm", BORN, MOVED)
    assert verdict(ledger, [MOVED], [MOVED]) == []


def test_a_lost_event_is_found(ledger):
    assert "gone" in verdict(ledger, [], [])[0]
    assert "only in Google" in verdict(ledger, [BORN], [])[0]


def test_a_doubled_event_is_found(ledger):
    assert "2 times" in verdict(ledger, [BORN, BORN], [BORN])[0]


def test_an_event_that_nobody_made_is_found(ledger):
    assert "nobody made it" in ledger.verdict({"#1": [BORN], "#9": [BORN]}, {"#1": [BORN]}, ())[0]


def test_sides_that_differ_are_found(ledger):
    ledger.wrote("#1", "crm", BORN, MOVED)
    assert "differs in location" in verdict(ledger, [BORN], [MOVED])[0]


def test_a_lost_edit_is_found(ledger):
    ledger.wrote("#1", "crm", BORN, MOVED)
    assert "lost an edit of location made on crm" in verdict(ledger, [BORN], [BORN])[0]


def test_the_loser_of_a_conflict_counts_as_kept(ledger):
    ledger.wrote("#1", "google", BORN, {**BORN, "location": "l3"})
    ledger.wrote("#1", "crm", BORN, MOVED)
    assert verdict(ledger, [MOVED], [MOVED], lost={"l3"}) == []
    assert "lost an edit" in verdict(ledger, [MOVED], [MOVED])[0]


def test_a_deleted_event_that_comes_back_is_found(ledger):
    ledger.deleted("#1", "google", BORN)
    assert "come back" in verdict(ledger, [BORN], [BORN])[0]
    assert verdict(ledger, [], []) == []


def test_an_edit_that_whoever_deleted_had_not_seen_brings_the_event_back(ledger):
    ledger.wrote("#1", "crm", BORN, MOVED)
    ledger.deleted("#1", "google", BORN)
    assert verdict(ledger, [MOVED], [MOVED]) == []
    assert "deleted over an edit" in verdict(ledger, [], [])[0]


def test_what_replaced_the_edit_that_brought_an_event_back_does_not_make_it_wrong(ledger):
    ledger.wrote("#1", "crm", BORN, MOVED)
    ledger.deleted("#1", "google", BORN)
    later = {**MOVED, "location": "l3"}
    ledger.wrote("#1", "google", MOVED, later)
    assert verdict(ledger, [later], [later]) == []


def test_what_somebody_without_the_right_has_replaced_was_not_seen_by_whoever_deleted(ledger):
    ledger.wrote("#1", "crm", BORN, MOVED)
    ledger.wrote("#1", "google:bo", MOVED, {**MOVED, "location": "l3"})
    ledger.deleted("#1", "google", BORN)

    def weigh(_tag, deed):
        return Weight.VOID if deed.side == "google:bo" else Weight.FIRM

    assert ledger.judge("#1", [MOVED, MOVED], (), weigh) == []
