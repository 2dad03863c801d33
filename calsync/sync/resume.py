"""Finishing what an earlier process has begun: a look tells whether an open intent came true; nothing is sent anew."""

from __future__ import annotations

from calsync.model.errors import NotTried, Refused, SideError
from calsync.model.link import Intent, Verb
from calsync.model.side import SIDES, Item
from calsync.store import links
from calsync.store.database import reading, writing
from calsync.store.links import Link
from calsync.sync import sights
from calsync.sync.decision import Decision
from calsync.sync.journal import enter
from calsync.sync.recording import Done, record_outcomes
from calsync.sync.settle import BATCH, Work


def finish_open(work: Work) -> None:
    """Find out what became of writes that an earlier round was about to make."""
    while True:
        with reading(work.engine) as connection:
            batch = links.unfinished(connection, work.scene.account.id, BATCH)
        left = [link for link in batch if not resume(work, link)]
        if len(batch) < BATCH or left:
            return


def resume(work: Work, link: Link) -> bool:
    """Find out whether a link's open intents came true, and record it; nothing is written remotely.

    Returns False when the side refuses to tell of this event now: its intents stay open, and others go on.
    """
    try:
        done = [Done(intent, _landed(work, link, intent), resumed=True) for intent in link.intents]
    except Refused as error:
        link.park(link.origin, error.reason, work.scene.now)
        work.tally.quarantined += 1
        with writing(work.engine) as connection:
            links.save(connection, [link])
        return False
    seen = {side: sights.sight(work.scene, link, side) for side in SIDES}
    nothing = Decision("resumed")
    record_outcomes(work.scene, link, seen, nothing, done)
    with writing(work.engine) as connection:
        enter(work, connection, [(link, done, {})])
        if link.google.key is None and link.crm.key is None:
            links.remove(connection, [link.id])
        else:
            links.save(connection, [link])
    return True


def _landed(work: Work, link: Link, intent: Intent) -> Item | SideError | None:
    """Return a write's outcome as far as a look can tell; NotTried when it did not happen."""
    side = work.sides[intent.side]
    if intent.verb is Verb.CREATE:
        item = side.read(intent.key) if intent.key else side.find(intent.marker)
        if item is None or (item.gone and item.key == link.half(intent.side).key):
            return NotTried("not there")
        return item
    item = side.read(intent.key)
    if intent.verb is Verb.REVIVE and item is not None and item.gone:
        return NotTried("still deleted")
    if intent.verb in (Verb.DELETE, Verb.RETRACT):
        # "Not there" proves nothing of an event that is not known to be deleted: it is asked for once more.
        return None if item is not None and item.gone else NotTried("not known to be gone")
    if item is None:
        return NotTried("not there")
    return item
