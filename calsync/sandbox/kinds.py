"""Event types: which may be made through the API, and what of them may be changed (Google's "Event types")."""

from __future__ import annotations

from calsync.sandbox import answers
from calsync.sandbox.bodies import SERVER_SET
from calsync.sandbox.rows import Body
from calsync.sandbox.times import moment_of

_CREATABLE = ("default", "birthday", "focusTime", "outOfOffice", "workingLocation")
_BIRTHDAY_RULES = ("RRULE:FREQ=YEARLY", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1")
_OWN = {"extendedProperties", "attendees"}

#: What may be changed of events that Google makes.
_CHANGEABLE = {
    "birthday": {"colorId", "summary", "reminders", "start", "end", "recurrence"},
    "fromGmail": {"colorId", "reminders", "visibility", "transparency", "status", *_OWN},
}


def check_new(body: Body, is_primary: bool) -> None:
    """Refuse an event of a type that cannot be made so; ApiError 400."""
    kind = body.get("eventType") or "default"
    if kind not in _CREATABLE:
        raise answers.bad("invalidEventType", f"An event of type '{kind}' cannot be created.")
    if kind == "birthday":
        _check_birthday(body)
    elif kind != "default" and not is_primary:
        raise answers.bad("eventTypeRestriction", f"'{kind}' events exist on primary calendars only.")
    if kind == "workingLocation":
        _check_working_location(body)


def _check_birthday(body: Body) -> None:
    if (body.get("extendedProperties") or {}).get("private"):
        message = "'birthday' event type must not have private extended properties."
        raise answers.bad("eventTypeRestriction", message)
    rules = body.get("recurrence") or []
    if _days(body) != 1 or len(rules) != 1 or rules[0] not in _BIRTHDAY_RULES:
        raise answers.bad("eventTypeRestriction", "A birthday is one whole day and repeats every year.")
    if (body.get("visibility"), body.get("transparency")) != ("private", "transparent"):
        raise answers.bad("eventTypeRestriction", "A birthday is private and transparent.")


def _check_working_location(body: Body) -> None:
    if not body.get("workingLocationProperties"):
        raise answers.bad("malformedWorkingLocationEvent", "Working location properties are missing.")
    if _days(body) not in (0, 1):
        message = "An all-day working location event must be exactly one day long."
        raise answers.bad("malformedWorkingLocationEvent", message)


def _days(body: Body) -> int:
    """Return how many days an all-day event has, 0 for a timed one or one without times."""
    start, end = body.get("start") or {}, body.get("end") or {}
    if not start.get("date") or not end.get("date"):
        return 0
    return (moment_of(end) - moment_of(start)).days


def check_change(before: Body, changes: Body) -> None:
    """Refuse what events of a type do not let be changed; ApiError 400."""
    kind = before.get("eventType") or "default"
    if (changes.get("eventType") or kind) != kind:
        raise answers.bad("eventTypeRestriction", "The type of an event cannot be changed.")
    allowed = _CHANGEABLE.get(kind)
    if allowed is None:
        return
    if kind == "birthday" and (changes.get("extendedProperties") or {}).get("private"):
        message = "'birthday' event type must not have private extended properties."
        raise answers.bad("eventTypeRestriction", message)
    if any(
        changes[name] != before.get(name) for name in changes.keys() - allowed - SERVER_SET - {"eventType"}
    ):
        raise answers.bad("badRequest", "Bad Request")
