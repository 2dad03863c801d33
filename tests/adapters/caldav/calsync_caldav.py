"""A CalDAV server (RFC 4791, with the sync reports of RFC 6578) as the CRM: a whole adapter.

[crm.caldav]
url = "https://dav.example.com/{login}/calendar/"
passwords_file = "caldav.passwords"      # lines of LOGIN:PASSWORD
users = { ana = "ana@example.com" }      # login = the Google account to expect
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import icalendar
import requests

from calsync.crm.careful import CarefulSide
from calsync.crm.port import ZONE, Capabilities, CrmPerson
from calsync.model import recurrence
from calsync.model.errors import CalendarLost, CursorExpired, Later, Refused, Stale
from calsync.model.event import FIELDS, Event, Visibility, clean_text, to_utc
from calsync.model.permission import Access, Level, Relation
from calsync.model.side import Item, Page
from calsync.model.zones import iana_name

MARKER, DAV, SECOND = "X-CALSYNC-ORIGINAL", "{DAV:}", timedelta(microseconds=999_999)
OWN = Access(Level.DELETE, "own calendar", frozenset({Relation.MINE}))
TEXTS = {"title": "SUMMARY", "description": "DESCRIPTION", "location": "LOCATION"}
RULES = ("RRULE", "RDATE", "EXDATE")
CHANGES = """<sync-collection xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><sync-token>%s</sync-token>
<sync-level>1</sync-level><prop><getetag/><C:calendar-data/></prop></sync-collection>"""


class CalDav:
    """The backend: who the users are, and the calendar of each."""

    # Guests and reminders stay on the other side. An hour that the clock shows twice is written without its zone.
    capabilities = Capabilities(keeps=Capabilities().keeps - {"attendees", "reminders", ZONE})

    def __init__(self, context):
        self.url, self.users, self.clock = context.options["url"], context.options["users"], context.clock
        self.passwords = dict(line.split(":", 1) for line in context.secret("passwords_file").splitlines())

    def people(self):
        return [CrmPerson(login, email, login) for login, email in sorted(self.users.items())]

    def person(self, login):
        return next((person for person in self.people() if person.login == login), None)

    def side(self, login):
        return CarefulSide(Calendar(self, login), self.capabilities)

    def wakes(self, cursor):
        return frozenset(), "none"

    def check(self):
        for login in list(self.users)[:1]:
            Calendar(self, login).send("OPTIONS", "")

    def router(self):
        return None


class Calendar:
    """The records of one person. A key is the last part of an address; a version is an etag."""

    def __init__(self, backend, login):
        self.clock, self.calls = backend.clock, 0
        self.root = backend.url.format(login=quote(login, safe=""))
        self.http = requests.Session()
        self.http.auth = (login.encode(), backend.passwords.get(login, "").encode())

    def access_version(self):
        return ""

    def send(self, method, key, body=None, **headers):
        """Send a request; what ends the whole account is raised, the rest is for the caller."""
        self.calls += 1
        url = self.root + quote(key, safe="")
        headers |= {"Content-Type": f"text/{'xml' if method == 'REPORT' else 'calendar'}; charset=utf-8"}
        try:
            answer = self.http.request(method, url, data=body and body.encode(), headers=headers, timeout=30)
        except requests.RequestException as error:
            raise Later(f"CalDAV {method}: {type(error).__name__}") from None
        status, what = answer.status_code, f"CalDAV {method}: {answer.status_code}"
        if status == 429 or status >= 500:
            after = answer.headers.get("Retry-After", "")
            raise Later(what, float(after) if after.isdigit() else None)
        if status in (401, 403, 404 if method == "REPORT" else 0) and "valid-sync-token" not in answer.text:
            raise CalendarLost(f"{what}; check url, login and password")
        if status >= 400 and status != 404:
            raise Stale(what) if status in (409, 412) else Refused(what)
        return answer

    def changes(self, cursor):
        try:
            answer = self.send("REPORT", "", CHANGES % (cursor or ""))
        except (Refused, Stale):
            raise CursorExpired("CalDAV REPORT: the sync token is no use") from None
        report = ElementTree.fromstring(answer.content)
        items = map(reported, report.findall(DAV + "response"))
        yield Page(list(items), report.findtext(DAV + "sync-token"), complete=cursor is None)

    def get(self, key):
        answer = self.send("GET", key) if key.endswith(".ics") else None
        return to_item(key, answer.headers["ETag"], answer.text) if answer is not None and answer.ok else None

    def find(self, marker):
        return self.get(sha256(marker.encode()).hexdigest()[:40] + ".ics")

    def add(self, marker, event):
        uid = sha256((marker or str(self.clock())).encode()).hexdigest()[:40]
        calendar = icalendar.Calendar({"VERSION": "2.0", "PRODID": "calsync"})
        calendar.add_component(icalendar.Event({"UID": uid, MARKER: marker}))
        item = self.put(f"{uid}.ics", calendar, event, FIELDS, **{"If-None-Match": "*"})
        return replace(item, untouched=True)

    def change(self, there, event, names):
        calendar = icalendar.Calendar.from_ical(self.send("GET", there.key).text)
        return self.put(there.key, calendar, event, names, **{"If-Match": there.version})

    def remove(self, there):
        self.send("DELETE", there.key, **{"If-Match": there.version})

    def put(self, key, calendar, event, names, **headers):
        """Store a calendar object with an event's fields `names` and its exceptions."""
        master = min(calendar.walk("VEVENT"), key=lambda entry: "RECURRENCE-ID" in entry)
        fill(master, event, names, self.clock())
        calendar.subcomponents = [master]
        for original, moved in event.exceptions.items():
            start = recurrence.occurrence_start(original)
            entry = icalendar.Event({"UID": master["UID"]} | ({} if moved else {"STATUS": "CANCELLED"}))
            entry.add("RECURRENCE-ID", local(start, event.zone))
            fill(entry, moved or replace(event, start=start, end=start, recurrence=()), FIELDS, self.clock())
            calendar.add_component(entry)
        calendar.add_missing_timezones()
        self.send("PUT", key, calendar.to_ical().decode(), **headers)
        return self.get(key) or Item(key, gone=True)


def reported(part):
    key = unquote(part.findtext(DAV + "href").rstrip("/").rsplit("/", 1)[-1])
    data = part.findtext(".//{urn:ietf:params:xml:ns:caldav}calendar-data")
    return to_item(key, part.findtext(f".//{DAV}getetag"), data) if data else Item(key, gone=True)


def to_item(key, etag, text):
    """Return a calendar object as an item, changed at the end of its second: a tie with Google goes to the CRM."""
    try:
        calendar = icalendar.Calendar.from_ical(text)
        master, *others = sorted(calendar.walk("VEVENT"), key=lambda entry: "RECURRENCE-ID" in entry)
        found = {}
        for entry in others:
            day = entry["RECURRENCE-ID"].dt
            original = recurrence.occurrence_key(to_utc(day) if isinstance(day, datetime) else day)
            found[original] = None if entry.get("STATUS") == "CANCELLED" else to_event(entry)
        event = to_event(master).with_exceptions(found)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        return Item(key, etag, problem=f"the entry cannot be understood ({type(error).__name__})", access=OWN)
    marker, modified = str(master.get(MARKER, "")), master.LAST_MODIFIED and master.LAST_MODIFIED + SECOND
    return Item(key, etag, event, modified=modified, marker=marker, untouched=False, access=OWN)


def to_event(entry):
    start, zone = entry["DTSTART"].dt, ""
    end = entry["DTEND"].dt if "DTEND" in entry else start + entry["DURATION"].dt
    if isinstance(start, datetime):
        start, end, zone = to_utc(start), to_utc(end), iana_name(entry["DTSTART"].params.get("TZID", "UTC"))
    title, description, location = (clean_text(entry.get(name)) for name in TEXTS.values())
    rules = recurrence.clean_rules([str(line) for line in entry.content_lines() if line.startswith(RULES)])
    private = entry.get("CLASS") in ("PRIVATE", "CONFIDENTIAL")
    head = (title.replace("\n", " "), start, end, zone or "", description, location, rules)
    return Event(*head, visibility=Visibility.PRIVATE if private else Visibility.DEFAULT)


def local(moment, zone):
    """Return a start as it is written: a day, or a time of its zone; in UTC when the clock shows it a second time."""
    there = moment.astimezone(recurrence.known_zone(zone) or UTC) if isinstance(moment, datetime) else moment
    return moment if getattr(there, "fold", 0) else there


def fill(entry, event, names, now):
    """Give a VEVENT the properties of these fields; what other programs have put there stays."""
    new = {"DTSTAMP": now, "LAST-MODIFIED": now}
    new |= {TEXTS[name]: getattr(event, name) for name in TEXTS if name in names}
    if {"start", "end"}.intersection(names):
        start, end = local(event.start, event.zone), local(event.end, event.zone)
        new |= {"DTSTART": start, "DTEND": end, "DURATION": None}
    if "visibility" in names:
        new["CLASS"] = "PRIVATE" if event.visibility is Visibility.PRIVATE else "PUBLIC"
    if "recurrence" in names:
        lines = (recurrence.with_utc_until(line, event.start, event.zone) for line in event.recurrence)
        rules = icalendar.Event.from_ical("\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT")))
        new |= {name: rules.get(name) for name in RULES}
    for name, value in new.items():
        entry.pop(name, None)
        if value:
            entry.add(name, value)
