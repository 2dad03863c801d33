"""What the page shows of an event, and what a click on it changes: the same words for both calendars."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]

_LONGEST_MINUTES = 24 * 60


def google_row(event: dict[str, Any]) -> Row | None:
    """Return the row of a Google event; None for an exception, which belongs to its series."""
    if "recurringEventId" in event:
        return None
    start, end = event["start"], event["end"]
    return {
        "id": event["id"],
        "title": event.get("summary", ""),
        "location": event.get("location", ""),
        "start": start.get("dateTime") or start["date"],
        "end": end.get("dateTime") or end["date"],
        "all_day": "date" in start,
        "repeats": bool(event.get("recurrence")),
        "private": event.get("visibility") in ("private", "confidential"),
    }


def crm_row(event: dict[str, Any]) -> Row:
    """Return the row of an event of the built-in CRM."""
    return {
        "id": event["id"],
        "title": event["title"],
        "location": event["location"],
        "start": event["start"],
        "end": event["end"],
        "all_day": event["all_day"],
        "repeats": bool(event["recurrence"]),
        "private": event["security"] == "private",
    }


def concerns(event: dict[str, Any], user: str, email: str) -> bool:
    """Return whether a CRM event is the user's own, or they are invited."""
    return event["owner"] == user or email in {guest["email"] for guest in event["attendees"]}


def google_body(order: Row) -> Row:
    """Return what Google's page would send. Raises ValueError or KeyError for an order that makes no sense."""
    body: Row = {"summary": str(order["title"]), "location": str(order.get("location", ""))}
    if order.get("start"):
        zone = {"timeZone": "UTC"} if order.get("repeats") else {}
        body |= {name: {"dateTime": text, **zone} for name, text in _times(order).items()}
    if order.get("repeats"):
        body["recurrence"] = ["RRULE:FREQ=WEEKLY;COUNT=8"]
    if "private" in order:
        body["visibility"] = "private" if order["private"] else "default"
    return body


def crm_body(order: Row) -> Row:
    """Return what the CRM's page would send. Raises ValueError or KeyError for an order that makes no sense."""
    body: Row = {"title": str(order["title"]), "location": str(order.get("location", ""))}
    if order.get("start"):
        body |= _times(order)
    if order.get("repeats"):
        body |= {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=8"], "time_zone": "UTC"}
    return body


def _times(order: Row) -> dict[str, str]:
    """Return start and end of an order; `start` has an offset, `minutes` is the length."""
    start = datetime.fromisoformat(str(order["start"]))
    minutes = int(order["minutes"])
    if start.tzinfo is None or not 0 <= minutes <= _LONGEST_MINUTES:
        raise ValueError("start needs an offset, minutes must be a day at most")
    return {"start": start.isoformat(), "end": (start + timedelta(minutes=minutes)).isoformat()}
