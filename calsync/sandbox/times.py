"""Times as Google's JSON has them: `{"date"}` or `{"dateTime", "timeZone"}`, and stamps with milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from calsync.model.recurrence import known_zone
from calsync.sandbox.rows import Body

_OFFSET = re.compile(r"(Z|[+-]\d\d:\d\d)$")


def has_offset(text: str) -> bool:
    """Return whether a time says how far it is from UTC."""
    return bool(_OFFSET.search(text))


def moment_of(value: Body) -> date | datetime:
    """Return a start or end as a date or an aware datetime in UTC; ValueError when it is neither."""
    if value.get("dateTime"):
        moment = datetime.fromisoformat(value["dateTime"])
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone_of(value.get("timeZone", "UTC")))
        return moment.astimezone(UTC)
    return date.fromisoformat(value.get("date") or "")


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of that name, or UTC when nobody knows it."""
    return known_zone(name) or ZoneInfo("UTC")


def instant_of(moment: date | datetime, zone: str) -> datetime:
    """Return when a moment begins, in UTC; a date begins at midnight in `zone`."""
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=zone_of(zone)).astimezone(UTC)


def time_value(moment: Any, zone: str | None) -> Body:
    """Return a date or an aware datetime as JSON, in UTC."""
    if isinstance(moment, datetime):
        value = {"dateTime": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        return value | ({"timeZone": zone} if zone else {})
    return {"date": moment.isoformat()}


def shown_in(value: Body, zone: str) -> Body:
    """Render a time with the offset of `zone`, whatever zone the event itself has."""
    if not value.get("dateTime"):
        return {"date": value["date"]} if value.get("date") else dict(value)
    try:
        local = datetime.fromisoformat(value["dateTime"])
    except ValueError:
        return dict(value)
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone_of(value.get("timeZone", zone)))
    text = local.astimezone(zone_of(zone)).isoformat(timespec="seconds").replace("+00:00", "Z")
    own = value.get("timeZone")
    return {"dateTime": text, "timeZone": own} if own else {"dateTime": text}


def stamp(microseconds: int) -> str:
    """Return an instant as Google's `updated` has it."""
    moment = datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
