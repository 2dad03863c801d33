"""Times of day as the tenant writes them: wall clock of its zone, without offset (5, 6.9)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from calsync.model.errors import Unmappable

_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\S+))?", re.ASCII)
_CLOCK = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?(?:\.\d+)?", re.ASCII)


def parse_day(text: str) -> tuple[date | None, time | None]:
    """Return the date in a text (`yyyy-mm-dd`, 1.4), and the time of day that may follow it.

    A blank one, and the zeros that databases write for it, are None. Raises Unmappable for anything else.
    """
    text = text.strip()
    if not text or text.startswith("0000-00-00"):
        return None, None
    match = _DAY.fullmatch(text)
    if match is None:
        raise Unmappable("the activity has a date that is not written as yyyy-mm-dd")
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise Unmappable("the activity has a date that does not exist") from None
    return day, parse_clock(match[4] or "")


def parse_clock(text: str) -> time | None:
    """Return the time of day in a text (`hh:mm` or `hh:mm:ss`), None for a blank one; Unmappable for anything else."""
    text = text.strip()
    if not text:
        return None
    match = _CLOCK.fullmatch(text)
    try:
        if match is not None:
            return time(int(match[1]), int(match[2]), int(match[3] or 0))
    except ValueError:
        pass
    raise Unmappable("the activity has a time of day that is not written as hh:mm")


def to_instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the instant (UTC) of a wall clock time.

    Of a time that occurs twice it is the first; one that a change of the clocks skips is taken by the offset before it.
    """
    return datetime.combine(day, clock, zone).astimezone(UTC)


def to_local(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the wall clock time of an aware datetime, naive and without seconds.

    Raises Unmappable for the second of two equal times: written down, it would be the first.
    """
    local = moment.astimezone(zone)
    if local.fold:
        raise Unmappable(
            "the time occurs twice that night in the CRM's zone, and the second cannot be written"
        )
    return local.replace(tzinfo=None, second=0, microsecond=0)
