"""Putting back what lost in a conflict, on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from calsync.model.errors import SideError
from calsync.model.event import (
    Attendee,
    Event,
    Response,
    Visibility,
    exception_key,
    is_guest,
    sort_attendees,
)
from calsync.model.link import Intent, Verb
from calsync.model.permission import Access, Level
from calsync.model.side import SIDES, SideName, Update
from calsync.store import conflicts, contents, links
from calsync.store.conflicts import Conflict
from calsync.store.database import reading, writing
from calsync.store.links import Link
from calsync.sync import sights
from calsync.sync.decision import Decision
from calsync.sync.elements import patch_of
from calsync.sync.outgoing import NO_LONGER, decide_now
from calsync.sync.reconcile import UNITS
from calsync.sync.settle import Plan, Work, carry_out


@dataclass(slots=True)
class Restored:
    """What came of it: the fields that were put back, or why not."""

    fields: tuple[str, ...] = ()
    why_not: str = ""


def restore(work: Work, number: int, restored: Restored) -> None:
    """Put the loser of a conflict back on both sides, with the field that moves with it; tell in `restored`.

    Raises a SideError when a side as a whole cannot go on.
    """
    with reading(work.engine) as connection:
        one = conflicts.find(connection, number)
        lost = _unit(conflicts.together(connection, one), one) if one is not None else {}
        link = next(iter(links.by_ids(connection, [one.link_id])), None) if one is not None else None
    if one is None or link is None or link.google.key is None or link.crm.key is None:
        restored.why_not = "the event is no longer on both sides"
        return
    if link.access is None or link.access.level < Level.EDIT:
        restored.why_not = "the person may not edit it in the CRM"
        return
    access = decide_now(work, link, link.crm.key)
    if access.level < Level.READ:
        restored.why_not = NO_LONGER
        return
    event = _wanted(work, link, lost)
    if event is None:
        restored.why_not = "the event cannot be read"
        return
    names = frozenset(conflict.field for conflict in lost.values())
    plan = _plan(work, link, access, event, names)
    broken = carry_out(work, [plan])
    if broken is not None:
        raise broken
    failed = [done.outcome for done in plan.done if isinstance(done.outcome, SideError)]
    if failed:
        restored.why_not = f"somebody changed the event meanwhile ({failed[0].reason}); resync, and try again"
        return
    restored.fields = tuple(sorted(names))
    with writing(work.engine) as connection:
        conflicts.settle(connection, list(lost))


def _unit(found: Mapping[int, Conflict], one: Conflict) -> dict[int, Conflict]:
    names = next((unit for unit in UNITS if one.field in unit), frozenset({one.field}))
    return {number: conflict for number, conflict in found.items() if conflict.field in names}


def _wanted(work: Work, link: Link, lost: Mapping[int, Conflict]) -> Event | None:
    """Return the event as it is now, with the lost values in their fields."""
    item = work.sides[SideName.CRM].read(link.crm.key or "")
    event = item.content if item is not None and not item.gone else None
    if event is None:
        return None
    cipher = work.scene.account.cipher
    for conflict in lost.values():
        value = contents.load_value(cipher.open(conflict.place("lost"), conflict.lost))
        kept = contents.load_value(cipher.open(conflict.place("kept"), conflict.kept))
        event = (
            _with_guest(event, value, kept)
            if is_guest(conflict.field)
            else _with(event, conflict.field, value)
        )
    return event


def _with_guest(event: Event, lost: Any, kept: Any) -> Event:
    """Return the event with one guest as it was; None is "not invited"."""
    others = [person for person in event.attendees if person.email != (lost or kept)["email"]]
    return replace(event, attendees=sort_attendees([*others, _guest(lost)] if lost else others))


def _guest(stored: Mapping[str, Any]) -> Attendee:
    return Attendee(stored["email"], stored["name"], Response(stored["response"]))


def _with(event: Event, name: str, value: Any) -> Event:
    key = exception_key(name)
    if key is not None:
        others = {other: moved for other, moved in event.exceptions.items() if other != key}
        moved = isinstance(value, Event) or value is None
        return event.with_exceptions({**others, key: value} if moved else others)
    return replace(event, **{name: _typed(name, value)})


def _typed(name: str, value: Any) -> Any:
    """Return a stored value as the field has it; see `contents.dump_value`."""
    if name in ("start", "end"):
        return contents.moment(value)
    if name == "attendees":
        return tuple(_guest(part) for part in value)
    if name == "visibility":
        return Visibility(value)
    return tuple(value) if isinstance(value, list) else value


def _plan(work: Work, link: Link, access: Access, event: Event, names: frozenset[str]) -> Plan:
    face = work.scene.account.cipher.fingerprints.face(event)
    sent = {name: face.get(name, "") for name in names}
    steps = []
    for side in SIDES:
        half = link.half(side)
        # Each side settles its own face: a write that fails must not count as agreed.
        intent = Intent(side, Verb.UPDATE, half.key or "", "", half.version, sent)
        level = sights.sight(work.scene, link, side).level
        update = Update(half.key or "", patch_of(names, event, level >= Level.EDIT), half.version, access)
        steps.append((intent, update))
    link.intents = tuple(intent for intent, _ in steps)
    seen = {side: sights.sight(work.scene, link, side) for side in SIDES}
    return Plan(link, seen, Decision("restored"), list(steps))
