"""The decision for what is put back at Google by no round: by undo, and by restore."""

from __future__ import annotations

from calsync.model.permission import Access, Level
from calsync.model.side import SideName
from calsync.store.links import Link
from calsync.sync.settle import Work

NO_LONGER = "it may no longer cross"

_OWN = Access(Level.DELETE, "event of their own")
_GONE = Access(Level.READ, "record is not there any more")


def decide_now(work: Work, link: Link | None, crm_key: str | None) -> Access:
    """Return how much of an event may be at Google as things are: READ or more, else nothing is to be put back.

    Its record is read for it, since the permission may have changed after the round that saw it last. Raises a
    SideError when the CRM cannot answer.
    """
    if crm_key is None or (link is not None and link.origin is SideName.GOOGLE):
        return _OWN
    item = work.sides[SideName.CRM].read(crm_key)
    if item is None or (item.gone and item.access is None):
        # Of what is not there any more nobody has taken anything back.
        return _GONE
    if item.access is None or item.gone:
        return item.access or Access(Level.NONE, "unknown record")
    ruling = work.scene.policy.ruling(item.access, item.nature)
    return Access(ruling.level, ruling.because, item.access.relations)
