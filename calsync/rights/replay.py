"""Erasing again whom a restored backup has brought back, before anything else is done with the database."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Connection, select

from calsync.privacy import erasure_list
from calsync.rights.erasure import go_on
from calsync.store import audit, erasures, subjects
from calsync.store.accounts import accounts
from calsync.store.audit import Act, Actor
from calsync.store.database import reading, writing
from calsync.store.erasures import Cause, Erasure, Step
from calsync.wiring import Parts

log = structlog.get_logger()


def replay(parts: Parts) -> int:
    """Erase everyone whom the list beside the keys names and the database still knows; return how many.

    Remote calendars are left alone: consent and copies were dealt with when the person was erased.
    """
    listed = erasure_list.read(parts.settings.erasure_lists())
    if not listed:
        return 0
    with reading(parts.engine) as connection:
        seen = _known_since(connection)
        under_way = {erasure.listed for erasure in erasures.unfinished(connection)}
    returned = []
    for user, since in seen.items():
        who = erasure_list.listed_as(parts.vault, user)
        if who in listed and since <= listed[who] and who not in under_way:
            returned.append((user, who))
    for user, who in returned:
        go_on(parts, _enter(parts, user, who))
    return len(returned)


def _known_since(connection: Connection) -> dict[str, datetime]:
    """Return every login with the earliest moment at which it is said to have been known."""
    rows = [
        *connection.execute(select(subjects.subjects.c.user, subjects.subjects.c.since)),
        *connection.execute(select(accounts.c.user, accounts.c.connected_at)),
    ]
    found: dict[str, datetime] = {}
    for user, since in rows:
        found[user] = min(since, found.get(user, since))
    return found


def _enter(parts: Parts, user: str, who: str) -> int:
    now = parts.clock()
    with writing(parts.engine) as connection:
        subject = subjects.pseudonym(connection, parts.vault, user, now)
        begun = Erasure(user, subject, who, Cause.REPLAY, "keep", "keep", Step.FORGET, {}, now)
        number = erasures.add(connection, begun)
        audit.append_about(connection, parts.vault, Act.REPLAYED, Actor.SYSTEM, subject, now, erasure=number)
    log.warning("erased again after a restore", erasure=number)
    return number
