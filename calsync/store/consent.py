"""Consent under way: tickets, flows through Google, and sessions of people's browsers.

Only digests of tickets, states and session ids are kept; what must be read again is sealed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from calsync.annotation import about
from calsync.store import accounts
from calsync.store.database import UtcDateTime, metadata
from calsync.store.vault import Vault

TICKET_LIFE = timedelta(hours=24)
FLOW_LIFE = timedelta(minutes=10)
#: Ways through Google that one browser may have open; the oldest makes room.
OPEN_FLOWS = 3
SESSION_IDLE = timedelta(minutes=15)
SESSION_LIFE = timedelta(hours=8)

tickets = Table(
    "ticket",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("user", String(200), nullable=False),
    Column("expected", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("made_by", String(100), nullable=False, default=""),
    Column("may_replace", Boolean, nullable=False, default=False),
    Index("ticket_user", "user"),
    info=about(
        owner="user",
        why="to let one person, with one Google account, give consent",
        life="24 hours",
        sealed="expected",
        technical="id",
        logins="user",
        addresses="expected",
        digests="digest",
        choices="made_by may_replace",
        times="expires_at used_at",
    ),
)

flows = Table(
    "consent_flow",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state_digest", String(64), nullable=False, unique=True),
    Column("browser_digest", String(64), nullable=False),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("returned_at", UtcDateTime),
    Column("granted", LargeBinary),
    info=about(
        owner="ticket_id",
        why="to find the way back from Google's consent page in the same browser",
        life="ten minutes",
        sealed="sealed granted",
        technical="id ticket_id",
        digests="state_digest browser_digest",
        secrets="sealed granted",
        times="expires_at returned_at",
    ),
)

sessions = Table(
    "web_session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user", String(200), nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    info=about(
        owner="user",
        why="to show people their own page",
        life="eight hours",
        logins="user",
        digests="digest",
        times="seen_at ends_at",
    ),
)


def new_secret() -> str:
    """Return 256 random bits as text for an address or a cookie."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is kept of a 256-bit secret: it needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Terms:
    """How a ticket came about, and whether it may give its user another Google identity of a known address.

    Google may give an address to somebody else (a colleague who has left, an account made anew): then the address
    is as before and `sub` is not, and only a person can tell whether that is meant.
    """

    made_by: str = "command line"
    may_replace: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """A consent link that can still be used; `expected` is an address, or "@" and a Workspace domain."""

    id: int
    user: str
    expected: str
    expires_at: datetime
    made_by: str = ""
    may_replace: bool = False

    def accepts(self, address: str, domain: str) -> bool:
        """Return whether a Google account is the one that is meant.

        `domain` is the claim `hd`, which Google sets for accounts of an organisation only: an address under the
        domain alone proves nothing, since consumer accounts may have addresses of any domain.
        """
        if self.expected.startswith("@"):
            return self.expected == f"@{domain}" and address.endswith(self.expected)
        return self.expected == address


@dataclass(frozen=True, slots=True)
class Flow:
    """A browser's way through Google; `secrets` are those of the OAuth request."""

    id: int
    ticket: Ticket
    secrets: Mapping[str, str]
    granted: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A grant that waits to be withdrawn."""

    flow_id: int
    subject: str
    refresh_token: str


def new_ticket(
    connection: Connection, vault: Vault, user: str, expected: str, now: datetime, terms: Terms | None = None
) -> tuple[str, datetime]:
    """Return a fresh ticket and when it expires; earlier ones of the user end.

    `expected`: the only Google address to accept, or "@" and the domain of an organisation.
    """
    terms = terms or Terms()
    connection.execute(
        update(tickets).where(tickets.c.user == user, tickets.c.used_at.is_(None)).values(used_at=now)
    )
    secret, expires = new_secret(), now + TICKET_LIFE
    sealed = vault.shared_cipher().seal_text("ticket.expected", expected.strip().lower())
    values = {"digest": digest(secret), "user": user, "expected": sealed, "expires_at": expires}
    values |= {"made_by": terms.made_by, "may_replace": terms.may_replace}
    connection.execute(insert(tickets).values(**values))
    return secret, expires


def find_ticket(connection: Connection, vault: Vault, secret: str, now: datetime) -> Ticket | None:
    """Return a ticket that is known, unused and not expired."""
    row = connection.execute(select(tickets).where(tickets.c.digest == digest(secret))).mappings().first()
    return _live(vault, row, now)


def _live(vault: Vault, row: Any, now: datetime) -> Ticket | None:
    if row is None or row["used_at"] is not None or row["expires_at"] <= now:
        return None
    expected = vault.shared_cipher().open_text("ticket.expected", row["expected"])
    return Ticket(
        row["id"], row["user"], expected, row["expires_at"], row["made_by"], bool(row["may_replace"])
    )


def use_ticket(connection: Connection, ticket_id: int, now: datetime) -> bool:
    """Use a ticket up; False when somebody was faster."""
    query = update(tickets).where(tickets.c.id == ticket_id, tickets.c.used_at.is_(None))
    return connection.execute(query.values(used_at=now)).rowcount == 1


def start_flow(
    connection: Connection,
    vault: Vault,
    ticket: Ticket,
    browser: str,
    state: str,
    request: Mapping[str, str],
    now: datetime,
) -> None:
    """Remember a request to Google: verifier and nonce sealed, bound to one browser."""
    _make_room(connection, browser)
    values = {
        "state_digest": digest(state),
        "browser_digest": digest(browser),
        "ticket_id": ticket.id,
        "sealed": vault.shared_cipher().seal("consent_flow.sealed", orjson.dumps(dict(request))),
        "expires_at": now + FLOW_LIFE,
    }
    connection.execute(insert(flows).values(**values))


def _make_room(connection: Connection, browser: str) -> None:
    """Forget the oldest ways of a browser that has gone on none of them; those that hold a grant stay."""
    waiting = select(flows.c.id).where(
        flows.c.browser_digest == digest(browser), flows.c.returned_at.is_(None)
    )
    kept = waiting.order_by(flows.c.id.desc()).limit(OPEN_FLOWS - 1)
    newest = list(connection.execute(kept).scalars())
    connection.execute(delete(flows).where(flows.c.id.in_(waiting), flows.c.id.not_in(newest)))


def take_return(connection: Connection, vault: Vault, state: str, browser: str, now: datetime) -> Flow | None:
    """Burn a state: return its flow the first time it comes back, in time, from the browser it belongs to."""
    row = connection.execute(select(flows).where(flows.c.state_digest == digest(state))).mappings().first()
    if row is None or row["returned_at"] is not None or row["expires_at"] <= now:
        return None
    if not secrets.compare_digest(row["browser_digest"], digest(browser)):
        return None
    # The same state may come back twice at the same moment: whoever sets this first has it.
    burn = update(flows).where(flows.c.id == row["id"], flows.c.returned_at.is_(None))
    if connection.execute(burn.values(returned_at=now)).rowcount != 1:
        return None
    return _flow(connection, vault, row, now)


def hold_grant(
    connection: Connection, vault: Vault, flow: Flow, granted: Mapping[str, Any], now: datetime
) -> None:
    """Keep what Google granted, sealed, until the person confirms."""
    sealed = vault.shared_cipher().seal("consent_flow.granted", orjson.dumps(dict(granted)))
    query = update(flows).where(flows.c.id == flow.id)
    connection.execute(query.values(granted=sealed, expires_at=now + FLOW_LIFE))


def find_held(connection: Connection, vault: Vault, browser: str, now: datetime) -> Flow | None:
    """Return the grant that waits for this browser's confirmation."""
    query = select(flows).where(flows.c.browser_digest == digest(browser), flows.c.granted.is_not(None))
    row = connection.execute(query.order_by(flows.c.id.desc()).limit(1)).mappings().first()
    if row is None or row["expires_at"] <= now:
        return None
    return _flow(connection, vault, row, now)


def held_for_others(connection: Connection, flow: Flow, now: datetime) -> list[int]:
    """Return other ways of the same browser that hold a grant for another CRM user."""
    browser = select(flows.c.browser_digest).where(flows.c.id == flow.id).scalar_subquery()
    query = select(flows.c.id).join(tickets, tickets.c.id == flows.c.ticket_id)
    query = query.where(flows.c.browser_digest == browser, flows.c.granted.is_not(None))
    query = query.where(flows.c.expires_at > now, tickets.c.user != flow.ticket.user)
    return list(connection.execute(query).scalars())


def end_flow(connection: Connection, flow_id: int) -> None:
    """Forget a flow and what it held."""
    connection.execute(delete(flows).where(flows.c.id == flow_id))


def expire_flow(connection: Connection, flow_id: int, now: datetime) -> None:
    """Let a flow end now: what it holds is withdrawn by the next clean-up."""
    connection.execute(update(flows).where(flows.c.id == flow_id).values(expires_at=now))


def overdue(connection: Connection, vault: Vault, now: datetime) -> list[Overdue]:
    """Return grants that were never confirmed in time."""
    return _grants(
        connection, vault, select(flows).where(flows.c.expires_at <= now, flows.c.granted.is_not(None))
    )


def _grants(connection: Connection, vault: Vault, query: Select[Any]) -> list[Overdue]:
    cipher = vault.shared_cipher()
    found = []
    for row in connection.execute(query).mappings():
        granted = orjson.loads(cipher.open("consent_flow.granted", row["granted"]))
        found.append(Overdue(row["id"], str(granted["subject"]), str(granted["refresh_token"])))
    return found


def grants_of(connection: Connection, vault: Vault, user: str) -> list[Overdue]:
    """Return the grants of a user that wait for confirmation."""
    theirs = flows.c.ticket_id.in_(select(tickets.c.id).where(tickets.c.user == user))
    return _grants(connection, vault, select(flows).where(theirs, flows.c.granted.is_not(None)))


def grants(connection: Connection, vault: Vault) -> list[Overdue]:
    """Return all grants that wait for confirmation."""
    return _grants(connection, vault, select(flows).where(flows.c.granted.is_not(None)))


def end_everything(connection: Connection, user: str, now: datetime) -> None:
    """Close a user's sessions, and let their tickets and flows through Google end now."""
    end_sessions(connection, user)
    theirs = select(tickets.c.id).where(tickets.c.user == user)
    connection.execute(update(flows).where(flows.c.ticket_id.in_(theirs)).values(expires_at=now))
    connection.execute(
        update(tickets).where(tickets.c.user == user, tickets.c.used_at.is_(None)).values(used_at=now)
    )


def clean_up(connection: Connection, now: datetime) -> None:
    """Forget flows that hold nothing, tickets and sessions whose time is over."""
    connection.execute(delete(flows).where(flows.c.expires_at <= now, flows.c.granted.is_(None)))
    in_use = select(flows.c.ticket_id)
    connection.execute(delete(tickets).where(tickets.c.expires_at <= now, tickets.c.id.not_in(in_use)))
    connection.execute(delete(sessions).where(sessions.c.ends_at <= now))


def _flow(connection: Connection, vault: Vault, row: Any, now: datetime) -> Flow | None:
    found = connection.execute(select(tickets).where(tickets.c.id == row["ticket_id"])).mappings().first()
    ticket = _live(vault, found, now)
    if ticket is None:
        return None
    cipher = vault.shared_cipher()
    request = orjson.loads(cipher.open("consent_flow.sealed", row["sealed"]))
    granted = orjson.loads(cipher.open("consent_flow.granted", row["granted"])) if row["granted"] else None
    return Flow(row["id"], ticket, request, granted)


def new_session(connection: Connection, user: str, now: datetime) -> str:
    """Return the id of a fresh browser session."""
    secret = new_secret()
    values = {"digest": digest(secret), "user": user, "seen_at": now, "ends_at": now + SESSION_LIFE}
    connection.execute(insert(sessions).values(**values))
    accounts.accessed(connection, user, now)
    return secret


def session_user(connection: Connection, secret: str, now: datetime) -> str | None:
    """Return whose session it is, and keep it alive; None when it is unknown, idle for too long or over."""
    row = connection.execute(select(sessions).where(sessions.c.digest == digest(secret))).mappings().first()
    if row is None or row["ends_at"] <= now or row["seen_at"] + SESSION_IDLE <= now:
        return None
    connection.execute(update(sessions).where(sessions.c.digest == row["digest"]).values(seen_at=now))
    return str(row["user"])


def end_session(connection: Connection, secret: str) -> None:
    """Close one session."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest(secret)))


def end_sessions(connection: Connection, user: str) -> None:
    """Close all sessions of a user."""
    connection.execute(delete(sessions).where(sessions.c.user == user))
