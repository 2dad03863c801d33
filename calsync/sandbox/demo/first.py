"""What is in the calendars when the demo begins: one of each kind, born on both sides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from calsync.sandbox.stage import Stage
from calsync.sandbox.workplace import Trait

_ZONE = "Europe/London"
_IN_GOOGLE: tuple[tuple[str, str, int, int, dict[str, Any]], ...] = (
    ("ana", "Coffee with Bob", 10, 1, {"location": "Canteen"}),
    ("ana", "Weekly review", 14, 1, {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=8"]}),
    ("ana", "Doctor", 16, 2, {"visibility": "private"}),
    ("bob", "Lunch with the auditors", 12, 1, {"location": "Harbour Inn"}),
)
_IN_CRM: tuple[tuple[str, str, int, int, dict[str, Any]], ...] = (
    ("ana", "Demo for Northwind", 11, 2, {"attendees": [{"email": "bob@example.com"}]}),
    ("bob", "Call: contract renewal", 15, 3, {"activity_type": "call"}),
)


def add_first_events(stage: Stage) -> None:
    """Put the events into both calendars, as the people would."""
    for user, title, hour, days, more in _IN_GOOGLE:
        times = {name: {"dateTime": text, "timeZone": _ZONE} for name, text in _times(hour, days).items()}
        stage.control("POST", f"accounts/{user}@example.com/events", {"summary": title, **times, **more})
    holiday = (datetime.now(UTC) + timedelta(days=4)).date()
    days_off = {"start": {"date": str(holiday)}, "end": {"date": str(holiday + timedelta(days=2))}}
    stage.control("POST", "accounts/bob@example.com/events", {"summary": "Two days off", **days_off})
    for user, title, hour, days, more in _IN_CRM:
        known = {} if "attendees" in more and Trait.GUESTS not in stage.workplace.traits else more
        stage.workplace.add(user, {"title": title, **_times(hour, days), **known})


def _times(hour: int, days: int) -> dict[str, str]:
    start = datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=days)
    return {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
