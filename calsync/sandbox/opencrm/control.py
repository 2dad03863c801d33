"""The control API: what people do in the tenant's web application, and what a test asks of it.

Below `/control/`, JSON in and out:

    POST users {login, email, name?, role?, teams?} · PATCH users/LOGIN {status?, role?, teams?, email?} · GET users
    POST, PATCH, DELETE activities[/ID]        edit as a person: the tenant's own field names, `owner` is a login
               PATCH and DELETE may say what they have `seen`, as GET shows it: 412 when it is not so any more
    GET  activities[/ID]                       records, `owner` as a login, also deleted ones
    GET  overtaken                             what people wrote after the last read, and a write has replaced
    GET  visible/LOGIN                         ids of the records that the web application shows to a user
    GET  writes · DELETE writes                what was written over the interface, with every field that was sent
    GET  letters                               customers who were told something
    POST, GET, DELETE faults                   see `sandbox.faults.Fault`; with status 429, `seconds` is Retry-After
    POST, GET switches · POST profile {name}   see `switches.Switches`; also zone and clock_offset_seconds
    GET  counters · POST counters/reset        requests by method
    POST expire                                end all sessions
    POST save                                  write the state file now
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from calsync.sandbox.faults import ordered
from calsync.sandbox.opencrm.switches import of_profile
from calsync.sandbox.opencrm.tenant import FIELDS, Activity, Tenant

Document = dict[str, Any]
Parts = tuple[str, ...]


class Changed(ValueError):
    """The activity is not as somebody has seen it."""


def control(tenant: Tenant, method: str, parts: Parts, body: Document) -> Document:
    """Answer a control request; KeyError for an unknown one, ValueError for one that cannot be followed."""
    return _ROUTES[f"{method} {parts[0]}"](tenant, parts, body)


# -- people ----------------------------------------------------------------------------------------------


def _add_user(tenant: Tenant, _parts: Parts, body: Document) -> Document:
    return asdict(tenant.add_user(**body))


def _change_user(tenant: Tenant, parts: Parts, body: Document) -> Document:
    user = tenant.users[parts[1]]
    for name in ("status", "role", "teams", "email", "name"):
        if name in body:
            setattr(user, name, body[name])
    return asdict(user)


def _list_users(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    return {"users": [asdict(user) for user in tenant.users.values()]}


def _visible(tenant: Tenant, parts: Parts, _body: Document) -> Document:
    user = tenant.users[parts[1]]
    living = [each for each in tenant.activities.values() if not each.deleted]
    return {"ids": [str(each.id) for each in living if tenant.may_see(user, each)]}


# -- activities ------------------------------------------------------------------------------------------


def _add(tenant: Tenant, _parts: Parts, body: Document) -> Document:
    return _document(tenant, tenant.add(_values(tenant, body)))


def _change(tenant: Tenant, parts: Parts, body: Document) -> Document:
    activity = _as_seen(tenant, parts, body)
    values = _values(tenant, {**activity.values, **body} if body.keys() & _MOMENTS else body)
    tenant.edit(activity, values)
    return _document(tenant, activity)


_MOMENTS = {"date_start", "time_start", "due_date", "time_end"}


def _as_seen(tenant: Tenant, parts: Parts, body: Document) -> Activity:
    """Return an activity; Changed when it is not as the body says that somebody has seen it."""
    activity = tenant.activities[int(parts[1])]
    if "seen" in body and body.pop("seen") != _document(tenant, activity):
        raise Changed("it is not what it was")
    return activity


def _remove(tenant: Tenant, parts: Parts, body: Document) -> Document:
    activity = _as_seen(tenant, parts, body)
    activity.deleted, activity.modified = True, tenant.now()
    return {}


def _list(tenant: Tenant, parts: Parts, _body: Document) -> Document:
    if len(parts) > 1:
        return _document(tenant, tenant.activities[int(parts[1])])
    return {"activities": [_document(tenant, each) for each in tenant.activities.values()]}


def _values(tenant: Tenant, body: Document) -> dict[str, str]:
    """Return values under their own names: the page knows them all, and keeps the duration in step."""
    body = dict(body)
    if "owner" in body:
        body["smownerid"] = str(tenant.users[body.pop("owner")].id)
    unknown = [name for name in body if name not in FIELDS and name not in tenant.switches.custom_fields]
    if unknown:
        raise ValueError(f"unknown field {unknown[0]}")
    if body.keys() >= _MOMENTS:
        body |= _length(body)
    return {name: str(value) for name, value in body.items()}


def _length(body: Document) -> dict[str, str]:
    """Return the duration fields of a start and an end; nothing when they cannot be read."""
    try:
        start, end = (
            datetime.strptime(f"{body[day]} {body[clock][:5]}", "%Y-%m-%d %H:%M")
            for day, clock in (("date_start", "time_start"), ("due_date", "time_end"))
        )
    except ValueError:
        return {}
    minutes = int((end - start).total_seconds() // 60)
    return {"duration_hours": str(minutes // 60), "duration_minutes": str(minutes % 60)}


def _document(tenant: Tenant, activity: Activity) -> Document:
    owner = tenant.user_by_id(activity.values["smownerid"])
    return {
        "id": str(activity.id),
        "owner": owner.login if owner else "",
        "deleted": activity.deleted,
        **activity.values,
    }


# -- what was done, and what is to go wrong --------------------------------------------------------------


def _writes(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    return {"writes": [asdict(each) for each in tenant.writes]}


def _forget_writes(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    tenant.writes.clear()
    return {}


def _overtaken(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    return {"overtaken": [asdict(each) for each in tenant.overtaken]}


def _letters(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    return {"letters": tenant.letters}


def _order_fault(tenant: Tenant, _parts: Parts, body: Document) -> Document:
    fault = ordered(body)
    tenant.faults.append(fault)
    return {"id": fault.id}


def _list_faults(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    return {"faults": [asdict(fault) for fault in tenant.faults]}


def _forget_faults(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    tenant.faults.clear()
    return {}


def _switches(tenant: Tenant, _parts: Parts, body: Document) -> Document:
    body = dict(body)
    if "clock_offset_seconds" in body:
        tenant.clock_offset = timedelta(seconds=body.pop("clock_offset_seconds"))
    tenant.zone = body.pop("zone", tenant.zone)
    tenant.switches.take(body)
    return asdict(tenant.switches) | {"zone": tenant.zone}


def _profile(tenant: Tenant, _parts: Parts, body: Document) -> Document:
    tenant.switches = of_profile(body["name"])
    return asdict(tenant.switches)


def _counters(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    return {"requests": dict(tenant.requests), "total": tenant.requests.total()}


def _reset_counters(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    tenant.requests.clear()
    return {}


def _expire(tenant: Tenant, _parts: Parts, _body: Document) -> Document:
    tenant.sessions.clear()
    return {}


_ROUTES: dict[str, Callable[[Tenant, Parts, Document], Document]] = {
    "POST users": _add_user,
    "PATCH users": _change_user,
    "GET users": _list_users,
    "GET visible": _visible,
    "POST activities": _add,
    "PATCH activities": _change,
    "DELETE activities": _remove,
    "GET activities": _list,
    "GET writes": _writes,
    "DELETE writes": _forget_writes,
    "GET letters": _letters,
    "GET overtaken": _overtaken,
    "POST faults": _order_fault,
    "GET faults": _list_faults,
    "DELETE faults": _forget_faults,
    "GET switches": _switches,
    "POST switches": _switches,
    "POST profile": _profile,
    "GET counters": _counters,
    "POST counters": _reset_counters,
    "POST expire": _expire,
}
