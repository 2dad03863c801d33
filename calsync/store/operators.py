"""Operators: who may look after an installation in the browser, what with, and their sessions.

Passwords are kept as Argon2id hashes, the secrets of second factors (RFC 6238) encrypted with a key of each operator,
session ids as digests.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pyotp
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from calsync.annotation import about
from calsync.store import passwords
from calsync.store.consent import digest, new_secret
from calsync.store.database import UtcDateTime, metadata, writing
from calsync.store.vault import Vault

SESSION_IDLE = timedelta(minutes=10)
SESSION_LIFE = timedelta(hours=8)

#: How long somebody who has shown that it is them may do what cannot be taken back.
PROVEN_LIFE = timedelta(minutes=5)

#: So many wrong entries in a row close a login for a while, which doubles with each further one.
FREE_FAILURES = 5
FIRST_CLOSURE = timedelta(minutes=15)
_LONGEST_DOUBLING = 6

#: Who has entered the bootstrap token has no name of their own.
TOKEN_HOLDER = ""

_STEP_SECONDS = 30


class Role(StrEnum):
    """What an operator is for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    DATA_PROTECTION = "data_protection"


operators = Table(
    "operator",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("password", String(200), nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("totp", LargeBinary, nullable=False),
    Column("last_step", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("closed_until", UtcDateTime),
    Column("made_at", UtcDateTime, nullable=False),
    Column("last_login", UtcDateTime),
    info=about(
        owner="",
        why="to let operators, and nobody else, look after accounts",
        life="as long as they are operators",
        kept="operators are no data subjects of the sync: they are removed by `calsync operators remove`",
        sealed="data_key totp",
        technical="id last_step failures",
        logins="name",
        choices="role",
        digests="password",
        secrets="data_key totp",
        times="closed_until made_at last_login",
    ),
)

operator_sessions = Table(
    "operator_session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("token_digest", String(64), nullable=False, default=""),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("proved_at", UtcDateTime, nullable=False),
    info=about(
        owner="",
        why="to keep operators logged in",
        life="eight hours",
        kept="see operator; sessions end by themselves",
        logins="name",
        digests="digest token_digest",
        times="seen_at ends_at proved_at",
    ),
)


class NameTaken(Exception):
    """There is an operator of that name."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator, as listed."""

    name: str
    role: Role
    made_at: datetime
    last_login: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a fresh operator logs in with: shown once, to whoever made it."""

    password: str
    totp_secret: str
    totp_uri: str


def add(connection: Connection, vault: Vault, name: str, role: Role, now: datetime) -> Entry:
    """Make an operator and return what they log in with; NameTaken."""
    entry, values = _fresh(vault, name)
    try:
        connection.execute(
            insert(operators).values(
                name=name, role=role.value, made_at=now, last_step=0, failures=0, **values
            )
        )
    except IntegrityError as error:
        raise NameTaken(name) from error
    return entry


def reset(connection: Connection, vault: Vault, name: str) -> Entry | None:
    """Give an operator a new password and second factor, open a closed login, and end their sessions.

    None when there is no such operator.
    """
    entry, values = _fresh(vault, name)
    query = update(operators).where(operators.c.name == name)
    found = connection.execute(query.values(failures=0, closed_until=None, last_step=0, **values)).rowcount
    end_sessions(connection, name)
    return entry if found else None


def change_password(connection: Connection, name: str, password: str) -> None:
    """Give an operator who has shown that it is them the password they chose, and end all of their sessions."""
    values = {"password": passwords.hashed(password)}
    connection.execute(update(operators).where(operators.c.name == name).values(**values))
    end_sessions(connection, name)


def remove(connection: Connection, name: str) -> bool:
    """Remove an operator and end their sessions; False when there is none."""
    end_sessions(connection, name)
    return connection.execute(delete(operators).where(operators.c.name == name)).rowcount == 1


def everyone(connection: Connection) -> list[Operator]:
    """Return all operators, by name."""
    rows = connection.execute(select(operators).order_by(operators.c.name)).mappings()
    return [Operator(row["name"], Role(row["role"]), row["made_at"], row["last_login"]) for row in rows]


def _fresh(vault: Vault, name: str) -> tuple[Entry, dict[str, Any]]:
    """Return a new password and second factor, and the columns that know them."""
    password, totp = passwords.fresh(), pyotp.random_base32()
    data_key = vault.new_data_key(owner_name(name))
    sealed = vault.cipher(data_key, owner_name(name)).seal_text("operator.totp", totp)
    uri = pyotp.TOTP(totp).provisioning_uri(name=name, issuer_name="calsync")
    columns = {"password": passwords.hashed(password), "data_key": data_key, "totp": sealed}
    return Entry(password, totp, uri), columns


def owner_name(name: str) -> str:
    """Return the name under which an operator's data key is wrapped."""
    return f"operator|{name}"


# -- logging in --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody has entered to log in."""

    name: str
    password: str
    code: str


def log_in(engine: Engine, vault: Vault, claim: Claim, now: datetime) -> bool:
    """Return whether password and second factor are right; wrong ones count, and close the login in the end.

    A try is counted before it is judged, so that many at once are not more than one after another. A code works
    once: who looks over a shoulder cannot use it again. An unknown name takes as long as a known one.
    """
    with writing(engine) as connection:
        row = _begin_try(connection, claim.name, now)
    kept = row["password"] if row is not None else passwords.nobodys_hash()
    known = passwords.matches(kept, claim.password)
    step = _step_of(vault, row, claim.code, now) if row is not None else None
    if row is None or not known or step is None:
        return False
    values = {"failures": 0, "closed_until": None, "last_step": step, "last_login": now}
    query = update(operators).where(operators.c.id == row["id"], operators.c.last_step < step)
    with writing(engine) as connection:
        return connection.execute(query.values(**values)).rowcount == 1


def _begin_try(connection: Connection, name: str, now: datetime) -> Any:
    """Count a try as a failure until it is known to be none; None for an unknown name or a closed login."""
    query = select(operators).where(operators.c.name == name).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None or (row["closed_until"] is not None and row["closed_until"] > now):
        return None
    failures = row["failures"] + 1
    values: dict[str, Any] = {"failures": failures}
    if failures >= FREE_FAILURES:
        values["closed_until"] = now + FIRST_CLOSURE * 2 ** min(failures - FREE_FAILURES, _LONGEST_DOUBLING)
    connection.execute(update(operators).where(operators.c.id == row["id"]).values(**values))
    return row


def _step_of(vault: Vault, row: Any, code: str, now: datetime) -> int | None:
    """Return the time step that a code belongs to, one before and after now included, if it was not used before."""
    cipher = vault.cipher(row["data_key"], owner_name(row["name"]))
    totp = pyotp.TOTP(cipher.open_text("operator.totp", row["totp"]))
    present = int(now.timestamp()) // _STEP_SECONDS
    for step in (present - 1, present, present + 1):
        if step > row["last_step"] and secrets.compare_digest(
            totp.at(step * _STEP_SECONDS).encode(), code.encode()
        ):
            return step
    return None


# -- sessions ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Present:
    """Who looks at the operators' pages; `role` is None for whoever holds the bootstrap token, and may do all.

    `proved`: whether they have shown within the last minutes that it is them.
    """

    name: str
    role: Role | None
    proved: bool


def new_session(connection: Connection, name: str, token_digest: str, now: datetime) -> str:
    """Return the id of a fresh session; `token_digest`: of the bootstrap token, for `TOKEN_HOLDER`."""
    secret = new_secret()
    values = {"digest": digest(secret), "name": name, "token_digest": token_digest}
    times = {"seen_at": now, "ends_at": now + SESSION_LIFE, "proved_at": now}
    connection.execute(insert(operator_sessions).values(**times, **values))
    return secret


def prove(connection: Connection, secret: str, now: datetime) -> None:
    """Note that whoever has this session has just shown again that it is them."""
    mine = operator_sessions.c.digest == digest(secret)
    connection.execute(update(operator_sessions).where(mine).values(proved_at=now))


def present(connection: Connection, secret: str, token_digest: str, now: datetime) -> Present | None:
    """Return whose session it is, and keep it alive; None when it is unknown, idle for too long, or over.

    A session of the bootstrap token ends when that token is replaced; one of an operator, with the operator.
    """
    found = operator_sessions.c.digest == digest(secret)
    row = connection.execute(select(operator_sessions).where(found)).mappings().first()
    if row is None or row["ends_at"] <= now or row["seen_at"] + SESSION_IDLE <= now:
        return None
    who = _who(connection, row, token_digest, row["proved_at"] + PROVEN_LIFE > now)
    if who is not None:
        connection.execute(update(operator_sessions).where(found).values(seen_at=now))
    return who


def _who(connection: Connection, row: Any, token_digest: str, proved: bool) -> Present | None:
    if row["name"] == TOKEN_HOLDER:
        same = secrets.compare_digest(row["token_digest"], token_digest)
        return Present(TOKEN_HOLDER, None, proved) if same else None
    role = connection.execute(select(operators.c.role).where(operators.c.name == row["name"])).scalar()
    return Present(row["name"], Role(role), proved) if role is not None else None


def end_session(connection: Connection, secret: str) -> None:
    """Close one session."""
    connection.execute(delete(operator_sessions).where(operator_sessions.c.digest == digest(secret)))


def end_sessions(connection: Connection, name: str) -> None:
    """Close all sessions of an operator."""
    connection.execute(delete(operator_sessions).where(operator_sessions.c.name == name))


def expire(connection: Connection, now: datetime) -> None:
    """Forget sessions whose time is over."""
    connection.execute(delete(operator_sessions).where(operator_sessions.c.ends_at <= now))
