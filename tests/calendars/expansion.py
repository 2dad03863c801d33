"""What takes place when, computed by recurring-ical-events: a second opinion that shares no code with ours.

An occurrence is (start, end, title, all_day). Instants are in UTC. The same rules hold for a file and for what
Google holds, and they are all there are:

* Titles in the model's normal form: one line, no control characters, no space at either end.
* A time without zone is in the file's X-WR-TIMEZONE, else in the calendar's own zone; a series in UTC repeats
  in X-WR-TIMEZONE where the file has one (both are what the package x-wr-timezone does).
* An all-day event whose DTEND is not after its DTSTART takes one day (RFC 5545 gives it that without DTEND).
* What is cancelled does not take place.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar

from calsync.model.event import clean_text


class Occurrence(NamedTuple):
    """One entry of a calendar as people see it."""

    start: str
    end: str
    title: str
    all_day: bool


def of_file(text: str, first: date, last: date, zone: str, without: Iterable[str] = ()) -> list[Occurrence]:
    """Return what a file says for the days [first, last), leaving out the UIDs in `without`."""
    calendar, left_out = Calendar.from_ical(text), set(without)
    calendar.subcomponents = [
        part for part in calendar.subcomponents if str(part.get("UID", "")) not in left_out
    ]
    for event in calendar.walk("VEVENT"):
        start, end = event["DTSTART"].dt, event["DTEND"].dt if "DTEND" in event else None
        if start == end and not isinstance(start, datetime):
            del event["DTEND"]
    return _expanded(calendar, first, last, zone)


def of_google(resources: list[dict[str, Any]], first: date, last: date, zone: str) -> list[Occurrence]:
    """Return what Google's resources say for the days [first, last)."""
    exceptions: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        exceptions.setdefault(resource.get("recurringEventId", ""), []).append(resource)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    for resource in exceptions.get("", []):
        if resource["status"] != "cancelled" and _is_usable(resource):
            lines += _lines(resource, exceptions.get(resource["id"], []))
    lines.append("END:VCALENDAR")
    return _expanded(Calendar.from_ical("\r\n".join(lines)), first, last, zone)


def of_crm(documents: list[dict[str, Any]], first: date, last: date, zone: str) -> list[Occurrence]:
    """Return what the CRM's events say for the days [first, last)."""
    resources = []
    for document in documents:
        master = _resource(document, document["time_zone"])
        resources.append(master | {"id": document["id"], "recurrence": document["recurrence"]})
        for exception in document["exceptions"]:
            original = _time(exception["original_start"], document["time_zone"])
            part = {"recurringEventId": document["id"], "originalStartTime": original, "id": ""}
            if exception.get("cancelled"):
                resources.append(part | {"status": "cancelled"})
            else:
                whole = {"title": document["title"], **exception}
                resources.append(part | _resource(whole, document["time_zone"]))
    return of_google(resources, first, last, zone)


def _resource(document: dict[str, Any], zone: str | None) -> dict[str, Any]:
    times = {name: _time(document[name], zone) for name in ("start", "end")}
    return {"status": "confirmed", "summary": document["title"], **times}


def _time(text: str, zone: str | None) -> dict[str, str]:
    return {"date": text} if len(text) == 10 else {"dateTime": text, "timeZone": zone or "UTC"}


def first_day(text: str, without: Iterable[str] = ()) -> date:
    """Return the day of a file's first event, leaving out the UIDs in `without`."""
    left_out = set(without)
    events = Calendar.from_ical(text).walk("VEVENT")
    return min(_day(event["DTSTART"].dt) for event in events if str(event.get("UID", "")) not in left_out)


def two_years_from(day: date) -> date:
    """Return the same day two years later (1 March after 29 February)."""
    return date(day.year + 2, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=day.year + 2)


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _is_usable(resource: dict[str, Any]) -> bool:
    return bool(resource.get("start") and resource.get("end"))


def _expanded(calendar: Calendar, first: date, last: date, zone: str) -> list[Occurrence]:
    found = recurring_ical_events.of(calendar).between(first - timedelta(days=40), last + timedelta(days=2))
    shown = [
        _occurrence(event, zone) for event in found if str(event.get("STATUS", "")).upper() != "CANCELLED"
    ]
    return sorted(one for one in shown if first.isoformat() <= one.start[:10] < last.isoformat())


def _occurrence(event: Any, zone: str) -> Occurrence:
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    title = clean_text(str(event.get("SUMMARY", ""))).replace("\n", " ")
    if not isinstance(start, datetime):
        return Occurrence(start.isoformat(), end.isoformat(), title, True)
    return Occurrence(_instant(start, zone), _instant(end, zone), title, False)


def _instant(moment: datetime, zone: str) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return aware.astimezone(UTC).isoformat(timespec="minutes")


def _lines(master: dict[str, Any], exceptions: list[dict[str, Any]]) -> list[str]:
    lines = ["BEGIN:VEVENT", f"UID:{master['id']}", *_times(master), *master.get("recurrence", [])]
    lines += [
        _stamp("EXDATE", one["originalStartTime"]) for one in exceptions if one["status"] == "cancelled"
    ]
    lines.append("END:VEVENT")
    for one in exceptions:
        if one["status"] != "cancelled":
            original = _stamp("RECURRENCE-ID", one["originalStartTime"])
            lines += ["BEGIN:VEVENT", f"UID:{master['id']}", original, *_times(one), "END:VEVENT"]
    return lines


def _times(resource: dict[str, Any]) -> list[str]:
    title = resource.get("summary", "")
    for char, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        title = title.replace(char, escaped)
    return [f"SUMMARY:{title}", _stamp("DTSTART", resource["start"]), _stamp("DTEND", resource["end"])]


def _stamp(name: str, value: dict[str, Any]) -> str:
    if "date" in value:
        return f"{name};VALUE=DATE:{value['date'].replace('-', '')}"
    moment, zone = datetime.fromisoformat(value["dateTime"]), value.get("timeZone", "UTC")
    if zone == "UTC":
        return f"{name}:{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{name};TZID={zone}:{moment.astimezone(ZoneInfo(zone)):%Y%m%dT%H%M%S}"
