"""What the daemon does for people's rights by itself: reminders of requests, and the daily sweep."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import structlog

from calsync.privacy import anchor, register
from calsync.privacy.register import Desk
from calsync.rights.retention import sweep
from calsync.store import audit
from calsync.store.database import reading, writing
from calsync.wiring import Parts

log = structlog.get_logger()

_SWEPT = "calsync.swept"


def hourly(parts: Parts) -> None:
    """Remind of requests; sweep, and note the end of the audit trail, if that was not done today (UTC)."""
    remind(parts)
    mark = parts.state_dir / _SWEPT
    if _day_of(mark) == parts.clock().date().isoformat():
        return
    sweep(parts)
    note_head(parts)
    _write_day(mark, parts.clock())


def remind(parts: Parts) -> None:
    """Log each request that has reached one of its days, once."""
    with writing(parts.engine) as connection:
        desk = Desk(parts.vault, parts.clock(), parts.settings.privacy.zone)
        alerts = register.take_alerts(connection, desk)
    for request, day in alerts:
        log.warning("request waits", request=request.id, kind=request.kind.value, day=day)


def note_head(parts: Parts) -> None:
    """Keep the end of the audit trail beside the keys and in the log: a chain that was cut off does not match it."""
    with reading(parts.engine) as connection:
        head = audit.head(connection)
    if head is not None:
        anchor.keep(parts.settings.erasure_lists(), head)
        log.info("audit trail", count=head.seq, head=head.mac[:16])


def _day_of(mark: Path) -> str:
    try:
        return mark.read_text().strip()
    except FileNotFoundError:
        return ""


def _write_day(mark: Path, now: datetime) -> None:
    draft = mark.with_suffix(".new")
    draft.write_text(now.date().isoformat() + "\n")
    draft.replace(mark)
