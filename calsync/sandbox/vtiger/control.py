"""The control API: what a test, or a person at vtiger's own pages, does to the world.

Below `/control/`, JSON in and out:

    POST users {login, email?, zone?, admin?, may_write?, shares_with?}    add a user -> {id, access_key}
    GET  events/LOGIN                                       what a user owns
    POST events/LOGIN {subject, ...} · PATCH, DELETE events/LOGIN/ID       edit as that user; PATCH may reassign; both
                       may say what they have `seen`, as GET shows it: 412 when it is not so any more
    GET  overtaken                                          what people wrote after the last look, and was replaced
    POST fields {name}                                      add a custom field, e.g. cf_852
    POST rights {login, may_write?, zone?, access_key?}     change a user
    POST expire {what}                                      sessions or challenges
    POST, DELETE faults                                     see `sandbox.faults.Fault`
    POST, GET switches                                      see `world.Switches`
    GET counters · POST counters                            requests by operation; POST forgets them
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from calsync.sandbox.faults import ordered
from calsync.sandbox.vtiger.world import World

Document = dict[str, Any]


class Unknown(Exception):
    """There is no such route or thing."""


class Changed(Exception):
    """The record is not as somebody has seen it."""


def control(world: World, method: str, parts: tuple[str, ...], body: Document) -> Document:
    """Answer a control request; Unknown for one that there is not."""
    if parts[0] == "events" and len(parts) > 1:
        return _events(world, method, parts[1], parts[2] if len(parts) > 2 else "", body)
    handler = _ROUTES.get(f"{method} {parts[0]}")
    if handler is None:
        raise Unknown
    return handler(world, body)


def _events(world: World, method: str, login: str, key: str, body: Document) -> Document:
    user = world.users[login]
    if method == "GET":
        return {"events": [dict(r) for r in world.records.values() if r["assigned_user_id"] == user.id]}
    if method == "POST":
        return dict(world.create(user, body))
    seen = body.pop("seen", None)
    if key not in world.records:
        raise Unknown if seen is None else Changed
    record = world.records[key]
    if seen not in (None, record):
        raise Changed
    if method == "DELETE":
        world.delete(record)
        return {}
    if "owner" in body:
        body = {"assigned_user_id": world.users[body.pop("owner")].id} | body
    # A form sends all fields, the reminder with them.
    return dict(world.edit(user, record, {"reminder_time": record["reminder_time"]} | body))


def _overtaken(world: World, _body: Document) -> Document:
    return {"overtaken": world.overtaken}


def _users(world: World, body: Document) -> Document:
    user = world.add_user(body.pop("login"), **body)
    return {"id": user.id, "access_key": user.access_key}


def _rights(world: World, body: Document) -> Document:
    user = world.users[body["login"]]
    for name in ("may_write", "zone", "access_key"):
        setattr(user, name, body.get(name, getattr(user, name)))
    return {}


def _fields(world: World, body: Document) -> Document:
    world.custom_fields.add(body["name"])
    for record in world.records.values():
        record.setdefault(body["name"], "")
    return {}


def _expire(world: World, body: Document) -> Document:
    if body["what"] == "sessions":
        world.sessions.clear()
    else:
        world.challenges.clear()
    return {}


def _faults(world: World, body: Document) -> Document:
    fault = ordered(body)
    fault.id = secrets.token_hex(4)
    world.faults.append(fault)
    return {"id": fault.id}


def _no_faults(world: World, _body: Document) -> Document:
    world.faults.clear()
    return {}


def _switches(world: World, body: Document) -> Document:
    for name, value in body.items():
        if not hasattr(world.switches, name):
            raise Unknown
        setattr(world.switches, name, value)
    return {name: getattr(world.switches, name) for name in world.switches.__slots__}


def _counters(world: World, _body: Document) -> Document:
    return {"requests": dict(world.requests)}


def _forget(world: World, _body: Document) -> Document:
    world.requests.clear()
    return {}


_ROUTES: dict[str, Callable[[World, Document], Document]] = {
    "POST users": _users,
    "POST rights": _rights,
    "POST fields": _fields,
    "POST expire": _expire,
    "POST faults": _faults,
    "DELETE faults": _no_faults,
    "GET overtaken": _overtaken,
    "GET switches": _switches,
    "POST switches": _switches,
    "GET counters": _counters,
    "POST counters": _forget,
}
