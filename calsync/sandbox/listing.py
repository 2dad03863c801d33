"""events.list and events.instances: pages, sync tokens and the bytes of each row."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from calsync.sandbox import answers, series, tokens
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.filters import Filter
from calsync.sandbox.masks import Mask, events_mask, project
from calsync.sandbox.queries import Query
from calsync.sandbox.resources import View, resource
from calsync.sandbox.rows import Row
from calsync.sandbox.times import instant_of, moment_of, stamp
from calsync.sandbox.tokens import Position

#: Parameters that may not accompany a sync token.
FORBIDDEN = (
    *("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty"),
    *("timeMin", "timeMax", "updatedMin"),
)
#: Parameters with which no sync token is given.
_NO_TOKEN = ("orderBy", "q", "updatedMin", "iCalUID", "privateExtendedProperty", "sharedExtendedProperty")

DEFAULT_REMINDERS = [{"method": "popup", "minutes": 10}]
REMEMBERED = timedelta(days=30)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


def list_events(calendar: Calendar, user: str, query: Query) -> bytes:
    """Return one page of events.list as JSON; ApiError."""
    _check(query)
    position = _position(calendar, user, query)
    limit = min(max(query.number("maxResults", 250), 1), 2500)
    limit = min(limit, calendar.switches.short_pages or limit)
    is_first = position.after < 0
    if is_first and calendar.switches.empty_pages:
        head = {"nextPageToken": tokens.mint(calendar, user, query, replace(position, after=0))}
        return _page(calendar, [], head, query)
    rows, after = _rows(calendar, query, position, limit)
    head = _continuation(calendar, user, query, position, after)
    wanted = Filter(query, position, delta="syncToken" in query)
    shown = [_as_listed(calendar, row) for row in rows if wanted(calendar, row)]
    if calendar.switches.shuffle:
        shown.reverse()
    return _page(calendar, shown, head, query)


def _as_listed(calendar: Calendar, row: Row) -> Row:
    ghost = row.id in calendar.switches.ghosts
    return replace(row, cancelled=True, rendered={}) if ghost else row


def _check(query: Query) -> None:
    if "syncToken" in query and any(name in query for name in FORBIDDEN):
        raise answers.bad("badRequest", "Bad Request", "syncToken")
    if "syncToken" in query and query.get("showDeleted") == "false":
        raise answers.bad("badRequest", "Bad Request", "syncToken")
    if query.get("orderBy") == "startTime" and not query.flag("singleEvents"):
        message = "The requested ordering is not available for the particular query."
        raise answers.bad("badRequest", message, "orderBy")
    oldest = query.moment("updatedMin")
    if oldest is not None and oldest < datetime.now(UTC) - REMEMBERED:
        raise answers.updated_min_too_long_ago()
    query.window()


def _position(calendar: Calendar, user: str, query: Query) -> Position:
    position = Position(0, calendar.seq, -1, query.get("timeMin"), query.get("timeMax"))
    if "syncToken" in query:
        kept = tokens.read(calendar, user, query, "syncToken")
        position = replace(kept, upto=calendar.seq, after=-1)
    if "pageToken" in query:
        return tokens.read(calendar, user, query, "pageToken")
    return position


def _rows(calendar: Calendar, query: Query, position: Position, limit: int) -> tuple[list[Row], int | None]:
    """Return the rows of a page, and where the next page begins: None when this one is the last."""
    if calendar.switches.empty_full_listing and "syncToken" not in query:
        return [], None
    if query.flag("singleEvents") or "orderBy" in query:
        found = _sorted(calendar, query, position)
        after = max(position.after, 0)
        chosen = found[after : after + limit]
        return chosen, after + limit if len(found) > after + limit else None
    rows = calendar.since(max(position.since, position.after), position.upto)
    return rows[:limit], rows[limit - 1].seq if len(rows) > limit else None


def _continuation(
    calendar: Calendar, user: str, query: Query, position: Position, after: int | None
) -> dict[str, Any]:
    if after is not None:
        return {"nextPageToken": tokens.mint(calendar, user, query, replace(position, after=after))}
    if any(name in query for name in _NO_TOKEN):
        return {}
    kept = position if calendar.switches.window_frozen else Position(0, 0, 0)
    done = replace(kept, since=position.upto, upto=-1, after=-1)
    return {"nextSyncToken": tokens.mint(calendar, user, query, done)}


def _sorted(calendar: Calendar, query: Query, position: Position) -> list[Row]:
    rows = calendar.since(position.since, position.upto)
    if query.flag("singleEvents"):
        first, last = query.window()
        rows = _expanded(calendar, rows, first or _EVER, last)
    if query.get("orderBy") == "updated":
        return sorted(rows, key=lambda row: row.updated)
    return sorted(rows, key=lambda row: (_begins(calendar, row), row.id))


def _expanded(calendar: Calendar, rows: list[Row], first: datetime, last: datetime | None) -> list[Row]:
    found: dict[str, Row] = {}
    for row in rows:
        if not row.body.get("recurrence"):
            found[row.id] = row
            continue
        for one in series.instances(calendar, row, first, last):
            found[one.id] = replace(one, cancelled=True) if row.cancelled else one
    return list(found.values())


def _begins(calendar: Calendar, row: Row) -> datetime:
    start = calendar.whole(row).get("start")
    return instant_of(moment_of(start), calendar.zone) if start else _EVER


def list_instances(calendar: Calendar, user: str, master: Row, query: Query) -> bytes:
    """Return one page of events.instances as JSON; ApiError."""
    first, last = query.window()
    rows = [] if master.cancelled else series.instances(calendar, master, first or _EVER, last)
    if not query.flag("showDeleted"):
        rows = [row for row in rows if not row.cancelled]
    wanted = query.get("originalStart")
    if wanted:
        rows = [row for row in rows if row.key == _key_of(wanted)]
    limit = min(max(query.number("maxResults", 250), 1), 2500)
    after = tokens.read(calendar, user, query, "pageToken").after if "pageToken" in query else 0
    head: dict[str, Any] = {}
    if len(rows) > after + limit:
        position = Position(0, calendar.seq, after + limit)
        head["nextPageToken"] = tokens.mint(calendar, user, query, position)
    return _page(calendar, rows[after : after + limit], head, query)


def _key_of(original: str) -> str:
    """Return the key of an occurrence named by its original start, with whatever offset."""
    if len(original) == len("YYYY-MM-DD"):
        return original.replace("-", "")
    return datetime.fromisoformat(original).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


# -- pages as bytes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """How the rows of a page are rendered; `key` tells renderings of a row apart."""

    key: str
    view: View
    mask: Mask | None


def view_of(query: Query) -> View:
    """Return how a caller wants events shown."""
    return View(query.get("timeZone"), query.number("maxAttendees", 0))


def _page(calendar: Calendar, rows: list[Row], head: dict[str, Any], query: Query) -> bytes:
    fields = events_mask(query.get("fields")) if "fields" in query else None
    envelope = {
        "kind": "calendar#events",
        "etag": f'"p{calendar.last_change}"',
        "summary": calendar.summary,
        "updated": stamp(calendar.last_change),
        "timeZone": query.get("timeZone") or calendar.zone,
        "accessRole": calendar.role,
        "defaultReminders": DEFAULT_REMINDERS,
        **head,
    }
    shown = {name: value for name, value in envelope.items() if not fields or name in fields or "*" in fields}
    text = json.dumps(shown, ensure_ascii=False).encode()
    if fields and "items" not in fields and "*" not in fields:
        return text
    mask = fields.get("items") if fields else None
    view = view_of(query)
    look = _Look(f"{query.get('fields') if mask else ''}|{view.zone}|{view.guests}", view, mask)
    items = b",".join([_rendered(calendar, row, look) for row in rows])
    return text[:-1] + (b"," if shown else b"") + b'"items":[' + items + b"]}"


def _rendered(calendar: Calendar, row: Row, look: _Look) -> bytes:
    cached = row.rendered.get(look.key)
    if cached is None:
        document = project(resource(calendar, row, look.view), look.mask)
        cached = row.rendered[look.key] = json.dumps(document, ensure_ascii=False).encode()
    return cached
