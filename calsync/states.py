"""What people can tell an account: pause, resume, approve, sync now. Commands, operators' pages and the API use it.

Nothing here runs a round: it says when the next one is, and what it may do.
"""

from __future__ import annotations

from calsync.model.policy import Direction, Reach
from calsync.store import accounts, audit, conflicts
from calsync.store.accounts import RUNNING, Account, State
from calsync.store.audit import COMMAND_LINE, Act, Actor, By
from calsync.store.database import writing
from calsync.wiring import Parts


class NotNow(Exception):
    """The account's state does not allow it; `state` says which it is."""

    def __init__(self, state: State) -> None:
        super().__init__(f"the account is {state.value}")
        self.state = state


def pause(parts: Parts, account: Account, by: By = COMMAND_LINE) -> State:
    """Stop syncing until `resume`; NotNow."""
    if account.state not in (*RUNNING, State.PAUSED):
        raise NotNow(account.state)
    _enter(parts, account, Act.PAUSED, by, state=State.PAUSED, reason="paused by the operator")
    return State.PAUSED


def resume(parts: Parts, account: Account, by: By = COMMAND_LINE) -> State:
    """Go on syncing, or look again at a lost calendar; held deletions stay held. NotNow."""
    if account.state not in (*RUNNING, State.PAUSED, State.LOST):
        raise NotNow(account.state)
    state = State.BRAKED if account.held_back else State.ACTIVE
    _enter(parts, account, Act.RESUMED, by, state=state, reason="", due_at=parts.clock(), failures=0)
    return state


def approve(parts: Parts, account: Account, by: By = COMMAND_LINE) -> int:
    """Let held deletions go through in the next round, once; return how many there are."""
    if account.held_back:
        _enter(parts, account, Act.APPROVED, by, deletions_approved=True, due_at=parts.clock())
    return account.held_back


def sync_now(parts: Parts, account: Account, by: By | None = None) -> None:
    """Make the account due now; NotNow when no round may run.

    `by`: an operator, whose act is entered into the trail; people and the CRM ask for their own, as often as they like.
    """
    if account.state not in RUNNING:
        raise NotNow(account.state)
    columns = {"due_at": parts.clock(), "interval_seconds": 0.0}
    if by is not None:
        _enter(parts, account, Act.RESYNC_ASKED, by, **columns)
        return
    with writing(parts.engine) as connection:
        accounts.change(connection, account.id, **columns)


def choose(parts: Parts, account: Account, wished: Reach) -> None:
    """Let events of an account cross as far as the person wishes from now on, and enter into the ledger what changed."""
    before = Reach(Direction(account.direction), parts.policy.closer(account.private_events).private_events)
    columns = {"direction": wished.direction.value, "private_events": wished.private_events.value}
    now = parts.clock()
    with writing(parts.engine) as connection:
        accounts.change(connection, account.id, **columns)
        accounts.wake(connection, [account.user], now)
        if wished != before:
            act = _turn(before, wished)
            audit.append(connection, parts.vault, act, Actor.PERSON, account.user, now, **columns)


def _turn(before: Reach, wished: Reach) -> Act:
    if before.covers(wished):
        return Act.CONSENT_NARROWED
    return Act.CONSENT_WIDENED if wished.covers(before) else Act.CONSENT_CHANGED


def put_back(parts: Parts, account: Account, conflict: int) -> bool:
    """Wish for what lost in a conflict; the daemon does it before the next round. False for an unknown one; NotNow."""
    if account.state not in RUNNING:
        raise NotNow(account.state)
    now = parts.clock()
    with writing(parts.engine) as connection:
        known = conflicts.ask_back(connection, account.id, conflict, now)
        if known:
            accounts.change(connection, account.id, due_at=now, interval_seconds=0.0)
    return known


def _enter(parts: Parts, account: Account, act: Act, by: By, **columns: object) -> None:
    """Change an account and enter it into the audit trail, in one transaction."""
    with writing(parts.engine) as connection:
        accounts.change(connection, account.id, **columns)
        audit.append(connection, parts.vault, act, by, account.user, parts.clock())
