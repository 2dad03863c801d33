"""When an account is looked at again: soon after a change, seldom when all is quiet, never sooner than its CRM allows."""

from __future__ import annotations

from calsync.crm.port import Paced
from calsync.store import census
from calsync.store.database import reading
from calsync.wiring import Parts

#: Soon after a change comes the next one; when it is quiet, the poll slows down by this factor.
FIRST_POLL_SECONDS = 5.0
SLOWER = 2.0


def next_interval(interval: float, changed: bool, parts: Parts) -> float:
    """Return the seconds until the next look: short after a change, up to the ceiling when it is quiet.

    Whatever these are, a CRM is not asked more often than it may be.
    """
    ceiling = parts.settings.sync.poll_seconds
    wanted = FIRST_POLL_SECONDS if changed or interval <= 0 else interval * SLOWER
    return max(min(wanted, ceiling), _pace(parts))


def _pace(parts: Parts) -> float:
    if not isinstance(parts.crm, Paced):
        return 0.0
    with reading(parts.engine) as connection:
        return parts.crm.pause_seconds(census.running(connection))
