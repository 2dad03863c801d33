"""What ends by itself: grants that nobody confirmed, and whatever else of the web has had its time."""

from __future__ import annotations

from calsync.engine import withdraw
from calsync.store import codes, consent, operators, tidings, visits
from calsync.store.database import reading, writing
from calsync.wiring import Parts


def clean_up_consent(parts: Parts) -> None:
    """Withdraw grants that were never confirmed, and forget tickets and sessions whose time is over."""
    now = parts.clock()
    with reading(parts.engine) as connection:
        overdue = consent.overdue(connection, parts.vault, now)
    for grant in overdue:
        if withdraw(parts, grant.subject, grant.refresh_token):
            with writing(parts.engine) as connection:
                consent.end_flow(connection, grant.flow_id)
    with writing(parts.engine) as connection:
        consent.clean_up(connection, now)
        for store in (codes, visits, operators, tidings):
            store.expire(connection, now)
