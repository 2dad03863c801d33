"""Settling links: decide, intend, write, record, in batches.

A batch is one commit of intents and losers, the writes, and one commit of what came of them. The process may
die between any two lines: an open intent is finished by `resume` before anything else is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from calsync.model.errors import (
    KeyTaken,
    Later,
    Limited,
    NotTried,
    Refused,
    SideError,
    Stale,
    ends_account,
)
from calsync.model.event import Event, is_guest
from calsync.model.link import Intent, Kind, Sight
from calsync.model.side import (
    SIDES,
    CalendarSide,
    Item,
    Outcome,
    SideName,
    Write,
)
from calsync.store import conflicts, contents, links
from calsync.store.database import writing
from calsync.store.links import Link
from calsync.sync import meetings, sights
from calsync.sync.decision import Change, Copy, Decision, Remove, Rules
from calsync.sync.guests import is_uninvited
from calsync.sync.journal import enter, look_back
from calsync.sync.landing import found_out
from calsync.sync.recognition import introduce_anew, is_unnamed_copy
from calsync.sync.reconcile import reconcile
from calsync.sync.recording import Done, record_outcomes, record_rest
from calsync.sync.scene import Scene
from calsync.sync.steps import step_of
from calsync.sync.tally import Tally

BATCH = 100

#: How often a link is decided anew within one round when the world moves under it.
TRIES = 3

_RETRY = timedelta(minutes=1)
_LONGEST_RETRY = timedelta(hours=6)


@dataclass(slots=True)
class Work:
    """One round's parts."""

    engine: Engine
    scene: Scene
    sides: dict[SideName, CalendarSide]
    rules: Rules
    tally: Tally
    #: Links whose deletion waits until both sides were observed, by the side that would lose an event.
    deletions: dict[SideName, list[int]] = field(default_factory=lambda: {side: [] for side in SIDES})
    #: Set when an event stays unreachable: only a complete observation can tell what became of it.
    relist: bool = False
    #: Columns of the account to be saved with the cursor of the side that is observed last: a round which dies before
    #: that looks at everything again.
    observed: dict[str, Any] = field(default_factory=dict)
    #: Columns of the account to be saved at the end of the round.
    columns: dict[str, Any] = field(default_factory=dict)
    #: Set when this run is in the journal.
    noted: bool = False
    #: The run that this one takes back.
    undoes: str | None = None
    #: When the work began, by a clock that nobody sets.
    began: float = field(default_factory=time.monotonic)

    def time(self) -> datetime:
        """Return the time now: that of the scene stands still."""
        return self.scene.now + timedelta(seconds=time.monotonic() - self.began)


@dataclass(slots=True)
class Plan:
    """A link, its sights, the decision, and the writes it leads to."""

    link: Link
    seen: dict[SideName, Sight]
    decision: Decision
    steps: list[tuple[Intent, Write]] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    #: What is known of the same writes after a look.
    known: list[Done] = field(default_factory=list)
    again: bool = False
    #: Set when the link was stored with its intents, as nothing but these.
    bare: bool = False
    #: What updates are about to replace, on sides that do not tell afterwards.
    before: dict[SideName, Event] = field(default_factory=dict)
    #: Set when a meeting's record, which a partner has made, is not that of this person's event.
    alone: bool = False
    #: Set when the record is, but cannot be joined yet.
    waits: bool = False


def settle(work: Work, batch: Sequence[Link], deleting: bool = False) -> None:
    """Bring a batch of links to agreement; deletions are put off unless `deleting`.

    Raises Later, ConsentLost or CalendarLost when a side as a whole cannot go on; what was done is recorded.
    """
    waiting = list(batch)
    for _ in range(TRIES):
        decided = [plan for plan in (_decide(work, link, deleting) for link in waiting) if plan is not None]
        plans, joined = meetings.join(work, decided)
        broken = carry_out(work, plans)
        if broken is not None:
            raise broken
        waiting = joined + [plan.link for plan in plans if plan.again]
        if not waiting:
            return
    _leave_for_later(work, waiting)


def carry_out(work: Work, plans: Sequence[Plan]) -> SideError | None:
    """Intend, write and record; return the failure that ended a side's batch, if any."""
    look_back(work, plans)
    _intend(work, plans)
    broken = _write(work, plans)
    _record(work, plans)
    return broken


def _decide(work: Work, link: Link, deleting: bool) -> Plan | None:
    """Return what to do about a link; None when its deletion has to wait, it was set aside, or has become another.

    Nothing is decided while nobody can tell what became of an earlier write.
    """
    if link.intents:
        return None
    try:
        plan = _decided(work, link)
    except (Refused, Stale) as error:
        _set_aside(work, link, error)
        return None
    if plan is None:
        return None
    removals = [
        action for action in plan.decision.actions if isinstance(action, Remove) and not action.retract
    ]
    if removals and not deleting:
        work.deletions[removals[0].side].append(link.id)
        return None
    leaves = work.rules.guests_write and any(action.leave for action in removals)
    if leaves and meetings.awaits_host(work, link):
        return None
    for action in plan.decision.actions:
        plan.steps.append(step_of(work, plan, action))
    link.intents = tuple(intent for intent, _ in plan.steps)
    return plan


def _decided(work: Work, link: Link) -> Plan | None:
    _look_for_original(work, link)
    for _ in range(TRIES):
        seen = {side: sights.sight(work.scene, link, side) for side in SIDES}
        if is_uninvited(link.base, seen[SideName.GOOGLE], seen[SideName.CRM], work.rules):
            meetings.stand_for_record(work, link)
            continue
        decision = reconcile(link.base, seen[SideName.GOOGLE], seen[SideName.CRM], work.rules)
        need = decision.need or _held_back(link, seen)
        if not need:
            return Plan(link, seen, decision)
        for side in need:
            item = _read(work, link, side)
            if is_unnamed_copy(work.scene, link, side, item):
                introduce_anew(work.engine, work.scene, link, side, item)
                return None
    raise Refused("the event does not come whole")


def _look_for_original(work: Work, link: Link) -> None:
    """See the original that a copy names, when no observation has shown it: it may not be this person's any more."""
    for side in SIDES:
        half = link.half(side)
        if half.key is not None and half.state is Kind.NEVER and not link.base.linked:
            item = work.sides[side].read(half.key)
            if item is not None:
                sights.look(work.scene, link, side, item)


def _held_back(link: Link, seen: dict[SideName, Sight]) -> frozenset[SideName]:
    """Return sides that are as last seen, but not as agreed: something of theirs was held.

    What is seen of a part of a series does not say whether something of another part was.
    """
    if not link.held or not link.base.linked:
        return frozenset()
    return frozenset(side for side in SIDES if _is_half_seen(seen[side]))


def _is_half_seen(sight: Sight) -> bool:
    unseen = sight.kind is Kind.SAME and sight.event is None
    return unseen or (sight.event is not None and not sight.whole)


def _read(work: Work, link: Link, side: SideName) -> Item:
    item = sights.read(work.sides[side], link)
    if item is None:
        # A 404 for an event that is not known to be deleted proves nothing.
        raise Stale(f"{side.value}: the event is not there")
    sights.look(work.scene, link, side, item)
    return item


def _set_aside(work: Work, link: Link, error: SideError) -> None:
    if isinstance(error, Refused):
        link.park(link.origin, error.reason, work.scene.now)
        work.tally.quarantined += 1
    else:
        postpone(work, link)
    with writing(work.engine) as connection:
        links.save(connection, [link])


def postpone(work: Work, link: Link) -> None:
    """Let a link rest for a while that doubles each time; it stays unsettled."""
    wait = min(_RETRY * 2**link.attempts, _LONGEST_RETRY) if link.attempts else timedelta(0)
    link.attempts = min(link.attempts + 1, 12)
    link.retry_at = work.scene.now + wait
    work.relist = work.relist or link.attempts >= TRIES
    work.tally.failed += 1


def _leave_for_later(work: Work, waiting: Sequence[Link]) -> None:
    for link in waiting:
        postpone(work, link)
    with writing(work.engine) as connection:
        links.save(connection, waiting)


def _intend(work: Work, plans: Sequence[Plan]) -> None:
    """Commit intents, generations and losers; settle what needs no write."""
    resting = [plan for plan in plans if not plan.steps]
    for plan in resting:
        record_rest(plan.link, plan.seen, plan.decision)
    losers = [row for plan in plans for row in _losers(work, plan)]
    work.tally.conflicts += len(losers)
    with writing(work.engine) as connection:
        for plan in meetings.contested(connection, work, plans):
            plan.steps, plan.link.intents, plan.again = [], (), True
        meetings.announce(connection, [plan.link for plan in plans if _takes_guests_along(plan)])
        conflicts.keep(connection, losers)
        for plan in plans:
            plan.bare = not plan.link.id
        links.save_intents(connection, [plan.link for plan in plans if plan.steps])
        links.save(connection, [plan.link for plan in resting if not plan.decision.forget])
        links.remove(connection, [plan.link.id for plan in resting if plan.decision.forget])
        meetings.tell(connection, work)


def _takes_guests_along(plan: Plan) -> bool:
    """Return whether a copy that may be the host's of a meeting at Google is taken back, or loses all its guests."""
    if plan.link.meeting is None:
        return False
    return any(
        action.retract if isinstance(action, Remove) else _leaves_no_guest(action)
        for action in plan.decision.actions
        if action.side is SideName.GOOGLE
    )


def _leaves_no_guest(action: Copy | Change) -> bool:
    guests = isinstance(action, Change) and any(is_guest(name) for name in action.fields)
    return guests and not action.event.attendees


def _losers(work: Work, plan: Plan) -> list[conflicts.Conflict]:
    link, cipher = plan.link, work.scene.account.cipher
    return [
        conflicts.Conflict(
            account_id=link.account_id,
            link_id=link.id,
            google_key=link.google.key,
            crm_key=link.crm.key,
            field=loser.field,
            kept=cipher.seal(conflicts.place("kept", link.id, loser.field), contents.dump_value(loser.kept)),
            lost=cipher.seal(conflicts.place("lost", link.id, loser.field), contents.dump_value(loser.lost)),
            kept_side=loser.kept_side.value,
            at=work.scene.now,
        )
        for loser in plan.decision.losers
    ]


def _write(work: Work, plans: Sequence[Plan]) -> SideError | None:
    """Carry out all writes, side by side; return the failure that ended a side's batch, if any."""
    broken: SideError | None = None
    for side in SIDES:
        steps = [
            (plan, intent, write) for plan in plans for intent, write in plan.steps if intent.side is side
        ]
        if not steps:
            continue
        if broken is not None:
            outcomes: Sequence[Outcome] = [NotTried(broken.reason)] * len(steps)
        else:
            outcomes = list(work.sides[side].write([write for _, _, write in steps]))
        for (plan, intent, write), outcome in zip(steps, outcomes, strict=True):
            plan.done.append(Done(intent, outcome, write=write))
            if isinstance(outcome, SideError) and ends_account(outcome):
                broken = broken or outcome
    return broken


def _record(work: Work, plans: Sequence[Plan]) -> None:
    """Commit what came of the writes."""
    written = [plan for plan in plans if plan.steps]
    forgotten: list[Link] = []
    copied: dict[SideName, list[Link]] = {side: [] for side in SIDES}
    changed: list[Link] = []
    for plan in written:
        link = plan.link
        plan.known = [found_out(work.scene, work.sides[done.intent.side], link, done) for done in plan.done]
        record_outcomes(work.scene, link, plan.seen, plan.decision, plan.known)
        _after(work, plan)
        if link.google.key is None and link.crm.key is None:
            forgotten.append(link)
        elif plan.bare and _is_calm(plan):
            copied[plan.done[0].intent.side].append(link)
        else:
            changed.append(link)
    with writing(work.engine) as connection:
        for side, new in copied.items():
            links.save_copied(connection, side, new)
        links.save(connection, changed)
        links.remove(connection, [link.id for link in forgotten])
        meetings.tell(connection, work)
        meetings.call_others(connection, work, written)
        enter(work, connection, [(plan.link, plan.known, plan.before) for plan in written])


def _after(work: Work, plan: Plan) -> None:
    """Count, and look again at what was not as expected."""
    link = plan.link
    for done, known in zip(plan.done, plan.known, strict=True):
        side, outcome = known.intent.side, known.outcome
        if not isinstance(outcome, SideError):
            work.tally.count(side, known.happened)
            # Of an update that was refused in part, what is left is tried apart.
            link.attempts, plan.again = 0, plan.again or done.failed
        elif known is not done:
            postpone(work, link)
        elif isinstance(outcome, Refused):
            link.park(side, outcome.reason, work.scene.now)
            work.tally.quarantined += 1
        elif isinstance(outcome, Stale):
            plan.again = _look_again(work, link, side)
        elif isinstance(outcome, Limited):
            link.retry_at = work.scene.now + timedelta(seconds=outcome.after)
            work.tally.failed += 1
        elif isinstance(outcome, KeyTaken) and not outcome.certain and link.attempts < TRIES:
            postpone(work, link)
        elif isinstance(outcome, KeyTaken):
            # Of a copy that was deleted, and forgotten here.
            link.generation += 1
            plan.again = True
        elif not isinstance(outcome, (Later, NotTried)):
            plan.again = not ends_account(outcome)
    plan.again = plan.again or (link.dirty and not link.intents and _succeeded(plan))


def _is_calm(plan: Plan) -> bool:
    """Return whether all was done, and nothing came in between."""
    link = plan.link
    invited = link.meeting is not None and link.origin is SideName.CRM
    return _succeeded(plan) and not (link.dirty or link.intents or link.cause or link.wake_day or invited)


def _succeeded(plan: Plan) -> bool:
    return bool(plan.done) and not any(isinstance(done.outcome, SideError) for done in plan.done)


def _look_again(work: Work, link: Link, side: SideName) -> bool:
    """Read an event that was not what the decision was made on; False when even that failed."""
    try:
        item = sights.read(work.sides[side], link)
    except SideError:
        item = None
    if item is None:
        postpone(work, link)
        return False
    sights.look(work.scene, link, side, item)
    return True
