"""Pairing events that were on both calendars before we came."""

from __future__ import annotations

from calsync.store import links
from calsync.store.database import writing
from calsync.sync.meetings import tell
from calsync.sync.settle import Work


def pair(work: Work) -> int:
    """Join links that show the same event on one side each; return how many.

    Same means title, start, end and rule. Equal ones are paired one to one. The Google row stays, with
    unknown base: differences in other fields are settled as clashes, so that nothing is lost.
    """
    with writing(work.engine) as connection:
        couples = links.pairs(connection, work.scene.account.id)
        ids = [link_id for couple in couples for link_id in couple]
        rows = {}
        for start in range(0, len(ids), 500):
            rows.update({link.id: link for link in links.by_ids(connection, ids[start : start + 500])})
        joined = []
        for google_id, crm_id in couples:
            link, other = rows[google_id], rows[crm_id]
            link.crm, link.access, link.match = other.crm, other.access, None
            # Google shows the person all of it: how much else might have crossed does not count any more.
            link.crm.seen = None
            joined.append(link)
            if link.hides and link.meeting is not None:
                work.scene.veils.append(link)
        links.remove(connection, [crm_id for _, crm_id in couples])
        links.save(connection, joined)
        tell(connection, work)
    return len(joined)
