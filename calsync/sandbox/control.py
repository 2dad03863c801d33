"""The control API: what a test, or the person at Google's own page, does to the world.

Below `/control/`, JSON in and out:

    POST accounts {email, name?, time_zone?, sub?}      add a person; GET accounts lists them
    POST calendars {email, summary?, id?}               give a person another calendar
    PATCH calendars {email, id?, time_zone}             change a calendar's own zone
    POST accounts/EMAIL/seed {ics} or {generate: {n, seed?, start?}}
    GET  accounts/EMAIL/events?deleted=1                all events, or ?expand_from=&expand_to= as a page shows them
    POST, PATCH, DELETE accounts/EMAIL/events[/ID]      edit as that person; ?sendUpdates= ?if_match= ?calendar=
    POST accounts/EMAIL/events/ID/split {at, patch?}    "this and following"
    POST expire {what, email?}                          access_tokens, refresh_tokens, codes, sync_tokens, tombstones
    POST revoke {email} · GET grants/EMAIL              end, or count, what a person has allowed
    POST, GET, DELETE faults                            see `faults.Fault`
    POST, GET switches                                  see `switches.Switches`; also clock_offset_seconds
    GET counters · POST counters/reset · GET mails      requests by operation and person, writes, mails
    POST save                                           write the state file now
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from calsync.sandbox import answers
from calsync.sandbox.api import WRITES
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.faults import ordered
from calsync.sandbox.generator import generate
from calsync.sandbox.ics import seed_ics
from calsync.sandbox.mails import Write, guests_of, send
from calsync.sandbox.resources import resource
from calsync.sandbox.rows import Body, Row
from calsync.sandbox.series import instances
from calsync.sandbox.world import World

Document = dict[str, Any]


def control(
    world: World, method: str, parts: tuple[str, ...], query: dict[str, str], body: Document
) -> Document:
    """Answer a control request; ApiError 404 for an unknown one."""
    route = f"{method} {parts[0] if parts else ''}"
    if parts[2:] == ("seed",):
        return _seed(world.calendar(parts[1].lower(), query.get("calendar", "primary")), body)
    if parts[:1] == ("accounts",) and len(parts) > 2:
        return _events(world, method, parts, query, body)
    handler = _ROUTES.get(route)
    if handler is None:
        raise answers.not_found()
    return handler(world, parts, body)


def _seed(calendar: Calendar, body: Document) -> Document:
    if "ics" in body:
        return seed_ics(calendar, body["ics"])
    order = body["generate"]
    start = date.fromisoformat(order["start"]) if "start" in order else datetime.now(UTC).date()
    return {"events": generate(calendar, int(order["n"]), int(order.get("seed", 1)), start), "bad": []}


def _events(world: World, method: str, parts: tuple[str, ...], query: dict[str, str], body: Body) -> Document:
    """Read and write events as their holder at Google's own page; `sendUpdates` mails as the page can."""
    calendar = world.calendar(parts[1].lower(), query.get("calendar", "primary"))
    if parts[2] != "events":
        raise answers.not_found()
    event_id = parts[3] if len(parts) > 3 else ""
    if method == "GET" and not event_id:
        return _all_events(calendar, query)
    if method == "GET":
        return resource(calendar, calendar.get(event_id))
    before = guests_of(calendar, calendar.get(event_id)) if event_id else {}
    action, row = _edit(world, calendar, method, (event_id, *parts[4:]), body, query.get("if_match", ""))
    send(world, Write(calendar, row, action, query.get("sendUpdates", "none"), "page"), before)
    return {} if method == "DELETE" else resource(calendar, row)


def _edit(
    world: World, calendar: Calendar, method: str, what: tuple[str, ...], body: Body, if_match: str
) -> tuple[str, Row]:
    event_id = what[0]
    if method == "DELETE":
        return "events.delete", world.meetings.delete(calendar, event_id, if_match)
    if what[1:] == ("split",):
        at = datetime.fromisoformat(body["at"])
        return "events.update", world.meetings.split(calendar, event_id, at, body.get("patch", {}))
    if method == "PATCH":
        return "events.patch", world.meetings.patch(calendar, event_id, body, if_match)
    return "events.insert", world.meetings.insert(calendar, body)


def _all_events(calendar: Calendar, query: dict[str, str]) -> Document:
    if "expand_from" in query:
        first = datetime.fromisoformat(query["expand_from"])
        last = datetime.fromisoformat(query["expand_to"])
        return {"events": _expanded(calendar, first, last)}
    rows = sorted(calendar.rows.values(), key=lambda row: row.seq)
    deleted = query.get("deleted") == "1"
    return {"events": [resource(calendar, row) for row in rows if deleted or not row.cancelled]}


def _expanded(calendar: Calendar, first: datetime, last: datetime) -> list[Body]:
    found = []
    for row in list(calendar.rows.values()):
        if row.cancelled or row.series:
            continue
        if row.body.get("recurrence"):
            found += [one for one in instances(calendar, row, first, last) if not one.cancelled]
        else:
            found.append(row)
    return [resource(calendar, row) for row in found]


def _accounts_post(world: World, _parts: tuple[str, ...], body: Document) -> Document:
    zone = body.get("time_zone", "Europe/London")
    account = world.add_account(body["email"], body.get("name", ""), zone, body.get("sub", ""))
    return {"email": account.email, "sub": account.subject}


def _accounts_get(world: World, _parts: tuple[str, ...], _body: Document) -> Document:
    return {
        "accounts": [{"email": a.email, "sub": a.subject, "name": a.name} for a in world.accounts.values()]
    }


def _calendars(world: World, _parts: tuple[str, ...], body: Document) -> Document:
    account = world.accounts[body["email"].lower()]
    calendar_id = (
        body.get("id") or f"c{len(account.calendars)}{account.subject[:8]}@group.calendar.google.com"
    )
    zone = next(iter(account.calendars.values())).zone
    summary = body.get("summary", "")
    account.calendars[calendar_id] = Calendar(calendar_id, account.email, zone, summary, world.switches)
    return {"id": calendar_id}


def _calendar_zone(world: World, _parts: tuple[str, ...], body: Document) -> Document:
    calendar = world.calendar(body["email"].lower(), body.get("id", "primary"))
    calendar.zone = body["time_zone"]
    for row in calendar.rows.values():
        row.rendered.clear()
    return {"id": calendar.id, "time_zone": calendar.zone}


def _expire(world: World, _parts: tuple[str, ...], body: Document) -> Document:
    email = body.get("email", "").lower()
    if body["what"] == "access_tokens":
        world.access = {t: entry for t, entry in world.access.items() if email and entry[0] != email}
    elif body["what"] == "refresh_tokens":
        world.grants = {t: grant for t, grant in world.grants.items() if email and grant.email != email}
        world.access = {t: entry for t, entry in world.access.items() if email and entry[0] != email}
    elif body["what"] == "codes":
        world.codes = {c: code for c, code in world.codes.items() if email and code.email != email}
    elif body["what"] in ("sync_tokens", "tombstones"):
        for calendar in _calendars_of(world, email):
            calendar.epoch += int(body["what"] == "sync_tokens")
            if body["what"] == "tombstones":
                calendar.forget_deleted()
    else:
        raise answers.bad("invalidParameter", f"Unknown thing to expire: {body['what']}")
    return {}


def _calendars_of(world: World, email: str) -> list[Calendar]:
    """Return a person's calendars, or everybody's for ""."""
    accounts = [account for account in world.accounts.values() if email in ("", account.email)]
    return [calendar for account in accounts for calendar in account.calendars.values()]


def _faults_post(world: World, _parts: tuple[str, ...], body: Document) -> Document:
    fault = ordered(body)
    world.faults.append(fault)
    return {"id": fault.id}


def _faults_get(world: World, _parts: tuple[str, ...], _body: Document) -> Document:
    return {
        "faults": [
            {"id": f.id, "operation": f.operation, "hits": f.hits, "times": f.times} for f in world.faults
        ]
    }


def _faults_delete(world: World, _parts: tuple[str, ...], _body: Document) -> Document:
    world.faults.clear()
    return {}


def _counters(world: World, _parts: tuple[str, ...], _body: Document) -> Document:
    total: dict[str, int] = {}
    by_account: dict[str, dict[str, int]] = {}
    for (email, operation), count in world.requests.items():
        total[operation] = total.get(operation, 0) + count
        by_account.setdefault(email, {})[operation] = count
    writes = sum(total.get(name, 0) for name in WRITES)
    return {"requests": total, "by_account": by_account, "writes": writes, "mails": len(world.mails)}


def _counters_reset(world: World, _parts: tuple[str, ...], _body: Document) -> Document:
    world.requests.clear()
    world.mails.clear()
    return {}


def _mails(world: World, _parts: tuple[str, ...], _body: Document) -> Document:
    return {"mails": world.mails}


def _grants(world: World, parts: tuple[str, ...], _body: Document) -> Document:
    return {"live": sum(grant.email == parts[1].lower() for grant in world.grants.values())}


def _revoke(world: World, _parts: tuple[str, ...], body: Document) -> Document:
    world.revoke(body["email"].lower())
    return {}


def _switches(world: World, _parts: tuple[str, ...], body: Document) -> Document:
    for name, value in body.items():
        if name == "clock_offset_seconds":
            world.clock_offset = timedelta(seconds=value)
            for calendar in _calendars_of(world, ""):
                calendar.clock_offset = timedelta(seconds=value)
        elif hasattr(world.switches, name):
            setattr(world.switches, name, value)
        else:
            raise answers.bad("invalidParameter", f"Unknown switch {name}")
    switches = world.switches
    return json.loads(json.dumps({name: getattr(switches, name) for name in switches.__slots__}))  # type: ignore[no-any-return]


_ROUTES: dict[str, Callable[[World, tuple[str, ...], Document], Document]] = {
    "POST accounts": _accounts_post,
    "GET accounts": _accounts_get,
    "POST calendars": _calendars,
    "PATCH calendars": _calendar_zone,
    "POST expire": _expire,
    "POST faults": _faults_post,
    "GET faults": _faults_get,
    "DELETE faults": _faults_delete,
    "GET counters": _counters,
    "POST counters": _counters_reset,
    "GET mails": _mails,
    "GET grants": _grants,
    "POST revoke": _revoke,
    "GET switches": _switches,
    "POST switches": _switches,
}
