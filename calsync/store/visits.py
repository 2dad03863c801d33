"""Coming back to one's own page: signing in at Google, or with a ticket that the CRM has fetched for its user.

Only digests of states and tickets are kept; what must be read again is sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Integer, LargeBinary, String, Table, delete, insert, select, update

from calsync.annotation import about
from calsync.store.consent import FLOW_LIFE, digest, new_secret
from calsync.store.database import UtcDateTime, metadata
from calsync.store.vault import Vault

#: The CRM fetches a ticket when its user clicks: it need not live longer than the way of a browser.
VISIT_LIFE = timedelta(minutes=2)

sign_ins = Table(
    "sign_in",
    metadata,
    Column("state_digest", String(64), primary_key=True),
    Column("browser_digest", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    info=about(
        owner="",
        why="to find the way back from Google's sign-in page in the same browser",
        life="ten minutes",
        kept="it is not known yet whose it is, and ends by itself",
        sealed="sealed",
        digests="state_digest browser_digest",
        secrets="sealed",
        times="expires_at",
    ),
)

visits = Table(
    "visit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("user", String(200), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    info=about(
        owner="user",
        why="to let the CRM send its user to their own page",
        life="two minutes",
        technical="id",
        logins="user",
        digests="digest",
        times="expires_at used_at",
    ),
)


def start_sign_in(
    connection: Connection, vault: Vault, browser: str, state: str, request: Mapping[str, str], now: datetime
) -> None:
    """Remember a request to sign in at Google, bound to one browser; an earlier one of it ends."""
    connection.execute(delete(sign_ins).where(sign_ins.c.browser_digest == digest(browser)))
    values = {
        "state_digest": digest(state),
        "browser_digest": digest(browser),
        "sealed": vault.shared_cipher().seal("sign_in.sealed", orjson.dumps(dict(request))),
        "expires_at": now + FLOW_LIFE,
    }
    connection.execute(insert(sign_ins).values(**values))


def take_sign_in(
    connection: Connection, vault: Vault, state: str, browser: str, now: datetime
) -> Mapping[str, Any] | None:
    """Burn a state: return what was remembered, the first time, in time, in the browser it belongs to."""
    mine = (
        sign_ins.c.state_digest == digest(state),
        sign_ins.c.browser_digest == digest(browser),
        sign_ins.c.expires_at > now,
    )
    row = connection.execute(delete(sign_ins).where(*mine).returning(sign_ins.c.sealed)).first()
    if row is None:
        return None
    found: Mapping[str, Any] = orjson.loads(vault.shared_cipher().open("sign_in.sealed", row.sealed))
    return found


def new_visit(connection: Connection, user: str, now: datetime) -> tuple[str, datetime]:
    """Return a ticket to a user's own page and when it expires; earlier ones of the user end."""
    connection.execute(delete(visits).where(visits.c.user == user, visits.c.used_at.is_(None)))
    secret, expires = new_secret(), now + VISIT_LIFE
    connection.execute(insert(visits).values(digest=digest(secret), user=user, expires_at=expires))
    return secret, expires


def visitor(connection: Connection, secret: str, now: datetime) -> str | None:
    """Return whose page a ticket opens, while it can still be used."""
    return connection.execute(select(visits.c.user).where(*_live(secret, now))).scalar()


def use_visit(connection: Connection, secret: str, now: datetime) -> str | None:
    """Use a ticket up and return whose page it opens; None when it is unknown, used or too old."""
    query = update(visits).where(*_live(secret, now)).values(used_at=now)
    return connection.execute(query.returning(visits.c.user)).scalar()


def expire(connection: Connection, now: datetime) -> None:
    """Forget what can no longer be used."""
    connection.execute(delete(sign_ins).where(sign_ins.c.expires_at <= now))
    connection.execute(delete(visits).where(visits.c.expires_at <= now))


def _live(secret: str, now: datetime) -> tuple[Any, ...]:
    return (visits.c.digest == digest(secret), visits.c.used_at.is_(None), visits.c.expires_at > now)
