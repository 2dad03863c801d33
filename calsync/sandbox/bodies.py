"""Event bodies that people send: what Google takes, changes silently, and refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from calsync.model.errors import Unmappable
from calsync.model.recurrence import clean_rules, known_zone
from calsync.sandbox import answers
from calsync.sandbox.rows import Body
from calsync.sandbox.switches import Switches
from calsync.sandbox.times import has_offset, moment_of

MAX_DESCRIPTION = 8192
MAX_REMINDERS, MAX_REMINDER_MINUTES = 5, 40320
MAX_PROPERTIES, MAX_PROPERTIES_BYTES = 300, 32 * 1024

_CONFERENCE = re.compile(r"-::~:~::~.*?::~:~::-", re.DOTALL)
_RESPONSES = ("needsAction", "declined", "tentative", "accepted")

#: Set by the server, or not a property of what people write.
SERVER_SET = frozenset(
    [
        *(
            "id",
            "iCalUID",
            "etag",
            "kind",
            "created",
            "updated",
            "creator",
            "organizer",
            "htmlLink",
            "sequence",
        ),
        *(
            "hangoutLink",
            "recurringEventId",
            "originalStartTime",
            "attendeesOmitted",
            "privateCopy",
            "locked",
        ),
    ]
)


def accepted(body: Body, html_breaks: bool = False) -> Body:
    """Return a body as Google stores it; `html_breaks`: line ends of the description become `<br>`."""
    stored = {name: value for name, value in body.items() if name not in SERVER_SET and value is not None}
    for name in ("start", "end"):
        if isinstance(stored.get(name), dict):
            stored[name] = {part: value for part, value in stored[name].items() if value is not None}
    if "description" in stored:
        text = _CONFERENCE.sub("", stored["description"])
        stored["description"] = re.sub(r"\r?\n", "<br>", text) if html_breaks else text
    for name in ("summary", "description", "location", "attendees", "recurrence"):
        if stored.get(name) in ("", []):
            del stored[name]
    if "attendees" in stored:
        stored["attendees"] = [_guest(person) for person in stored["attendees"]]
    if isinstance(stored.get("extendedProperties"), dict):
        stored["extendedProperties"] = _limited(stored["extendedProperties"])
    return stored


def _guest(person: Body) -> Body:
    email = str(person.get("email") or "").lower()
    if not email:
        raise answers.bad("required", "Missing attendee email.")
    if person.get("responseStatus", "needsAction") not in _RESPONSES:
        raise answers.bad("invalid", "Invalid attendee response status.")
    kept = {name: value for name, value in person.items() if name not in ("self", "organizer", "id")}
    return kept | {"email": email}


def _limited(properties: Body) -> Body:
    """Drop keys over 44 characters and cut values at 1024, silently, as Google does."""
    kept = {
        scope: {key: str(value)[:1024] for key, value in (pairs or {}).items() if key and len(key) <= 44}
        for scope, pairs in properties.items()
    }
    pairs = [pair for scope in kept.values() for pair in scope.items()]
    if len(pairs) > MAX_PROPERTIES or sum(len(key + value) for key, value in pairs) > MAX_PROPERTIES_BYTES:
        raise answers.bad("invalid", "The extended properties exceed their size limit.")
    return kept


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> Body:
    """Merge as PATCH does: objects part by part, null clears, arrays are replaced whole."""
    result = dict(before)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


def check(body: Body, switches: Switches | None = None) -> None:
    """Refuse what Google refuses in a body; ApiError 400."""
    for name in ("start", "end"):
        if not isinstance(body.get(name), dict) or not (body[name].get("date") or body[name].get("dateTime")):
            raise answers.bad("required", f"Missing {name} time.")
    if bool(body["start"].get("dateTime")) != bool(body["end"].get("dateTime")):
        raise answers.bad("invalid", "Start and end times must either both be date or both be dateTime.")
    _check_zones(body, switches or Switches())
    _check_order(body)
    if len(body.get("description") or "") > MAX_DESCRIPTION:
        raise answers.bad("invalid", "Value exceeds size limit.")
    _check_reminders(body.get("reminders") or {})
    try:
        clean_rules(body.get("recurrence") or [])
    except Unmappable:
        raise answers.bad("invalid", "Invalid recurrence rule.") from None


def _check_order(body: Body) -> None:
    moments: list[Any] = []
    for name in ("start", "end"):
        try:
            moments.append(moment_of(body[name]))
        except ValueError:
            raise answers.bad("invalid", f"Invalid {name} time.") from None
    start, end = moments
    if end < start or (end == start and not isinstance(start, datetime)):
        raise answers.ApiError(400, "timeRangeEmpty", "The specified time range is empty.", "calendar")


def _check_zones(body: Body, switches: Switches) -> None:
    for name in ("start", "end"):
        value = body[name]
        zone = value.get("timeZone")
        taken = zone in switches.odd_zones or (zone and known_zone(zone) is not None)
        if zone and (not taken or zone in switches.refused_zones):
            raise answers.bad("invalid", f"Invalid time zone definition for {name} time.")
        if (
            value.get("dateTime")
            and not zone
            and (body.get("recurrence") or not has_offset(value["dateTime"]))
        ):
            raise answers.bad("required", f"Missing time zone definition for {name} time.")


def _check_reminders(reminders: Body) -> None:
    overrides = reminders.get("overrides") or []
    if len(overrides) > MAX_REMINDERS:
        raise answers.bad("invalid", "Too many reminder overrides.")
    if reminders.get("useDefault") and overrides:
        message = "Cannot specify both default reminders and overrides at the same time."
        raise answers.bad("cannotUseDefaultRemindersAndSpecifyOverride", message)
    for reminder in overrides:
        if reminder.get("method") not in ("popup", "email"):
            raise answers.bad("invalid", "Invalid reminder method.")
        if not 0 <= int(reminder.get("minutes", -1)) <= MAX_REMINDER_MINUTES:
            raise answers.bad("invalid", "Invalid reminder minutes.")
