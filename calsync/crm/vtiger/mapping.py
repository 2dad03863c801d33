"""vtiger's record of an event and our Event, in both directions, without I/O (opencrm.md 4.3, ecosystem.md 2.3).

Times on the wire are UTC whatever the user's zone is. A whole day is from midnight to midnight in the user's zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from zoneinfo import ZoneInfo

from calsync.model.errors import Unmappable
from calsync.model.event import EARLIEST_YEAR, LATEST_YEAR, Event, Visibility, clean_text

Row = Mapping[str, str]

#: What an event without title is called, since the subject is mandatory.
UNTITLED = "(no title)"

#: Characters that vtiger keeps of a location (opencrm.md 4.3).
LOCATION_LENGTH = 150

_MARK = re.compile(r"(?:\A|\n)\[calsync ([^\]\n]+)\]\s*\Z")

#: What a version is made of, besides the marker's field.
_VERSIONED = (
    "subject",
    "description",
    "location",
    "date_start",
    "time_start",
    "due_date",
    "time_end",
    "visibility",
    "activitytype",
    "eventstatus",
    "assigned_user_id",
    "modifiedtime",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a user's records are read and written: `zone` is theirs, `marker_field` "" stands for the description."""

    zone: ZoneInfo
    marker_field: str = ""
    subject_length: int = 100


def to_event(row: Row, shape: Shape) -> Event:
    """Return the event of a row; Unmappable when it has no usable times."""
    start, end = _moment(row, "date_start", "time_start"), _moment(row, "due_date", "time_end")
    if end < start:
        # vtiger takes such records, with a duration of -1 (ecosystem.md 2.3).
        raise Unmappable("the record ends before it starts")
    times: tuple[date, date] = (start, end)
    if end > start and _is_midnight(start, shape.zone) and _is_midnight(end, shape.zone):
        times = (start.astimezone(shape.zone).date(), end.astimezone(shape.zone).date())
    return Event(
        clean_text(row.get("subject")).replace("\n", " "),
        *times,
        description=_MARK.sub("", clean_text(row.get("description"))),
        location=clean_text(row.get("location")),
        visibility=Visibility.PRIVATE if row.get("visibility") == "Private" else Visibility.DEFAULT,
    )


def marker_of(row: Row, shape: Shape) -> str:
    """Return the name of the original that a row is a copy of, or ""."""
    if shape.marker_field:
        return row.get(shape.marker_field) or ""
    match = _MARK.search(clean_text(row.get("description")))
    return match.group(1) if match else ""


def values_of(event: Event, names: frozenset[str], marker: str, shape: Shape) -> dict[str, str]:
    """Return the fields of a record that carry these fields of an event."""
    values: dict[str, str] = {}
    if "title" in names:
        values["subject"] = event.title[: shape.subject_length].strip() or UNTITLED
    if names & {"start", "end"}:
        values |= _times(event, shape.zone)
    if "description" in names:
        values["description"] = _marked(event.description, "" if shape.marker_field else marker)
    if "location" in names:
        values["location"] = event.location[:LOCATION_LENGTH].strip()
    if "visibility" in names:
        values["visibility"] = visibility_of(event)
    return values


def as_shown(event: Event, shape: Shape) -> Event:
    """Return an event as vtiger will show it once it was written, as far as its limits are known."""
    names = frozenset({"title", "start", "end", "description", "location", "visibility"})
    return to_event(values_of(event, names, "", shape), shape)


def visibility_of(event: Event) -> str:
    """Return who may see the record: what we may not know ourselves is nobody else's business either."""
    private = event.redacted or event.visibility is Visibility.PRIVATE
    return "Private" if private else "Public"


def version_of(row: Row, shape: Shape) -> str:
    """Return a digest that moves with every change of what we read: vtiger's times have whole seconds."""
    names = (*_VERSIONED, *([shape.marker_field] if shape.marker_field else []))
    text = "\0".join(row.get(name) or "" for name in names)
    return blake2b(text.encode(), digest_size=12).hexdigest()


def modified_of(row: Row) -> datetime | None:
    """Return when a row was changed, in UTC; None when it does not say."""
    try:
        return datetime.fromisoformat(row.get("modifiedtime") or "").replace(tzinfo=UTC)
    except ValueError:
        return None


def mark(marker: str) -> str:
    """Return the line of a description that names an original."""
    return f"[calsync {marker}]"


def _marked(text: str, marker: str) -> str:
    lines = [text] if text else []
    return "\n".join([*lines, mark(marker)] if marker else lines)


def _times(event: Event, zone: ZoneInfo) -> dict[str, str]:
    start, end = _instant(event.start, zone), _instant(event.end, zone)
    hours, minutes = divmod(int((end - start).total_seconds()) // 60, 60)
    return {
        "date_start": f"{start:%Y-%m-%d}",
        "time_start": f"{start:%H:%M:%S}",
        "due_date": f"{end:%Y-%m-%d}",
        "time_end": f"{end:%H:%M:%S}",
        "duration_hours": str(hours),
        "duration_minutes": str(minutes),
    }


def _instant(moment: date | datetime, zone: ZoneInfo) -> datetime:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.combine(moment, time(), zone).astimezone(UTC)


def _is_midnight(moment: datetime, zone: ZoneInfo) -> bool:
    """Return whether a day begins there, also one whose clocks skip midnight."""
    return _instant(moment.astimezone(zone).date(), zone) == moment


def _moment(row: Row, day: str, clock: str) -> datetime:
    try:
        found = datetime.fromisoformat(f"{row[day]}T{row[clock]}").replace(tzinfo=UTC, microsecond=0)
    except (ValueError, KeyError, TypeError):
        raise Unmappable("the record has no usable start or end") from None
    if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        raise Unmappable(f"the record does not lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return found
