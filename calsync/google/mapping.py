"""Google's event resource and our Event, in both directions, without I/O.

Google's description is HTML that is sometimes plain text; ours is text. Times are compared as instants, so
that Google's rendering in the calendar's zone is no change.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from calsync.model.errors import Unmappable
from calsync.model.event import (
    ANSWER,
    EARLIEST_YEAR,
    LATEST_YEAR,
    REDACTED_FIELDS,
    Attendee,
    Event,
    Response,
    Visibility,
    clean_text,
    exception_key,
    sort_attendees,
)
from calsync.model.permission import Access, Level
from calsync.model.recurrence import (
    clean_rules,
    known_zone,
    occurrence_key,
    with_utc_until,
)
from calsync.model.side import Item
from calsync.model.zones import iana_name

Resource = Mapping[str, Any]

#: What is asked of Google: nothing that is not used. Without the two tokens the listing would lose them.
ITEM_FIELDS = (
    "id,etag,status,summary,description,location,start,end,recurrence,recurringEventId,originalStartTime,"
    "attendees(email,displayName,responseStatus),organizer(email,self),guestsCanModify,reminders,visibility,"
    "eventType,iCalUID,created,updated,extendedProperties/private"
)
LIST_FIELDS = f"nextPageToken,nextSyncToken,items({ITEM_FIELDS})"

#: Private extended properties of our copies: the key of the original, and its authentication.
MARKER, MARKER_MAC = "calsync", "calsyncMac"

#: Entries that say where or who, not what happens: they take no place in a CRM calendar.
IGNORED_TYPES = frozenset({"birthday", "workingLocation"})

#: Entries of which Google refuses most changes, or that mean more to Google than an event holds: they come to the
#: CRM, and are never written. Their version begins with their type, so that a write knows without a look.
READ_ONLY_TYPES = frozenset({"fromGmail", "focusTime", "outOfOffice"})

_RESPONSES = {
    "needsAction": Response.NEEDS_ACTION,
    "accepted": Response.ACCEPTED,
    "tentative": Response.TENTATIVE,
    "declined": Response.DECLINED,
}
_TO_RESPONSE = {ours: google for google, ours in _RESPONSES.items()}
_VISIBILITIES = {
    "public": Visibility.PUBLIC,
    "private": Visibility.PRIVATE,
    "confidential": Visibility.PRIVATE,
}

_CONFERENCE = re.compile(r"-::~:~::~.*?::~:~::-", re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>\n?|</(?:p|div|li)>\n?", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")

MAX_DESCRIPTION = 8192
MAX_REMINDERS, MAX_REMINDER_MINUTES = 5, 40_320


def to_item(resource: Resource, whole: bool) -> Item:
    """Return a resource as an item; its marker is not verified yet, and its meeting has no number.

    `whole`: exceptions that do not come beside it do not exist. An exception becomes an item of its series.
    Never raises for odd data: the item then says what its problem is.
    """
    series = resource.get("recurringEventId")
    try:
        if series:
            return _exception(series, resource)
        return _master(resource, whole)
    except Unmappable as error:
        problem = str(error)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        problem = f"the event has an unexpected shape ({type(error).__name__})"
    return Item(series or resource.get("id", ""), "" if series else resource.get("etag", ""), problem=problem)


def _exception(series: str, resource: Resource) -> Item:
    original = resource.get("originalStartTime")
    if not original:
        raise Unmappable("an exception of a series without its original start")
    key = occurrence_key(_moment(original))
    moved = None if resource.get("status") == "cancelled" else to_event(resource)
    return Item(series, exceptions={key: moved}, partial=True, modified=_timestamp(resource.get("updated")))


def _master(resource: Resource, whole: bool) -> Item:
    key, version = resource["id"], resource.get("etag", "")
    updated = resource.get("updated", "")
    if resource.get("status") == "cancelled":
        return Item(key, version, _last_known(resource), gone=True, modified=_timestamp(updated))
    kind = resource.get("eventType", "default")
    if kind in IGNORED_TYPES:
        return Item(key, version, access=Access(Level.NONE, f"Google event type {kind}"))
    if kind in READ_ONLY_TYPES:
        version = f"{kind} {version}"
    event = to_event(resource)
    untouched = bool(updated) and resource.get("created", "")[:19] == updated[:19]
    properties = resource.get("extendedProperties")
    return Item(
        key,
        version,
        event,
        access=_guests_access(resource),
        partial=bool(event.recurrence) and not whole,
        modified=_timestamp(updated),
        marker=_marker(properties) if properties else "",
        ical_uid=resource.get("iCalUID", ""),
        untouched=untouched,
    )


#: What a guest may do with the copy of a meeting: answer, and what concerns only this copy (google.md A-01, A-06).
_GUEST = Access(Level.READ, "organised by somebody else")

#: What they may if the organiser lets them: all but cancel it, since without their copy the meeting still takes place.
_EDITING_GUEST = Access(Level.EDIT, "organised by somebody else, who lets guests edit it")


def _guests_access(resource: Resource) -> Access | None:
    """Return what the person may do when the event is not theirs; None when they may do everything."""
    organizer = resource.get("organizer")
    if not organizer or organizer.get("self"):
        return None
    return _EDITING_GUEST if resource.get("guestsCanModify") else _GUEST


def meeting_name(resource: Resource) -> str:
    """Return what names a meeting on the calendars of all participants; "" for an event without others.

    Copies of one meeting have their iCalUID and organiser in common (google.md A-26).
    """
    organizer = resource.get("organizer") or {}
    others = resource.get("attendees") or (organizer and not organizer.get("self"))
    uid, email = resource.get("iCalUID"), organizer.get("email", "")
    return f"{uid}\0{email.lower()}" if others and uid and email else ""


def read_only_type(version: str) -> str:
    """Return the type of an event that is never written, or "" for all others."""
    kind = version.partition(" ")[0]
    return kind if kind in READ_ONLY_TYPES else ""


def _last_known(resource: Resource) -> Event | None:
    """Return what a deleted event was, where Google still tells (google.md L-27)."""
    try:
        return to_event(resource) if "start" in resource else None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def _marker(properties: Resource) -> str:
    private = properties.get("private") or {}
    marker = private.get(MARKER)
    return f"{private.get(MARKER_MAC, '')}:{marker}" if marker else ""


def to_event(resource: Resource) -> Event:
    """Return the event of a resource; Unmappable when it has no usable time or rule."""
    get = resource.get
    start, end = get("start"), get("end")
    if not start or not end:
        raise Unmappable("the event has no start or no end")
    begins, ends = _moment(start), _moment(end)
    _check_times(begins, ends)
    recurrence, attendees = get("recurrence"), get("attendees")
    zone = iana_name(start.get("timeZone", "")) if isinstance(begins, datetime) else ""
    if recurrence and zone and known_zone(zone) is None:
        raise Unmappable("the series repeats in a time zone that this machine does not know; update tzdata")
    return Event(
        clean_text(get("summary")).replace("\n", " "),
        begins,
        ends,
        zone,
        to_text(get("description")),
        clean_text(get("location")),
        clean_rules(recurrence) if recurrence else (),
        _attendees(attendees) if attendees else (),
        _reminders(get("reminders")),
        _VISIBILITIES.get(get("visibility", ""), Visibility.DEFAULT),
    )


def _check_times(begins: date | datetime, ends: date | datetime) -> None:
    if begins.year < EARLIEST_YEAR or ends.year > LATEST_YEAR:
        raise Unmappable(f"the event does not lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    if isinstance(begins, datetime) != isinstance(ends, datetime):
        raise Unmappable("the event starts with a date and ends with a time, or the reverse")
    if ends < begins:
        raise Unmappable("the event ends before it starts")
    if ends == begins and not isinstance(begins, datetime):
        raise Unmappable("the all-day event has no length")


def _moment(value: Resource) -> date | datetime:
    text = value.get("dateTime")
    if text:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise Unmappable("a time has no offset")
        return moment.astimezone(UTC).replace(microsecond=0) if moment.microsecond else moment.astimezone(UTC)
    day = value.get("date")
    if not day:
        raise Unmappable("a time has neither date nor dateTime")
    return date.fromisoformat(day)


def _timestamp(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _attendees(people: list[Resource]) -> tuple[Attendee, ...]:
    found = []
    for person in people:
        email = person.get("email", "").strip().lower()
        if email:
            response = _RESPONSES.get(person.get("responseStatus", ""), Response.NEEDS_ACTION)
            found.append(Attendee(email, person.get("displayName", ""), response))
    return sort_attendees(found)


def _reminders(reminders: Resource | None) -> tuple[int, ...] | None:
    if not reminders or reminders.get("useDefault", False):
        return None
    return tuple(sorted({int(override["minutes"]) for override in reminders.get("overrides") or []}))


def to_text(description: str | None) -> str:
    """Return Google's description as text: conference blocks and markup removed, entities resolved."""
    if not description:
        return ""
    if "-::~:~::~" in description:
        description = _CONFERENCE.sub("", description)
    if "<" in description or "&" in description:
        description = html.unescape(_TAG.sub("", _BREAK.sub("\n", description)))
    return clean_text(description)


def from_text(text: str) -> str:
    """Return text as a description that Google shows, and returns, as that text; cut where it takes no more."""
    if to_text(text) == text:
        return text[:MAX_DESCRIPTION]
    escaped = html.escape(text, quote=False)
    return escaped if len(escaped) <= MAX_DESCRIPTION else from_text(text[: len(text) * 9 // 10])


def body_of(event: Event, fields: frozenset[str], guests: bool) -> dict[str, Any]:
    """Return the part of a resource that carries `fields`; exceptions are not part of it.

    Guests are left out unless `guests`; a redacted event gives nothing but its times.
    """
    if event.redacted:
        fields = fields - REDACTED_FIELDS - {"visibility"}
    if not guests:
        fields = fields - {"attendees"}
    body: dict[str, Any] = {}
    for name in fields - {ANSWER}:
        if exception_key(name) is None:
            body.update(_WRITERS[name](event))
    return body


def _time_body(event: Event, moment: date | datetime) -> dict[str, Any]:
    # A patch merges objects, so the other kind of time is cleared by name.
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat(), "dateTime": None, "timeZone": None}
    zone = event.zone or ("UTC" if event.recurrence else "")
    text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"dateTime": text, "date": None} | ({"timeZone": zone} if zone else {})


def _attendees_body(event: Event) -> dict[str, Any]:
    people = [
        {"email": person.email, "responseStatus": _TO_RESPONSE[person.response]}
        | ({"displayName": person.name} if person.name else {})
        for person in event.attendees
    ]
    return {"attendees": people}


def as_shown(event: Event, guests: bool) -> Event:
    """Return an event as Google shows it once `body_of` and the bodies of its exceptions were written.

    A series has a zone, which its occurrences share; guests are there only if they are written.
    """
    zone = event.zone or ("UTC" if event.recurrence and not event.all_day else "")
    moved = {
        key: part and replace(part, zone=part.zone or zone, attendees=part.attendees if guests else ())
        for key, part in event.exceptions.items()
    }
    return replace(event, zone=zone, attendees=event.attendees if guests else (), exceptions=moved)


def answer_body(event: Event, address: str) -> dict[str, Any]:
    """Return the part of a resource that changes one attendee's answer and nobody else's (google.md A-06)."""
    own = [person for person in event.attendees if person.email == address]
    if not own:
        return {}
    return {
        "attendees": [{"email": address, "responseStatus": _TO_RESPONSE[own[0].response]}],
        "attendeesOmitted": True,
    }


def with_known(body: dict[str, Any], known: list[Resource]) -> dict[str, Any]:
    """Return a body whose guests keep all that Google knows of them, their answers first of all."""
    there = {person.get("email", "").lower(): dict(person) for person in known}
    return body | {"attendees": [there.get(person["email"], person) for person in body["attendees"]]}


def _reminders_body(event: Event) -> dict[str, Any]:
    if event.reminders is None:
        return {"reminders": {"useDefault": True, "overrides": []}}
    minutes = [minute for minute in event.reminders if 0 <= minute <= MAX_REMINDER_MINUTES][:MAX_REMINDERS]
    overrides = [{"method": "popup", "minutes": minute} for minute in minutes]
    return {"reminders": {"useDefault": False, "overrides": overrides}}


_WRITERS: Mapping[str, Callable[[Event], dict[str, Any]]] = {
    "title": lambda event: {"summary": event.title},
    "start": lambda event: {"start": _time_body(event, event.start)},
    "end": lambda event: {"end": _time_body(event, event.end)},
    "description": lambda event: {"description": from_text(event.description)},
    "location": lambda event: {"location": event.location},
    "recurrence": lambda event: {
        "recurrence": [with_utc_until(line, event.start, event.zone) for line in event.recurrence]
    },
    "attendees": _attendees_body,
    "reminders": _reminders_body,
    "visibility": lambda event: {"visibility": event.visibility.value},
}


def without_nulls(body: Resource) -> dict[str, Any]:
    """Return a body fit for insert, which has nothing to clear."""
    return {
        name: {part: inner for part, inner in value.items() if inner is not None}
        if isinstance(value, dict)
        else value
        for name, value in body.items()
        if value not in (None, "", [])
    }
