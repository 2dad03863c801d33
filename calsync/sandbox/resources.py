"""A row as Google's JSON: times in the calendar's zone, defaults left out, `self` as seen from this calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calsync.model.recurrence import occurrence_start
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.rows import Body, Row
from calsync.sandbox.times import shown_in, stamp, time_value

_DEFAULTS: Mapping[str, Any] = {
    "visibility": "default",
    "transparency": "opaque",
    "guestsCanInviteOthers": True,
    "guestsCanSeeOtherGuests": True,
    "guestsCanModify": False,
}


@dataclass(frozen=True, slots=True)
class View:
    """How a caller wants events shown: times in another zone, no more guests than `guests` (0: all)."""

    zone: str = ""
    guests: int = 0


PLAIN = View()


def resource(calendar: Calendar, row: Row, view: View = PLAIN) -> Body:
    """Return a row as an event resource; a deleted one as the bare minimum that Google guarantees."""
    return _tombstone(calendar, row, view) if row.cancelled else _whole(calendar, row, view)


def read(calendar: Calendar, row: Row, view: View = PLAIN) -> Body:
    """Return what events.get answers: organisers still see what a deleted event was, where Google keeps it."""
    keeps = calendar.switches.tombstone_details and row.organizer == calendar.owner
    if not (row.cancelled and keeps and row.body.get("start")):
        return resource(calendar, row, view)
    return {**_whole(calendar, row, view), "status": "cancelled"}


def _whole(calendar: Calendar, row: Row, view: View) -> Body:
    body = calendar.whole(row)
    zone = view.zone or calendar.zone
    shown = {name: value for name, value in body.items() if name not in _DEFAULTS or _DEFAULTS[name] != value}
    for name in ("start", "end"):
        if name in shown:
            shown[name] = shown_in(shown[name], zone)
    organizer = _person(calendar, row.organizer)
    whole = {
        "kind": "calendar#event",
        "etag": row.etag,
        "id": row.id,
        "status": body.get("status", "confirmed"),
        "htmlLink": f"https://www.google.com/calendar/event?eid={row.id}",
        "created": stamp(row.created)[:19] + "Z",
        "updated": stamp(row.updated),
        **shown,
        "creator": _person(calendar, row.creator or row.organizer),
        "organizer": organizer,
        "iCalUID": row.uid,
        "sequence": row.sequence,
        "eventType": body.get("eventType", "default"),
    }
    if "attendees" in whole:
        whole |= _guests(calendar, row, body, view)
    if row.series:
        whole |= {"recurringEventId": row.series, "originalStartTime": _original(calendar, row, zone)}
    whole.setdefault("reminders", {"useDefault": True})
    return whole


def _tombstone(calendar: Calendar, row: Row, view: View) -> Body:
    shown: Body = {"kind": "calendar#event", "etag": row.etag, "id": row.id, "status": "cancelled"}
    if row.series:
        original = _original(calendar, row, view.zone or calendar.zone)
        shown |= {"recurringEventId": row.series, "originalStartTime": original}
    return shown


def _original(calendar: Calendar, row: Row, zone: str) -> Body:
    master = calendar.rows.get(row.series)
    held = (master.body if master else row.body).get("start") or {}
    return shown_in(time_value(occurrence_start(row.key), held.get("timeZone")), zone)


def _person(calendar: Calendar, email: str) -> Body:
    shown: Body = {"email": email}
    if email == calendar.id:
        shown["self"] = True
        if calendar.id != calendar.owner:
            shown["displayName"] = calendar.summary
    return shown


def _guests(calendar: Calendar, row: Row, body: Body, view: View) -> Body:
    people = [_attendee(calendar, person, row) for person in body["attendees"]]
    hidden = body.get("guestsCanSeeOtherGuests") is False and row.organizer != calendar.id
    if hidden or 0 < view.guests < len(people):
        own = [person for person in people if person.get("self")]
        return {"attendees": own, "attendeesOmitted": True}
    return {"attendees": people}


def _attendee(calendar: Calendar, person: Body, row: Row) -> Body:
    shown = {**person}
    if person.get("email") == calendar.id:
        shown["self"] = True
    if person.get("email") == row.organizer:
        shown["organizer"] = True
    shown.setdefault("responseStatus", "needsAction")
    return shown
