"""The built-in CRM's JSON event: what people may send, checked, and what they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from calsync.crm.builtin.records import (
    Row,
    event_of,
    occurrence,
    overlay_of,
)
from calsync.crm.patching import has_occurrence, without_strays
from calsync.model.errors import Unmappable
from calsync.model.event import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    Attendee,
    Event,
    Response,
    clean_text,
    sort_attendees,
    to_utc,
)
from calsync.model.occurrences import occurrences
from calsync.model.permission import Security
from calsync.model.recurrence import (
    clean_rules,
    known_zone,
    occurrence_key,
    occurrence_start,
)
from calsync.model.zones import iana_name

STATUSES = ("planned", "held", "not_held", "cancelled")
TYPES = ("meeting", "call", "task", "other")

_TEXTS = ("title", "description", "location")
_EVENT_FIELDS = frozenset(
    {
        *_TEXTS,
        "start",
        "end",
        "time_zone",
        "all_day",
        "recurrence",
        "exceptions",
        "attendees",
        "reminders_minutes",
    }
)
_RECORD_FIELDS = frozenset({"owner", "status", "activity_type", "security", "team", "category"})
_READ_ONLY = frozenset({"id", "version", "modified"})
_ABOUT_EXCEPTION = frozenset({"original_start", "cancelled", "restored"})
_EXCEPTION_FIELDS = (_EVENT_FIELDS - {"recurrence", "exceptions"}) | _ABOUT_EXCEPTION


_ATTENDEES = f"attendees: must be a list of {{email, name, response}}, response one of {', '.join(Response)}"

#: The longest text of a record's own fields.
_LONGEST = 200


class BadRequest(Exception):
    """What was sent cannot be used; the text names the field and the remedy."""


def check_names(document: Mapping[str, Any]) -> None:
    """Refuse fields that an event does not have."""
    for name in document:
        if name not in _EVENT_FIELDS | _RECORD_FIELDS | _READ_ONLY:
            raise BadRequest(f"{name}: an event has no such field")


def changed_event(before: Event | None, document: Mapping[str, Any]) -> Event:
    """Return an event with the changes of a document; BadRequest."""
    check_names(document)
    event = _times(before, document)
    changes: dict[str, Any] = {name: _text(document, name) for name in _TEXTS if name in document}
    if "recurrence" in document:
        changes["recurrence"] = _rules(document["recurrence"])
    if "attendees" in document:
        changes["attendees"] = _attendees(document["attendees"])
    if "reminders_minutes" in document:
        changes["reminders"] = _reminders(document["reminders_minutes"])
    event = _follow(event, changes)
    if event.recurrence:
        _check_series(event)
    if "exceptions" in document:
        event = _with_exceptions(event, document["exceptions"])
    return without_strays(event)


def _follow(event: Event, changes: dict[str, Any]) -> Event:
    """Change a series; exceptions follow in what they share with it."""
    moved = {}
    for key, exception in event.exceptions.items():
        overlay = overlay_of(event, key, exception) if exception is not None else None
        shared = {
            name: value for name, value in changes.items() if overlay is not None and name not in overlay
        }
        shared.pop("recurrence", None)
        moved[key] = replace(exception, **shared) if exception is not None and shared else exception
    return replace(event, **changes, exceptions=moved)


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document[name]
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name}: must be text")
    cleaned = clean_text(value)
    return cleaned.replace("\n", " ") if name == "title" else cleaned


def _times(before: Event | None, document: Mapping[str, Any]) -> Event:
    start = _moment(document, "start") if "start" in document else before.start if before else None
    end = _moment(document, "end") if "end" in document else before.end if before else None
    if start is None or end is None:
        raise BadRequest("start, end: both are needed")
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise BadRequest("start, end: either both are dates (all-day) or both are times")
    if "all_day" in document and _flag(document, "all_day") == isinstance(start, datetime):
        raise BadRequest("all_day: does not agree with start and end (dates mean all-day)")
    if end < start or (end == start and not isinstance(start, datetime)):
        raise BadRequest("end: lies before start (an all-day end is exclusive)")
    zone = _zone(document, before) if isinstance(start, datetime) else ""
    if before is None:
        return Event("", start, end, zone)
    return replace(before, start=start, end=end, zone=zone)


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"{name}: must be true or false")
    return value


def _zone(document: Mapping[str, Any], before: Event | None) -> str:
    if "time_zone" not in document:
        return before.zone if before else ""
    zone = "" if document["time_zone"] is None else document["time_zone"]
    if before is not None and zone == before.zone:
        # Also a name that nobody here knows: it came with the event, and people send back what they got.
        return before.zone
    name = iana_name(zone) if isinstance(zone, str) else None
    if name is None or (zone and known_zone(name) is None):
        raise BadRequest("time_zone: must be a name of the IANA database, e.g. Europe/London")
    return name


def _moment(document: Mapping[str, Any], name: str) -> date | datetime:
    moment = _parsed(document[name], name)
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise BadRequest(f"{name}: must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return moment


def _parsed(value: Any, name: str) -> date | datetime:
    try:
        if isinstance(value, str) and len(value) == len("YYYY-MM-DD"):
            return date.fromisoformat(value)
        return to_utc(datetime.fromisoformat(value))
    except (ValueError, TypeError, OverflowError):
        raise BadRequest(f"{name}: must be RFC 3339 with an offset, or YYYY-MM-DD for all-day") from None


def _rules(value: Any) -> tuple[str, ...]:
    if value is not None and not (isinstance(value, list) and all(isinstance(line, str) for line in value)):
        raise BadRequest("recurrence: must be a list of RRULE, RDATE, EXDATE lines")
    try:
        return clean_rules(value or [])
    except Unmappable as error:
        raise BadRequest(f"recurrence: {error}") from None


def _check_series(event: Event) -> None:
    if event.zone and known_zone(event.zone) is None:
        raise BadRequest("time_zone: a series needs a name of the IANA database, e.g. Europe/London")
    try:
        next(occurrences(event.start, event.recurrence, event.zone, event.start), None)
    except Unmappable as error:
        raise BadRequest(f"recurrence: {error}") from None


def _attendees(value: Any) -> tuple[Attendee, ...]:
    if value is not None and not isinstance(value, list):
        raise BadRequest(_ATTENDEES)
    try:
        return sort_attendees(_attendee(**person) for person in value or [])
    except (TypeError, ValueError):
        raise BadRequest(_ATTENDEES) from None


def _attendee(email: Any, name: Any = None, response: Any = None) -> Attendee:
    address, shown = clean_text(_is_text(email)).lower(), clean_text(_is_text(name or ""))
    if "@" not in address:
        raise ValueError("no address")
    return Attendee(address, shown.replace("\n", " "), Response(response or Response.NEEDS_ACTION))


def _is_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _reminders(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(n) is int and 0 <= n <= 40_320 for n in value):
        raise BadRequest("reminders_minutes: must be a list of minutes from 0 to 40320, or null")
    return tuple(sorted(set(value)))


def _with_exceptions(series: Event, value: Any) -> Event:
    if not isinstance(value, list):
        raise BadRequest("exceptions: must be a list")
    if value and not series.recurrence:
        raise BadRequest("exceptions: only a series has any; set recurrence")
    merged = dict(series.exceptions)
    for document in value:
        key = _exception_key(series, document)
        if _flag(document, "restored"):
            merged.pop(key, None)
            continue
        if key not in merged and not has_occurrence(series, key):
            raise BadRequest("original_start: the series has no occurrence that starts then")
        if _flag(document, "cancelled"):
            merged[key] = None
            continue
        content = {name: part for name, part in document.items() if name not in _ABOUT_EXCEPTION}
        merged[key] = changed_event(merged.get(key) or occurrence(series, key), content)
    return series.with_exceptions(merged)


def _exception_key(series: Event, document: Any) -> str:
    if not isinstance(document, dict) or "original_start" not in document:
        raise BadRequest("exceptions: each needs original_start")
    for name in document:
        if name not in _EXCEPTION_FIELDS:
            raise BadRequest(f"exceptions: {name} cannot differ for one occurrence")
    original = _moment(document, "original_start")
    if isinstance(original, datetime) == series.all_day:
        raise BadRequest("original_start: must be a date for an all-day series, else a time")
    return occurrence_key(original)


def changed_record(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record's own columns that a document sets; BadRequest."""
    allowed = {"status": STATUSES, "activity_type": TYPES, "security": tuple(Security)}
    columns: dict[str, Any] = {}
    for name in sorted(_RECORD_FIELDS & set(document)):
        value = "" if document[name] is None else document[name]
        if name in allowed and value not in allowed[name]:
            raise BadRequest(f"{name}: must be one of {', '.join(allowed[name])}")
        if not isinstance(value, str) or clean_text(value) != value or len(value) > _LONGEST:
            raise BadRequest(f"{name}: must be text of at most {_LONGEST} characters on one line")
        columns[name] = str(value)
    return columns


def document_of(row: Row) -> dict[str, Any]:
    """Return a row as people get it."""
    head = {"id": row["id"], "version": str(row["version"]), "modified": _stamp(row["modified"])}
    if row["deleted"]:
        return head | {"deleted": True}
    event = event_of(row)
    return {
        **head,
        "title": event.title,
        "description": event.description,
        "location": event.location,
        "start": _shown(event.start, event.zone),
        "end": _shown(event.end, event.zone),
        "time_zone": event.zone or None,
        "all_day": event.all_day,
        "recurrence": list(event.recurrence),
        "exceptions": _shown_exceptions(event, row),
        "owner": row["owner"],
        "attendees": [
            {"email": p.email, "name": p.name, "response": p.response.value} for p in event.attendees
        ],
        "reminders_minutes": None if event.reminders is None else list(event.reminders),
        "status": row["status"],
        "activity_type": row["activity_type"],
        "security": row["security"],
        "team": row["team"] or None,
        "category": row["category"] or None,
    }


def _shown_exceptions(event: Event, row: Row) -> list[dict[str, Any]]:
    overlays = orjson.loads(row["exceptions"]) if row["exceptions"] else {}
    shown = []
    for key in sorted(overlays):
        moved = event.exceptions[key]
        document: dict[str, Any] = {"original_start": _shown(occurrence_start(key), event.zone)}
        if moved is None:
            shown.append(document | {"cancelled": True})
            continue
        document |= {"start": _shown(moved.start, event.zone), "end": _shown(moved.end, event.zone)}
        document |= {name: getattr(moved, name) for name in _TEXTS if name in overlays[key]}
        if "attendees" in overlays[key]:
            document["attendees"] = [
                {"email": p.email, "name": p.name, "response": p.response.value} for p in moved.attendees
            ]
        if "reminders" in overlays[key]:
            document["reminders_minutes"] = None if moved.reminders is None else list(moved.reminders)
        shown.append(document)
    return shown


def _shown(moment: date | datetime, zone: str) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    local = moment.astimezone(known_zone(zone) or UTC)
    return local.isoformat(timespec="seconds").replace("+00:00", "Z")


def _stamp(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
