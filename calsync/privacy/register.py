"""Receiving, putting off and answering people's requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from calsync.privacy import clock
from calsync.store import audit, requests, subjects
from calsync.store.audit import Act, By
from calsync.store.requests import WAITING, Kind, Progress, Request
from calsync.store.vault import Vault


class NotPossible(Exception):
    """What was asked for a request cannot be done; the text says why and what else to do."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where requests are dealt with: the keys, the time now (aware), and the zone whose days count."""

    vault: Vault
    now: datetime
    zone: ZoneInfo


def receive(
    connection: Connection,
    desk: Desk,
    user: str,
    kind: Kind,
    by: By,
    received_at: datetime | None = None,
    channel: str = "written",
    note: str = "",
) -> int:
    """Enter a request and return its number. `received_at`: when it came in, at most now. NotPossible otherwise."""
    received = received_at or desk.now
    if received > desk.now:
        raise NotPossible("a request cannot have been received in the future")
    subject = subjects.pseudonym(connection, desk.vault, user, desk.now)
    cipher = subjects.known_cipher(connection, desk.vault, user)
    sealed = cipher.seal_text("request.note", note) if note else None
    due = clock.due_on(received, desk.zone)
    entered = Request(kind, subject, user, channel, received, due, note=sealed)
    number = requests.add(connection, entered)
    audit.append_about(
        *(connection, desk.vault, Act.REQUEST_RECEIVED, by, subject, desk.now),
        request=number,
        kind=kind.value,
        due=due.isoformat(),
    )
    return number


def extend(connection: Connection, desk: Desk, number: int, days: int, reason: str, by: By) -> Request:
    """Put the answer off, once, within what the law allows; `reason` is what the person was told. NotPossible."""
    request = _waiting(connection, number)
    if request.state is Progress.EXTENDED:
        raise NotPossible(f"request {number} was put off already; answer it")
    if not 0 < days <= clock.EXTENSION_DAYS:
        raise NotPossible(f"--days: an answer can be put off by 1 to {clock.EXTENSION_DAYS} days")
    if clock.is_overdue(request, desk.now, desk.zone):
        raise NotPossible(
            f"request {number} is overdue; the person must be told within the month, so answer it"
        )
    due = request.due_on + timedelta(days=days)
    requests.change(connection, number, state=Progress.EXTENDED, due_on=due, outcome=reason[:200])
    audit.append_about(
        *(connection, desk.vault, Act.REQUEST_EXTENDED, by, request.subject, desk.now),
        request=number,
        due=due.isoformat(),
    )
    return _found(connection, number)


def identify(connection: Connection, desk: Desk, number: int) -> Request:
    """Note that it is certain who has asked. NotPossible when the request is closed."""
    _waiting(connection, number)
    requests.change(connection, number, identity_checked_at=desk.now)
    return _found(connection, number)


def close(
    connection: Connection,
    desk: Desk,
    number: int,
    outcome: str,
    by: By,
    state: Progress = Progress.DONE,
    evidence: str = "",
) -> Request:
    """Note the answer to a request; `evidence` is a digest of what was handed over. NotPossible when it is closed."""
    request = _waiting(connection, number)
    values = {"state": state, "outcome": outcome[:200], "evidence": evidence, "closed_at": desk.now}
    requests.change(connection, number, **values)
    audit.append_about(
        *(connection, desk.vault, Act.REQUEST_CLOSED, by, request.subject, desk.now),
        request=number,
        state=state.value,
        day=clock.age(request, desk.now, desk.zone),
        evidence=evidence,
    )
    return _found(connection, number)


def close_fitting(
    connection: Connection,
    desk: Desk,
    subject: str,
    kinds: tuple[Kind, ...],
    outcome: str,
    by: By,
    evidence: str = "",
) -> list[int]:
    """Close the waiting requests of a person that something just done has answered; return their numbers."""
    fitting = [one.id for one in requests.waiting(connection, subject) if one.kind in kinds]
    for number in fitting:
        close(connection, desk, number, outcome, by, evidence=evidence)
    return fitting


def take_alerts(connection: Connection, desk: Desk) -> list[tuple[Request, int]]:
    """Return requests for which an alert is due, with its day; each is told once."""
    found = [(one, clock.alert_due(one, desk.now, desk.zone)) for one in requests.waiting(connection)]
    alerts = [(request, day) for request, day in found if day]
    for request, day in alerts:
        requests.change(connection, request.id, alerted=day)
    return alerts


def _found(connection: Connection, number: int) -> Request:
    request = requests.find(connection, number)
    if request is None:
        raise NotPossible(f"there is no request {number}; `calsync requests list` shows them")
    return request


def _waiting(connection: Connection, number: int) -> Request:
    request = _found(connection, number)
    if request.state not in WAITING:
        raise NotPossible(f"request {number} is closed already ({request.state.value})")
    return request
