"""Erasures under way and done: which step was reached, what was removed, and the receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Integer, String, Table, Text, insert, select, update

from calsync.annotation import about
from calsync.store.database import UtcDateTime, metadata


class Step(StrEnum):
    """What an erasure does next, in this order."""

    WITHDRAW = "withdraw"
    ENLIST = "enlist"
    FORGET = "forget"
    DELETE = "delete"
    SCRUB = "scrub"
    WRITE_ANEW = "write_anew"
    CERTIFY = "certify"
    DONE = "done"


class Cause(StrEnum):
    """Why somebody is erased."""

    REQUEST = "request"
    RETENTION = "retention"
    REPLAY = "replay"


erasures = Table(
    "erasure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user", String(200), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("listed", String(64), nullable=False),
    Column("cause", String(20), nullable=False),
    Column("google_copies", String(10), nullable=False),
    Column("crm_copies", String(10), nullable=False),
    Column("step", String(20), nullable=False),
    Column("counts", Text, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("receipt", Text),
    info=about(
        owner="",
        why="to carry an erasure through every interruption, and to show that it was done",
        life="six years; the login until the rows are deleted",
        kept="proof that a person was erased (Art. 5(2) GDPR), under a pseudonym",
        technical="id step",
        logins="user",
        digests="subject listed",
        choices="cause google_copies crm_copies counts receipt",
        times="began_at finished_at",
    ),
)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. `user` is "" once the rows are deleted; `counts` is what was removed so far, by what it was.

    `listed` is the digest under which it stands in the list beside the keys; the same login gives the same.
    """

    user: str
    subject: str
    listed: str
    cause: Cause
    google_copies: str
    crm_copies: str
    step: Step
    counts: Mapping[str, Any]
    began_at: datetime
    finished_at: datetime | None = None
    receipt: Mapping[str, Any] | None = None
    id: int = 0


def add(connection: Connection, erasure: Erasure) -> int:
    """Enter an erasure that begins, and return its number."""
    values = {name: getattr(erasure, name) for name in _NAMES if name != "id"}
    values |= {"counts": orjson.dumps(dict(erasure.counts)).decode(), "receipt": None}
    made = connection.execute(insert(erasures).values(**values).returning(erasures.c.id))
    return int(made.scalar_one())


def advance(
    connection: Connection, number: int, step: Step, counts: Mapping[str, Any], **values: Any
) -> None:
    """Note which step comes next and what was removed so far; `values`: other columns to set."""
    text = orjson.dumps(dict(counts)).decode()
    connection.execute(
        update(erasures).where(erasures.c.id == number).values(step=step, counts=text, **values)
    )


def finish(connection: Connection, number: int, receipt: Mapping[str, Any], now: datetime) -> None:
    """Keep the receipt."""
    values = {"step": Step.DONE.value, "receipt": orjson.dumps(dict(receipt)).decode(), "finished_at": now}
    connection.execute(update(erasures).where(erasures.c.id == number).values(**values))


def unfinished(connection: Connection, listed: str | None = None) -> list[Erasure]:
    """Return erasures that are not done, of all or of whom `listed` names, oldest first."""
    query = select(erasures).where(erasures.c.step != Step.DONE.value).order_by(erasures.c.id)
    if listed is not None:
        query = query.where(erasures.c.listed == listed)
    return [_erasure(row) for row in connection.execute(query).mappings()]


def find(connection: Connection, number: int) -> Erasure | None:
    """Return an erasure by its number."""
    row = connection.execute(select(erasures).where(erasures.c.id == number)).mappings().first()
    return _erasure(row) if row is not None else None


_NAMES = tuple(field.name for field in fields(Erasure))


def _erasure(row: Any) -> Erasure:
    values = {name: row[name] for name in _NAMES}
    values |= {"cause": Cause(row["cause"]), "step": Step(row["step"]), "counts": orjson.loads(row["counts"])}
    values["receipt"] = orjson.loads(row["receipt"]) if row["receipt"] else None
    return Erasure(**values)
