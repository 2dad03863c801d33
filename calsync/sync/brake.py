"""Deletions: they wait for the end of the round, and for a person when there are unusually many.

Two brakes hold them, each all deletions of a round on one side. The account's own (`policy.Brake`) lets them go when
a person gives a word. That of the installation (`policy.InstallationBrake`) counts what all accounts delete; since
every round decides anew, what it alone has held goes through by itself in a later round, as soon as there is room:
a word is asked for only while unusually many happen.

What a person has approved is not counted against others, nor what a person has asked for by name (one event, the undo of
a run). Neither are copies that are retracted because they may no longer cross.
"""

from __future__ import annotations

from collections import Counter

from calsync.model.errors import Refused, SideError, Stale
from calsync.model.policy import INSTALLATION_BRAKE
from calsync.model.side import Delete, MailsGuests, SideName
from calsync.store import brake, links
from calsync.store.accounts import State
from calsync.store.database import reading
from calsync.sync.absence import confirmed
from calsync.sync.settle import BATCH, Work, settle
from calsync.sync.tally import Outcome

#: What `status` says; the account's own comes first, since only a person can let go of it.
OWN = "more deletions than usual are held back"
SHARED = "more deletions than usual over all accounts: those of this one are held back"


def delete_or_hold(work: Work) -> None:
    """Carry out deletions that waited for the end of the round, unless there are unusually many."""
    account = work.scene.account
    if not any(work.deletions.values()):
        if account.state is State.BRAKED:
            # An approval that finds nothing to let through is used up all the same.
            work.columns |= {"state": State.ACTIVE, "reason": "", "held_back": 0, "deletions_approved": False}
        return
    with reading(work.engine) as connection:
        total = links.count_linked(connection, account.id)
    held: Counter[str] = Counter()
    for side, ids in work.deletions.items():
        reason = _delete(work, side, ids, total) if ids else ""
        if reason:
            held[reason] += len(ids)
            if work.tally.dry_run:
                _plan_held(work, side, ids)
    work.tally.held_back = held.total()
    state = State.BRAKED if held else State.ACTIVE
    reason = next((reason for reason in (OWN, SHARED) if reason in held), "")
    work.columns |= {"state": state, "reason": reason, "held_back": held.total()}
    if account.deletions_approved:
        # One that came meanwhile is for the next round.
        work.columns["deletions_approved"] = False
    if held:
        work.tally.outcome, work.tally.reason = Outcome.ATTENTION, reason


def _delete(work: Work, side: SideName, ids: list[int], total: int) -> str:
    """Carry out deletions on a side, or return why they are held. `total`: how many links the account has."""
    if work.scene.account.deletions_approved:
        _carry_out(work, ids)
        return ""
    if not work.scene.policy.brake.allows(len(ids), total):
        return OWN
    batch = brake.admit(work.engine, INSTALLATION_BRAKE, len(ids), work.time())
    if batch is None:
        return SHARED
    _carry_out_admitted(work, side, ids, batch)
    return ""


def _carry_out_admitted(work: Work, side: SideName, ids: list[int], batch: int) -> None:
    """Carry out deletions and leave in their batch how many were made: those that fail take no room from others."""
    counts = work.tally.writes[side]
    before = counts["deleted"]
    try:
        _carry_out(work, ids)
    except SideError:
        # The one whose answer did not come may have been made.
        brake.correct(work.engine, batch, counts["deleted"] - before + 1)
        raise
    brake.correct(work.engine, batch, counts["deleted"] - before)


def _carry_out(work: Work, ids: list[int]) -> None:
    for start in range(0, len(ids), BATCH):
        with reading(work.engine) as connection:
            batch = links.by_ids(connection, ids[start : start + BATCH])
        settle(work, confirmed(work, batch), deleting=True)


def _title(work: Work, side: SideName, key: str) -> str:
    """Return what an event is called that would go, so that a person can be asked; it is looked up now."""
    try:
        item = work.sides[side].read(key)
    except (Refused, Stale):
        return ""
    return item.event.title if item is not None and item.event is not None else ""


def _mails(work: Work, side: SideName, key: str) -> list[str]:
    """Return who would be mailed about a deletion; nobody when that cannot be found out now."""
    calendar = work.sides[side]
    try:
        return list(calendar.whom(Delete(key))) if isinstance(calendar, MailsGuests) else []
    except (Refused, Stale):
        return []


def _plan_held(work: Work, side: SideName, ids: list[int]) -> None:
    """Put deletions into the plan that `approve` would let through."""
    for start in range(0, len(ids), BATCH):
        with reading(work.engine) as connection:
            batch = links.by_ids(connection, ids[start : start + BATCH])
        work.tally.plan += [
            {
                "side": side.value,
                "action": "delete",
                "id": link.half(side).key or "",
                "title": _title(work, side, link.half(side).key or ""),
                "fields": [],
                "mails": _mails(work, side, link.half(side).key or ""),
                "held": True,
            }
            for link in batch
        ]
