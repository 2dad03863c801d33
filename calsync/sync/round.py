"""One account, once: finish the unfinished, observe both sides, settle what moved, report.

The caller holds the account's lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Engine

from calsync.model.errors import CalendarLost, ConsentLost, CursorExpired, Later, SideError
from calsync.model.link import Kind
from calsync.model.policy import Direction, Policy, PrivateEvents
from calsync.model.side import CalendarSide, Page, SideName
from calsync.store import accounts, links
from calsync.store.accounts import Account, State
from calsync.store.database import reading, writing
from calsync.store.links import Link
from calsync.sync import meetings, sights
from calsync.sync.absence import sweep
from calsync.sync.brake import delete_or_hold
from calsync.sync.decision import Rules
from calsync.sync.matching import pair
from calsync.sync.resume import finish_open, resume
from calsync.sync.scene import Scene
from calsync.sync.settle import BATCH, Work, settle
from calsync.sync.tally import Outcome, Tally

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM


@dataclass(frozen=True, slots=True)
class Order:
    """What a round is asked to do. `full`: forget cursors; `event`: only the event with this id."""

    full: bool = False
    event: str | None = None
    #: Called between batches; True ends the round early, to go on in the next.
    enough: Callable[[], bool] = lambda: False


def run(
    engine: Engine,
    account: Account,
    sides: dict[SideName, CalendarSide],
    policy: Policy,
    now: datetime,
    order: Order,
    tally: Tally,
) -> dict[str, Any]:
    """Run a round, leave its result in `tally`, and return columns of the account that are to be saved.

    Raises nothing expected: what went wrong is in the tally.
    """
    work = prepare(engine, account, sides, policy, now, tally)
    event = order.event
    conduct(work, lambda: _whole(work, order) if event is None else _single(work, event))
    return work.columns


def prepare(
    engine: Engine,
    account: Account,
    sides: dict[SideName, CalendarSide],
    policy: Policy,
    now: datetime,
    tally: Tally,
) -> Work:
    """Return what a round of an account works with."""
    scene = Scene(account, policy, policy.window(now), now, sides[GOOGLE].marker(""))
    own = account.cipher.fingerprints.guest(account.address.lower())
    rules = Rules(Direction(account.direction), policy.winner, policy.guests_write, own)
    return Work(engine, scene, sides, rules, tally)


def conduct(work: Work, act: Callable[[], None]) -> None:
    """Do something for an account, and note in its tally and columns what a side as a whole has answered."""
    started = time.monotonic()
    tally, sides = work.tally, work.sides
    try:
        act()
    except Later as error:
        tally.outcome, tally.reason = Outcome.PARTIAL, error.reason
        work.columns["retry_after"] = error.after
    except ConsentLost as error:
        _stop(work, State.RECONNECT, error.reason)
    except CalendarLost as error:
        _stop(work, State.LOST, error.reason)
    if tally.outcome is Outcome.OK and (tally.failed or tally.quarantined):
        tally.outcome = Outcome.PARTIAL
    tally.google_calls, tally.crm_calls = sides[GOOGLE].calls, sides[CRM].calls
    tally.mails = sides[GOOGLE].mails + sides[CRM].mails
    tally.seconds = time.monotonic() - started


def _stop(work: Work, state: State, reason: str) -> None:
    work.tally.outcome, work.tally.reason = Outcome.ATTENTION, reason
    work.columns |= {"state": state, "reason": reason}


def _whole(work: Work, order: Order) -> None:
    account = work.scene.account
    _mind_clock(work)
    waiting = links.waiting(work.engine, account.id, work.scene.now)
    if waiting.unfinished:
        finish_open(work)
    stale = _rules_moved(work)
    anew = GOOGLE in stale
    work.scene = replace(work.scene, google_anew=anew, was_open=anew and _was_open(work.scene.account))
    complete = _observe_both(work, order, stale)
    if not (complete or stale or work.tally.changed or any(waiting)):
        return
    if waiting.woken:
        _wake(work)
    meetings.replace_invitations(work)
    if waiting.noticed:
        meetings.take_up_notices(work)
    if complete or work.tally.changed or waiting.dirty:
        pair(work)
    _settle_all(work, order)
    delete_or_hold(work)
    if work.relist:
        work.columns["google_cursor"] = None


def _mind_clock(work: Work) -> None:
    """Let nothing wait for a time that lies as far ahead as the clock was set back."""
    account, now = work.scene.account, work.scene.now
    if any(at is not None and at > now for at in (account.google_looked, account.crm_looked)):
        with writing(work.engine) as connection:
            links.hasten(connection, account.id)


def _rules_moved(work: Work) -> frozenset[SideName]:
    """Note the permissions and the policy under which links are decided; return the sides to look at anew.

    Permissions are the CRM's. The policy also says which Google events are hidden, and those come by no cursor.
    """
    account = work.scene.account
    policy = _policy_version(work.scene.policy)
    rules = f"{policy} {account.direction} {work.scene.policy.private_events.value}"
    version = f"{work.sides[CRM].access_version()} {rules}"
    if version == account.access_version:
        return frozenset()
    same_policy = account.access_version.rsplit(" ", 3)[1:2] == [policy]
    stale = frozenset({CRM} if same_policy else {GOOGLE, CRM})
    with writing(work.engine) as connection:
        links.reconsider(connection, account.id)
        if not account.access_version:
            # Nothing has crossed yet: whatever does from now on, does so by these rules.
            accounts.change(connection, account.id, access_version=version)
    work.observed["access_version"] = version
    return stale


def _was_open(account: Account) -> bool:
    """Return whether private events crossed in full when the rules were noted last.

    Notes of older releases do not say so: what is hidden needlessly is shown again when it is made public.
    """
    noted = account.access_version.rsplit(" ", 3)[3:]
    closed = {PrivateEvents.BUSY.value, PrivateEvents.SKIP.value}
    return bool(account.access_version) and not closed.intersection(noted)


@lru_cache(maxsize=16)
def _policy_version(policy: Policy) -> str:
    return blake2b(repr(policy).encode(), digest_size=8).hexdigest()


def _observe_both(work: Work, order: Order, stale: frozenset[SideName]) -> bool:
    """Observe both sides; return whether one of the observations was complete.

    Google comes last when all of it will be listed: of the larger side, what is new is then copied page by page.
    """
    account = work.scene.account
    cursors = {
        GOOGLE: None if order.full or GOOGLE in stale else account.google_cursor,
        CRM: None if order.full or CRM in stale else account.crm_cursor,
    }
    first = CRM if cursors[GOOGLE] is None else GOOGLE
    complete = _observe(work, first, cursors[first], None)
    return _observe(work, first.other, cursors[first.other], order) or complete


def _observe(work: Work, side: SideName, cursor: str | None, order: Order | None) -> bool:
    """Observe a side; return whether the observation was complete. `order`: see `_list_all`."""
    if cursor is not None:
        try:
            _follow(work, side, cursor)
            return False
        except CursorExpired:
            # Everything is listed instead; nothing that is known is thrown away for it.
            pass
    try:
        _list_all(work, side, order)
    except CursorExpired:
        raise Later(f"{side.value}: the cursor expired during a complete observation") from None
    return True


def _follow(work: Work, side: SideName, cursor: str) -> None:
    """Take the changes since `cursor`; the new cursor is kept with the last of them."""
    for page in work.sides[side].observe(cursor):
        if not page.items:
            if page.cursor is not None:
                work.columns |= _cursor_columns(work, side, page.cursor)
            continue
        with writing(work.engine) as connection:
            _note(work, connection, side, page)
            if page.cursor is not None:
                accounts.change(connection, work.scene.account.id, **_cursor_columns(work, side, page.cursor))


def _list_all(work: Work, side: SideName, order: Order | None) -> None:
    """Take everything a side has; what is missing is looked for before the cursor is kept.

    With an `order`, what the other side has is known: what is new is settled at once, page by page.
    """
    account = work.scene.account
    with reading(work.engine) as connection:
        newest = links.newest(connection)
        waiting = links.lonely(connection, account.id, side.other) if order is not None else None
    seen: set[int] = set()
    cursor = None
    trouble: SideError | None = None
    work.scene.early.clear()
    for page in work.sides[side].observe(None):
        with writing(work.engine) as connection:
            noted = _note(work, connection, side, page, waiting)
        seen.update(noted.seen)
        if order is not None and noted.fresh:
            trouble = _settle_fresh(work, side, noted.fresh, order)
        if trouble is not None or "go_on" in work.columns:
            waiting = None
        cursor = page.cursor
    sweep(work, side, seen, newest)
    columns = _cursor_columns(work, side, cursor or "") | (work.observed if order is not None else {})
    with writing(work.engine) as connection:
        accounts.change(connection, account.id, **columns)
    if trouble is not None:
        raise trouble


def _settle_fresh(work: Work, side: SideName, fresh: Sequence[Link], order: Order) -> SideError | None:
    """Settle new links that are not stored yet; those that are left over are stored.

    Returns what ended it: the observation is brought to its end all the same, so that it need not be repeated.
    """
    size = work.sides[side.other].batch
    trouble: SideError | None = None
    for start in range(0, len(fresh), size):
        if order.enough():
            work.columns["go_on"] = True
            break
        try:
            settle(work, fresh[start : start + size])
        except SideError as error:
            trouble = error
            break
    left = [link for link in fresh if not link.id]
    sights.number_left(work.scene, left)
    with writing(work.engine) as connection:
        links.add(connection, left)
    return trouble


def _note(
    work: Work, connection: Connection, side: SideName, page: Page, waiting: Container[int] | None = None
) -> sights.Noted:
    noted = sights.record(connection, work.scene, side, page.items, waiting)
    meetings.tell(connection, work)
    work.tally.unchanged += noted.unchanged
    work.tally.skipped += noted.skipped
    work.tally.changed += noted.changed
    work.tally.quarantined += noted.parked
    return noted


def _cursor_columns(work: Work, side: SideName, cursor: str) -> dict[str, Any]:
    if side is CRM:
        return {"crm_cursor": cursor, "crm_looked": work.scene.now}
    sealed = work.scene.account.cipher.seal_text("account.google_cursor", cursor)
    return {"google_cursor": sealed, "google_looked": work.scene.now}


def _wake(work: Work) -> None:
    """Look at events that have come into the window."""
    with reading(work.engine) as connection:
        batch = links.woken(connection, work.scene.account.id, work.scene.now.date())
    for link in batch:
        for side in SideName:
            if link.half(side).state is Kind.OUTSIDE:
                _look(work, link, side)
    with writing(work.engine) as connection:
        links.save(connection, batch)


def _look(work: Work, link: Link, side: SideName) -> None:
    """See an event as it is now. That Google does not know it proves nothing: a complete observation tells more."""
    item = work.sides[side].read(link.half(side).key or "")
    if item is None and side is GOOGLE:
        work.relist = True
    else:
        sights.look(work.scene, link, side, item)


def _settle_all(work: Work, order: Order) -> None:
    after = 0
    while "go_on" not in work.columns and not order.enough():
        with reading(work.engine) as connection:
            batch = links.dirty(connection, work.scene.account.id, after, work.scene.now, BATCH)
        if batch:
            settle(work, batch)
            after = batch[-1].id
        if len(batch) < BATCH:
            return
    work.columns["go_on"] = True


def _single(work: Work, event: str) -> None:
    """Look at one event on both sides, and settle only that."""
    account = work.scene.account
    with reading(work.engine) as connection:
        link = links.by_event(connection, account.id, event)
    if link is None:
        link = _introduce(work, event)
    if link is None:
        work.tally.reason, work.tally.outcome = "no event with this id on either side", Outcome.PARTIAL
        return
    if link.intents:
        resume(work, link)
    for side in SideName:
        if link.half(side).key is not None:
            _look(work, link, side)
    link.dirty = True
    with writing(work.engine) as connection:
        links.save(connection, [link])
    settle(work, [link], deleting=True)


def _introduce(work: Work, event: str) -> Link | None:
    """Note an event that was never seen, from whichever side has it."""
    for side in SideName:
        item = work.sides[side].read(event)
        if item is None or item.gone:
            continue
        with writing(work.engine) as connection:
            sights.record(connection, work.scene, side, [item])
            return links.by_event(connection, work.scene.account.id, event)
    return None
