"""Every cell of the decision table, in both directions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from calsync.model.event import Attendee, Event, Response, Visibility
from calsync.model.link import Base, Fingerprints, Kind, Sight
from calsync.model.permission import Level
from calsync.model.policy import Direction, Winner
from calsync.model.side import SideName
from calsync.sync.decision import Change, Copy, Remove, Rules
from calsync.sync.reconcile import reconcile

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM
PRINTS = Fingerprints(b"k" * 16)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
EVENT = Event("Plan", NINE, TEN, "Europe/London", "agenda", "room")
AGREED = Base(PRINTS.face(EVENT), PRINTS.face(EVENT), CRM)
EARLY, LATE = datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 1, 9, tzinfo=UTC)


def seen(event: Event, modified=EARLY, **more) -> Sight:
    guests = PRINTS.guests(event)
    return Sight(Kind.CHANGED, event, PRINTS.face(event), modified=modified, guests=guests, **more)


PLAIN = Rules()


def decide(sights: dict, base: Base = AGREED, rules: Rules = PLAIN):
    return reconcile(base, sights[GOOGLE], sights[CRM], rules)


def both_ways(test):
    return pytest.mark.parametrize("side", list(SideName), ids=lambda side: f"seen on {side}")(test)


SAME, GONE, NEVER = Sight(Kind.SAME), Sight(Kind.GONE), Sight(Kind.NEVER)


def test_nothing_moved_means_nothing_to_do():
    decision = decide({GOOGLE: SAME, CRM: SAME})
    assert not decision.actions
    assert not decision.forget


@both_ways
def test_a_change_on_one_side_goes_to_the_other(side):
    edited = replace(EVENT, title="Plan B")
    (action,) = decide({side: seen(edited), side.other: SAME}).actions
    assert action == Change(side.other, frozenset({"title"}), edited, PRINTS.face(edited))


@both_ways
def test_a_deletion_on_one_side_deletes_on_the_other(side):
    assert decide({side: GONE, side.other: SAME}).actions == (Remove(side.other),)


def test_gone_on_both_sides_is_forgotten():
    decision = decide({GOOGLE: GONE, CRM: GONE})
    assert decision.forget
    assert not decision.actions


@both_ways
def test_an_edit_beats_a_deletion(side):
    edited = replace(EVENT, location="garden")
    decision = decide({side: GONE, side.other: seen(edited)})
    assert decision.actions == (Copy(side, edited, PRINTS.face(edited)),)


@both_ways
def test_edits_of_different_fields_both_survive(side):
    here, there = replace(EVENT, title="Plan B"), replace(EVENT, location="garden")
    decision = decide({side: seen(here), side.other: seen(there)})
    assert {(action.side, action.fields) for action in decision.actions} == {
        (side.other, frozenset({"title"})),
        (side, frozenset({"location"})),
    }
    assert not decision.losers


@both_ways
def test_the_newer_edit_of_the_same_field_wins_and_the_other_is_kept(side):
    newer, older = replace(EVENT, title="new"), replace(EVENT, title="old")
    decision = decide({side: seen(newer, LATE), side.other: seen(older, EARLY)})
    (action,) = decision.actions
    assert (action.side, action.event.title) == (side.other, "new")
    (loser,) = decision.losers
    assert (loser.field, loser.kept, loser.lost, loser.kept_side) == ("title", "new", "old", side)


def test_a_tie_goes_to_the_crm():
    decision = decide({GOOGLE: seen(replace(EVENT, title="g")), CRM: seen(replace(EVENT, title="c"))})
    assert decision.losers[0].kept_side is CRM


@both_ways
def test_a_fixed_winner_wins_whatever_the_clock_says(side):
    rules = Rules(winner=Winner(side.value))
    sights = {side: seen(replace(EVENT, title="x"), EARLY), side.other: seen(replace(EVENT, title="y"), LATE)}
    assert decide(sights, rules=rules).losers[0].kept_side is side


def test_the_same_edit_on_both_sides_needs_no_write():
    edited = replace(EVENT, title="Plan B")
    decision = decide({GOOGLE: seen(edited), CRM: seen(edited)})
    assert not decision.actions
    assert not decision.losers
    assert decision.agreed == {"title"}


def test_start_and_end_move_as_one():
    later = replace(EVENT, end=datetime(2026, 3, 2, 11, tzinfo=UTC))
    earlier = replace(EVENT, start=datetime(2026, 3, 2, 8, tzinfo=UTC))
    decision = decide({GOOGLE: seen(later, LATE), CRM: seen(earlier, EARLY)})
    (action,) = decision.actions
    assert action == Change(CRM, frozenset({"start", "end"}), later, PRINTS.face(later))


@both_ways
def test_a_new_event_is_copied(side):
    decision = decide({side: seen(EVENT), side.other: NEVER}, Base())
    assert decision.actions == (Copy(side.other, EVENT, PRINTS.face(EVENT)),)


@both_ways
def test_direction_holds_what_must_not_cross(side):
    rules = Rules(direction=Direction.TO_CRM if side is CRM else Direction.TO_GOOGLE)
    assert decide({side: seen(EVENT), side.other: NEVER}, Base(), rules).held
    edited = decide({side: seen(replace(EVENT, title="B")), side.other: SAME}, rules=rules)
    assert edited.held
    assert not edited.actions
    deleted = decide({side: GONE, side.other: SAME}, rules=rules)
    assert deleted.held
    assert not deleted.actions


@both_ways
@pytest.mark.parametrize("other", [SAME, GONE, NEVER, seen(replace(EVENT, title="B"))], ids=lambda s: s.kind)
def test_unknown_never_leads_to_a_write(side, other):
    decision = decide({side: Sight(Kind.UNKNOWN), side.other: other})
    assert not decision.actions
    assert not decision.forget


@both_ways
@pytest.mark.parametrize("other", [SAME, GONE, seen(replace(EVENT, title="B"))], ids=lambda s: s.kind)
def test_outside_the_window_rests_whatever_the_other_side_says(side, other):
    decision = decide({side: Sight(Kind.OUTSIDE), side.other: other})
    assert not decision.actions
    assert not decision.forget


def test_a_withheld_original_takes_its_copy_back():
    decision = decide({CRM: Sight(Kind.WITHHELD), GOOGLE: SAME})
    assert decision.actions == (Remove(GOOGLE, retract=True),)


def test_a_persons_edit_of_a_copy_that_is_taken_back_is_kept():
    decision = decide({CRM: Sight(Kind.WITHHELD), GOOGLE: seen(replace(EVENT, title="mine"))})
    assert decision.actions == (Remove(GOOGLE, retract=True),)
    assert [(loser.field, loser.lost) for loser in decision.losers] == [("title", "mine")]


def test_a_withheld_copy_rests():
    base = replace(AGREED, origin=GOOGLE)
    decision = decide({CRM: Sight(Kind.WITHHELD), GOOGLE: seen(replace(EVENT, title="B"))}, base)
    assert not decision.actions
    assert decision.held


def test_withheld_beats_outside():
    decision = decide({CRM: Sight(Kind.WITHHELD), GOOGLE: Sight(Kind.OUTSIDE)})
    assert decision.actions == (Remove(GOOGLE, retract=True),)


def test_what_is_on_both_sides_at_the_first_meeting_is_paired_and_differences_clash():
    google = seen(replace(EVENT, description="longer"), LATE)
    decision = decide({GOOGLE: google, CRM: seen(EVENT, EARLY)}, Base())
    (action,) = decision.actions
    assert (action.side, action.fields) == (CRM, frozenset({"description"}))
    assert decision.losers[0].lost == "agenda"
    assert "title" in decision.agreed


def test_what_may_not_be_edited_in_the_crm_is_put_back_on_google():
    sights = {
        GOOGLE: seen(replace(EVENT, title="mine")),
        CRM: Sight(Kind.SAME, EVENT, PRINTS.face(EVENT), level=Level.READ),
    }
    (action,) = decide(sights).actions
    assert (action.side, action.fields, action.event.title) == (GOOGLE, frozenset({"title"}), "Plan")


def test_content_is_asked_for_before_anything_is_put_back():
    sights = {GOOGLE: seen(replace(EVENT, title="mine")), CRM: Sight(Kind.SAME, level=Level.READ)}
    decision = decide(sights)
    assert decision.need == {CRM}
    assert not decision.actions


def test_a_reader_may_keep_their_own_reminders():
    sights = {GOOGLE: seen(replace(EVENT, reminders=(5,))), CRM: Sight(Kind.SAME, level=Level.READ)}
    decision = decide(sights)
    assert not decision.actions
    assert decision.agreed == {"reminders", "r:5"}


def test_guests_go_to_google_only_when_asked_for():
    guest = Attendee("x@other.test")
    sights = {GOOGLE: SAME, CRM: seen(replace(EVENT, attendees=(guest,)))}
    assert not decide(sights).actions
    (action,) = decide(sights, rules=Rules(guests_write=True)).actions
    assert action.fields == {PRINTS.guest("x@other.test")}
    assert action.event.attendees == (guest,)


def test_guests_whom_two_people_add_both_come():
    one, other = Attendee("one@other.test"), Attendee("two@other.test")
    sights = {
        GOOGLE: seen(replace(EVENT, attendees=(one,))),
        CRM: seen(replace(EVENT, attendees=(other,))),
    }
    decision = decide(sights, rules=Rules(guests_write=True))
    assert [action.event.attendees for action in decision.actions] == [(one, other), (one, other)]
    assert not decision.losers


def test_a_guest_added_to_a_copy_without_guests_never_replaces_those_of_the_record():
    base = Base(PRINTS.face(EVENT), PRINTS.face(replace(EVENT, attendees=(Attendee("x@other.test"),))), CRM)
    added = seen(replace(EVENT, attendees=(Attendee("new@other.test"),)))
    assert decide({GOOGLE: added, CRM: SAME}, base).need == {CRM}


def test_somebody_else_s_meeting_gets_an_answer_from_the_crm_and_nothing_more():
    own = PRINTS.guest("ana@example.com")
    before = replace(EVENT, attendees=(Attendee("ana@example.com"), Attendee("host@other.test")))
    base = Base(PRINTS.face(before), PRINTS.face(before), GOOGLE)
    answer = (Attendee("ana@example.com", response=Response.ACCEPTED), Attendee("host@other.test", "Host"))
    sights = {
        GOOGLE: Sight(Kind.SAME, level=Level.READ),
        CRM: seen(replace(before, attendees=answer, title="mine", reminders=(5,))),
    }
    decision = decide(sights, base, Rules(own=own))
    (action,) = decision.actions
    assert action.fields == {own, "reminders", "r:5"}
    assert decision.held


def test_a_record_of_several_people_leaves_everybody_their_reminders():
    base = Base(PRINTS.face(EVENT), PRINTS.face(EVENT), GOOGLE)
    sights = {
        GOOGLE: seen(replace(EVENT, reminders=(5,))),
        CRM: Sight(Kind.SAME, level=Level.READ, owned=False),
    }
    assert not decide(sights, base).actions
    sights = {
        GOOGLE: SAME,
        CRM: replace(seen(replace(EVENT, reminders=(5,))), level=Level.READ, owned=False),
    }
    assert not decide(sights, base).actions


def test_a_record_that_its_owner_has_deleted_does_not_decline_the_invitation_of_another():
    base = Base(PRINTS.face(EVENT), PRINTS.face(EVENT), GOOGLE)
    gone = Sight(Kind.GONE, level=Level.READ, owned=False)
    decision = decide({GOOGLE: SAME, CRM: gone}, base)
    assert not decision.actions
    assert decision.held


def test_what_another_link_has_written_already_is_not_written_again():
    changed = replace(EVENT, title="new")
    base = Base(PRINTS.face(changed), PRINTS.face(EVENT), GOOGLE)
    assert not decide({GOOGLE: SAME, CRM: seen(changed)}, base).actions


def test_two_people_who_edit_different_occurrences_merge():
    series = replace(EVENT, recurrence=("RRULE:FREQ=DAILY;COUNT=5",))
    base = Base(PRINTS.face(series), PRINTS.face(series), CRM)
    one = series.with_exceptions({"20260303T090000Z": None})
    other = series.with_exceptions({"20260304T090000Z": replace(EVENT, title="moved")})
    decision = decide({GOOGLE: seen(one), CRM: seen(other)}, base)
    assert {(action.side, action.fields) for action in decision.actions} == {
        (CRM, frozenset({"x:20260303T090000Z"})),
        (GOOGLE, frozenset({"x:20260304T090000Z"})),
    }
    assert not decision.losers


def test_a_partial_sight_says_nothing_about_other_exceptions():
    series = replace(EVENT, recurrence=("RRULE:FREQ=DAILY;COUNT=5",))
    series = series.with_exceptions({"20260303T090000Z": None})
    base = Base(PRINTS.face(series), PRINTS.face(series), CRM)
    partial = series.with_exceptions({"20260304T090000Z": None})
    (action,) = decide({GOOGLE: seen(partial, partial=True), CRM: SAME}, base).actions
    assert action.fields == {"x:20260304T090000Z"}


def test_a_busy_copy_never_overwrites_text():
    hidden = replace(EVENT, visibility=Visibility.PRIVATE).busy()
    base = Base(PRINTS.face(hidden), PRINTS.face(replace(hidden, redacted=False)), GOOGLE)
    in_crm = replace(hidden, redacted=False, title="what I call it")
    decision = decide({GOOGLE: SAME, CRM: seen(in_crm)}, base)
    assert not decision.actions
    assert decision.held
