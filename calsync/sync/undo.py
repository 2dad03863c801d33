"""Taking back what one run wrote, write by write, the last first; what people have changed since is left alone.

Nothing that is taken back is synced again until somebody changes it: the copy that goes leaves its original at
rest, a value that comes back is agreed to differ from the other side's, an event that comes back rests alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection

from calsync.model.errors import SideError, ends_account
from calsync.model.event import is_guest
from calsync.model.link import Intent, Kind, Sight, Verb
from calsync.model.permission import Access, Level
from calsync.model.side import SIDES, Delete, Revive, SideName, Update, Write
from calsync.store import journal, links
from calsync.store.database import reading, writing
from calsync.store.journal import Entry
from calsync.store.links import Half, Link
from calsync.sync import sights
from calsync.sync.decision import Decision
from calsync.sync.elements import patch_of, with_elements
from calsync.sync.journal import opened
from calsync.sync.outgoing import NO_LONGER, decide_now
from calsync.sync.settle import BATCH, Plan, Work, carry_out

CHANGED = "changed since"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that stays: which, and why. `fields` are those of an update that stay; the rest was taken back."""

    side: SideName
    key: str
    why: str
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Undone:
    """How far an undo got."""

    writes: int = 0
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Step:
    entry: Entry
    plan: Plan


def take_back(work: Work, run_id: str, undone: Undone) -> None:
    """Take back a run's writes and count in `undone`; safe to repeat.

    Raises a SideError when a side as a whole cannot go on.
    """
    with reading(work.engine) as connection:
        entries = journal.of_run(connection, run_id)[::-1]
    for batch in _batches(entries):
        steps = [step for step in (_step(work, entry, undone) for entry in batch) if step is not None]
        broken = carry_out(work, [step.plan for step in steps])
        for step in steps:
            _count(step, undone)
        if broken is not None:
            raise broken


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield entries in order, no link twice in a batch: the later write goes before the earlier one."""
    batch: list[Entry] = []
    for entry in entries:
        if len(batch) == BATCH or any(other.link_id == entry.link_id for other in batch):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


def _count(step: _Step, undone: Undone) -> None:
    outcome = step.plan.done[0].outcome
    if not isinstance(outcome, SideError):
        undone.writes += 1
    elif not ends_account(outcome):
        key = step.entry.key(step.entry.side) or ""
        undone.refused.append(Refusal(step.entry.side, key, f"{CHANGED} ({outcome.reason})"))


def _step(work: Work, entry: Entry, undone: Undone) -> _Step | None:
    """Return the write that takes one entry back; None, and a refusal, when it cannot be."""
    with reading(work.engine) as connection:
        link = next(iter(links.by_ids(connection, [entry.link_id])), None)
    key = entry.key(entry.side) or ""
    access = decide_now(work, link, entry.crm_key) if _adds(entry) else None
    if access is not None and access.level < Level.READ:
        found: _Found = NO_LONGER
    elif entry.verb in (Verb.DELETE, Verb.RETRACT):
        found = _revival(work, entry, link, access)
    elif link is None or link.intents or not _is_as_left(link, entry.side, key):
        found = CHANGED
    elif entry.verb is Verb.UPDATE:
        found = _reversal(work, entry, link, access, undone)
    else:
        found = _removal(entry, link, key)
    if isinstance(found, str):
        undone.refused.append(Refusal(entry.side, key, found))
        return None
    link, intent, write = found
    link.intents = (intent,)
    seen = {side: sights.sight(work.scene, link, side) for side in SIDES}
    return _Step(entry, Plan(link, seen, Decision("undo"), [(intent, write)]))


_Found = tuple[Link, Intent, Write] | str


def _adds(entry: Entry) -> bool:
    """Return whether taking an entry back tells Google something."""
    return entry.side is SideName.GOOGLE and entry.verb in (Verb.UPDATE, Verb.DELETE)


def _is_as_left(link: Link, side: SideName, key: str) -> bool:
    half = link.half(side)
    return half.key == key and half.state is Kind.SAME


def _removal(entry: Entry, link: Link, key: str) -> _Found:
    base = link.base.face(entry.side) or {}
    if entry.verb is Verb.CREATE and dict(base) != dict(entry.stored):
        return CHANGED
    version = link.half(entry.side).version
    return link, Intent(entry.side, Verb.DELETE, key, "", version), Delete(key, version)


def _reversal(work: Work, entry: Entry, link: Link, access: Access | None, undone: Undone) -> _Found:
    cipher, side = work.scene.account.cipher, entry.side
    before = opened(cipher, entry.place("before"), entry.before)
    if before is None:
        return "what was there before is not known"
    base = link.base.face(side) or {}
    kept = tuple(sorted(name for name, value in entry.stored.items() if base.get(name, "") != value))
    names = frozenset(entry.stored) - frozenset(kept)
    if not names:
        return CHANGED
    if kept:
        undone.refused.append(Refusal(side, link.half(side).key or "", CHANGED, kept))
    prints = cipher.fingerprints
    was = Sight(Kind.CHANGED, before, prints.face(before), guests=prints.guests(before))
    sent = {name: was.face.get(name, "") for name in names}
    half = link.half(side)
    level = sights.sight(work.scene, link, side).level
    event = with_elements(before, names, was, _now(work, side, half.key or "", names), base)
    intent = Intent(side, Verb.UPDATE, half.key or "", "", half.version, sent)
    patch = patch_of(names, event, level >= Level.EDIT)
    return link, intent, Update(half.key or "", patch, half.version, access)


def _now(work: Work, side: SideName, key: str, names: Iterable[str]) -> Sight:
    """Return what a side has now, if guests come back or go: those whom others have added stay."""
    item = work.sides[side].read(key) if any(is_guest(name) for name in names) else None
    event = item.content if item is not None else None
    if event is None:
        return Sight(Kind.SAME)
    prints = work.scene.account.cipher.fingerprints
    return Sight(Kind.CHANGED, event, prints.face(event), guests=prints.guests(event))


def _revival(work: Work, entry: Entry, link: Link | None, access: Access | None) -> _Found:
    key = entry.key(entry.side) or ""
    if entry.verb is Verb.RETRACT:
        return NO_LONGER
    if entry.after is not None:
        return "it was declined, not deleted"
    event = opened(work.scene.account.cipher, entry.place("before"), entry.before)
    with writing(work.engine) as connection:
        if links.by_keys(connection, entry.account_id, entry.side, [key]):
            return CHANGED
        if link is not None and link.half(entry.side).key is not None:
            return CHANGED
        if link is None:
            link = _new_link(connection, entry, key)
    return link, Intent(entry.side, Verb.REVIVE, key, "", ""), Revive(key, event, access)


def _new_link(connection: Connection, entry: Entry, key: str) -> Link:
    fresh = Link(entry.account_id, entry.side, Half(), Half(), dirty=False)
    fresh.half(entry.side).key, fresh.half(entry.side).state = key, Kind.GONE
    links.add(connection, [fresh])
    return fresh
