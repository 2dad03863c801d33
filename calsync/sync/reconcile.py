r"""The decision about one link, as a pure function of what was agreed and what is seen.

The table, the same for both directions (rows and columns may be exchanged):

    ========  ===========  =========================  ===================
    \         same         changed                    gone
    ========  ===========  =========================  ===================
    same      nothing      write the other side       delete the other
    changed   write other  merge field by field       edit beats delete
    gone      delete       edit beats delete          forget the link
    ========  ===========  =========================  ===================

WITHHELD beats OUTSIDE beats the table; UNKNOWN never leads to a write.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from calsync.model.event import Attendee, Event, Response, exception_key, is_guest, is_text, whole_name
from calsync.model.link import CANCELLED, REDACTED, Base, Face, Kind, Sight
from calsync.model.permission import Level
from calsync.model.policy import Winner
from calsync.model.side import SIDES, SideName
from calsync.model.zones import same_zone
from calsync.sync.decision import Action, Change, Copy, Decision, Loser, Remove, Rules
from calsync.sync.elements import (
    SHARED,
    following_series,
    lacks_guests,
    shared_with_series,
    with_elements,
    with_fields,
)

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM

#: Fields that move as one, since half of a change makes no sense.
UNITS = (frozenset({"start", "end"}),)

#: Fields that a person has for themselves: on their own copy they may change them whatever the original says.
PERSONAL = frozenset({"reminders", "visibility"})


def reconcile(base: Base, google: Sight, crm: Sight, rules: Rules) -> Decision:
    """Return what must happen so that the two sides of a link agree."""
    sights = {GOOGLE: google, CRM: crm}
    kinds = {google.kind, crm.kind}
    if Kind.UNKNOWN in kinds:
        return Decision("a side is not known")
    if Kind.WITHHELD in kinds:
        return _withheld(base, sights)
    if Kind.OUTSIDE in kinds:
        return Decision("outside the window")
    if not base.linked:
        return _meet(base, sights, rules)
    gone = [side for side in SIDES if sights[side].kind in (Kind.GONE, Kind.NEVER)]
    if len(gone) == 2:
        return Decision("gone on both sides", forget=True)
    if gone:
        return _one_gone(gone[0], base, sights, rules)
    return _merge(base, sights, rules)


def moved(base: Face | None, sight: Sight) -> frozenset[str]:
    """Return the fields in which a sight differs from the face at base; none unless it is CHANGED or read."""
    if sight.event is None or sight.face == base:
        return frozenset()
    before = base or {}
    names = set(sight.face)
    if sight.master:
        names.update(name for name in before if exception_key(name) is None)
    if not sight.partial:
        names.update(before)
    names.discard(REDACTED)
    return frozenset(name for name in names if sight.face.get(name) != before.get(name))


def _withheld(base: Base, sights: dict[SideName, Sight]) -> Decision:
    for side in SIDES:
        if sights[side].kind is not Kind.WITHHELD or base.origin is not side:
            continue
        copy = sights[side.other]
        if copy.kind in (Kind.GONE, Kind.NEVER):
            # Whoever has deleted it had no say any more: a right that returns brings it back.
            return Decision("withheld; no copy", released=side.other if copy.kind is Kind.GONE else None)
        lost = sorted(moved(base.face(side.other), copy)) if copy.event else []
        losers = tuple(Loser(name, None, copy.value(name), side) for name in lost)
        return Decision("withheld: copy retracted", (Remove(side.other, retract=True),), losers)
    return Decision("withheld", held=True)


def _meet(base: Base, sights: dict[SideName, Sight], rules: Rules) -> Decision:
    """Decide about what was never agreed: copy what is on one side, pair what is on both."""
    there = [side for side in SIDES if sights[side].kind in (Kind.CHANGED, Kind.SAME)]
    if not there:
        return Decision("nothing there", forget=True)
    lacking = frozenset(side for side in there if not sights[side].whole)
    if lacking:
        return Decision("content needed", need=lacking)
    if len(there) == 1 and base.origin is there[0].other and sights[base.origin].kind is Kind.GONE:
        return _orphan(base.origin, base, sights, rules)
    if len(there) == 1:
        return _copy(there[0], sights, rules, "new")
    google, crm = sights[GOOGLE].face, sights[CRM].face
    common = {name for name, value in google.items() if crm.get(name) == value or _is_alike(name, sights)}
    agreed = replace(
        base, google={name: google[name] for name in common}, crm={name: crm[name] for name in common}
    )
    decision = _merge(agreed, sights, rules, first=True)
    return replace(decision, because="paired", agreed=decision.agreed | frozenset(common))


def _orphan(origin: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> Decision:
    """Decide about a copy that was found again when its original had been deleted already.

    The base has a face of the copy when nobody has touched that since it was made.
    """
    copy = sights[origin.other]
    edits = moved(base.face(origin.other), copy)
    foreign = origin is CRM and not sights[CRM].owned
    if edits and not foreign:
        return _copy(origin.other, sights, rules, "edit beats delete")
    if not rules.direction.towards(origin.other):
        return Decision("direction", held=True)
    losers = tuple(Loser(name, None, copy.value(name), origin) for name in sorted(edits))
    because = "deleted by its owner" if foreign else f"deleted on {origin.value}"
    return Decision(because, (Remove(origin.other),), losers)


def _is_alike(name: str, sights: dict[SideName, Sight]) -> bool:
    """Return whether a field says the same on both sides, but for a zone that only one of them names."""
    google, crm = sights[GOOGLE].event, sights[CRM].event
    if google is None or crm is None:
        return False
    key = exception_key(name)
    if key is not None:
        return _same_but_zone(google.exceptions.get(key), crm.exceptions.get(key), google, crm)
    return name == "start" and google.start == crm.start and _zones_agree(google, crm)


def _same_but_zone(one: Event | None, other: Event | None, google: Event, crm: Event) -> bool:
    if one is None or other is None:
        return False
    return _zones_agree(google, crm) and replace(one, zone="") == replace(other, zone="")


def _zones_agree(google: Event, crm: Event) -> bool:
    if google.recurrence:
        # A series that names no zone repeats in UTC.
        return same_zone(google.zone or "UTC", crm.zone or "UTC")
    return not google.zone or not crm.zone or same_zone(google.zone, crm.zone)


def _copy(source: SideName, sights: dict[SideName, Sight], rules: Rules, because: str) -> Decision:
    sight = sights[source]
    if not rules.direction.towards(source.other):
        return Decision("direction", held=True)
    if sight.event is None or not sight.whole:
        return Decision("content needed", need=frozenset({source}))
    return Decision(because, (Copy(source.other, sight.event, sight.face),))


def _one_gone(gone: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> Decision:
    alive = sights[gone.other]
    edits = moved(base.face(gone.other), alive)
    # A meeting of somebody else goes when they say so; their guests' edits are kept as having lost.
    final = gone is CRM and base.origin is CRM and not sights[CRM].owned
    # To what does not take place any more nobody need answer.
    if not final and any(_may_carry(name, gone, base, sights, rules) for name in edits - {rules.own}):
        return _copy(gone.other, sights, rules, "edit beats delete")
    if not rules.direction.towards(gone.other):
        return Decision("direction", held=True)
    if gone is CRM and base.origin is GOOGLE and not sights[CRM].owned:
        # Another participant has deleted a record of theirs: that is no answer to the invitation.
        return Decision("deleted by its owner", held=True)
    lost = [name for name in sorted(edits) if _is_worth_keeping(name, base, sights)]
    losers = tuple(Loser(name, None, alive.value(name), gone) for name in lost)
    leave = gone is GOOGLE and is_guests_copy(base, sights[GOOGLE]) and not sights[CRM].owned
    return Decision(f"deleted on {gone.value}", (Remove(gone.other, leave=leave),), losers)


def is_guests_copy(base: Base, google: Sight) -> bool:
    """Return whether a Google event is a guest's copy of a meeting: without it, the meeting takes place all the same."""
    return base.origin is GOOGLE and google.level < Level.DELETE


def is_uninvited(base: Base, google: Sight, crm: Sight, rules: Rules) -> bool:
    """Return whether a guest's copy has vanished because the record, somebody else's, does not list them any more."""
    if google.kind is not Kind.GONE or not is_guests_copy(base, google) or crm.owned:
        return False
    if crm.kind is Kind.WITHHELD:
        # Who is listed may at least read.
        return crm.level is Level.NONE
    was_listed = base.linked and rules.own in (base.crm or {})
    return was_listed and crm.event is not None and crm.master and rules.own not in crm.face


def _is_worth_keeping(name: str, base: Base, sights: dict[SideName, Sight]) -> bool:
    """Return whether a person would miss an edit that goes with its event: not one of guests or reminders."""
    if exception_key(name) is not None and sights[CRM].event is not None:
        return not _only_guests_moved(name, base, sights[CRM])
    return not is_guest(name) and not _is_personal(name)


def _crosses(name: str, target: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether the rules let a field move to `target`."""
    if not rules.direction.towards(target):
        return False
    if target is GOOGLE and not _writes_guests(base, sights, rules):
        if is_guest(name):
            # Guests of a record that has become somebody else's are taken off: they are on that person's copy.
            leaves = rules.guests_write and base.origin is CRM and name not in sights[CRM].face
            return leaves or _is_answer(name, target, base, sights, rules)
        if exception_key(name) and _only_guests_moved(name, base, sights[CRM]):
            return False
    if is_text(name) or name == "visibility":
        return REDACTED not in _there(target, base, sights)
    return True


def _writes_guests(base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether guests go to Google: of a record that is somebody else's they are on that person's copy."""
    return rules.guests_write and (base.origin is GOOGLE or sights[CRM].owned)


def _only_guests_moved(name: str, base: Base, crm: Sight) -> bool:
    """Return whether nothing but its guests is new of an exception in the CRM."""
    before, now = (base.face(CRM) or {}).get(name, ""), crm.face.get(name, "")
    return before != now and before.partition(":")[0] == now.partition(":")[0]


def _there(side: SideName, base: Base, sights: dict[SideName, Sight]) -> Face:
    """Return the face of what a side has now."""
    return sights[side].face if sights[side].event else base.face(side) or {}


def _is_answer(name: str, target: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether a field is the person's own answer to somebody else's invitation."""
    invited = name == rules.own and all(name in _there(side, base, sights) for side in SIDES)
    return invited and sights[target].level is Level.READ


def _is_personal(name: str) -> bool:
    return whole_name(name) in PERSONAL


@dataclass(slots=True)
class _Merging:
    """What a merge collects while it walks over the fields. `first`: the two sides have never agreed before."""

    first: bool
    agreed: set[str] = field(default_factory=set)
    to: dict[SideName, set[str]] = field(default_factory=lambda: {GOOGLE: set(), CRM: set()})
    back: set[str] = field(default_factory=set)
    pinned: set[str] = field(default_factory=set)
    losers: list[Loser] = field(default_factory=list)
    held: bool = False


def _merge(base: Base, sights: dict[SideName, Sight], rules: Rules, first: bool = False) -> Decision:
    edits = {side: moved(base.face(side), sights[side]) for side in SIDES}
    edits = _complete_units(edits, sights)
    merging = _Merging(first)
    for name in sorted(edits[GOOGLE] | edits[CRM]):
        if _stays_apart(name, base, sights, rules, first):
            merging.agreed.add(name)
            continue
        source = _source(name, edits, sights, base, rules, merging)
        if source is not None:
            _carry(name, source, base, sights, rules, merging)
    if not first and rules.direction.towards(GOOGLE) and sights[GOOGLE].level >= Level.EDIT:
        _carry_pinned(base, edits, merging)
    return _as_decision(merging, edits, base, sights)


def _stays_apart(name: str, base: Base, sights: dict[SideName, Sight], rules: Rules, first: bool) -> bool:
    """Return whether each side keeps what it has of a field."""
    shared = base.origin is GOOGLE and not sights[CRM].owned
    if _is_personal(name) and shared:
        # A record of several people: each copy keeps its own reminders.
        return True
    if (
        shared
        and sights[GOOGLE].event is not None
        and exception_key(name)
        and _is_of_this_copy(name, base, sights)
    ):
        return sights[GOOGLE].face.get(name) == CANCELLED
    if first and is_guest(name) and name != rules.own and shared:
        # What other guests answer is theirs to bring.
        return sights[GOOGLE].level < Level.DELETE
    # One side that says no more than that time is taken has no text to be settled with the other's.
    return first and is_text(name) and any(REDACTED in sights[side].face for side in SIDES)


def _carry_pinned(base: Base, edits: dict[SideName, frozenset[str]], merging: _Merging) -> None:
    """Let occurrences that Google keeps as exceptions, though they are as their series, follow it.

    Such are those that were taken back: Google has no way to forget an exception.
    """
    if not (merging.to[GOOGLE] | merging.to[CRM]) & SHARED:
        return
    google, crm = base.google or {}, base.crm or {}
    pinned = {
        name for name in google if exception_key(name) and name not in crm and google[name] != CANCELLED
    }
    merging.pinned |= pinned - edits[GOOGLE] - edits[CRM]


def _complete_units(
    edits: dict[SideName, frozenset[str]], sights: dict[SideName, Sight]
) -> dict[SideName, frozenset[str]]:
    """Let both sides claim a whole unit when both have moved a part of it, and the parts differ."""
    faces = {side: sights[side].face for side in SIDES}
    for unit in UNITS:
        both = all(edits[side] & unit for side in SIDES)
        if both and any(faces[GOOGLE].get(name) != faces[CRM].get(name) for name in unit):
            edits = {side: names | unit for side, names in edits.items()}
    return edits


def _source(
    name: str,
    edits: dict[SideName, frozenset[str]],
    sights: dict[SideName, Sight],
    base: Base,
    rules: Rules,
    merging: _Merging,
) -> SideName | None:
    """Return the side whose value of a field stands; None when both have the same already."""
    if name not in edits[CRM]:
        return GOOGLE
    if name not in edits[GOOGLE]:
        return CRM
    if sights[GOOGLE].face.get(name) == sights[CRM].face.get(name) or _is_alike(name, sights):
        merging.agreed.add(name)
        return None
    guests = _differs_in_guests(name, sights)
    side = (
        CRM if guests or _is_answered_in_record(name, base, sights, rules) else _clash_winner(sights, rules)
    )
    if not _may_carry(name, side.other, base, sights, rules):
        side = side.other
        if not _may_carry(name, side.other, base, sights, rules):
            merging.held = True
            return None
    kept, lost = sights[side].value(name), sights[side.other].value(name)
    if not (_means_leaving(kept, lost) or (guests and _has_guests_of(lost, sights[side.other]))):
        merging.losers.append(Loser(name, kept, lost, side))
    return side


def _differs_in_guests(name: str, sights: dict[SideName, Sight]) -> bool:
    """Return whether nothing but its guests differs of an exception.

    They may be those of its series, which merge one by one; the record has what has come of that.
    """
    google, crm = sights[GOOGLE].event, sights[CRM].event
    key = exception_key(name)
    if key is None or google is None or crm is None:
        return False
    one, other = google.exceptions.get(key), crm.exceptions.get(key)
    return (
        one is not None
        and other is not None
        and _same_but_zone(one, replace(other, attendees=one.attendees), google, crm)
    )


def _is_answered_in_record(name: str, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether the record has an answer of a person whom the host's copy has just invited.

    What Google shows then is what they had answered before, or what the record had said before.
    """
    if name != rules.own or not rules.guests_write or not base.linked:
        return False
    if name in (base.google or {}) or name in (base.crm or {}):
        return False
    guest = sights[CRM].value(name)
    return isinstance(guest, Attendee) and guest.response is not Response.NEEDS_ACTION


def _has_guests_of(exception: object, series: Sight) -> bool:
    """Return whether an exception has the guests that its series has on the same side."""
    if not isinstance(exception, Event) or series.event is None or not series.master:
        return False
    return exception.attendees == series.event.attendees


def _means_leaving(one: object, other: object) -> bool:
    """Return whether a guest was taken off the list on one side, and has declined on the other."""
    guests = [value for value in (one, other) if isinstance(value, Attendee)]
    return None in (one, other) and any(guest.response is Response.DECLINED for guest in guests)


def _clash_winner(sights: dict[SideName, Sight], rules: Rules) -> SideName:
    if rules.winner is not Winner.MERGE:
        return SideName(rules.winner.value)
    google, crm = sights[GOOGLE].modified, sights[CRM].modified
    return GOOGLE if google is not None and crm is not None and google > crm else CRM


def _may_carry(name: str, target: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    allowed = sights[target].level >= Level.EDIT or (target is GOOGLE and _is_personal(name))
    allowed = allowed or _is_answer(name, target, base, sights, rules)
    if target is CRM and exception_key(name) and _is_of_this_copy(name, base, sights):
        return False
    return allowed and _crosses(name, target, base, sights, rules)


def _is_of_this_copy(name: str, base: Base, sights: dict[SideName, Sight]) -> bool:
    """Return whether an exception at Google says nothing about the record.

    Of a copy without texts, or of one that is private while the record is not, since the record would lose those of
    the occurrence; and of a guest who is not invited to one occurrence: on their calendar it is cancelled.
    """
    google = sights[GOOGLE].face
    if google.get(name) == CANCELLED:
        return sights[GOOGLE].level is Level.READ and not sights[CRM].owned
    if (
        REDACTED in google
        and base.linked
        and (base.google or {}).get("title") != (base.crm or {}).get("title")
    ):
        return True
    return REDACTED in _there(CRM, base, sights)


def _carry(
    name: str,
    source: SideName,
    base: Base,
    sights: dict[SideName, Sight],
    rules: Rules,
    merging: _Merging,
) -> None:
    """Note that a field goes from `source` to the other side, or what becomes of it instead."""
    if sights[source].face.get(name) == _there(source.other, base, sights).get(name):
        # Two links may lead to one entry: the other one was faster.
        merging.agreed.add(name)
    elif _may_carry(name, source.other, base, sights, rules):
        merging.to[source.other].add(name)
    elif source is CRM or not _crosses(name, CRM, base, sights, rules) or base.origin is GOOGLE:
        merging.held = True
    elif _is_personal(name) or is_guest(name) or not _crosses(name, GOOGLE, base, sights, rules):
        merging.agreed.add(name)
    else:
        merging.back.add(name)


def _as_decision(
    merging: _Merging, edits: dict[SideName, frozenset[str]], base: Base, sights: dict[SideName, Sight]
) -> Decision:
    again = merging.back | merging.pinned
    moving = {GOOGLE: frozenset(again | merging.to[GOOGLE]), CRM: frozenset(merging.to[CRM])}
    need = {CRM} if again and sights[CRM].event is None else set()
    for side in SIDES:
        target, source = sights[side], sights[side.other]
        whole = target.level >= Level.EDIT
        if whole and lacks_guests(
            moving[side], edits[side.other], source.face, target, base.face(side) or {}
        ):
            need.add(side)
        if shared_with_series(moving[side], moving[side.other]) and not source.master:
            need.add(side.other)
    if need:
        return Decision("content needed", need=frozenset(need))
    actions: list[Action] = []
    for side in SIDES:
        source, target = sights[side.other], sights[side]
        if moving[side] and source.event is not None:
            event = with_elements(source.event, moving[side], source, target, base.face(side) or {})
            shared = shared_with_series(moving[side], moving[side.other] - edits[side.other])
            if shared and not merging.first and target.event is not None:
                event = following_series(event, moving[side], shared, target.event)
            if side is GOOGLE and merging.pinned and target.event is not None:
                event = with_fields(event, SHARED & moving[CRM], target.event)
            actions.append(Change(side, moving[side], event, source.face))
    because = "put back: may not edit" if merging.back else "edited" if actions else "in step"
    return Decision(
        because, tuple(actions), tuple(merging.losers), frozenset(merging.agreed), held=merging.held
    )
