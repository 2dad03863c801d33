"""The clock of requests: 28 calendar days from receipt, which is day 0, and it never pauses (trust.md 3.6).

The law gives a month; 28 days fit into every month. Days are those of the controller's time zone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from calsync.store.requests import WAITING, Request

DAYS = 28

#: On these days after receipt somebody is reminded; on the last one the answer is due.
ALERT_DAYS = (7, 14, 21, 26, 28)

#: By how much an answer may be put off at most, when the person is told why in time (Art. 12(3) GDPR).
EXTENSION_DAYS = 60


def due_on(received_at: datetime, zone: ZoneInfo) -> date:
    """Return the last day on which a request that was received at an aware instant can be answered in time."""
    return received_at.astimezone(zone).date() + timedelta(days=DAYS)


def age(request: Request, now: datetime, zone: ZoneInfo) -> int:
    """Return how many calendar days ago a request was received."""
    return (now.astimezone(zone).date() - request.received_at.astimezone(zone).date()).days


def days_left(request: Request, now: datetime, zone: ZoneInfo) -> int:
    """Return how many days are left: 0 on the last day, less when it is over."""
    return (request.due_on - now.astimezone(zone).date()).days


def is_overdue(request: Request, now: datetime, zone: ZoneInfo) -> bool:
    """Return whether a request waits although its last day is over."""
    return request.state in WAITING and days_left(request, now, zone) < 0


def alert_due(request: Request, now: datetime, zone: ZoneInfo) -> int:
    """Return the day of the latest alert that was reached and not given yet; 0 when there is none."""
    if request.state not in WAITING:
        return 0
    reached = [day for day in ALERT_DAYS if day <= age(request, now, zone)]
    latest = max(reached, default=0)
    return latest if latest > request.alerted else 0
