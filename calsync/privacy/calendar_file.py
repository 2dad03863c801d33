"""Events as an iCalendar file (RFC 5545).

Texts come from strangers: the library escapes what has a meaning in the format, and characters that have no place in a
text are taken out, so that a title can never become a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from icalendar import Calendar, vCalAddress
from icalendar import Event as Component

from calsync.model.event import Event, Response, Visibility
from calsync.model.recurrence import known_zone, occurrence_start

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff\ufeff]")

_PARTSTAT = {
    Response.NEEDS_ACTION: "NEEDS-ACTION",
    Response.ACCEPTED: "ACCEPTED",
    Response.TENTATIVE: "TENTATIVE",
    Response.DECLINED: "DECLINED",
}


def calendar_file(events: Iterable[tuple[str, Event]], now: datetime) -> bytes:
    """Return a calendar of exactly these events; each comes with what names it (letters, digits and hyphens)."""
    calendar = Calendar()
    calendar.add("prodid", "-//calsync//export//EN")
    calendar.add("version", "2.0")
    for name, event in events:
        for component in _components(f"{name}@calsync", event, now):
            calendar.add_component(component)
    calendar.add_missing_timezones()
    data: bytes = calendar.to_ical()
    return data


def _components(uid: str, event: Event, now: datetime) -> Iterable[Component]:
    master = _component(uid, event, now)
    for line in event.recurrence:
        _add_rule(master, line)
    for key, moved in sorted(event.exceptions.items()):
        original = _local(occurrence_start(key), event.zone)
        if moved is None:
            master.add("exdate", original)
            continue
        changed = _component(uid, moved, now)
        changed.add("recurrence-id", original)
        yield changed
    yield master


def _component(uid: str, event: Event, now: datetime) -> Component:
    component = Component()
    component.add("uid", uid)
    component.add("dtstamp", now.astimezone(UTC))
    component.add("dtstart", _local(event.start, event.zone))
    component.add("dtend", _local(event.end, event.zone))
    for name, text in (
        ("summary", event.title),
        ("description", event.description),
        ("location", event.location),
    ):
        if text:
            component.add(name, clean(text))
    if event.visibility is not Visibility.DEFAULT:
        component.add("class", event.visibility.value.upper())
    for one in event.attendees:
        component.add("attendee", _attendee(one.email, one.name, _PARTSTAT[one.response]), encode=False)
    return component


def clean(text: str) -> str:
    """Return a text without characters that end lines or have no place in one; line ends are those of Unix."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _attendee(email: str, name: str, status: str) -> Any:
    address = vCalAddress(f"mailto:{clean(email)}".replace("\n", ""))
    if name:
        # A parameter's value can hold neither quotes nor line ends, in any escape.
        address.params["CN"] = clean(name).replace("\n", " ").replace('"', "'")
    address.params["PARTSTAT"] = status
    return address


def _add_rule(master: Component, line: str) -> None:
    """Add a line such as RRULE:FREQ=DAILY as the library understands it, and nothing that it does not."""
    if "\n" in line or "\r" in line:
        return
    parsed = Component.from_ical(f"BEGIN:VEVENT\r\n{line}\r\nEND:VEVENT\r\n")
    for name in ("RRULE", "EXDATE", "RDATE", "EXRULE"):
        if name in parsed:
            master.add(name, parsed[name], encode=False)


def _local(moment: date | datetime, zone: str) -> date | datetime:
    """Return a time as a clock in the event's zone shows it: a series repeats by that clock."""
    if not isinstance(moment, datetime):
        return moment
    return moment.astimezone(known_zone(zone) or UTC)
