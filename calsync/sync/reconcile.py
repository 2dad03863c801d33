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

from calsync.model.event import REDACTED_FIELDS, Event, exception_key, field_value
from calsync.model.link import REDACTED, Base, Face, Kind, Sight
from calsync.model.permission import Level
from calsync.model.policy import Direction, Winner
from calsync.model.side import SIDES, SideName

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM

#: Fields that move as one, since half of a change makes no sense.
UNITS = (frozenset({"start", "end"}),)

#: Fields that a person may keep on their own copy even where they may not edit the original.
PERSONAL = frozenset({"reminders", "visibility", "attendees"})


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy as far as one link is concerned."""

    direction: Direction = Direction.BOTH
    winner: Winner = Winner.MERGE
    guests_write: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """Make a copy of `event` on `side`."""

    side: SideName
    event: Event
    source: Face


@dataclass(frozen=True, slots=True)
class Change:
    """Give `fields` on `side` the values they have in `event`."""

    side: SideName
    fields: frozenset[str]
    event: Event
    source: Face


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete on `side`; `retract`: only our copy goes, since the original may no longer cross."""

    side: SideName
    retract: bool = False


Action = Copy | Change | Remove


@dataclass(frozen=True, slots=True)
class Loser:
    """A value that gives way in a clash; values are those of `event.field_value`."""

    field: str
    kept: object
    lost: object
    kept_side: SideName


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about a link, and why.

    `agreed`: fields whose faces are settled without a write. `need`: sides whose content must be read
    first; nothing else is decided then. `held`: something may not cross now, and will when rules allow.
    `forget`: nothing is left on either side.
    """

    because: str
    actions: tuple[Action, ...] = ()
    losers: tuple[Loser, ...] = ()
    agreed: frozenset[str] = frozenset()
    need: frozenset[SideName] = frozenset()
    held: bool = False
    forget: bool = False


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
        if base.face(side.other) is None or copy.kind in (Kind.GONE, Kind.NEVER):
            return Decision("withheld; no copy")
        lost = sorted(moved(base.face(side.other), copy)) if copy.event else []
        losers = tuple(Loser(name, None, field_value(copy.event, name), side) for name in lost if copy.event)
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
    if len(there) == 1:
        return _copy(there[0], sights, rules, "new")
    google, crm = sights[GOOGLE].face, sights[CRM].face
    common = {name for name, value in google.items() if crm.get(name) == value or _is_alike(name, sights)}
    agreed = replace(
        base, google={name: google[name] for name in common}, crm={name: crm[name] for name in common}
    )
    decision = _merge(agreed, sights, rules)
    return replace(decision, because="paired", agreed=decision.agreed | frozenset(common))


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
        return (google.zone or "UTC") == (crm.zone or "UTC")
    return not google.zone or not crm.zone or google.zone == crm.zone


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
    if edits and any(_crosses(name, gone, base, sights, rules) for name in edits):
        return _copy(gone.other, sights, rules, "edit beats delete")
    if not rules.direction.towards(gone.other):
        return Decision("direction", held=True)
    return Decision(f"deleted on {gone.value}", (Remove(gone.other),))


def _crosses(name: str, target: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether the rules let a field move to `target`."""
    if not rules.direction.towards(target):
        return False
    if target is GOOGLE and name == "attendees" and not rules.guests_write:
        return False
    if name in REDACTED_FIELDS or name == "visibility":
        face = sights[target].face if sights[target].event else base.face(target) or {}
        return REDACTED not in face
    return True


@dataclass(slots=True)
class _Merging:
    """What a merge collects while it walks over the fields."""

    agreed: set[str] = field(default_factory=set)
    to: dict[SideName, set[str]] = field(default_factory=lambda: {GOOGLE: set(), CRM: set()})
    back: set[str] = field(default_factory=set)
    losers: list[Loser] = field(default_factory=list)
    held: bool = False


def _merge(base: Base, sights: dict[SideName, Sight], rules: Rules) -> Decision:
    edits = {side: moved(base.face(side), sights[side]) for side in SIDES}
    edits = _complete_units(edits, sights)
    merging = _Merging()
    for name in sorted(edits[GOOGLE] | edits[CRM]):
        source = _source(name, edits, sights, base, rules, merging)
        if source is not None:
            _carry(name, source, base, sights, rules, merging)
    return _as_decision(merging, sights)


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
    if sights[GOOGLE].face.get(name) == sights[CRM].face.get(name):
        merging.agreed.add(name)
        return None
    side = _clash_winner(sights, rules)
    if not _may_carry(name, side.other, base, sights, rules):
        side = side.other
        if not _may_carry(name, side.other, base, sights, rules):
            merging.held = True
            return None
    kept, lost = sights[side].event, sights[side.other].event
    if kept is not None and lost is not None:
        merging.losers.append(Loser(name, field_value(kept, name), field_value(lost, name), side))
    return side


def _clash_winner(sights: dict[SideName, Sight], rules: Rules) -> SideName:
    if rules.winner is not Winner.MERGE:
        return SideName(rules.winner.value)
    google, crm = sights[GOOGLE].modified, sights[CRM].modified
    return GOOGLE if google is not None and crm is not None and google > crm else CRM


def _may_carry(name: str, target: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    allowed = target is GOOGLE or sights[CRM].level >= Level.EDIT
    return allowed and _crosses(name, target, base, sights, rules)


def _carry(
    name: str,
    source: SideName,
    base: Base,
    sights: dict[SideName, Sight],
    rules: Rules,
    merging: _Merging,
) -> None:
    """Note that a field goes from `source` to the other side, or what becomes of it instead."""
    if _may_carry(name, source.other, base, sights, rules):
        merging.to[source.other].add(name)
    elif source is CRM or not _crosses(name, CRM, base, sights, rules) or base.origin is GOOGLE:
        merging.held = True
    elif name in PERSONAL or not _crosses(name, GOOGLE, base, sights, rules):
        merging.agreed.add(name)
    else:
        merging.back.add(name)


def _as_decision(merging: _Merging, sights: dict[SideName, Sight]) -> Decision:
    need = set()
    if merging.back and sights[CRM].event is None:
        need.add(CRM)
    if need:
        return Decision("content needed", need=frozenset(need))
    actions: list[Action] = []
    back = merging.back | merging.to[GOOGLE]
    crm, google = sights[CRM].event, sights[GOOGLE].event
    if back and crm is not None:
        actions.append(Change(GOOGLE, frozenset(back), crm, sights[CRM].face))
    if merging.to[CRM] and google is not None:
        actions.append(Change(CRM, frozenset(merging.to[CRM]), google, sights[GOOGLE].face))
    because = "put back: may not edit" if merging.back else "edited" if actions else "in step"
    return Decision(
        because, tuple(actions), tuple(merging.losers), frozenset(merging.agreed), held=merging.held
    )
