"""How an account stands: what status, the operators' pages and the API tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calsync.store import accounts, conflicts, links
from calsync.store.accounts import RUNNING, Account, State
from calsync.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Standing:
    """One account at a moment; datetimes are aware, `next_round` is None where no round runs.

    `lag`: since it was last known to be in step, or was connected.
    """

    account_id: int
    user: str
    state: State
    reason: str
    google_account: str
    last_success: datetime | None
    lag: timedelta
    next_round: datetime | None
    conflicts: int
    quarantined: int
    held_back: int

    def document(self) -> dict[str, Any]:
        """Return the JSON of the public face; times are RFC 3339 in UTC with whole seconds."""
        return {
            "user": self.user,
            "state": self.state.value,
            "reason": self.reason,
            "google_account": self.google_account,
            "last_success": stamp(self.last_success),
            "lag_seconds": int(self.lag.total_seconds()),
            "next_round": stamp(self.next_round),
            "conflicts": self.conflicts,
            "quarantined": self.quarantined,
            "held_back": self.held_back,
        }


def stamp(moment: datetime | None) -> str | None:
    """Return an aware datetime in UTC as RFC 3339, in whole seconds."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def everyone(connection: Connection, vault: Vault, now: datetime, poll: timedelta) -> list[Standing]:
    """Return how every account stands, one for each user, by user; `poll` is the longest pause between rounds."""
    lost, parked = conflicts.count(connection), links.count_parked(connection)
    found = accounts.current(connection, vault)
    return [_standing(one, now, poll, lost.get(one.id, 0), parked.get(one.id, 0)) for one in found]


def of_user(
    connection: Connection, vault: Vault, user: str, now: datetime, poll: timedelta
) -> Standing | None:
    """Return how a user's account stands, or None when they never connected; see `everyone`."""
    account = accounts.find(connection, vault, user)
    if account is None:
        return None
    lost, parked = conflicts.count(connection), links.count_parked(connection)
    return _standing(account, now, poll, lost.get(account.id, 0), parked.get(account.id, 0))


def _standing(account: Account, now: datetime, poll: timedelta, lost: int, parked: int) -> Standing:
    # Later than a poll is only the time until which a running round has put off the next.
    due = account.due_at if account.failures else min(account.due_at, now + poll)
    since = account.last_success or account.connected_at
    return Standing(
        account_id=account.id,
        user=account.user,
        state=account.state,
        reason=account.reason,
        google_account=account.address,
        last_success=account.last_success,
        lag=max(timedelta(0), now - since),
        next_round=due if account.state in RUNNING else None,
        conflicts=lost,
        quarantined=parked,
        held_back=account.held_back,
    )
