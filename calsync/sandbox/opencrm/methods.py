"""The methods of the REST interface: who calls, what is answered, what is changed."""

from __future__ import annotations

import time
from typing import Any

from calsync.sandbox.opencrm import queries, rows
from calsync.sandbox.opencrm.tenant import API_KEY, API_USER, PASS_KEY, Activity, Tenant, Written

Form = dict[str, str]

_CREDENTIALS = ("key", "passkey", "accesskey")
_MINUTE = 60.0


class TooMany(Exception):
    """More requests than allowed within a minute; `after` is the number of seconds to wait."""

    def __init__(self, after: int) -> None:
        super().__init__(after)
        self.after = after


def call(tenant: Tenant, method: str, form: Form, headers: dict[str, str]) -> Any:
    """Answer a call with a JSON value; names of headers in lower case. Raises TooMany."""
    _charge(tenant)
    if method == "login":
        good = form.get("key") == API_KEY and form.get("passkey") == PASS_KEY
        return tenant.open_session() if good else {"error": "Unauthorized"}
    if not _is_let_in(tenant, form, headers):
        return {"error": "Unauthorized"}
    form = {name: value for name, value in form.items() if name not in _CREDENTIALS}
    handler = _METHODS.get(method)
    if handler is None or method in tenant.switches.unknown_methods:
        return {"error": "Unknown method"}
    try:
        return handler(tenant, form)
    except queries.BadQuery as error:
        return {"error": str(error)}


def _charge(tenant: Tenant) -> None:
    limit, now = tenant.switches.per_minute, time.monotonic()
    while tenant.recent and tenant.recent[0] <= now - _MINUTE:
        tenant.recent.popleft()
    if limit and len(tenant.recent) >= limit:
        raise TooMany(int(_MINUTE - (now - tenant.recent[0])) + 1)
    tenant.recent.append(now)


def _is_let_in(tenant: Tenant, form: Form, headers: dict[str, str]) -> bool:
    pairs = [(form.get("key"), form.get("passkey")), (headers.get("key1"), headers.get("key2"))]
    return (API_KEY, PASS_KEY) in pairs or form.get("accesskey") in tenant.sessions


# -- activities ------------------------------------------------------------------------------------------


def _count(tenant: Tenant, form: Form) -> Any:
    number = len(queries.found(tenant, form))
    return str(number) if tenant.switches.quoted_ints else number


def _list(tenant: Tenant, form: Form) -> Any:
    found = queries.cut(tenant, queries.found(tenant, form), form)
    return _rows(tenant, [rows.shown(tenant, activity, basic=True) for activity in found])


def _list_full(tenant: Tenant, form: Form) -> Any:
    found = queries.cut(tenant, queries.found(tenant, form), form)
    return _rows(tenant, [rows.shown(tenant, activity, tenant.switches.full_key) for activity in found])


def _rows(tenant: Tenant, found: list[dict[str, Any]]) -> Any:
    if len(found) == 1 and tenant.switches.single_object:
        return found[0]
    if not found:
        return {"list": [], "null": None, "object": {}}[tenant.switches.empty_list]
    return found


def _get(tenant: Tenant, form: Form) -> Any:
    activity = _by_id(tenant, form)
    if activity is None or (activity.deleted and tenant.switches.deleted == "missing"):
        return _missing(tenant)
    activity.unseen.clear()
    return rows.shown(tenant, activity)


def _by_id(tenant: Tenant, form: Form) -> Activity | None:
    text = form.get("crmid", "")
    return tenant.activities.get(int(text)) if text.isdigit() else None


def _missing(tenant: Tenant) -> Any:
    way = tenant.switches.missing
    other = next((each for each in tenant.activities.values() if not each.deleted), None)
    if way == "another" and other is not None:
        return rows.shown(tenant, other)
    return {"empty": {}, "list": []}.get(way, {"error": "Record not found"})


def _edit(tenant: Tenant, form: Form) -> Any:
    sent = {name: value for name, value in form.items() if name != "crmid"}
    tenant.writes.append(Written("edit_activity", form.get("crmid", ""), sent))
    values = rows.taken(tenant, sent)
    if form.get("crmid", "0") in ("", "0"):
        made = tenant.add(
            {"permission": tenant.switches.default_permission, "smownerid": str(API_USER)} | values
        )
        return _edited(tenant, made.id)
    activity = _by_id(tenant, form)
    if activity is None or activity.deleted:
        if tenant.switches.edit_missing == "accepted":
            return _edited(tenant, int(form["crmid"]))
        return {"error": "Record not found"}
    tenant.overtake(activity, values)
    tenant.change(activity, values)
    return _edited(tenant, activity.id)


def _edited(tenant: Tenant, number: int) -> Any:
    way = tenant.switches.edit_answer
    if way == "int":
        return number
    return str(number) if way == "quoted" else {way: str(number)}


# -- users -----------------------------------------------------------------------------------------------


def _users(tenant: Tenant, form: Form) -> Any:
    return _rows(tenant, [rows.shown_user(tenant, user, "crmid") for user in tenant.users.values()])


def _users_full(tenant: Tenant, form: Form) -> Any:
    key = tenant.switches.full_key
    return _rows(tenant, [rows.shown_user(tenant, user, key) for user in tenant.users.values()])


def _users_count(tenant: Tenant, form: Form) -> Any:
    return str(len(tenant.users)) if tenant.switches.quoted_ints else len(tenant.users)


_METHODS = {
    "get_activity_list": _list,
    "get_activity_list_full": _list_full,
    "get_activity_list_count": _count,
    "get_activity": _get,
    "edit_activity": _edit,
    "get_user_list": _users,
    "get_user_list_full": _users_full,
    "get_user_list_count": _users_count,
}
