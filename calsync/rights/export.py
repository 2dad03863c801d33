"""Giving a person everything that is held about them, with both calendars as they are at that moment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from calsync.model.errors import SideError
from calsync.model.event import Event
from calsync.model.side import CalendarSide, SideName
from calsync.privacy import archive, dossier, inventory, processing, register
from calsync.privacy.register import Desk
from calsync.store import audit, subjects
from calsync.store.accounts import Account, State
from calsync.store.audit import Act, By
from calsync.store.database import reading, writing
from calsync.store.requests import Kind
from calsync.wiring import Parts


@dataclass(frozen=True, slots=True)
class Export:
    """What an export holds: the archive, how many documents of each kind, and sides that did not answer, with why."""

    data: bytes
    counts: Mapping[str, int]
    not_reached: Mapping[str, str]
    closed: tuple[int, ...]


def is_known(parts: Parts, user: str) -> bool:
    """Return whether anything is held about a CRM user."""
    with reading(parts.engine) as connection:
        return bool(inventory.count_rows(connection, user))


def export(parts: Parts, user: str, by: By) -> Export:
    """Return everything about a person as an archive, and close the requests that it answers.

    A side that cannot be asked is left out and named; what is stored is there all the same.
    """
    contents: dict[int, dict[SideName, dict[str, Event]]] = {}
    not_reached: dict[str, str] = {}
    with reading(parts.engine) as connection:
        found = dossier.accounts_of(connection, parts.vault, user)
    for account in found:
        contents[account.id] = _both(parts, account, not_reached)
    now = parts.clock()
    with reading(parts.engine) as connection:
        collected = dossier.collect(connection, parts.vault, user, contents)
    about = processing.about(parts.settings.privacy, not_reached)
    data = archive.pack(archive.files_of(collected, about, now), now)
    counts = {name: len(rows) for name, rows in collected.lists.items()}
    return Export(data, counts, not_reached, _note(parts, user, by, data, counts))


def export_file(parts: Parts, user: str, by: By, path: Path) -> Export:
    """`export` into a new file; FileExistsError when there is one, OSError when it cannot be written."""
    if path.exists():
        raise FileExistsError(path)
    made = export(parts, user, by)
    archive.write_new(path, made.data)
    return made


def _note(parts: Parts, user: str, by: By, data: bytes, counts: Mapping[str, int]) -> tuple[int, ...]:
    evidence = hashlib.sha256(data).hexdigest()
    with writing(parts.engine) as connection:
        desk = Desk(parts.vault, parts.clock(), parts.settings.privacy.zone)
        subject = subjects.pseudonym(connection, parts.vault, user, desk.now)
        audit.append(
            *(connection, parts.vault, Act.EXPORTED, by, user, desk.now),
            sha256=evidence,
            counts=dict(counts),
        )
        kinds = (Kind.ACCESS, Kind.PORTABILITY)
        closed = register.close_fitting(connection, desk, subject, kinds, "exported", by, evidence)
    return tuple(closed)


def _both(parts: Parts, account: Account, not_reached: dict[str, str]) -> dict[SideName, dict[str, Event]]:
    found: dict[SideName, dict[str, Event]] = {}
    if account.state is State.DISCONNECTED:
        return found
    for side in SideName:
        try:
            calendar = parts.google_side(account) if side is SideName.GOOGLE else parts.crm.side(account.user)
            found[side] = _everything(calendar)
        except SideError as error:
            not_reached[side.value] = error.reason
    return found


def _everything(calendar: CalendarSide) -> dict[str, Event]:
    """Return what a calendar holds, by id; exceptions come beside their series or alone, before it or after it."""
    masters: dict[str, Event] = {}
    exceptions: dict[str, dict[str, Event | None]] = {}
    for page in calendar.observe(None):
        for item in page.items:
            if item.gone:
                continue
            exceptions.setdefault(item.key, {}).update(item.exceptions)
            if item.event is not None:
                masters[item.key] = item.event
    return {
        key: event.with_exceptions({**event.exceptions, **exceptions[key]}) if exceptions[key] else event
        for key, event in masters.items()
    }
