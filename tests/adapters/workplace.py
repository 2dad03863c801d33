"""A CalDAV server as its people see it through other clients; the example of an adapter makes it a CRM."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import icalendar
import requests

from calsync.sandbox.opencrm.sections import toml
from calsync.sandbox.standin import Moved
from calsync.sandbox.workplace import Trait
from tests.adapters.radicale import PASSWORD, install, radicale

#: The adapter knows its users from the configuration: so many are there from the beginning.
LOGINS = tuple(f"p{number}" for number in range(120))

_ZONE = ZoneInfo("Europe/London")
_TEXTS = {"title": "SUMMARY", "description": "DESCRIPTION", "location": "LOCATION"}
_RULES = ("RRULE", "EXDATE", "RDATE")
_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
_QUERY = (
    '<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data/>'
    '</prop><c:filter><c:comp-filter name="VCALENDAR"/></c:filter></c:calendar-query>'
)


class Dav:
    """Radicale with calendars for all whom somebody may want to hire."""

    backend = "caldav"
    traits = frozenset(Trait) - {Trait.GUESTS, Trait.OWNERS, Trait.CANCELS}

    def __init__(self):
        self._ending = ExitStack()
        self._left = list(LOGINS)
        self._made = 0

    def open(self, stage):
        """Start the server, and let this process and the daemon find the adapter."""
        directory = Path(self._ending.enter_context(tempfile.TemporaryDirectory(prefix="calsync-dav-")))
        install(directory)
        sys.path.insert(0, str(directory))
        self._ending.callback(sys.path.remove, str(directory))
        stage.environment["PYTHONPATH"] = ":".join(filter(None, sys.path))
        self.url = self._ending.enter_context(radicale(directory, LOGINS))
        self._http = self._ending.enter_context(requests.Session())

    def close(self):
        self._ending.close()

    def configuration(self, files):
        (files / "caldav.passwords").write_text("".join(f"{who}:{PASSWORD.format(who)}\n" for who in LOGINS))
        users = {login: f"{login}@example.com" for login in LOGINS}
        options = {"url": f"{self.url}{{login}}/calendar/", "passwords_file": "caldav.passwords"}
        return toml("crm.caldav", options | {"users": users})

    def login(self, name):
        """Return a login of those that there are."""
        return self._left.pop(0)

    def hire(self, user, email, options=()):
        assert user in LOGINS

    # -- events ----------------------------------------------------------------------------------------

    def events(self, user):
        report = ElementTree.fromstring(self._send(user, "REPORT", "", _QUERY, Depth="1").content)
        parts = [(part.findtext("{DAV:}href"), part) for part in report.findall("{DAV:}response")]
        return [
            _document(
                user, href.rsplit("/", 1)[-1], part.findtext(".//{DAV:}getetag"), part.findtext(f".//{_DATA}")
            )
            for href, part in parts
        ]

    def event(self, user, key):
        answer = self._send(user, "GET", key)
        return _document(user, key, answer.headers["ETag"], answer.text) if answer.ok else None

    def add(self, user, body):
        self._made += 1
        key = f"by-hand-{self._made}.ics"
        calendar = icalendar.Calendar({"VERSION": "2.0", "PRODID": "phone"})
        calendar.add_component(icalendar.Event({"UID": key}))
        return self._put(user, key, calendar, body, {"If-None-Match": "*"})

    def edit(self, user, key, changes, seen=""):
        answer = self._send(user, "GET", key)
        if not answer.ok:
            raise Moved
        calendar = icalendar.Calendar.from_ical(answer.text)
        return self._put(user, key, calendar, changes, {"If-Match": seen or answer.headers["ETag"]})

    def delete(self, user, key, seen=""):
        if not self._send(user, "DELETE", key, **({"If-Match": seen} if seen else {})).ok:
            raise Moved

    def overtaken(self):
        """Return nothing: the server compares versions itself."""
        return set()

    def _put(self, user, key, calendar, body, condition):
        master = min(calendar.walk("VEVENT"), key=lambda entry: "RECURRENCE-ID" in entry)
        for exception in body.get("exceptions", ()):
            _except(calendar, master, exception)
        if "title" in body:
            _rename_dates(calendar, master, body["title"])
        _fill(master, {name: value for name, value in body.items() if name != "exceptions"})
        calendar.add_missing_timezones()
        if not self._send(user, "PUT", key, calendar.to_ical(), **condition).ok:
            raise Moved
        return self.event(user, key)

    def _send(self, user, method, key, body=None, **headers):
        auth = (user.encode(), PASSWORD.format(user).encode())
        url = f"{self.url}{user}/calendar/{quote(key)}"
        return self._http.request(method, url, data=body, headers=headers, auth=auth, timeout=20)


# -- two languages -----------------------------------------------------------------------------------------


def _fill(entry, body):
    """Give a VEVENT what a body says."""
    now = datetime.now(_ZONE)
    changes = {"DTSTAMP": now, "LAST-MODIFIED": now}
    changes |= {_TEXTS[name]: body[name] for name in _TEXTS if name in body}
    zone = ZoneInfo(body.get("time_zone") or "Europe/London")
    if "start" in body:
        changes |= {"DTSTART": _moment(body["start"], zone), "DTEND": _moment(body["end"], zone)}
    if "recurrence" in body:
        lines = ("BEGIN:VEVENT", *body["recurrence"], "END:VEVENT")
        rules = icalendar.Event.from_ical("\r\n".join(lines))
        changes |= {name: rules.get(name) for name in _RULES}
    unknown = body.keys() - {*_TEXTS, "start", "end", "time_zone", "all_day", "recurrence", "original_start"}
    if unknown:
        raise ValueError(f"a CalDAV server knows no {unknown.pop()}")
    for name, value in changes.items():
        entry.pop(name, None)
        if value:
            entry.add(name, value)


def _except(calendar, master, body):
    """Change one date of a series."""
    entry = icalendar.Event({"UID": master["UID"]})
    entry.add("RECURRENCE-ID", _moment(body["original_start"], ZoneInfo("UTC")))
    _fill(entry, {"title": str(master.get("SUMMARY", ""))} | body)
    calendar.add_component(entry)


def _rename_dates(calendar, master, title):
    """Give the changed dates of a series its new name, as clients do, unless they have one of their own."""
    for entry in calendar.walk("VEVENT"):
        if entry is not master and entry.get("SUMMARY") == master.get("SUMMARY"):
            _fill(entry, {"title": title})


def _moment(text, zone):
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text).astimezone(zone)


def _document(user, key, etag, text):
    master, *others = sorted(
        icalendar.Calendar.from_ical(text).walk("VEVENT"), key=lambda entry: "RECURRENCE-ID" in entry
    )
    rules = [line for line in master.content_lines() if line.startswith(_RULES)]
    return _content(master) | {
        "id": key,
        "recurrence": [str(line) for line in rules],
        "exceptions": [_exception(entry) for entry in others],
        "owner": user,
        "attendees": [],
        "version": etag,
    }


def _content(entry):
    start = entry["DTSTART"].dt
    end = entry["DTEND"].dt if "DTEND" in entry else start + timedelta(days=1)
    whole = not isinstance(start, datetime)
    texts = {name: str(entry.get(field, "")) for name, field in _TEXTS.items()}
    return texts | {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "all_day": whole,
        "time_zone": None if whole else str(entry["DTSTART"].params.get("TZID", "UTC")),
        "security": "private" if entry.get("CLASS") == "PRIVATE" else "public_read",
    }


def _exception(entry):
    original = {"original_start": entry["RECURRENCE-ID"].dt.isoformat()}
    return original | ({"cancelled": True} if entry.get("STATUS") == "CANCELLED" else _content(entry))
