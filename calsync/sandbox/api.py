"""Calendar API v3: which request does what to the world."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from calsync.sandbox import answers, kinds, mails
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.calendar_list import entry_of, list_calendars, summary_of
from calsync.sandbox.listing import list_events, list_instances, view_of
from calsync.sandbox.masks import event_mask, parse_mask, project
from calsync.sandbox.queries import Query
from calsync.sandbox.resources import read
from calsync.sandbox.rows import Body, Row
from calsync.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the calendar API. `parts`: the path below /calendar/v3/, already decoded part by part."""

    method: str
    parts: tuple[str, ...]
    query: Query
    headers: Mapping[str, str]
    body: bytes = b""

    def document(self) -> Body:
        """Return the JSON body; ApiError 400 when it is none."""
        try:
            document = json.loads(self.body or b"{}")
        except ValueError:
            raise answers.bad("parseError", "Parse Error") from None
        if not isinstance(document, dict):
            raise answers.bad("parseError", "Parse Error")
        return document

    @property
    def if_match(self) -> str:
        """The version that the caller expects, or ""."""
        return self.headers.get("if-match", "")

    @property
    def send_updates(self) -> str:
        """Whom Google should mail, as the caller says; "" when nothing is said."""
        if "sendUpdates" not in self.query and self.query.flag("sendNotifications"):
            return "all"
        return self.query.get("sendUpdates")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: JSON bytes, or nothing."""

    status: int
    body: bytes = b""
    etag: str = ""
    kind: str = "application/json; charset=UTF-8"


_VARIABLE: dict[tuple[str, ...], tuple[int, ...]] = {("calendars",): (1, 3), ("users",): (3,)}
_OPERATIONS = {
    "GET users/me/calendarList": "calendarList.list",
    "GET users/me/calendarList/*": "calendarList.get",
    "GET calendars/*": "calendars.get",
    "GET calendars/*/events": "events.list",
    "POST calendars/*/events": "events.insert",
    "POST calendars/*/events/import": "events.import",
    "GET calendars/*/events/*": "events.get",
    "PUT calendars/*/events/*": "events.update",
    "PATCH calendars/*/events/*": "events.patch",
    "DELETE calendars/*/events/*": "events.delete",
    "GET calendars/*/events/*/instances": "events.instances",
    "POST calendars/*/events/*/move": "events.move",
}
WRITES = frozenset(
    ["events.insert", "events.import", "events.update", "events.patch", "events.delete", "events.move"]
)


def operation_of(method: str, parts: tuple[str, ...]) -> str:
    """Return the name of the API method that a request means, or "" for none."""
    shape = "/".join(["*" if n in _VARIABLE.get(parts[:1], ()) else part for n, part in enumerate(parts)])
    if len(parts) == 4 and parts[0] == "calendars" and (method, parts[3]) == ("POST", "import"):
        shape = "calendars/*/events/import"
    return _OPERATIONS.get(f"{method} {shape}", "")


def handle(world: World, user: str, operation: str, request: Request) -> Answer:
    """Do what a request asks and answer it; ApiError."""
    if operation == "calendarList.list":
        return _json(list_calendars(world, user, request.query))
    if operation == "calendarList.get":
        return _masked(entry_of(world.calendar(user, request.parts[3])), request)
    if not operation:
        raise answers.not_found()
    calendar = world.calendar(user, request.parts[1])
    if operation == "calendars.get":
        return _masked(summary_of(calendar), request)
    if operation == "events.list":
        return Answer(200, list_events(calendar, user, request.query))
    if operation in WRITES:
        return _write(world, user, calendar, operation, request)
    row = calendar.get(request.parts[3])
    if operation == "events.instances":
        return Answer(200, list_instances(calendar, user, row, request.query))
    return _shown(calendar, row, request)


def _write(world: World, user: str, calendar: Calendar, operation: str, request: Request) -> Answer:
    event_id = request.parts[3] if operation not in ("events.insert", "events.import") else ""
    before = mails.guests_of(calendar, calendar.get(event_id)) if event_id else {}
    if operation == "events.move":
        target = world.calendar(user, request.query.get("destination"))
        row = _move(world, calendar, target, event_id)
        calendar = target
    else:
        row = _HANDLERS[operation](world, calendar, event_id, request)
    if operation != "events.import":
        write = mails.Write(calendar, row, operation, request.send_updates)
        mails.send(world, write, before)
    if operation == "events.delete":
        return Answer(204)
    return _shown(calendar, row, request)


def _shown(calendar: Calendar, row: Row, request: Request) -> Answer:
    if request.method == "GET" and request.headers.get("if-none-match") == row.etag:
        return Answer(304, etag=row.etag)
    mask = event_mask(request.query.get("fields")) if "fields" in request.query else None
    return _json(project(read(calendar, row, view_of(request.query)), mask), row.etag)


def _masked(document: Body, request: Request) -> Answer:
    if "fields" in request.query:
        document = project(document, parse_mask(request.query.get("fields")))
    return _json(document)


def _json(document: Any, etag: str = "") -> Answer:
    return Answer(200, json.dumps(document, ensure_ascii=False).encode(), etag)


def _insert(world: World, calendar: Calendar, _id: str, request: Request) -> Row:
    body = _without_unasked(request, request.document(), {})
    kinds.check_new(body, calendar.id == calendar.owner)
    return world.meetings.insert(calendar, body)


def _import(_world: World, calendar: Calendar, _id: str, request: Request) -> Row:
    """Add a private copy of an event that lives elsewhere: nobody is invited, nobody mailed."""
    body = request.document()
    if not body.get("iCalUID"):
        raise answers.bad("required", "Required")
    kept = {name: value for name, value in body.items() if name not in ("id", "eventType")}
    row = calendar.insert(kept, body["iCalUID"])
    row.organizer = (body.get("organizer") or {}).get("email", calendar.id).lower()
    return row


def _patch(world: World, calendar: Calendar, event_id: str, request: Request) -> Row:
    before = calendar.whole(calendar.get(event_id))
    changes = request.document()
    if request.query.get("conferenceDataVersion", "0") == "0":
        changes.pop("conferenceData", None)
    kinds.check_change(before, changes)
    return world.meetings.patch(calendar, event_id, changes, request.if_match)


def _update(world: World, calendar: Calendar, event_id: str, request: Request) -> Row:
    before = calendar.whole(calendar.get(event_id))
    body = _without_unasked(request, request.document(), before)
    kinds.check_change(before, {name: value for name, value in body.items() if before.get(name) != value})
    if before.get("eventType"):
        body["eventType"] = before["eventType"]
    return world.meetings.update(calendar, event_id, body, request.if_match)


def _without_unasked(request: Request, body: Body, before: Body) -> Body:
    """Return a body with the conference as it was, unless the caller says that it knows about conferences."""
    if request.query.get("conferenceDataVersion", "0") != "0":
        return body
    kept = {name: value for name, value in body.items() if name != "conferenceData"}
    return kept | ({"conferenceData": before["conferenceData"]} if "conferenceData" in before else {})


def _delete(world: World, calendar: Calendar, event_id: str, request: Request) -> Row:
    return world.meetings.delete(calendar, event_id, request.if_match)


def _move(world: World, calendar: Calendar, target: Calendar, event_id: str) -> Row:
    kind = calendar.whole(calendar.get(event_id)).get("eventType", "default")
    if kind != "default":
        raise answers.bad("eventTypeRestriction", f"'{kind}' events cannot be moved.")
    return world.meetings.move(calendar, target, event_id)


_HANDLERS: Mapping[str, Callable[[World, Calendar, str, Request], Row]] = {
    "events.insert": _insert,
    "events.import": _import,
    "events.patch": _patch,
    "events.update": _update,
    "events.delete": _delete,
}
