"""Keeping book of what a run writes: every write with what was there before and what is there since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from calsync.model.errors import Refused, Stale
from calsync.model.event import Event
from calsync.model.link import Face, Intent, Verb
from calsync.model.side import Item, SideName, Update, Write
from calsync.store import contents
from calsync.store import journal as book
from calsync.store.database import reading
from calsync.store.journal import Entry, Run
from calsync.store.vault import Cipher

if TYPE_CHECKING:
    from calsync.store.links import Link
    from calsync.sync.recording import Done
    from calsync.sync.settle import Plan, Work

Written = tuple["Link", Sequence["Done"], Mapping[SideName, Event]]


def look_back(work: Work, plans: Sequence[Plan]) -> None:
    """Find out what writes are about to replace or remove, on sides that will not tell afterwards.

    It is at hand when the side was read for the decision, or when the journal knows it and the base agrees. For an
    update it is read otherwise; a deleted event can be brought back without. Raises what a side as a whole
    raises; nothing is written yet.
    """
    asking = [(plan, intent) for plan in plans for intent, _ in plan.steps if _is_blind(work, intent)]
    if not asking:
        return
    with reading(work.engine) as connection:
        last = book.last_of(connection, [plan.link.id for plan, _ in asking])
    for plan, intent in asking:
        event = plan.seen[intent.side].event or _remembered(work, plan.link, intent, last.get(plan.link.id))
        if event is None and intent.verb is Verb.UPDATE:
            event = _read(work, intent)
        if event is not None:
            plan.before[intent.side] = event


def _is_blind(work: Work, intent: Intent) -> bool:
    return intent.verb in (Verb.UPDATE, Verb.DELETE) and not work.sides[intent.side].tells_before


def _remembered(work: Work, link: Link, intent: Intent, entry: Entry | None) -> Event | None:
    """Return the journal's last content of a link, if the side still has it in the fields that move."""
    cipher = work.scene.account.cipher
    event = opened(cipher, entry.place("after"), entry.after) if entry is not None else None
    if event is None:
        return None
    known, base = cipher.fingerprints.face(event), link.base.face(intent.side) or {}
    names = intent.sent or {*known, *base}
    same = all(known.get(name) == base.get(name) for name in names)
    return event if same else None


def _read(work: Work, intent: Intent) -> Event | None:
    try:
        item = work.sides[intent.side].read(intent.key)
    except (Stale, Refused):
        return None
    return item.content if item is not None else None


def enter(work: Work, connection: Connection, written: Iterable[Written]) -> None:
    """Store what came of writes; call inside the transaction that records the outcomes."""
    entries = [
        _entry(work, link, step, before.get(step.intent.side))
        for link, done, before in written
        for step in done
        if not step.failed
    ]
    if not entries:
        return
    if not work.noted:
        scene, tally = work.scene, work.tally
        run = Run(tally.run, scene.account.id, scene.now, book.UNFINISHED, "", {}, tally.full, work.undoes)
        book.begin(connection, run)
        work.noted = True
    book.note(connection, entries)


def _entry(work: Work, link: Link, step: Done, replaced: Event | None) -> Entry:
    intent, outcome, cipher = step.intent, step.outcome, work.scene.account.cipher
    item = outcome if isinstance(outcome, Item) else None
    before = item.before if item is not None and item.before is not None else replaced
    after = None if step.removed else _after(step.write, item)
    keys = {side: link.half(side).key for side in SideName}
    keys[intent.side] = keys[intent.side] or intent.key or (item.key if item is not None else None)
    if intent.verb in (Verb.DELETE, Verb.RETRACT):
        keys[intent.side.other] = keys[intent.side.other] or intent.marker or None
    row = (work.tally.run, link.id, intent.side, intent.verb)
    return Entry(
        run_id=work.tally.run,
        account_id=link.account_id,
        link_id=link.id,
        side=intent.side,
        verb=intent.verb,
        google_key=keys[SideName.GOOGLE],
        crm_key=keys[SideName.CRM],
        stored=_stored(link, intent),
        before=sealed(cipher, book.place("before", *row), before),
        after=sealed(cipher, book.place("after", *row), after),
        at=work.scene.now,
    )


def _after(write: Write | None, item: Item | None) -> Event | None:
    """Return what was stored as far as it is known whole, else what was sent."""
    if isinstance(write, Update) and (item is None or item.event is None or item.partial):
        return write.patch.event
    return item.content if item is not None else None


def _stored(link: Link, intent: Intent) -> Face:
    base = link.base.face(intent.side) or {}
    if intent.verb is Verb.CREATE:
        return base
    return {name: base.get(name, "") for name in intent.sent}


def sealed(cipher: Cipher, place: str, event: Event | None) -> bytes | None:
    """Return an event as the journal keeps it."""
    return cipher.seal(place, contents.dump_value(event)) if event is not None else None


def opened(cipher: Cipher, place: str, data: bytes | None) -> Event | None:
    """Return an event that the journal kept."""
    value = contents.load_value(cipher.open(place, data)) if data is not None else None
    return value if isinstance(value, Event) else None
