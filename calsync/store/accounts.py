"""Accounts: one person's two calendars, their state and their place in the queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from calsync.annotation import about
from calsync.question import Question
from calsync.store import audit
from calsync.store.audit import Act, Actor
from calsync.store.database import UtcDateTime, metadata
from calsync.store.vault import Cipher, Vault


class State(StrEnum):
    """What an account is doing, in the words that people see."""

    ACTIVE = "active"
    PAUSED = "paused"
    RECONNECT = "reconnect"
    BRAKED = "braked"
    LOST = "lost"
    FINISHING = "finishing"
    DISCONNECTED = "disconnected"


#: States in which rounds run.
RUNNING = (State.ACTIVE, State.BRAKED)

accounts = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user", String(200), nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(200), nullable=False, default=""),
    Column("direction", String(20), nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("subject_digest", String(64), nullable=False),
    Column("address", LargeBinary, nullable=False),
    Column("calendar", LargeBinary, nullable=False),
    Column("refresh_token", LargeBinary),
    Column("scopes", String(1000), nullable=False, default=""),
    Column("google_cursor", LargeBinary),
    Column("crm_cursor", String(500)),
    Column("access_version", String(200), nullable=False, default=""),
    Column("google_looked", UtcDateTime),
    Column("crm_looked", UtcDateTime),
    Column("due_at", UtcDateTime, nullable=False),
    Column("interval_seconds", Float, nullable=False, default=0.0),
    Column("failures", Integer, nullable=False, default=0),
    Column("last_success", UtcDateTime),
    Column("held_back", Integer, nullable=False, default=0),
    Column("deletions_approved", Boolean, nullable=False, default=False),
    Column("copies", String(40), nullable=False, default=""),
    Column("private_events", String(10), nullable=False, default=""),
    Column("connected_at", UtcDateTime, nullable=False),
    Column("accessed_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Index("account_user_subject", "user", "subject_digest", unique=True),
    Index("account_due", "due_at"),
    info=about(
        owner="user",
        why="to keep a person's two calendars in step with their consent",
        life="30 days after the connection ended; at most 700 days after the last access",
        sealed="data_key address calendar refresh_token google_cursor",
        technical="id due_at interval_seconds failures",
        logins="user",
        addresses="address",
        keys="calendar google_cursor crm_cursor access_version",
        secrets="data_key refresh_token",
        digests="subject_digest",
        choices="state reason direction scopes held_back deletions_approved copies private_events",
        times="google_looked crm_looked last_success connected_at accessed_at ended_at",
    ),
)

_LIVE = accounts.c.state != State.DISCONNECTED

# What every round asks is put together once.
_THIS = accounts.c.id == bindparam("of")
_BY_ID = select(accounts).where(_THIS)
_LOOK = Question(_BY_ID)
_PLACE = select(accounts.c.state, accounts.c.due_at).where(_THIS)
_CHANGE = update(accounts).where(_THIS)


class AlreadyLinked(Exception):
    """The Google account serves another CRM user, or the CRM user has another Google account."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as read from the database; sealed columns are opened by `cipher`."""

    id: int
    user: str
    state: State
    reason: str
    direction: str
    cipher: Cipher
    subject_digest: str
    address: str
    calendar: str
    google_cursor: str | None
    crm_cursor: str | None
    access_version: str
    google_looked: datetime | None
    crm_looked: datetime | None
    due_at: datetime
    interval_seconds: float
    failures: int
    last_success: datetime | None
    held_back: int
    deletions_approved: bool
    copies: str
    connected_at: datetime
    accessed_at: datetime | None
    ended_at: datetime | None
    sealed_refresh_token: bytes | None
    #: What the person wishes for private Google events, in words of `policy.PrivateEvents`; "" is as configured.
    private_events: str = ""

    @property
    def last_access(self) -> datetime:
        """When the person, or a change of theirs, was last here; looking without finding anything is no access."""
        return max(self.accessed_at or self.connected_at, self.connected_at)

    def refresh_token(self) -> str | None:
        """Return the refresh token in clear, or None when consent has ended."""
        sealed = self.sealed_refresh_token
        return self.cipher.open_text("account.refresh_token", sealed) if sealed else None


@dataclass(frozen=True, slots=True)
class Consent:
    """What consent has established about a Google account."""

    user: str
    subject: str
    address: str
    refresh_token: str
    scopes: tuple[str, ...]
    direction: str
    #: Digest of the words to which the person has said yes.
    text: str = ""


def owner_name(user: str, subject_digest: str) -> str:
    """Return the name under which an account's ciphertexts are bound."""
    return f"account|{user}|{subject_digest}"


def connect(connection: Connection, vault: Vault, consent: Consent, now: datetime) -> int:
    """Activate an account after consent and return its id; a reconnected one keeps its links.

    Raises AlreadyLinked when the Google account serves another CRM user, or the CRM user is connected to
    another Google account.
    """
    digest = vault.digest("google subject", consent.subject)
    _refuse_second_link(connection, consent.user, digest)
    known = connection.execute(
        select(accounts).where(accounts.c.user == consent.user, accounts.c.subject_digest == digest)
    ).one_or_none()
    owner = owner_name(consent.user, digest)
    data_key = known.data_key if known else vault.new_data_key(owner)
    cipher = vault.cipher(data_key, owner)
    values = {
        "state": State.ACTIVE,
        "reason": "",
        "address": cipher.seal_text("account.address", consent.address),
        "calendar": cipher.seal_text("account.calendar", "primary"),
        "refresh_token": cipher.seal_text("account.refresh_token", consent.refresh_token),
        "scopes": " ".join(consent.scopes),
        "google_cursor": None,
        "crm_cursor": None,
        "due_at": now,
        "interval_seconds": 0.0,
        "failures": 0,
        "copies": "",
        "connected_at": now,
        "accessed_at": now,
        "ended_at": None,
    }
    _enter_consent(connection, vault, consent, again=known is not None, now=now)
    if known:
        connection.execute(update(accounts).where(accounts.c.id == known.id).values(**values))
        return int(known.id)
    values |= {"user": consent.user, "direction": consent.direction}
    values |= {"data_key": data_key, "subject_digest": digest}
    created = connection.execute(insert(accounts).values(**values).returning(accounts.c.id))
    return int(created.scalar_one())


def _enter_consent(
    connection: Connection, vault: Vault, consent: Consent, again: bool, now: datetime
) -> None:
    scopes = [scope.rpartition("/")[2] for scope in consent.scopes]
    audit.append(
        *(connection, vault, Act.CONSENT_GIVEN, Actor.PERSON, consent.user, now),
        scopes=scopes,
        text=consent.text,
        again=again,
    )


def _refuse_second_link(connection: Connection, user: str, digest: str) -> None:
    other_user = and_(accounts.c.subject_digest == digest, accounts.c.user != user)
    other_google = and_(accounts.c.user == user, accounts.c.subject_digest != digest)
    for clash, text in (
        (other_user, "this Google account already serves another CRM user"),
        (other_google, "this CRM user is connected to another Google account; disconnect that one first"),
    ):
        if connection.execute(select(accounts.c.id).where(clash, _LIVE)).first():
            raise AlreadyLinked(text)


def serves(connection: Connection, vault: Vault, subject: str) -> bool:
    """Return whether a Google account, named by its `sub`, is connected to any CRM user."""
    query = select(accounts.c.id).where(
        accounts.c.subject_digest == vault.digest("google subject", subject), _LIVE
    )
    return connection.execute(query).first() is not None


class Place(NamedTuple):
    """Where an account is in the queue."""

    state: State
    due_at: datetime


def place(connection: Connection, account_id: int) -> Place | None:
    """Return the place of one account now, or None when it is not there."""
    found = connection.execute(_PLACE, {"of": account_id}).one_or_none()
    return Place(State(found.state), found.due_at) if found is not None else None


def is_approved(connection: Connection, account_id: int) -> bool:
    """Return whether held deletions may go through, as it is now."""
    return bool(
        connection.execute(select(accounts.c.deletions_approved).where(_THIS), {"of": account_id}).scalar()
    )


def load(connection: Connection, vault: Vault, account_id: int) -> Account | None:
    """Return one account, or None."""
    row = connection.execute(_BY_ID, {"of": account_id}).mappings().one_or_none()
    return _account(row, vault) if row else None


def look(engine: Engine, vault: Vault, account_id: int) -> Account | None:
    """Return one account as it is now, or None: `load` for whoever is in no transaction."""
    rows = _LOOK.ask(engine, of=account_id)
    return _account(dict(zip(_LOOK.names, rows[0], strict=True)), vault) if rows else None


def find(connection: Connection, vault: Vault, user: str) -> Account | None:
    """Return the account of a CRM user: the live one, else the last that was disconnected."""
    rows = connection.execute(select(accounts).where(accounts.c.user == user)).mappings().all()
    ordered = sorted(rows, key=lambda row: (row["state"] == State.DISCONNECTED, -row["id"]))
    return _account(ordered[0], vault) if ordered else None


def everyone(connection: Connection, vault: Vault) -> list[Account]:
    """Return all accounts, by user."""
    rows = connection.execute(select(accounts).order_by(accounts.c.user, accounts.c.id)).mappings()
    return [_account(row, vault) for row in rows]


def current(connection: Connection, vault: Vault) -> list[Account]:
    """Return one account for each user, by user: the live one, else the last that was disconnected."""
    found: dict[str, Account] = {}
    for account in everyone(connection, vault):
        known = found.get(account.user)
        if known is None or known.state is State.DISCONNECTED:
            found[account.user] = account
    return list(found.values())


def due(connection: Connection, now: datetime, limit: int) -> list[int]:
    """Return the ids of accounts that should have a round now, longest waiting first.

    So should one that was in order at a time which is still to come: the clock was set back since.
    """
    runnable = accounts.c.state.in_((*RUNNING, State.FINISHING))
    clock_set_back = and_(accounts.c.failures == 0, accounts.c.last_success > now)
    rows = connection.execute(
        select(accounts.c.id)
        .where(runnable, or_(accounts.c.due_at <= now, clock_set_back))
        .order_by(accounts.c.due_at)
        .limit(limit)
    )
    return [row.id for row in rows]


def wake(connection: Connection, users: Iterable[str], now: datetime) -> None:
    """Make these users' accounts due now."""
    later = accounts.c.due_at > now
    connection.execute(
        update(accounts)
        .where(accounts.c.user.in_(list(users)), later)
        .values(due_at=now, interval_seconds=0.0)
    )


def change(connection: Connection, account_id: int, **values: Any) -> None:
    """Set columns of one account."""
    connection.execute(_CHANGE, {"of": account_id, **values})


def save_cursor(connection: Connection, account: Account, cursor: str | None, now: datetime) -> None:
    """Keep Google's sync token, sealed: it goes with the observations, in their transaction."""
    sealed = account.cipher.seal_text("account.google_cursor", cursor) if cursor else None
    change(connection, account.id, google_cursor=sealed, google_looked=now)


def accessed(connection: Connection, user: str, now: datetime) -> None:
    """Note that a person was here (trust.md 3.7)."""
    connection.execute(update(accounts).where(accounts.c.user == user, _LIVE).values(accessed_at=now))


def push_back(connection: Connection, account_id: int, until: datetime) -> None:
    """Make an account due at `until`: done before a round, so that one that dies does not spin."""
    change(connection, account_id, due_at=until)


def refresh_token(connection: Connection, account: Account) -> str | None:
    """Return the refresh token as it is now, in clear, or None when consent has ended since."""
    sealed = connection.execute(
        select(accounts.c.refresh_token).where(accounts.c.id == account.id)
    ).scalar_one()
    return replace(account, sealed_refresh_token=sealed).refresh_token()


def end_consent(
    connection: Connection, account_id: int, state: State, reason: str, now: datetime | None = None
) -> None:
    """Forget the tokens of an account and give it another state; its links stay. `now`: the connection ends here."""
    forgotten = dict.fromkeys(("refresh_token", "google_cursor", "crm_cursor"))
    change(connection, account_id, state=state, reason=reason, ended_at=now, **forgotten)


def _account(row: Mapping[Any, Any], vault: Vault) -> Account:
    cipher = vault.cipher(row["data_key"], owner_name(row["user"], row["subject_digest"]))
    sealed_cursor = row["google_cursor"]
    return Account(
        id=row["id"],
        user=row["user"],
        state=State(row["state"]),
        reason=row["reason"],
        direction=row["direction"],
        cipher=cipher,
        subject_digest=row["subject_digest"],
        address=cipher.open_text("account.address", row["address"]),
        calendar=cipher.open_text("account.calendar", row["calendar"]),
        google_cursor=cipher.open_text("account.google_cursor", sealed_cursor) if sealed_cursor else None,
        crm_cursor=row["crm_cursor"],
        access_version=row["access_version"],
        google_looked=row["google_looked"],
        crm_looked=row["crm_looked"],
        due_at=row["due_at"],
        interval_seconds=row["interval_seconds"],
        failures=row["failures"],
        last_success=row["last_success"],
        held_back=row["held_back"],
        deletions_approved=row["deletions_approved"],
        copies=row["copies"],
        connected_at=row["connected_at"],
        accessed_at=row["accessed_at"],
        ended_at=row["ended_at"],
        sealed_refresh_token=row["refresh_token"],
        private_events=row["private_events"],
    )
