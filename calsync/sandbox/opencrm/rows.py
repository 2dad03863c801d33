"""How records look over the interface: names, times of day, numbers, blanks, entities; and how forms are taken in."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import Any

from calsync.sandbox.opencrm.tenant import FIELDS, Activity, Tenant, User

#: The same field under two names, as in forms and filters (fact 1.4, 1.5).
ALIASES = {"status": "taskstatus", "priority": "taskpriority"}

#: What a basic list shows.
_BASIC = ("subject", "smownerid", "date_start", "due_date", "taskstatus")

_NUMBERS = ("smownerid", "permission", "duration_hours", "duration_minutes")
_TIMES = {"date_start": "time_start", "due_date": "time_end"}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?")


def shown(tenant: Tenant, activity: Activity, key: str = "crmid", basic: bool = False) -> dict[str, Any]:
    """Return an activity as an answer holds it; `key`: the name of its id."""
    switches = tenant.switches
    texts = plain(tenant, activity)
    if basic:
        texts = {name: value for name, value in texts.items() if name in _BASIC}
    row: dict[str, Any] = {key: _number(tenant, str(activity.id)), "record_module": "Activities"}
    for name, value in texts.items():
        row[switches.names.get(name, name)] = _value(tenant, name, value)
    if activity.deleted:
        row["deleted"] = "1"
    return row


def plain(tenant: Tenant, activity: Activity) -> dict[str, str]:
    """Return the values of an activity that this tenant has, as texts under their own names."""
    switches = tenant.switches
    values = dict(activity.values)
    values["createdtime"] = tenant.local(activity.created)
    values["modifiedtime"] = tenant.local(activity.modified)
    for day, clock in _TIMES.items():
        time = _clock(tenant, values[clock])
        values[clock] = time
        if switches.times == "combined":
            values[day] = f"{values[day]} {time}".strip()
    hidden = set(switches.absent) | (set(_TIMES.values()) if switches.times != "fields" else set())
    values.update({name: values.get(name, "") for name in switches.custom_fields})
    return {name: value for name, value in values.items() if name not in hidden}


def _clock(tenant: Tenant, text: str) -> str:
    if not text:
        return tenant.switches.blank_time
    return f"{text[:5]}:{text[6:8] or '00'}" if tenant.switches.time_seconds else text[:5]


def _value(tenant: Tenant, name: str, text: str) -> Any:
    if tenant.switches.entities:
        text = html.escape(text)
    if not text and tenant.switches.null_blanks:
        return None
    return _number(tenant, text) if name in _NUMBERS and text.isdigit() else text


def _number(tenant: Tenant, text: str) -> Any:
    return text if tenant.switches.quoted_ints else int(text)


def shown_user(tenant: Tenant, user: User, key: str = "crmid") -> dict[str, Any]:
    """Return a user as an answer holds it."""
    first, _, last = user.name.partition(" ")
    return {
        key: _number(tenant, str(user.id)),
        "user_name": user.login,
        "first_name": first,
        "last_name": last,
        "email1": user.email,
        "status": user.status,
    }


def canonical(tenant: Tenant, name: str) -> str:
    """Return the own name of a field that a filter names; "" when the tenant has none of that name."""
    switches = tenant.switches
    name = "smownerid" if name == "assigned_user_id" else ALIASES.get(name, name)
    own = next((own for own, other in switches.names.items() if other == name), None)
    if own is None:
        own = name if name not in switches.names else ""
    known = own in FIELDS or own in switches.custom_fields
    hidden = own in switches.absent or (switches.times != "fields" and own in _TIMES.values())
    return own if known and not hidden else ""


def taken(tenant: Tenant, form: dict[str, str]) -> dict[str, str]:
    """Return the values that a form changes, under their own names; fields that nobody knows are passed over."""
    switches = tenant.switches
    values: dict[str, str] = {}
    for name, text in form.items():
        if name in ("smownerid", "assigned_user_id") and name not in switches.owner_names:
            continue
        own = canonical(tenant, name)
        if own in ("", "createdtime", "modifiedtime"):
            continue
        if own in _TIMES:
            values.update(_times_taken(tenant, own, text))
        else:
            values[own] = text
    return _shifted(tenant, values) if switches.shift_hours else values


def _times_taken(tenant: Tenant, day: str, text: str) -> dict[str, str]:
    moment = _MOMENT.match(text)
    if tenant.switches.times == "combined":
        return {day: text[:10], _TIMES[day]: moment.group(2) + (moment.group(3) or "") if moment else ""}
    return {day: text[:10]}


def _shifted(tenant: Tenant, values: dict[str, str]) -> dict[str, str]:
    """Return values with their times moved, as by a tenant that takes them for another zone's."""
    for day, clock in _TIMES.items():
        if values.get(clock) and values.get(day):
            moment = datetime.strptime(f"{values[day]} {values[clock][:5]}", "%Y-%m-%d %H:%M")
            moment += timedelta(hours=tenant.switches.shift_hours)
            values |= {day: f"{moment:%Y-%m-%d}", clock: f"{moment:%H:%M}"}
    return values
