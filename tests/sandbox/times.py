"""Bodies of events for these tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

START = datetime(2030, 3, 4, 9, tzinfo=UTC)  # a Monday


def timed(days: int = 0, hours: float = 1, zone: str = "Europe/London", **more: Any) -> dict[str, Any]:
    """Return a body of a timed event that begins so many days after START."""
    begins = START + timedelta(days=days)
    ends = begins + timedelta(hours=hours)
    return {
        "start": {"dateTime": begins.isoformat(), "timeZone": zone},
        "end": {"dateTime": ends.isoformat(), "timeZone": zone},
    } | more


def all_day(days: int = 0, length: int = 1, **more: Any) -> dict[str, Any]:
    first = (START + timedelta(days=days)).date()
    return {"start": {"date": f"{first}"}, "end": {"date": f"{first + timedelta(days=length)}"}} | more


def weekly(count: int = 4, **more: Any) -> dict[str, Any]:
    return timed(recurrence=[f"RRULE:FREQ=WEEKLY;COUNT={count}"], **more)


def instance(series: dict[str, Any], week: int) -> str:
    """Return the id of an occurrence of a weekly series, nine o'clock in London."""
    local = (START + timedelta(weeks=week)).replace(tzinfo=ZoneInfo("Europe/London"))
    return f"{series['id']}_{local.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def guests(*people: Any, **answers: str) -> list[dict[str, Any]]:
    """Return attendees: persons or addresses, with answers by name."""
    emails = [getattr(person, "email", person) for person in people]
    named = {email: answers.get(email.split("@")[0]) for email in emails}
    return [
        {"email": email} | ({"responseStatus": answer} if answer else {}) for email, answer in named.items()
    ]
