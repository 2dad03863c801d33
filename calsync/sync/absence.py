"""Absence: an entry that a complete observation does not list is looked for before it counts as deleted.

So is a series that Google lists as cancelled: it has listed living ones so, with all their dates.
"""

from __future__ import annotations

from collections.abc import Sequence

from calsync.model.errors import Later, Refused, Stale
from calsync.model.link import Kind
from calsync.model.side import SideName
from calsync.store import links
from calsync.store.database import reading, writing
from calsync.store.links import Link
from calsync.sync import sights
from calsync.sync.settle import BATCH, Work, postpone

#: When this many entries in a row are not listed but are there, the listing is not believed.
LIARS = 3


def sweep(work: Work, side: SideName, seen: set[int], newest: int) -> None:
    """Confirm by a read each entry that was not listed; those that are gone become GONE sights.

    `newest`: the id of the last link made before the observation began.

    Raises Later when the listing turns out to be wrong.
    """
    with reading(work.engine) as connection:
        known = links.present(connection, work.scene.account.id, side, newest)
        absent = [link_id for link_id in known if link_id not in seen]
    alive = 0
    for start in range(0, len(absent), BATCH):
        with reading(work.engine) as connection:
            batch = links.by_ids(connection, absent[start : start + BATCH])
        for link in batch:
            try:
                item = sights.read(work.sides[side], link)
            except (Refused, Stale):
                # Nobody can tell now whether it is there, and only a listing asks again.
                work.relist = True
                work.tally.failed += 1
                continue
            sights.look(work.scene, link, side, item, keep_content=False)
            work.tally.quarantined += bool(item is not None and item.problem)
            # One that this person takes no part in any more is rightly not listed.
            alive = alive + 1 if link.half(side).state in (Kind.SAME, Kind.CHANGED) else 0
            if alive >= LIARS:
                raise Later(f"{side.value}: a complete listing leaves out entries that are there")
        with writing(work.engine) as connection:
            links.save(connection, batch)


def confirmed(work: Work, batch: Sequence[Link]) -> list[Link]:
    """Return links to be deleted, after a new look at each series that Google has called cancelled.

    Those of which Google will not tell are left for later. Raises Later when Google cannot answer now.
    """
    unknown = [link for link in batch if _is_cancelled_series(link) and not _looked_again(work, link)]
    for link in unknown:
        postpone(work, link)
    with writing(work.engine) as connection:
        links.save(connection, unknown)
    return [link for link in batch if link not in unknown]


def _is_cancelled_series(link: Link) -> bool:
    gone = link.google.state is Kind.GONE and link.google.key is not None
    return gone and "recurrence" in (link.base.face(SideName.GOOGLE) or {})


def _looked_again(work: Work, link: Link) -> bool:
    """Take over what Google tells of a series now; False when it refuses, or tells what was before the deletion."""
    try:
        item = sights.read(work.sides[SideName.GOOGLE], link)
    except (Refused, Stale):
        return False
    if item is not None and not item.gone:
        sights.look(work.scene, link, SideName.GOOGLE, item)
    return True
