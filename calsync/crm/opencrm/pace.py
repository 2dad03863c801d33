"""How fast, and how much a day, the tenant is asked: it has limits, but nobody knows them (1.1, “Logging/Limits”)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from calsync.model.errors import Spent


class Pace:
    """Lets requests go one after the other, not faster than `per_second`; safe for all threads."""

    def __init__(
        self, per_second: float, clock: Callable[[], float], wait: Callable[[float], object]
    ) -> None:
        """`clock`: seconds that only go forward; `wait` takes seconds."""
        self._gap, self._clock, self._wait = 1 / per_second, clock, wait
        self._next = 0.0
        self._guard = threading.Lock()

    def turn(self) -> None:
        """Return when it is this caller's turn."""
        with self._guard:
            now = self._clock()
            begins = max(now, self._next)
            self._next = begins + self._gap
        if begins > now:
            self._wait(begins - now)

    def rest(self, seconds: float) -> None:
        """Let nobody go before `seconds` have passed."""
        with self._guard:
            self._next = max(self._next, self._clock() + seconds)


class Budget:
    """Counts requests of a day (UTC), in this process; `limit` 0: as many as there are."""

    def __init__(self, limit: int, clock: Callable[[], datetime]) -> None:
        """`clock` returns aware datetimes."""
        self._limit, self._clock = limit, clock
        self._day, self._spent = date.min, 0
        self._guard = threading.Lock()

    def spend(self) -> None:
        """Count one request; Spent when there is none left today."""
        now = self._clock().astimezone(UTC)
        with self._guard:
            if now.date() != self._day:
                self._day, self._spent = now.date(), 0
            self._spent += 1
            spent = self._spent
        if self._limit and spent > self._limit:
            tomorrow = datetime.combine(now.date() + timedelta(days=1), time.min, UTC)
            raise Spent(
                f"CRM: today's {self._limit} requests are used up (crm.opencrm.daily_requests)",
                (tomorrow - now).total_seconds(),
            )
