"""The register of people's requests: what was asked, when, until when it must be answered, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Date,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from calsync.annotation import about
from calsync.store.database import UtcDateTime, metadata


class Kind(StrEnum):
    """What a person may ask for (Art. 7(3), 15 to 17, 20 and 21 GDPR)."""

    ACCESS = "access"
    PORTABILITY = "portability"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    OBJECTION = "objection"
    WITHDRAWAL = "withdrawal"


class Progress(StrEnum):
    """How far the answer is."""

    OPEN = "open"
    EXTENDED = "extended"
    DONE = "done"
    REFUSED = "refused"


#: What still waits for an answer.
WAITING = (Progress.OPEN, Progress.EXTENDED)

requests = Table(
    "request",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("user", String(200), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("state", String(20), nullable=False),
    Column("identity_checked_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("outcome", String(200), nullable=False, default=""),
    Column("evidence", String(64), nullable=False, default=""),
    Column("note", LargeBinary),
    Column("alerted", Integer, nullable=False, default=0),
    Index("request_state", "state", "due_on"),
    info=about(
        owner="",
        why="to answer people's requests in time and to show that they were answered",
        life="six years; login and note until erasure, or two years after the answer",
        sealed="note",
        kept="proof that a request was answered (Art. 5(2) GDPR), under a pseudonym",
        technical="id alerted",
        choices="kind channel state outcome",
        digests="subject evidence",
        logins="user",
        content="note",
        times="received_at due_on identity_checked_at closed_at",
    ),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `user` is "" once the person was erased; `note` is sealed with the person's pseudonym key."""

    kind: Kind
    subject: str
    user: str
    channel: str
    received_at: datetime
    due_on: date
    state: Progress = Progress.OPEN
    identity_checked_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str = ""
    evidence: str = ""
    note: bytes | None = None
    alerted: int = 0
    id: int = 0


def add(connection: Connection, request: Request) -> int:
    """Enter a request and return its number."""
    values = {name: getattr(request, name) for name in _NAMES if name != "id"}
    made = connection.execute(insert(requests).values(**values).returning(requests.c.id))
    return int(made.scalar_one())


def find(connection: Connection, number: int) -> Request | None:
    """Return a request by its number."""
    row = connection.execute(select(requests).where(requests.c.id == number)).mappings().first()
    return _request(row) if row is not None else None


def everything(connection: Connection) -> list[Request]:
    """Return all requests: those that wait first, by when they are due, then the others, newest first."""
    rows = [_request(row) for row in connection.execute(select(requests)).mappings()]
    waiting = [request for request in rows if request.state in WAITING]
    closed = [request for request in rows if request.state not in WAITING]
    return sorted(waiting, key=lambda r: (r.due_on, r.id)) + sorted(closed, key=lambda r: -r.id)


def waiting(connection: Connection, subject: str | None = None) -> list[Request]:
    """Return requests that wait for an answer, of all or under one pseudonym, by when they are due."""
    query = select(requests).where(requests.c.state.in_(WAITING)).order_by(requests.c.due_on, requests.c.id)
    if subject is not None:
        query = query.where(requests.c.subject == subject)
    return [_request(row) for row in connection.execute(query).mappings()]


def of_subject(connection: Connection, subject: str) -> list[Request]:
    """Return the requests under one pseudonym, oldest first."""
    query = select(requests).where(requests.c.subject == subject).order_by(requests.c.id)
    return [_request(row) for row in connection.execute(query).mappings()]


def change(connection: Connection, number: int, **values: Any) -> None:
    """Set columns of a request."""
    connection.execute(update(requests).where(requests.c.id == number).values(**values))


def depersonalise(connection: Connection, user: str) -> int:
    """Take login and notes out of a person's requests, and return of how many; the pseudonym stays."""
    query = update(requests).where(requests.c.user == user).values(user="", note=None)
    return int(connection.execute(query).rowcount)


def depersonalise_closed(connection: Connection, before: datetime, except_of: Sequence[str]) -> int:
    """`depersonalise` for requests that were closed before an instant, but those of some people."""
    query = update(requests).where(
        requests.c.closed_at < before, requests.c.user != "", requests.c.user.not_in(except_of)
    )
    return int(connection.execute(query.values(user="", note=None)).rowcount)


def forget(connection: Connection, before: datetime) -> int:
    """Forget requests that were closed before an instant; return how many."""
    return int(connection.execute(delete(requests).where(requests.c.closed_at < before)).rowcount)


def count_closed(connection: Connection, before: datetime) -> int:
    """Return how many requests were closed before an instant."""
    return int(connection.execute(select(func.count()).where(requests.c.closed_at < before)).scalar_one())


_NAMES = tuple(field.name for field in fields(Request))


def _request(row: Any) -> Request:
    values = {name: row[name] for name in _NAMES}
    return Request(**values | {"kind": Kind(row["kind"]), "state": Progress(row["state"])})
