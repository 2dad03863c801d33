"""The operations of webservice.php: what each answers, or the Failure that it raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from calsync.sandbox.vtiger.query import Record, parse
from calsync.sandbox.vtiger.world import (
    CHALLENGE_LIFE,
    EVENTS,
    FIELDS,
    MANDATORY,
    USERS,
    Failure,
    User,
    World,
)

Form = dict[str, str]


class Fatal(Exception):
    """PHP dies: an answer of status 500 that is no JSON."""


def perform(world: World, method: str, form: Form) -> Any:
    """Answer one request; the operation is named in the form."""
    operation = form.get("operation", "")
    if operation == "getchallenge" and method == "GET":
        return _challenge(world, form)
    if operation == "login" and method == "POST":
        name = world.log_in(form.get("username", ""), form.get("accessKey", ""))
        user = world.users[form["username"]]
        return {"sessionName": name, "userId": user.id, "version": "0.22", "vtigerVersion": "8.2.0"}
    handler = _HANDLERS.get(f"{method} {operation}")
    if handler is None:
        raise Failure("UNKNOWN_OPERATION", "Unknown operation requested")
    return handler(world, world.who(form.get("sessionName", "")), form)


def _challenge(world: World, form: Form) -> dict[str, Any]:
    now = world.now().timestamp()
    until = now + CHALLENGE_LIFE.total_seconds()
    return {
        "token": world.challenge(form.get("username", "")),
        "serverTime": int(now),
        "expireTime": int(until),
    }


def _list_types(_world: World, _user: User, _form: Form) -> dict[str, Any]:
    return {"types": ["Calendar", "Events", "Users"], "information": {}}


def _describe(world: World, user: User, form: Form) -> dict[str, Any]:
    if form.get("elementType") != "Events":
        raise Failure("ACCESS_DENIED", "Permission to perform the operation is denied")
    fields = [
        {"name": name, "mandatory": name in MANDATORY, "editable": name != "modifiedtime", "label": name}
        for name in (*FIELDS, *sorted(world.custom_fields))
    ]
    rights = {"createable": user.may_write, "updateable": user.may_write, "deleteable": user.may_write}
    return {"name": "Events", "label": "Events", "idPrefix": EVENTS, "fields": fields, **rights}


def _query(world: World, user: User, form: Form) -> list[dict[str, str]]:
    known = frozenset({"id", *FIELDS, *world.custom_fields})
    query = parse(form.get("query", ""), known)
    if query.counts:
        return [{"count": str(sum(map(query.holds, world.records.values())))}]
    page = query.select(world.records.values(), world.switches.page_size)
    columns = {"id", *query.columns}
    return [
        {name: value for name, value in record.items() if not query.columns or name in columns}
        for record in page
        if world.switches.query_shows_private or world.may_read(user, record)
    ]


def _retrieve(world: World, user: User, form: Form) -> dict[str, str]:
    key = form.get("id", "")
    if key.startswith(f"{USERS}x"):
        return _person(world, user, key)
    record = _readable(world, user, key)
    world.unseen.pop(key, None)
    return dict(record)


def _person(world: World, user: User, key: str) -> dict[str, str]:
    found = next((other for other in world.users.values() if other.id == key), None)
    if found is None or (found is not user and not user.admin):
        raise Failure("ACCESS_DENIED", "Permission to perform the operation is denied")
    return {"id": found.id, "user_name": found.login, "email1": found.email, "time_zone": found.zone}


def _readable(world: World, user: User, key: str) -> Record:
    module, _, number = key.partition("x")
    if module != EVENTS or not number.isdigit():
        raise Failure("INVALID_ID_ATTRIBUTE", "Id specified is incorrect")
    if key in world.deleted:
        raise Failure(world.switches.deleted_code, "Permission to read given object is denied")
    record = world.records.get(key)
    if record is None:
        raise Failure("RECORD_NOT_FOUND", "Record you are trying to access is not found")
    if not world.may_read(user, record):
        raise Failure("ACCESS_DENIED", "Permission to read given object is denied")
    return record


def _writable(world: World, user: User, key: str) -> Record:
    record = _readable(world, user, key)
    if not world.may_write(user, record):
        raise Failure("ACCESS_DENIED", "Permission to perform the operation is denied")
    return record


def _element(form: Form) -> dict[str, str]:
    try:
        element = json.loads(form.get("element", ""))
    except ValueError:
        raise Failure("INVALID_ID_ATTRIBUTE", "element is no JSON") from None
    return {name: "" if value is None else str(value) for name, value in element.items()}


def _create(world: World, user: User, form: Form) -> dict[str, str]:
    if form.get("elementType") != "Events" or not user.may_write:
        raise Failure("ACCESS_DENIED", "Permission to perform the operation is denied")
    return dict(world.create(user, _element(form)))


def _revise(world: World, user: User, form: Form) -> dict[str, str]:
    element = _element(form)
    record = _writable(world, user, element.pop("id", ""))
    world.overtake(record, element)
    return dict(world.change(user, record, element))


def _update(world: World, user: User, form: Form) -> dict[str, str]:
    element = _element(form)
    record = _writable(world, user, element.pop("id", ""))
    return dict(world.change(user, record, dict.fromkeys(FIELDS, "") | element))


def _delete(world: World, user: User, form: Form) -> dict[str, str]:
    record = _writable(world, user, form.get("id", ""))
    world.overtake(record, FIELDS)
    world.delete(record)
    return {"status": "successful"}


def _sync(world: World, user: User, form: Form) -> dict[str, Any]:
    """Answer what the caller owns and has changed after a second, oldest first, and ids of what was deleted."""
    if world.switches.sync != "works":
        raise Fatal
    ahead = world.switches.sync_ahead_seconds
    since = datetime.fromtimestamp(int(form.get("modifiedTime", 0)) + ahead, UTC).strftime(
        "%Y-%m-%d %H:%M:%S"
    )
    everything = form.get("syncType") == "application" and user.admin
    changed = [
        record
        for record in (*world.records.values(), *world.deleted.values())
        if record["modifiedtime"] > since and (everything or record["assigned_user_id"] == user.id)
    ]
    changed.sort(key=lambda record: record["modifiedtime"])
    batch = changed[: world.switches.page_size]
    last = batch[-1]["modifiedtime"] if batch else since
    moment = datetime.strptime(last, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return {
        "updated": [dict(record) for record in batch if record["id"] in world.records],
        "deleted": [record["id"] for record in batch if record["id"] in world.deleted],
        "more": len(changed) > len(batch),
        "lastModifiedTime": int(moment.timestamp()) - ahead,
    }


def _log_out(world: World, _user: User, form: Form) -> dict[str, str]:
    world.sessions.pop(form["sessionName"])
    return {"message": "successful"}


_HANDLERS: dict[str, Callable[[World, User, Form], Any]] = {
    "GET listtypes": _list_types,
    "GET describe": _describe,
    "GET query": _query,
    "GET retrieve": _retrieve,
    "GET sync": _sync,
    "POST create": _create,
    "POST revise": _revise,
    "POST update": _update,
    "POST delete": _delete,
    "POST logout": _log_out,
}
