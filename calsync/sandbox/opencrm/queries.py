"""What a list call asks for: conditions, free text, and a slice (fact 1.3)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from calsync.sandbox.opencrm.rows import canonical, plain
from calsync.sandbox.opencrm.tenant import Activity, Tenant


class BadQuery(Exception):
    """A query that is answered with an error."""


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda value, asked: value == asked,
    "LIKE": lambda value, asked: re.fullmatch(_pattern(asked), value) is not None,
    "BEGINS": lambda value, asked: value.startswith(asked),
    "ENDS": lambda value, asked: value.endswith(asked),
    "CONTAINS": lambda value, asked: asked in value,
}


def _pattern(asked: str) -> str:
    return ".*".join(re.escape(part) for part in asked.split("%"))


def found(tenant: Tenant, form: dict[str, str]) -> list[Activity]:
    """Return living activities that meet the conditions, in the tenant's order; BadQuery."""
    tests = list(_conditions(tenant, form.get("query_string", "")))
    words = form.get("keywords", "").lower()
    rows = []
    for activity in tenant.activities.values():
        values = plain(tenant, activity)
        if activity.deleted or (words and not any(words in value.lower() for value in values.values())):
            continue
        if str(activity.id) not in tenant.switches.lost and all(test(values) for test in tests):
            rows.append(activity)
    return _ordered(tenant, rows)


def _ordered(tenant: Tenant, rows: list[Activity]) -> list[Activity]:
    if tenant.switches.order == "newest":
        rows.reverse()
    elif tenant.switches.order == "shuffled":
        # Always the same way: pages fit together, but in no order that could be relied on.
        random.Random(5).shuffle(rows)
    return rows


def _conditions(tenant: Tenant, text: str) -> list[Callable[[dict[str, str]], bool]]:
    parts = [part for part in text.split(";") if part]
    if tenant.switches.chaining == "first":
        parts = parts[:1]
    return [test for part in parts if (test := _condition(tenant, part)) is not None]


def _condition(tenant: Tenant, part: str) -> Callable[[dict[str, str]], bool] | None:
    switches = tenant.switches
    name, _, rest = part.partition("|")
    word, _, asked = rest.partition("|")
    if name in switches.ignored_filters:
        return None
    own = canonical(tenant, name)
    if not own:
        if switches.unknown_field == "error":
            raise BadQuery("Unknown field")
        return None if switches.unknown_field == "all" else (lambda _values: False)
    operator = _OPERATORS.get(word.strip().upper())
    if operator is None:
        if switches.unknown_operator == "ignore":
            return None
        operator = _OPERATORS["="]
    compare = operator
    return lambda values: compare(values.get(own, "").lower(), asked.lower())


def cut(tenant: Tenant, rows: list[Activity], form: dict[str, str]) -> list[Activity]:
    """Return the slice of rows that is asked for."""
    start = int(form.get("limit_start") or 0)
    if "limit_end" not in form:
        end = len(rows)
    elif tenant.switches.limit_end == "count":
        end = start + int(form["limit_end"])
    else:
        end = int(form["limit_end"])
    cap = tenant.switches.page_cap
    return rows[start : min(end, start + cap) if cap else end]
