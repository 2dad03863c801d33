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

from calsync.model.event import exception_key, is_guest, is_text
from calsync.model.link import CANCELLED, REDACTED, Base, Face, Kind, Sight
from calsync.model.permission import Level
from calsync.model.policy import Winner
from calsync.model.side import SIDES, SideName
from calsync.sync.carrying import crosses, is_of_this_copy, is_personal, may_carry
from calsync.sync.decision import Action, Change, Copy, Decision, Loser, Remove, Rules
from calsync.sync.elements import (
    SHARED,
    following_series,
    lacks_guests,
    shared_with_series,
    with_elements,
    with_fields,
)
from calsync.sync.guests import (
    differs_in_guests,
    has_guests_of,
    is_answered_in_record,
    is_guests_copy,
    means_leaving,
    only_guests_moved,
    there,
)
from calsync.sync.likeness import is_alike

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM

#: Fields that move as one, since half of a change makes no sense.
UNITS = (frozenset({"start", "end"}),)


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
    common = {name for name, value in google.items() if crm.get(name) == value or is_alike(name, sights)}
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
    if not final and any(may_carry(name, gone, base, sights, rules) for name in edits - {rules.own}):
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


def _is_worth_keeping(name: str, base: Base, sights: dict[SideName, Sight]) -> bool:
    """Return whether a person would miss an edit that goes with its event: not one of guests or reminders."""
    if exception_key(name) is not None and sights[CRM].event is not None:
        return not only_guests_moved(name, base, sights[CRM])
    return not is_guest(name) and not is_personal(name)


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
    if is_personal(name) and shared:
        # A record of several people: each copy keeps its own reminders.
        return True
    if shared and sights[GOOGLE].face.get(name) == CANCELLED:
        return is_of_this_copy(name, base, sights)
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
    if sights[GOOGLE].face.get(name) == sights[CRM].face.get(name) or is_alike(name, sights):
        merging.agreed.add(name)
        return None
    guests = differs_in_guests(name, sights)
    side = CRM if guests or is_answered_in_record(name, base, sights, rules) else _clash_winner(sights, rules)
    if not may_carry(name, side.other, base, sights, rules):
        side = side.other
        if not may_carry(name, side.other, base, sights, rules):
            merging.held = True
            return None
    kept, lost = sights[side].value(name), sights[side.other].value(name)
    if not (means_leaving(kept, lost) or (guests and has_guests_of(lost, sights[side.other]))):
        merging.losers.append(Loser(name, kept, lost, side))
    return side


def _clash_winner(sights: dict[SideName, Sight], rules: Rules) -> SideName:
    if rules.winner is not Winner.MERGE:
        return SideName(rules.winner.value)
    google, crm = sights[GOOGLE].modified, sights[CRM].modified
    return GOOGLE if google is not None and crm is not None and google > crm else CRM


def _carry(
    name: str,
    source: SideName,
    base: Base,
    sights: dict[SideName, Sight],
    rules: Rules,
    merging: _Merging,
) -> None:
    """Note that a field goes from `source` to the other side, or what becomes of it instead."""
    if sights[source].face.get(name) == there(source.other, base, sights).get(name):
        # Two links may lead to one entry: the other one was faster.
        merging.agreed.add(name)
    elif may_carry(name, source.other, base, sights, rules):
        merging.to[source.other].add(name)
    elif source is CRM or not crosses(name, CRM, base, sights, rules) or base.origin is GOOGLE:
        merging.held = True
    elif is_personal(name) or is_guest(name) or not crosses(name, GOOGLE, base, sights, rules):
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
