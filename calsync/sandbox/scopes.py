"""Which OAuth scopes allow which operation (the discovery document's lists)."""

from __future__ import annotations

_AUTH = "https://www.googleapis.com/auth/calendar"

_WRITE_EVENTS = frozenset([_AUTH, f"{_AUTH}.events", f"{_AUTH}.events.owned"])
_READ_EVENTS = _WRITE_EVENTS | {
    f"{_AUTH}.{name}"
    for name in (
        *("readonly", "app.created", "events.freebusy", "events.owned.readonly"),
        *("events.public.readonly", "events.readonly"),
    )
}
_CREATED = frozenset([f"{_AUTH}.app.created"])
_READ_LIST = frozenset(
    [_AUTH, *(f"{_AUTH}.{n}" for n in ("readonly", "calendarlist", "calendarlist.readonly"))]
)
_READ_CALENDARS = frozenset(
    [_AUTH, *(f"{_AUTH}.{name}" for name in ("readonly", "calendars", "calendars.readonly", "app.created"))]
)

_ALLOWED = {
    "calendarList.list": _READ_LIST,
    "calendarList.get": _READ_LIST | _CREATED,
    "calendars.get": _READ_CALENDARS,
    "events.list": _READ_EVENTS,
    "events.get": _READ_EVENTS,
    "events.instances": _READ_EVENTS,
    "events.move": _WRITE_EVENTS,
}


def allowed(operation: str) -> frozenset[str]:
    """Return the scopes of which one is needed."""
    return _ALLOWED.get(operation, _WRITE_EVENTS | _CREATED)
