"""What became of writes of which no answer tells for certain: a look tells, as far as one can."""

from __future__ import annotations

from dataclasses import replace

from calsync.model.errors import Later, NotTried, Refused, SideError, Stale
from calsync.model.link import Intent, Verb
from calsync.model.side import CalendarSide, Item
from calsync.store.links import Link
from calsync.sync import sights
from calsync.sync.recording import Done, landed
from calsync.sync.scene import Scene


def outcome_of(calendar: CalendarSide, link: Link, intent: Intent) -> Item | SideError | None:
    """Return the outcome of a write of which nothing is known; NotTried when it did not happen."""
    if intent.verb is Verb.CREATE:
        item = _made(calendar, intent)
        if item is None or (item.gone and item.key == link.half(intent.side).key):
            return NotTried("not there")
        return item
    item = calendar.read(intent.key)
    if intent.verb is Verb.REVIVE and item is not None and item.gone:
        return NotTried("still deleted")
    if intent.verb in (Verb.DELETE, Verb.RETRACT):
        # "Not there" proves nothing of an event that is not known to be deleted: it is asked for once more.
        return None if item is not None and item.gone else NotTried("not known to be gone")
    if item is None:
        return NotTried("not there")
    return item


def _made(calendar: CalendarSide, intent: Intent) -> Item | None:
    """Return what was made, if it was: one 404 for its id proves nothing, so it is looked for by its original too."""
    item = calendar.read(intent.key) if intent.key else None
    if item is not None:
        return item
    found = calendar.find(intent.marker)
    return calendar.read(found.key) if found is not None and intent.key else found


def found_out(scene: Scene, calendar: CalendarSide, link: Link, done: Done) -> Done:
    """Return what is known of a write, after a look at one that the side says it has not taken.

    It may be there all the same, or some of it: an earlier attempt may have come through although no answer came, and a
    series takes several requests. Else our own write would pass for somebody's edit, and that beats a deletion, or a
    copy that somebody deletes for one that was never made. When nobody can tell, the intent stays open.
    """
    if not isinstance(done.outcome, (Stale, Refused)):
        return done
    if done.intent.verb is Verb.CREATE and done.intent.key:
        return _found_made(calendar, done)
    if done.intent.verb is not Verb.UPDATE:
        return done
    try:
        item = sights.read(calendar, link)
    except SideError:
        item = None
    if item is None:
        return replace(done, outcome=Later(done.outcome.reason))
    if item.gone or item.event is None or not landed(scene, link, done.intent, item):
        return done
    return replace(done, outcome=item, resumed=True)


def _found_made(calendar: CalendarSide, done: Done) -> Done:
    try:
        item = calendar.read(done.intent.key)
    except SideError as error:
        return replace(done, outcome=Later(error.reason))
    return done if item is None or item.gone else replace(done, outcome=item, resumed=True)
