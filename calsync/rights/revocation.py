"""The kill switch: every consent withdrawn at Google, once each, after a theft of tokens (trust.md 2.1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog
from sqlalchemy import select, update

from calsync.store import accounts, audit, consent
from calsync.store.accounts import Account, State
from calsync.store.audit import COMMAND_LINE, Act, By
from calsync.store.database import reading, writing
from calsync.wiring import Parts

log = structlog.get_logger()

#: Revocations under way at once: Google answers each in a few tenths of a second.
WORKERS = 16
REASON = "all consents were withdrawn by the operator; connect anew"


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many consents were withdrawn, and how many wait because Google did not answer."""

    revoked: int
    left: int


def revoke_all(parts: Parts, by: By = COMMAND_LINE) -> Revoked:
    """Stop all syncing, withdraw each consent at Google and delete its token; go on with what an earlier try has left.

    A token stays, sealed, only until Google has confirmed that it is worth nothing any more.
    """
    _stop(parts)
    with reading(parts.engine) as connection:
        found = [one for one in accounts.everyone(connection, parts.vault) if one.sealed_refresh_token]
        grants = consent.grants(connection, parts.vault)
    with ThreadPoolExecutor(WORKERS, "revoke") as pool:
        done = list(pool.map(lambda account: _revoke(parts, account, by), found))
        done += list(pool.map(lambda grant: _revoke_grant(parts, grant), grants))
    result = Revoked(sum(done), len(done) - sum(done))
    with writing(parts.engine) as connection:
        audit.append(
            *(connection, parts.vault, Act.REVOKED_ALL, by, "", parts.clock()),
            revoked=result.revoked,
            left=result.left,
        )
    log.warning("all consents withdrawn", count=result.revoked, failed=result.left)
    return result


def _stop(parts: Parts) -> None:
    """Let no round begin any more, before the first request is made; those that run end within their batch."""
    table, now = accounts.accounts, parts.clock()
    with writing(parts.engine) as connection:
        live = table.c.state.not_in([State.DISCONNECTED.value, State.FINISHING.value])
        connection.execute(update(table).where(live).values(state=State.RECONNECT, reason=REASON))
        for user in connection.execute(select(table.c.user).distinct()).scalars():
            consent.end_everything(connection, user, now)


def _revoke(parts: Parts, account: Account, by: By) -> bool:
    token = account.refresh_token()
    if token is not None and not parts.oauth.revoke(token):
        return False
    parts.credentials.pop(account.id, None)
    with writing(parts.engine) as connection:
        state = State.DISCONNECTED if account.state is State.DISCONNECTED else State.RECONNECT
        accounts.end_consent(connection, account.id, state, REASON, parts.clock())
        now = parts.clock()
        audit.append(
            connection,
            parts.vault,
            Act.CONSENT_ENDED,
            by,
            account.user,
            now,
            revoked=True,
            removed=0,
        )
    return True


def _revoke_grant(parts: Parts, grant: consent.Overdue) -> bool:
    if not parts.oauth.revoke(grant.refresh_token):
        return False
    with writing(parts.engine) as connection:
        consent.end_flow(connection, grant.flow_id)
    return True
