"""What of an entry may cross to the other side: whether, and how much of it."""

from __future__ import annotations

from calsync.model.event import Event
from calsync.model.link import REDACTED, Kind
from calsync.model.permission import Level, Relation
from calsync.model.policy import PrivateEvents, hides, strictest
from calsync.model.side import Item, SideName
from calsync.store.links import Link
from calsync.sync.scene import Scene

#: How a record concerns a person themselves, not only their team.
_TAKING_PART = frozenset({Relation.MINE, Relation.INVITED})


def kind_of(scene: Scene, side: SideName, item: Item, is_copy: bool, link: Link | None = None) -> Kind:
    """Return what a side shows of an entry, CHANGED if it is there and may cross; it is compared later.

    `is_copy`: it is our copy of an entry of the other side. `link`: its link, unless it is new.
    """
    if item.gone:
        return Kind.GONE
    if side is SideName.CRM:
        return _visible(item) if _crosses(scene, item, is_copy) else Kind.WITHHELD
    if item.access is not None and item.access.level is Level.NONE:
        return Kind.WITHHELD
    skip = scene.policy.private_events is PrivateEvents.SKIP and not is_copy
    # What others have as well is veiled instead: it is not this person's alone to take out of the CRM.
    shared = link is not None and link.meeting is not None and link.crm.key is not None
    if skip and not shared and item.event is not None and is_hidden(scene, link, item.event):
        return Kind.WITHHELD
    return Kind.CHANGED


def projected(scene: Scene, link: Link, side: SideName, event: Event, item: Item) -> Event:
    """Return as much of an event as may cross to the other side."""
    if side is SideName.CRM:
        outgoing = scene.policy.outgoing(item.access, item.nature) if item.access else Level.NONE
        if link.origin is side and outgoing is Level.BUSY:
            return event.busy()
        if link.origin is side and scene.policy.guests_write and not _is_owned(item):
            # Where guests are written, they are on their host's copy alone.
            event = event.without_guests()
        # Cut before it is compared: else the shorter text would come home as an edit.
        return event.shortened()
    if link.origin is SideName.CRM or scene.policy.private_events is PrivateEvents.FULL:
        return event
    face = link.base.face(side) or {}
    event = strictest(event)
    if link.veiled:
        return event.busy()
    hidden = is_hidden(scene, link, event) or (REDACTED in face and not item.event)
    return event.busy() if hidden else event


def _is_owned(item: Item) -> bool:
    return item.access is None or Relation.MINE in item.access.relations


def is_hidden(scene: Scene, link: Link | None, event: Event) -> bool:
    """Return whether a Google-born event is private, and that is not what the CRM has made of its own record:
    it knows that one in full, and would not be served by losing its text.
    """
    if not hides(event, scene.policy):
        return False
    agreed = link.base.google if link is not None else None
    if agreed is None or REDACTED in agreed:
        return True
    return agreed.get("visibility") != scene.account.cipher.fingerprints.of("visibility", event.visibility)


def hide_again(scene: Scene, link: Link, item: Item) -> None:
    """Let a private event that crossed in full while the rule allowed it be hidden from now on.

    That its record is private does not tell: so is that of an event that the CRM's own record has made private.
    """
    agreed = link.base.google
    if agreed is None or REDACTED in agreed or link.origin is not SideName.GOOGLE or item.event is None:
        return
    if hides(strictest(item.content or item.event), scene.policy):
        left = {name: value for name, value in agreed.items() if name != "visibility"}
        link.base = link.base.with_face(SideName.GOOGLE, left)


def _crosses(scene: Scene, item: Item, is_copy: bool) -> bool:
    """Return whether a CRM record belongs on this person's Google calendar; a copy of an event that came
    from there does as long as it is still theirs.
    """
    if item.access is None:
        return False
    if is_copy and item.access.relations & _TAKING_PART:
        return True
    return scene.policy.outgoing(item.access, item.nature) is not Level.NONE


def _visible(item: Item) -> Kind:
    return Kind.CHANGED if item.event is not None or item.exceptions else Kind.WITHHELD
