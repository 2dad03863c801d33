"""What holds for every decision: it settles, loses nothing, and treats both sides alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from calsync.model.event import Attendee, Event, Response, exception_key, sort_attendees, whole_name
from calsync.model.link import Base, Fingerprints, Kind, Sight
from calsync.model.side import SideName
from calsync.sync.decision import Change, Copy, Remove, Rules
from calsync.sync.reconcile import reconcile

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM
PRINTS = Fingerprints(b"k" * 16)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SERIES = Event(
    "Plan", START, START + timedelta(hours=1), "Europe/London", "a", "r", ("RRULE:FREQ=DAILY;COUNT=9",)
)
KEYS = ("20260303T090000Z", "20260304T090000Z", "20260305T090000Z")

words = st.sampled_from(["one", "two", "three", ""])
moved_occurrence = st.one_of(st.none(), words.map(lambda title: replace(SERIES, title=title, recurrence=())))
exceptions = st.dictionaries(st.sampled_from(KEYS), moved_occurrence, max_size=3)
starts = st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours))
guests = st.lists(
    st.builds(
        Attendee,
        st.sampled_from(["a@x.test", "b@x.test", "c@x.test"]),
        response=st.sampled_from(list(Response)),
    ),
    max_size=3,
).map(sort_attendees)
edits = st.fixed_dictionaries(
    {},
    optional={
        "title": words,
        "description": words,
        "location": words,
        "start": starts,
        "end": st.integers(5, 8).map(lambda hours: START + timedelta(hours=hours)),
        "reminders": st.sampled_from([None, (), (5,), (5, 10)]),
        "attendees": guests,
        "exceptions": exceptions,
    },
)
events = edits.map(lambda changes: replace(SERIES, **changes))
moments = st.integers(0, 5).map(lambda minutes: START + timedelta(minutes=minutes))


def sight_of(event: Event | None, base: Event, modified: datetime) -> Sight:
    if event is None:
        return Sight(Kind.GONE)
    if event == base:
        return Sight(Kind.SAME)
    return seen(event, modified)


def seen(event: Event, modified: datetime) -> Sight:
    return Sight(Kind.CHANGED, event, PRINTS.face(event), modified=modified, guests=PRINTS.guests(event))


def applied(decision, sides: dict[SideName, Event | None]) -> dict[SideName, Event | None]:
    """Return both sides after the decision was carried out."""
    after = dict(sides)
    for action in decision.actions:
        if isinstance(action, Remove):
            after[action.side] = None
        elif isinstance(action, Copy):
            after[action.side] = action.event
        elif isinstance(action, Change):
            after[action.side] = patched(after[action.side], action)
    return after


def patched(event: Event, action: Change) -> Event:
    whole = {whole_name(name) for name in action.fields if exception_key(name) is None}
    changes = {name: getattr(action.event, name) for name in whole}
    moved = dict(event.exceptions)
    for name in action.fields:
        key = exception_key(name)
        if key is not None and key in action.event.exceptions:
            moved[key] = action.event.exceptions[key]
        elif key is not None:
            moved.pop(key, None)
    return replace(event, **changes, exceptions=moved)


def decide(base: Event, sides, modified):
    agreed = Base(PRINTS.face(base), PRINTS.face(base), CRM)
    sights = {side: sight_of(sides[side], base, modified[side]) for side in SideName}
    return reconcile(agreed, sights[GOOGLE], sights[CRM], Rules(guests_write=True))


maybe_gone = st.one_of(st.none(), events)


@given(base=events, google=maybe_gone, crm=maybe_gone, times=st.tuples(moments, moments))
def test_a_decision_brings_both_sides_to_the_same_content(base, google, crm, times):
    sides = {GOOGLE: google, CRM: crm}
    decision = decide(base, sides, dict(zip(SideName, times, strict=True)))
    after = applied(decision, sides)
    assert after[GOOGLE] == after[CRM]
    assert decision.forget == (google is None and crm is None)


@given(base=events, google=maybe_gone, crm=maybe_gone, times=st.tuples(moments, moments))
def test_the_result_of_a_decision_needs_no_other(base, google, crm, times):
    modified = dict(zip(SideName, times, strict=True))
    sides = {GOOGLE: google, CRM: crm}
    after = applied(decide(base, sides, modified), sides)
    if after[GOOGLE] is None:
        return
    again = decide(after[GOOGLE], after, modified)
    assert not again.actions
    assert not again.losers


@given(base=events, google=maybe_gone, crm=maybe_gone, times=st.tuples(moments, moments))
def test_every_value_that_a_person_wrote_stands_or_is_kept(base, google, crm, times):
    sides = {GOOGLE: google, CRM: crm}
    modified = dict(zip(SideName, times, strict=True))
    decision = decide(base, sides, modified)
    after = applied(decision, sides)[GOOGLE]
    before, stands = PRINTS.face(base), PRINTS.face(after) if after is not None else None
    for side, event in sides.items():
        if event is None:
            continue
        sight = seen(event, modified[side])
        for name in set(sight.face) | set(before):
            if sight.face.get(name) == before.get(name):
                continue
            kept = any(
                loser.field == name and loser.lost == sight.value(name) and loser.kept_side is side.other
                for loser in decision.losers
            )
            assert (
                (stands is not None and stands.get(name) == sight.face.get(name)) or kept or left(name, sides)
            ), name


def left(name: str, sides) -> bool:
    """Return whether one side has taken a guest off the list who has declined on the other: no value is lost."""
    found = [PRINTS.guests(event).get(name) for event in sides.values() if event is not None]
    return None in found and any(guest and guest.response is Response.DECLINED for guest in found)


@given(base=events, google=maybe_gone, crm=maybe_gone)
def test_exchanging_the_sides_exchanges_the_decision(base, google, crm):
    early, late = START, START + timedelta(hours=1)
    one = applied(
        decide(base, {GOOGLE: google, CRM: crm}, {GOOGLE: late, CRM: early}), {GOOGLE: google, CRM: crm}
    )
    other = applied(
        decide(base, {GOOGLE: crm, CRM: google}, {GOOGLE: early, CRM: late}), {GOOGLE: crm, CRM: google}
    )
    assert one[GOOGLE] == other[CRM]


@given(google=events, crm=events, times=st.tuples(moments, moments))
def test_the_first_meeting_of_two_events_loses_nothing(google, crm, times):
    sights = {
        side: seen(event, modified)
        for side, event, modified in zip(SideName, (google, crm), times, strict=True)
    }
    decision = reconcile(Base(), sights[GOOGLE], sights[CRM], Rules(guests_write=True))
    after = applied(decision, {GOOGLE: google, CRM: crm})
    assert after[GOOGLE] == after[CRM]
    stands = PRINTS.face(after[GOOGLE])
    for side in SideName:
        for name, value in sights[side].face.items():
            kept = any(
                loser.field == name and loser.lost == sights[side].value(name) for loser in decision.losers
            )
            assert stands.get(name) == value or kept
