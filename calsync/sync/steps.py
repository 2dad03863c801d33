"""What an action of a decision asks of a side: the intent that is stored first, and the write itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from calsync.model.event import Event, exception_key, is_guest
from calsync.model.link import REDACTED, Face, Intent, Verb
from calsync.model.permission import Level, Relation
from calsync.model.side import Create, Delete, Item, SideName, Update, Write
from calsync.store.links import Link
from calsync.sync import meetings, sights
from calsync.sync.decision import Action, Change, Copy, Remove
from calsync.sync.elements import patch_of
from calsync.sync.reconcile import moved

if TYPE_CHECKING:
    from calsync.sync.settle import Plan, Work


def step_of(work: Work, plan: Plan, action: Action) -> tuple[Intent, Write]:
    """Return the intent to be stored for an action, and the write that carries it out."""
    link, side = plan.link, action.side
    half = link.half(side)
    if isinstance(action, Remove):
        verb = Verb.RETRACT if action.retract else Verb.DELETE
        key = half.key or ""
        leaves = action.retract or action.leave
        heir = meetings.heir(work.engine, link) if side is SideName.CRM and not leaves else ""
        # Afterwards the link does not know any more of what this was the copy.
        original = link.half(side.other).key or ""
        return Intent(side, verb, key, original, half.version), Delete(
            key, half.version, heir, action.leave, action.retract, _expectation(work, plan, side)
        )
    if isinstance(action, Copy):
        return _copy_step(work, link, action)
    moving = {name: _value(work, action, name) for name in action.fields}
    source = moving | {REDACTED: action.source.get(REDACTED, "")}
    sent = _as_written(work, side, action.event, moving)
    intent = Intent(side, Verb.UPDATE, half.key or "", "", half.version, sent, source)
    event, edits = _for_target(plan, action), plan.seen[side].level >= Level.EDIT
    patch = patch_of(action.fields, event, edits)
    expectation = _expectation(work, plan, side)
    return intent, Update(half.key or "", patch, half.version, link.access, expectation)


def _expectation(work: Work, plan: Plan, side: SideName) -> Callable[[Item], bool] | None:
    """Return how to tell that nothing of a series is new to this decision; None for a single event."""
    seen, before = plan.seen[side], plan.link.base.face(side) or {}
    expected = dict(before)
    for name in moved(before, seen):
        expected[name] = seen.face.get(name, "")
    if not expected.get("recurrence"):
        return None
    names = frozenset(expected)

    def is_expected(item: Item) -> bool:
        face = sights.face_of(work.scene, plan.link, side, item)
        return all(face.get(name, "") == expected.get(name, "") for name in names | face.keys())

    return is_expected


def _value(work: Work, action: Change, name: str) -> str:
    """Return the face value of a field that moves: that of an exception may follow what moves the other way."""
    value, moved = action.source.get(name, ""), action.event.exceptions.get(exception_key(name) or "")
    return value if moved is None else work.scene.account.cipher.fingerprints.exception(moved)


def _copy_step(work: Work, link: Link, action: Copy) -> tuple[Intent, Write]:
    side, half = action.side, link.half(action.side)
    marker = work.sides[side.other].marker(link.half(side.other).key or "")
    if side is SideName.GOOGLE and half.key is not None:
        link.generation += 1
        half.key = None
    key = work.sides[side].chosen_key(marker, link.generation)
    sent = _as_written(work, side, action.event, action.source)
    if side is SideName.GOOGLE and not _writes_guests(work, link):
        sent = {name: value for name, value in sent.items() if not is_guest(name)}
    intent = Intent(side, Verb.CREATE, key, marker, "", sent, action.source)
    return intent, Create(marker, action.event, key, link.access)


def _writes_guests(work: Work, link: Link) -> bool:
    """Return whether guests go to Google with a link's event; see `reconcile`."""
    owned = link.access is None or Relation.MINE in link.access.relations
    return work.rules.guests_write and (link.origin is SideName.GOOGLE or owned)


def _as_written(work: Work, side: SideName, event: Event, face: Face) -> Face:
    """Return a face as the side will show it, as far as it says (see `model.side.Rewrites`)."""
    rewrite = getattr(work.sides[side], "as_written", None)
    if rewrite is None:
        return face
    shown = work.scene.account.cipher.fingerprints.face(rewrite(event))
    return {name: shown.get(name, value) for name, value in face.items()}


def _for_target(plan: Plan, action: Change) -> Event:
    """Return the event to take values from; nothing but times goes to a side that shows only them."""
    if action.side is SideName.GOOGLE and plan.link.origin is SideName.CRM and action.event.redacted:
        # Our own copy: what may no longer be known goes out of it, it does not stay as it was.
        exceptions = {
            key: moved and replace(moved, redacted=False) for key, moved in action.event.exceptions.items()
        }
        return replace(action.event, redacted=False, exceptions=exceptions)
    seen = plan.seen[action.side]
    face = seen.face if seen.event is not None else plan.link.base.face(action.side) or {}
    return action.event.busy() if REDACTED in face and not action.event.redacted else action.event
