"""Observation: what a side shows becomes the sights of links, a page and a transaction at a time.

The policy is applied here, before anything is kept: what may not cross is never stored.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection

from calsync.model.errors import Stale
from calsync.model.event import Event, exception_key
from calsync.model.link import REDACTED, Face, Kind, Sight, carrier
from calsync.model.permission import Level, Relation
from calsync.model.policy import strictest
from calsync.model.side import SAME_CLOCK, CalendarSide, Item, SideName
from calsync.store import contents, links
from calsync.store.links import Half, Link
from calsync.sync.adoption import bereft, by_marker, original_of
from calsync.sync.crossing import hide_again, is_hidden, kind_of, projected
from calsync.sync.pages import joined
from calsync.sync.reconcile import moved
from calsync.sync.rejoining import rejoin
from calsync.sync.scene import Scene

_PLACES = {side: f"link.{side.value}_seen" for side in SideName}

#: How long a person's Google calendar may take to show a meeting before they get a copy of its record instead.
INVITATION_WAIT = timedelta(minutes=1)

#: More than a batch of links needs; faces that are not kept are taken again.
_FACES_KEPT = 1000


@dataclass(slots=True)
class Noted:
    """What became of a page: `seen` are ids of its links, `fresh` new links that were not stored."""

    seen: list[int]
    fresh: list[Link] = field(default_factory=list)
    unchanged: int = 0
    skipped: int = 0
    changed: int = 0
    parked: int = 0


def record(
    connection: Connection,
    scene: Scene,
    side: SideName,
    items: Sequence[Item],
    waiting: Container[int] | None = None,
) -> Noted:
    """Turn the items of one page into sights; call inside the transaction that also moves the cursor.

    `waiting`: match numbers of links that the other side alone has shown. With them, new links that can only
    become copies are returned unstored, for the caller to settle while their content is at hand.
    """
    merged = joined(items, scene.early)
    known = links.by_keys(connection, scene.account.id, side, list(merged))
    adopted, strangers = by_marker(connection, scene, side, merged, known)
    noted = Noted(seen=[])
    changed: list[Link] = []
    created: list[Link] = []
    rejoin(connection, scene.account.id, side, bereft(scene, side, merged, known))
    for key, item in merged.items():
        link = known.get(key) or adopted.get(key)
        if link is None:
            fresh = _fresh(scene, side, item, "" if key in strangers else original_of(scene, side, item))
            if fresh is None:
                noted.skipped += not item.gone
                continue
            plain = waiting is not None and fresh.retry_at is None and _is_plain(fresh, side)
            # Nothing waits for what is copied at once: it needs no number.
            if item.event is not None and not (plain and waiting == frozenset()):
                number(scene, fresh, item.content or item.event)
            if plain and waiting is not None and fresh.match not in waiting:
                noted.fresh.append(fresh)
            else:
                created.append(fresh)
            continue
        if link.half(side).key != key:
            # The old key of a copy that was made anew since.
            continue
        noted.seen.append(link.id)
        if _is_known(scene, link, side, item):
            noted.unchanged += 1
        elif _take_up(scene, link, side, item, key in adopted):
            changed.append(link)
    links.save(connection, changed)
    links.add(connection, created)
    noted.changed = len(changed) + len(created) + len(noted.fresh)
    noted.parked = sum(link.cause is not None for link in (*changed, *created))
    return noted


def _take_up(scene: Scene, link: Link, side: SideName, item: Item, adopted: bool) -> bool:
    """Put an item of a page into its link; False when nothing has to be saved. `adopted`: it was found again."""
    if side is SideName.GOOGLE and scene.was_open:
        hide_again(scene, link, item)
    if not _apply(scene, link, side, _as_made(item) if adopted else item):
        return False
    if adopted and item.untouched:
        _trust(link, side)
    return True


def _trust(link: Link, side: SideName) -> None:
    """Remember of a copy that was found again that nobody has edited it since it was made."""
    seen = link.half(side).seen
    if isinstance(seen, contents.Content) and seen.master and not seen.partial:
        link.base = link.base.with_face(side, seen.face)


def look(scene: Scene, link: Link, side: SideName, item: Item | None, keep_content: bool = True) -> None:
    """Take over what a read, or the answer to a write, has shown of one link's event; None is "not there".

    `keep_content`: hold on to the content even when it is as at base, since a decision needs it.
    """
    half = link.half(side)
    if item is None:
        item = Item(half.key or "", gone=True)
    if item.gone or (item.event is not None and not item.partial):
        # Of a part only that part is news: what else was seen, and is not settled, still holds.
        half.seen = None
    _apply(scene, link, side, item, keep_content)


def read(calendar: CalendarSide, link: Link) -> Item | None:
    """Return a link's entry on a side as it is now; None when the side does not know it.

    Raises what the side does, and Stale when its answer is older than what was seen before.
    """
    half = link.half(calendar.name)
    item = calendar.read(half.key or "")
    if item is not None and _is_outdated(half, item):
        raise Stale(f"{calendar.name.value}: the answer is older than what was seen before")
    return item


def _is_outdated(half: Half, item: Item) -> bool:
    """Return whether an answer is what an entry was before it was seen last, from a store that lags behind."""
    if item.version == half.version or item.modified is None or half.modified is None:
        return False
    return half.modified - item.modified >= SAME_CLOCK


def face_of(scene: Scene, link: Link, side: SideName, item: Item) -> Face:
    """Return the face of an item as it would be compared; empty for one without content."""
    event = item.content or carrier(item.exceptions, scene.now.date())
    return _face(scene, projected(scene, link, side, event, item), item.event is not None)


def _face(scene: Scene, event: Event, master: bool) -> Face:
    """Return an event's face; of a series that was not seen itself, only the exceptions count."""
    _, face = scene.faces.get(id(event)) or (event, scene.account.cipher.fingerprints.face(event))
    if master:
        return face
    return {name: value for name, value in face.items() if name == REDACTED or exception_key(name)}


def sight(scene: Scene, link: Link, side: SideName) -> Sight:
    """Return a side's sight as the decision wants it."""
    half = link.half(side)
    access = link.access if side is SideName.CRM else link.google_access
    level = access.level if access else Level.DELETE
    owned = side is SideName.GOOGLE or access is None or Relation.MINE in access.relations
    if half.seen is None:
        return _plain_sight(half.state, level, owned)
    seen = half.seen = _content(scene, half, half.seen, side)
    if seen.master:
        if len(scene.faces) >= _FACES_KEPT:
            scene.faces.clear()
        scene.faces[id(seen.event)] = seen.event, seen.face
    modified = _bounded(scene, side, half.modified)
    guests = scene.account.cipher.fingerprints.guests(seen.event) if seen.event.attendees else {}
    return Sight(half.state, seen.event, seen.face, seen.master, seen.partial, modified, level, owned, guests)


@lru_cache(maxsize=128)
def _plain_sight(kind: Kind, level: Level, owned: bool) -> Sight:
    """Return a sight without content: the same one for all links, since they never change."""
    return Sight(kind, level=level, owned=owned)


def _content(scene: Scene, half: Half, seen: contents.Content | bytes, side: SideName) -> contents.Content:
    if isinstance(seen, contents.Content):
        return seen
    return contents.open_seen(scene.account.cipher, _PLACES[side], half.key, seen)


def _bounded(scene: Scene, side: SideName, modified: datetime | None) -> datetime | None:
    """Return a side's modification time, held between the last look without the change and this one."""
    if modified is None:
        return None
    looked = scene.account.google_looked if side is SideName.GOOGLE else scene.account.crm_looked
    latest = min(modified, scene.now)
    return max(latest, looked) if looked else latest


def _is_known(scene: Scene, link: Link, side: SideName, item: Item) -> bool:
    if side is SideName.GOOGLE and scene.google_anew:
        return False
    half = link.half(side)
    same = half.state is Kind.SAME and bool(item.version) and half.version == item.version
    allowed = side is SideName.GOOGLE or item.access in (None, link.access)
    return same and allowed and not item.exceptions and not item.gone and not item.problem


def _fresh(scene: Scene, side: SideName, item: Item, original: str) -> Link | None:
    """Return a new link for an entry never seen, or None when it does not concern us.

    `original`: the key of what it is a copy of, on the other side; "" for an event of its own.
    """
    ours = bool(original)
    if item.gone or (not item.problem and kind_of(scene, side, item, ours) is Kind.WITHHELD):
        return None
    event = item.content
    if event is not None and item.event is not None and scene.window.is_past(event):
        return None
    link = Link(scene.account.id, side.other if ours else side, Half(), Half())
    half = link.half(side)
    half.key = item.key
    if ours:
        link.half(side.other).key = original
    _apply(scene, link, side, _as_made(item))
    link.dirty = link.dirty and half.state is not Kind.OUTSIDE
    if side is SideName.CRM and _may_be_invited_by_google(scene, item):
        link.retry_at = scene.now + INVITATION_WAIT
    return link


def _as_made(item: Item) -> Item:
    """Return an entry that was never seen before: of a series made since the last look, all exceptions are at hand."""
    new = item.partial and item.untouched and item.event is not None
    return replace(item, partial=False) if new else item


def number(scene: Scene, link: Link, event: Event) -> None:
    """Give a new link the number by which the same event on the other side is found, if it has not crossed yet.

    None of a copy whose original is not known either: that may be waiting for it on the other side.
    """
    if link.half(link.origin).seen is not None and link.half(link.origin.other).key is None:
        link.match = scene.account.cipher.fingerprints.match(event)


def number_left(scene: Scene, links_left: Iterable[Link]) -> None:
    """Number new links that could not be copied while their content was at hand, as far as it may be known."""
    for link in links_left:
        seen = link.half(link.origin).seen
        if isinstance(seen, contents.Content) and not seen.event.redacted:
            number(scene, link, seen.event)


def _may_be_invited_by_google(scene: Scene, item: Item) -> bool:
    """Return whether Google itself may show the person what a record of somebody else is about.

    It does so when the record is the copy of a meeting, or when the owner's copy invites its guests.
    """
    invited = item.access is not None and Relation.INVITED in item.access.relations
    return invited and (bool(item.marker) or scene.policy.guests_write)


def _is_plain(link: Link, side: SideName) -> bool:
    """Return whether a new link has all it needs to be copied."""
    seen = link.half(side).seen
    whole = isinstance(seen, contents.Content) and seen.master and not seen.partial
    return whole and link.origin is side and link.dirty


def _apply(scene: Scene, link: Link, side: SideName, item: Item, keep_content: bool = False) -> bool:
    """Put an item into the link; False when nothing has to be saved."""
    half = link.half(side)
    if item.problem:
        half.state, half.seen = Kind.UNKNOWN, None
        link.park(side, item.problem, scene.now)
        return True
    if half.state is Kind.GONE and item.event is None and item.exceptions:
        # What is said of the exceptions of a deleted series does not bring it back.
        return False
    half.version = item.version or half.version
    half.modified = item.modified or half.modified
    if side is SideName.CRM:
        link.access = item.access or link.access
    else:
        _apply_meeting(scene, link, item)
    kind = kind_of(scene, side, item, link.origin is not side, link)
    if kind is not Kind.CHANGED:
        half.state, half.seen, link.dirty, link.retry_at = kind, None, True, None
    else:
        _apply_event(scene, link, side, item, keep_content)
    if link.half(side.other).state is Kind.UNKNOWN:
        # What could not be read has a say too: the link stays set aside until it can.
        link.dirty = False
    else:
        link.unpark()
    return True


def _apply_meeting(scene: Scene, link: Link, item: Item) -> None:
    """Take over what a Google event says of its organiser, and whether the person keeps it private."""
    if item.event is not None:
        link.google_access, link.meeting, link.meets_at = item.access, item.meeting, item.meets_at
    elif not item.gone:
        return
    hidden = item.event is not None and is_hidden(scene, link, strictest(item.content or item.event))
    if hidden != link.hides:
        link.hides = hidden
        if link.meeting is not None and link.crm.key is not None:
            scene.veils.append(link)


def _apply_event(scene: Scene, link: Link, side: SideName, item: Item, keep_content: bool) -> None:
    half = link.half(side)
    if half.state is Kind.GONE and item.partial:
        # Brought back, and nobody knows with which exceptions: it is read before anything is decided.
        half.state, half.seen, link.held, link.dirty, link.retry_at = Kind.SAME, None, True, True, None
        return
    event, master, partial = _joined(scene, link, side, item)
    event = projected(scene, link, side, event, item)
    if master:
        link.wake_day = scene.window.wake_day(event)
        if link.wake_day is not None or scene.window.is_past(event):
            half.state, half.seen, link.dirty = Kind.OUTSIDE, None, True
            return
    face = _face(scene, event, master)
    rested = half.state in (Kind.WITHHELD, Kind.OUTSIDE, Kind.CHANGED, Kind.UNKNOWN)
    seen = Sight(Kind.CHANGED, event, face, master, partial)
    same = link.base.face(side) is not None and not moved(link.base.face(side), seen)
    half.state = Kind.SAME if same else Kind.CHANGED
    link.dirty = link.dirty or rested or not same
    if not _awaits_copy(link):
        link.retry_at = None
    half.seen = None
    if not same or keep_content:
        cipher = scene.account.cipher
        half.seen = contents.Content(event, face, master, partial, cipher, _PLACES[side])


def _awaits_copy(link: Link) -> bool:
    """Return whether a record has no copy yet, and none has failed: news of it is no reason to make one any sooner."""
    return link.origin is SideName.CRM and link.google.key is None and not link.attempts


def _joined(scene: Scene, link: Link, side: SideName, item: Item) -> tuple[Event, bool, bool]:
    """Return event, master and partial of an item, joined with an unsettled sight of the same entry."""
    event, master, partial = item.content, item.event is not None, item.partial
    half = link.half(side)
    if event is None:
        event = carrier(item.exceptions, scene.now.date())
    if half.seen is None:
        return event, master, partial
    before = _content(scene, half, half.seen, side)
    if master and not partial and before.master:
        return event, master, partial
    exceptions = {**before.event.exceptions, **event.exceptions}
    body = event if master else before.event
    whole = (master and not partial) or (before.master and not before.partial)
    return body.with_exceptions(exceptions), master or before.master, not whole
