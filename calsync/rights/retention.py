"""The retention sweep: once a day, and whenever an operator asks."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from calsync.privacy import retention
from calsync.privacy.retention import IDLE, NOTICE, SUSPEND, Idle, Line, Sweep
from calsync.rights.erasure import Copies, erase
from calsync.store import accounts, audit
from calsync.store.accounts import State
from calsync.store.audit import Act, Actor
from calsync.store.database import reading, writing
from calsync.store.erasures import Cause
from calsync.wiring import Parts

log = structlog.get_logger()

_SUSPENDED = "not used for 18 months; a new consent, or a visit to their own page and `resume`, goes on"


def preview(parts: Parts) -> list[Line]:
    """Return what a sweep would delete now; nothing is changed."""
    look = Sweep(parts.vault, parts.clock(), retention.counting)
    with reading(parts.engine) as connection:
        lines = retention.sweep(connection, look)
        return [*lines, *_idle_lines(retention.idle(connection, look.now))]


def sweep(parts: Parts) -> list[Line]:
    """Delete what is older than it may be, suspend who was away long, erase who was away too long; return the counts."""
    look = Sweep(parts.vault, parts.clock(), retention.deleting)
    with writing(parts.engine) as connection:
        lines = retention.sweep(connection, look)
        people = retention.idle(connection, look.now)
        for one in retention.to_suspend(people):
            accounts.change(connection, one.account_id, state=State.PAUSED, reason=_SUSPENDED)
            audit.append(
                *(connection, parts.vault, Act.PAUSED, Actor.SYSTEM, one.user, look.now), because="idle"
            )
        lines += _idle_lines(people)
        if any(line.count for line in lines):
            counts = {line.what: line.count for line in lines if line.count}
            audit.append(connection, parts.vault, Act.RETENTION, Actor.SYSTEM, "", look.now, deleted=counts)
    for one in retention.to_purge(people):
        if not one.held:
            erase(parts, one.user, Copies(), Actor.SYSTEM, Cause.RETENTION)
    for line in lines:
        if line.count:
            log.info("retention", kind=line.what, count=line.count)
    return lines


def _idle_lines(people: Sequence[Idle]) -> list[Line]:
    purged = retention.to_purge(people)
    return [
        Line("people away for a year", NOTICE.days, len(people)),
        Line("people to suspend", SUSPEND.days, len(retention.to_suspend(people))),
        Line(
            "people to erase",
            IDLE.days,
            sum(not one.held for one in purged),
            sum(one.held for one in purged),
        ),
    ]
