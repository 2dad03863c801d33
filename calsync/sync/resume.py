"""Finishing what an earlier process has begun: a look tells whether an open intent came true; nothing is sent anew."""

from __future__ import annotations

from calsync.model.errors import Refused
from calsync.model.side import SIDES
from calsync.store import links
from calsync.store.database import reading, writing
from calsync.store.links import Link
from calsync.sync import sights
from calsync.sync.decision import Decision
from calsync.sync.journal import enter
from calsync.sync.landing import outcome_of
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
        done = [
            Done(intent, outcome_of(work.sides[intent.side], link, intent), resumed=True)
            for intent in link.intents
        ]
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
