"""What was modified lately in the whole tenant, where it tells: between scans, that is enough to look at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from calsync.crm.opencrm.answers import Row, text_of
from calsync.crm.opencrm.listing import ACTIVITIES, Paging, Reader, complete, condition
from calsync.crm.opencrm.options import OpenCrmOptions


class Recent:
    """Activities by the days of their last modification, shared by all calendars of the tenant; safe for all threads.

    It is a hint: whoever finds a difference reads the activity itself, since what is shared may be some seconds old,
    and what is deleted is not in it. The scans are the truth (5).
    """

    def __init__(self, options: OpenCrmOptions, paging: Paging, clock: Callable[[], datetime]) -> None:
        """`clock` returns aware datetimes."""
        self._options, self._clock = options, clock
        # Not counted: what is missed here is found by the next scan.
        self._paging = Paging(paging.limit_end, paging.size, count=False)
        self._fresh = timedelta(seconds=options.recent_seconds)
        self._kept: tuple[datetime, frozenset[date], dict[str, Row]] | None = None
        self._passed_over = False
        self._guard = threading.Lock()

    def is_enough(self, scanned: datetime) -> bool:
        """Return whether nothing but this need be looked at, when the last scan was at `scanned`."""
        options = self._options
        if self._passed_over or not options.fields.modified:
            return False
        return timedelta(0) <= self._clock() - scanned < timedelta(seconds=options.scan_seconds)

    def since(self, reader: Reader, scanned: datetime) -> dict[str, Row] | None:
        """Return what was modified on the days since a scan, by id; None when the tenant passes over the filter.

        Raises Later.
        """
        zone = ZoneInfo(self._options.timezone)
        now = self._clock()
        days = frozenset({moment.astimezone(zone).date() for moment in (scanned, now)})
        with self._guard:
            kept = self._kept
            if kept is None or kept[1] != days or now - kept[0] >= self._fresh:
                rows: dict[str, Row] = {}
                for day in days:
                    rows |= self._of_day(reader, day.isoformat())
                kept = self._kept = (now, days, rows)
            return None if self._passed_over else kept[2]

    def _of_day(self, reader: Reader, day: str) -> dict[str, Row]:
        name = self._options.fields.modified

        def wanted(row: Row) -> bool:
            fits = text_of(row, name).startswith(day)
            self._passed_over = self._passed_over or not fits
            return fits

        return complete(reader, ACTIVITIES, (condition(name, "BEGINS", day),), self._paging, wanted)
