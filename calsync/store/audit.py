"""The audit trail and consent ledger: one chain of entries, each authenticated together with the one before it.

People stand in it under pseudonyms (see `subjects`), so that it survives their erasure. Entries are only ever added;
one that was changed, taken out or moved breaks the chain where it was (trust.md 3.8).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Column, Connection, Index, Integer, String, Table, Text, delete, func, insert, select

from calsync.annotation import about
from calsync.store import subjects
from calsync.store.database import UtcDateTime, metadata
from calsync.store.vault import Vault

trail = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("act", String(40), nullable=False),
    Column("actor", String(20), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
    Index("audit_subject", "subject"),
    info=about(
        owner="",
        why="to prove who gave and withdrew consent, when and to what, and who did what with people's data",
        life="six years",
        kept="proof of consent and of how rights were answered (Art. 5(2), 7(1) GDPR), under a pseudonym",
        technical="seq previous mac",
        times="at",
        digests="subject",
        choices="act actor detail",
    ),
)


class Act(StrEnum):
    """What happened."""

    INVITED = "consent.invited"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WIDENED = "consent.widened"
    CONSENT_NARROWED = "consent.narrowed"
    CONSENT_CHANGED = "consent.changed"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    CONSENT_LOST = "consent.lost"
    CONSENT_ENDED = "consent.ended"
    EXPORTED = "export"
    ERASURE_BEGAN = "erasure.began"
    ERASED = "erasure.finished"
    REPLAYED = "erasure.replayed"
    REQUEST_RECEIVED = "request.received"
    REQUEST_EXTENDED = "request.extended"
    REQUEST_CLOSED = "request.closed"
    RECTIFIED = "rectified"
    HELD = "hold.set"
    RELEASED = "hold.released"
    RETENTION = "retention"
    PAUSED = "paused"
    RESUMED = "resumed"
    APPROVED = "deletions.approved"
    RESYNC_ASKED = "resync.asked"
    RESYNCED = "resync.full"
    UNDONE = "run.undone"
    RESTORED = "conflict.restored"
    ADOPTED = "database.adopted"
    BACKED_UP = "database.backed_up"
    KEYS_ROTATED = "keys.rotated"
    KEY_REMOVED = "keys.removed"
    REVOKED_ALL = "revoked.all"
    SEARCHED = "participant.searched"
    INCIDENT = "incident.looked_into"
    FORGOTTEN = "audit.forgotten"
    SIGNED_IN = "operator.signed_in"
    PROVED = "operator.proved"
    PASSWORD_CHANGED = "operator.password_changed"
    OPERATOR_ADDED = "operator.added"
    OPERATOR_RESET = "operator.reset"
    OPERATOR_REMOVED = "operator.removed"


class Actor(StrEnum):
    """Who did it, where there is no more to say; an operator is named, see `ByOperator`."""

    PERSON = "person"
    CRM = "crm"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class ByOperator:
    """An operator did it; `name`: their login, or the way they came in without one, which is no possible login."""

    name: str


#: Whoever holds the bootstrap token has no name of their own; nor has whoever may run commands on the machine.
BOOTSTRAP_TOKEN = ByOperator("operator token")
COMMAND_LINE = ByOperator("command line")

By: TypeAlias = Actor | ByOperator

_OPERATOR, _BY = "operator", "by"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `subject` is a pseudonym, "" when it concerns nobody in particular.

    `by`: which operator, "" for other actors and in entries from before operators were named in the trail.
    """

    seq: int
    at: datetime
    act: str
    actor: str
    subject: str
    detail: Mapping[str, Any]
    previous: str
    mac: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain, as kept outside of the database."""

    seq: int
    mac: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the chain is broken, and how, in words."""

    seq: int
    what: str


def append(
    connection: Connection, vault: Vault, act: Act, by: By, user: str, now: datetime, **detail: Any
) -> Entry:
    """Add an entry about a person ("" for nobody); call in the writing transaction of what it is about.

    `detail`: codes, counts and ids, never anything by which the person could be told after their erasure.
    """
    return append_about(
        connection, vault, act, by, subjects.pseudonym(connection, vault, user, now), now, **detail
    )


def append_about(
    connection: Connection, vault: Vault, act: Act, by: By, subject: str, now: datetime, **detail: Any
) -> Entry:
    """`append` for a pseudonym."""
    _take_turn(connection)
    last = head(connection)
    seq, previous = (last.seq + 1, last.mac) if last is not None else (1, "")
    moment = now.astimezone(UTC)
    actor, name = (_OPERATOR, by.name) if isinstance(by, ByOperator) else (by.value, "")
    # The name stands in the detail, which the chain covers as it is: entries without one verify as they always did.
    text = orjson.dumps(detail | ({_BY: name} if name else {}), option=orjson.OPT_SORT_KEYS).decode()
    mac = _mac(vault, seq, moment, act, actor, subject, text, previous)
    row = {"seq": seq, "at": moment, "act": act.value, "actor": actor, "subject": subject}
    connection.execute(insert(trail).values(**row, detail=text, previous=previous, mac=mac))
    return Entry(seq, moment, act.value, actor, subject, detail, previous, mac, name)


def head(connection: Connection) -> Head | None:
    """Return the end of the chain, or None when it is empty."""
    query = select(trail.c.seq, trail.c.mac).order_by(trail.c.seq.desc()).limit(1)
    row = connection.execute(query).first()
    return Head(row.seq, row.mac) if row is not None else None


def entries(connection: Connection, subject: str | None = None, limit: int | None = None) -> list[Entry]:
    """Return entries, all or those about one pseudonym, oldest first; with `limit`, the last so many."""
    query = select(trail).order_by(trail.c.seq.desc()).limit(limit)
    if subject is not None:
        query = query.where(trail.c.subject == subject)
    return [_entry(row) for row in connection.execute(query).mappings()][::-1]


def verify(connection: Connection, vault: Vault, known: Head | None = None) -> list[Fault]:
    """Return where the chain is broken; `known`: a head that was kept elsewhere, which the chain must contain."""
    faults: list[Fault] = []
    last = Head(0, "")
    for row in connection.execute(select(trail).order_by(trail.c.seq)).mappings():
        faults += _faults(vault, row, last, connection)
        last = Head(row["seq"], row["mac"])
    if known is not None and not _contains(connection, known):
        words = f"the chain does not contain entry {known.seq} as it was noted beside the keys"
        faults.append(Fault(known.seq, f"{words}: its end was cut off, or an older database was restored"))
    return faults


def forget(connection: Connection, vault: Vault, before: datetime, now: datetime) -> int:
    """Forget entries older than an instant and say so in the chain, which goes on from what is left; return how many."""
    last = connection.execute(
        select(trail.c.seq, trail.c.mac).where(trail.c.at < before).order_by(trail.c.seq.desc()).limit(1)
    ).first()
    if last is None:
        return 0
    append(connection, vault, Act.FORGOTTEN, Actor.SYSTEM, "", now, through=last.seq, mac=last.mac)
    return int(connection.execute(delete(trail).where(trail.c.seq <= last.seq)).rowcount)


def count_older(connection: Connection, before: datetime) -> int:
    """Return how many entries are older than an instant."""
    return int(connection.execute(select(func.count()).where(trail.c.at < before)).scalar_one())


def _faults(vault: Vault, row: Mapping[Any, Any], last: Head, connection: Connection) -> Iterator[Fault]:
    seq = row["seq"]
    parts = (row["act"], row["actor"], row["subject"], row["detail"], row["previous"])
    if not hmac.compare_digest(_mac(vault, seq, row["at"], *parts), row["mac"]):
        yield Fault(seq, f"entry {seq} was changed or moved")
    forgotten = last.seq == 0 and _was_forgotten(connection, seq - 1, row["previous"])
    if seq != last.seq + 1 and not forgotten:
        missing = f"entry {seq - 1}" if seq == last.seq + 2 else f"entries {last.seq + 1} to {seq - 1}"
        yield Fault(last.seq + 1, f"{missing} missing before entry {seq}")
    elif row["previous"] != last.mac and not forgotten:
        yield Fault(seq, f"entry {seq} does not follow entry {last.seq}")


def _was_forgotten(connection: Connection, through: int, mac: str) -> bool:
    """Return whether the chain says itself that its beginning was forgotten in time."""
    query = select(trail.c.detail).where(trail.c.act == Act.FORGOTTEN.value)
    return {"through": through, "mac": mac} in [
        orjson.loads(text) for text in connection.execute(query).scalars()
    ]


def _contains(connection: Connection, known: Head) -> bool:
    mac = connection.execute(select(trail.c.mac).where(trail.c.seq == known.seq)).scalar()
    return mac == known.mac or (mac is None and _forgotten_through(connection) >= known.seq)


def _forgotten_through(connection: Connection) -> int:
    query = select(trail.c.detail).where(trail.c.act == Act.FORGOTTEN.value)
    return max((orjson.loads(text)["through"] for text in connection.execute(query).scalars()), default=0)


def _mac(vault: Vault, seq: int, at: datetime, *parts: str) -> str:
    text = orjson.dumps([seq, at.astimezone(UTC).isoformat(), *map(str, parts)])
    return hmac.new(vault.secret("audit"), text, hashlib.sha256).hexdigest()


def _entry(row: Mapping[Any, Any]) -> Entry:
    detail, head = orjson.loads(row["detail"]), (row["seq"], row["at"], row["act"], row["actor"])
    name = detail.pop(_BY, "")
    return Entry(*head, row["subject"], detail, row["previous"], row["mac"], name)


def _take_turn(connection: Connection) -> None:
    """Let nobody else add until this transaction ends; on SQLite only one writes at a time as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(trail.name))))
