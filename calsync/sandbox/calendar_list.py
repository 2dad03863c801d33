"""calendarList and calendars: what a person sees of calendars as a whole."""

from __future__ import annotations

import json
import zlib

from calsync.sandbox import answers
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.listing import DEFAULT_REMINDERS
from calsync.sandbox.masks import list_mask, project
from calsync.sandbox.queries import Query
from calsync.sandbox.rows import Body
from calsync.sandbox.world import World

_FORBIDDEN = ("minAccessRole", "showOwnOrganizationOnly")
_ROLES = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
_TOKEN, _PAGE = "list:", "page:"


def list_calendars(world: World, user: str, query: Query) -> Body:
    """Return a page of a person's calendar list, with a sync token on the last one; ApiError."""
    if "syncToken" in query and any(name in query for name in _FORBIDDEN):
        raise answers.bad("badRequest", "Bad Request", "syncToken")
    known = _number(query, "syncToken", _TOKEN) if "syncToken" in query else 0
    after = _number(query, "pageToken", _PAGE) if "pageToken" in query else known
    calendars = list(world.accounts[user].calendars.values())
    limit = min(max(query.number("maxResults", 100), 1), 250)
    page: Body = {"kind": "calendar#calendarList", "etag": f'"p{len(calendars)}"'}
    if len(calendars) > after + limit:
        page["nextPageToken"] = f"{_PAGE}{after + limit}"
    elif "minAccessRole" not in query:
        page["nextSyncToken"] = f"{_TOKEN}{len(calendars)}"
    least = _ROLES.index(query.get("minAccessRole", "none"))
    chosen = calendars[after : after + limit]
    page["items"] = [entry_of(calendar) for calendar in chosen if _ROLES.index(calendar.role) >= least]
    return project(page, list_mask(query.get("fields"))) if "fields" in query else page


def _number(query: Query, name: str, prefix: str) -> int:
    try:
        return int(query.get(name).removeprefix(prefix))
    except ValueError:
        raise answers.bad("invalid", f"Invalid {name} value.", name) from None


def entry_of(calendar: Calendar) -> Body:
    """Return a calendar as an entry of its owner's list."""
    entry = summary_of(calendar) | {"kind": "calendar#calendarListEntry", "accessRole": calendar.role}
    if calendar.id == calendar.owner:
        entry["primary"] = True
    return entry | {"selected": True, "defaultReminders": DEFAULT_REMINDERS}


def summary_of(calendar: Calendar) -> Body:
    """Return a calendar as a resource of `calendars`."""
    shown: Body = {
        "kind": "calendar#calendar",
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.zone,
    }
    if calendar.id != calendar.owner:
        shown["dataOwner"] = calendar.owner
    return shown | {"etag": f'"{zlib.crc32(json.dumps(shown).encode())}"'}
