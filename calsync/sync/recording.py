"""What the answer to a write means for a link: which fields are agreed now, and what is left to do.

Each action settles its own fields on both faces, so a half-done merge is recorded truthfully.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from calsync.model.errors import SideError, ends_account
from calsync.model.event import exception_key
from calsync.model.link import REDACTED, Base, Face, Intent, Kind, Sight, Verb
from calsync.model.side import SIDES, Item, Outcome, SideName, Write
from calsync.store.links import Link
from calsync.sync import sights
from calsync.sync.decision import Decision
from calsync.sync.scene import Scene

Faces = dict[SideName, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Done:
    """An intent and what came of it. `resumed`: found out by a look, not told by the write's answer."""

    intent: Intent
    outcome: Outcome
    resumed: bool = False
    write: Write | None = None

    @property
    def failed(self) -> bool:
        """True when the write did not happen, or may not have."""
        return isinstance(self.outcome, SideError)

    @property
    def happened(self) -> Verb:
        """What came of the intent: a deletion may have been no more than the answer that the person is not coming."""
        answered = self.intent.verb is Verb.DELETE and not self.removed
        return Verb.UPDATE if answered else self.intent.verb

    @property
    def removed(self) -> bool:
        """True when the event is gone by this write."""
        if self.intent.verb not in (Verb.DELETE, Verb.RETRACT):
            return False
        return self.outcome is None or (isinstance(self.outcome, Item) and self.outcome.gone)


def record_rest(link: Link, seen: Mapping[SideName, Sight], decision: Decision) -> None:
    """Record a decision that needs no write."""
    kinds = [seen[side].kind for side in SIDES]
    resting = any(kind in (Kind.WITHHELD, Kind.OUTSIDE) for kind in kinds)
    link.held = decision.held or (resting and (Kind.CHANGED in kinds or link.held))
    faces = _faces(link)
    _agree(faces, seen, decision.agreed)
    if decision.agreed or link.base.linked:
        link.base = Base(faces[SideName.GOOGLE], faces[SideName.CRM], link.origin)
        link.match = None
    if decision.released is not None:
        release(link, decision.released)
    _calm(link)


def release(link: Link, side: SideName) -> None:
    """Forget a copy that is gone, as if it had never been: it may be made anew."""
    _take_removal(link, side)
    link.base = _left(link, _faces(link))


def record_outcomes(
    scene: Scene,
    link: Link,
    seen: Mapping[SideName, Sight],
    decision: Decision,
    done: Sequence[Done],
) -> None:
    """Take the outcomes of a link's writes into the link; an intent stays open when nobody can tell."""
    faces = _faces(link)
    _agree(faces, seen, decision.agreed)
    joined = link.base.linked or bool(decision.agreed)
    for step in done:
        if not step.failed:
            joined = _take(scene, link, faces, step)
    link.base = (
        Base(faces[SideName.GOOGLE], faces[SideName.CRM], link.origin) if joined else _left(link, faces)
    )
    link.intents = tuple(step.intent for step in done if _is_open(step.outcome))
    unsettled = any(step.failed or step.resumed or _lacks_exceptions(step, faces) for step in done)
    if not unsettled:
        link.held = decision.held
        _calm(link)
    for step in done:
        if isinstance(step.outcome, Item) and not step.removed and step.intent.verb is not Verb.REVIVE:
            sights.look(scene, link, step.intent.side, step.outcome, keep_content=False)
    link.dirty = link.dirty or unsettled


def _is_open(outcome: Outcome) -> bool:
    """Return whether a write may have happened, as a whole or in part, although it failed."""
    return isinstance(outcome, SideError) and ends_account(outcome)


def _take(scene: Scene, link: Link, faces: Faces, step: Done) -> bool:
    """Take one success into faces and halves; return whether the two sides are joined now."""
    intent, outcome = step.intent, step.outcome
    if step.removed or not isinstance(outcome, Item):
        _take_removal(link, intent.side)
        return False
    if intent.verb is Verb.REVIVE:
        _take_revival(link, intent.side, outcome)
        faces[intent.side] = dict(sights.face_of(scene, link, intent.side, outcome))
        return False
    if intent.verb in (Verb.DELETE, Verb.RETRACT):
        # The person may not delete there; the side has noted that they do not take part.
        _take_removal(link, intent.side.other)
        link.origin = intent.side
        return False
    stored = _stored(scene, link, intent, outcome)
    if intent.verb is Verb.CREATE:
        _take_creation(link, faces, intent, outcome, stored)
        if intent.side is SideName.GOOGLE or not outcome.gone:
            # A CRM takes a series whole: whoever deletes it there has seen its exceptions.
            _forget_unwritten(faces, step, stored)
        return True
    names = _landed(intent, stored) if step.resumed else list(intent.sent)
    # What somebody has written over ours since is news, and not what was agreed.
    _advance(faces[intent.side], {**stored, **_sent(intent, outcome.edited)}, names)
    _advance(faces[intent.side.other], intent.source, [name for name in names if name in intent.source])
    if REDACTED in intent.source and names:
        _advance(faces[intent.side.other], intent.source, [REDACTED])
    return True


def landed(scene: Scene, link: Link, intent: Intent, item: Item) -> bool:
    """Return whether a side shows any field of an update as it was to be written."""
    return bool(_landed(intent, _stored(scene, link, intent, item)))


def _landed(intent: Intent, stored: Face) -> list[str]:
    return [name for name, value in intent.sent.items() if stored.get(name, "") == value]


def _sent(intent: Intent, names: Iterable[str]) -> Face:
    return {name: intent.sent.get(name, "") for name in names}


def _stored(scene: Scene, link: Link, intent: Intent, item: Item) -> Face:
    """Return the face of what was written; what we have made private ourselves is no secret."""
    base, visibility = link.base, intent.sent.get("visibility")
    if visibility and base.google is not None and intent.side is SideName.GOOGLE:
        link.base = replace(base, google={**base.google, "visibility": visibility})
    face = sights.face_of(scene, link, intent.side, item)
    link.base = base
    return face


def _take_creation(link: Link, faces: Faces, intent: Intent, item: Item, stored: Face) -> None:
    half = link.half(intent.side)
    half.key, half.state = item.key, Kind.SAME
    # What differs from what was sent is the side's own rewriting, unless somebody has edited it since.
    unsent = {
        name: value for name, value in stored.items() if name in intent.source and name not in intent.sent
    }
    faces[intent.side] = dict(stored if item.untouched and not item.gone else {**intent.sent, **unsent})
    if not stored.get(REDACTED):
        faces[intent.side].pop(REDACTED, None)
    faces[intent.side.other] = dict(intent.source)
    link.match = None
    if link.origin is intent.side:
        # The copy has outlived its original, and is the original from now on.
        link.origin = intent.side.other


def _lacks_exceptions(step: Done, faces: Faces) -> bool:
    """Return whether a copy was made without some of its exceptions: they are written next."""
    made = step.intent.verb is Verb.CREATE and not step.failed
    return made and any(
        exception_key(name) and name not in faces[step.intent.side] for name in step.intent.sent
    )


def _forget_unwritten(faces: Faces, step: Done, stored: Face) -> None:
    """Take exceptions that were not written, or may not have been by a process that died, out of the agreement.

    They are written then; one that somebody has changed by now clashes with what was to be written. Whoever has deleted
    the copy meanwhile may not have seen them: they are edits that beat the deletion.
    """
    for name, value in step.intent.sent.items():
        missing = stored.get(name) != value if step.resumed else name not in stored
        if missing and exception_key(name) is not None:
            for face in faces.values():
                face.pop(name, None)


def _take_removal(link: Link, side: SideName) -> None:
    half, other = link.half(side), link.half(side.other)
    half.key, half.version, half.state, half.seen = None, "", Kind.NEVER, None
    if side is SideName.GOOGLE:
        link.generation += 1
    if other.state is Kind.GONE:
        other.key, other.seen = None, None


def _take_revival(link: Link, side: SideName, item: Item) -> None:
    """Let an event rest that was brought back on one side only, until somebody changes it."""
    half, other = link.half(side), link.half(side.other)
    half.key, half.version, half.state, half.seen = item.key, item.version, Kind.SAME, None
    half.modified = item.modified
    other.key, other.version, other.state, other.seen = None, "", Kind.NEVER, None
    link.origin = side


def _faces(link: Link) -> Faces:
    return {side: dict(link.base.face(side) or {}) for side in SIDES}


def _left(link: Link, faces: Faces) -> Base:
    """Return the base of a link that joins nothing: what is left rests as it is, whatever its version says."""
    google, crm = (faces[side] if link.half(side).key is not None else None for side in SIDES)
    return Base(google or None, crm or None, link.origin)


def _agree(faces: Faces, seen: Mapping[SideName, Sight], names: Iterable[str]) -> None:
    for side in SIDES:
        if seen[side].event is not None:
            _advance(faces[side], seen[side].face, (*names, REDACTED))


def _advance(base: dict[str, str], face: Face, names: Iterable[str]) -> None:
    for name in names:
        value = face.get(name)
        if value:
            base[name] = value
        else:
            base.pop(name, None)


def _calm(link: Link) -> None:
    """Mark a link as settled: content that was waiting is dropped."""
    link.dirty, link.retry_at, link.attempts = False, None, 0
    for half in (link.google, link.crm):
        half.seen = None
        if half.state is Kind.CHANGED:
            half.state = Kind.SAME
