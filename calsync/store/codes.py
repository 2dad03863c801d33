"""Identity codes: eight digits, mailed to the address that the CRM has for its user, that one browser enters.

A code is good for ten minutes and five tries (OWASP ASVS 6.5.5); three are given out for a user in an hour. Only a
keyed digest is stored: eight digits can be tried out, the key of the digest cannot.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Column, Connection, Index, Integer, String, Table, delete, func, insert, select, update

from calsync.annotation import about
from calsync.store.consent import digest
from calsync.store.database import UtcDateTime, metadata
from calsync.store.vault import Vault

CODE_LIFE = timedelta(minutes=10)
#: How long a browser that has entered its code may go on to Google with it.
PROVEN_LIFE = timedelta(minutes=30)
TRIES = 5
CODES_AN_HOUR = 3

codes = Table(
    "identity_code",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user", String(200), nullable=False),
    Column("browser_digest", String(64), nullable=False),
    Column("code_digest", String(64), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("proven_at", UtcDateTime),
    Index("identity_code_user", "user"),
    info=about(
        owner="user",
        why="to make sure that whoever opens a link reads the mail of its CRM user",
        life="two hours",
        technical="id tries",
        logins="user",
        digests="browser_digest code_digest",
        times="made_at proven_at",
    ),
)


class Answer(StrEnum):
    """What became of an entered code."""

    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"


def new_code(connection: Connection, vault: Vault, user: str, browser: str, now: datetime) -> str | None:
    """Return a fresh code for a user in a browser; None when there were too many within an hour.

    Earlier codes of this browser end.
    """
    hour = select(func.count()).where(codes.c.user == user, codes.c.made_at > now - timedelta(hours=1))
    if connection.execute(hour).scalar_one() >= CODES_AN_HOUR:
        return None
    mine = codes.c.browser_digest == digest(browser)
    connection.execute(update(codes).where(mine, codes.c.proven_at.is_(None)).values(tries=TRIES))
    code = f"{secrets.randbelow(10**8):08d}"
    values = {"user": user, "browser_digest": digest(browser), "code_digest": _of(vault, code)}
    connection.execute(insert(codes).values(made_at=now, tries=0, **values))
    return code


def enter(connection: Connection, vault: Vault, user: str, browser: str, code: str, now: datetime) -> Answer:
    """Try a code out; each try counts, and is counted before it is judged."""
    mine = (codes.c.user == user, codes.c.browser_digest == digest(browser))
    latest = select(codes).where(*mine).order_by(codes.c.id.desc()).limit(1)
    row = connection.execute(latest).mappings().first()
    if row is None or row["made_at"] + CODE_LIFE <= now:
        return Answer.OVER
    count = update(codes).where(codes.c.id == row["id"], codes.c.tries < TRIES)
    if connection.execute(count.values(tries=codes.c.tries + 1)).rowcount != 1:
        return Answer.OVER
    if not secrets.compare_digest(row["code_digest"], _of(vault, code)):
        return Answer.WRONG
    connection.execute(update(codes).where(codes.c.id == row["id"]).values(proven_at=now, tries=TRIES))
    return Answer.RIGHT


def is_proven(connection: Connection, user: str, browser: str, now: datetime) -> bool:
    """Return whether this browser has entered a code of this user lately."""
    query = select(codes.c.id).where(
        codes.c.user == user,
        codes.c.browser_digest == digest(browser),
        codes.c.proven_at > now - PROVEN_LIFE,
    )
    return connection.execute(query).first() is not None


def expire(connection: Connection, now: datetime) -> None:
    """Forget codes that count no more."""
    connection.execute(delete(codes).where(codes.c.made_at < now - timedelta(hours=2)))


def _of(vault: Vault, code: str) -> str:
    return vault.digest("identity code", code)
