"""A survey as the section `[crm.opencrm]` that fits the tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator

from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.crm.opencrm.survey import Survey


def section(options: OpenCrmOptions, found: Survey, title_limit: int = 0, location_limit: int = 0) -> str:
    """Return TOML: what was found, and for the rest what is configured now. It can be put in place of the old section."""
    return "\n".join(_lines(options, found, title_limit, location_limit)) + "\n"


def _lines(options: OpenCrmOptions, found: Survey, title_limit: int, location_limit: int) -> Iterator[str]:
    values = options.model_dump(mode="json", exclude={"fields", "permissions", "users"})
    values["limit_end"] = found.limit_end or options.limit_end
    values["page_size"] = found.longest_slice or options.page_size
    values["entities"] = found.entities or options.entities
    values["title_limit"] = title_limit or options.title_limit
    values["location_limit"] = location_limit or options.location_limit
    yield "[crm.opencrm]"
    for name, value in values.items():
        yield f"{name} = {_toml(value)}"
    for login, user in options.users.items():
        yield ""
        yield f"[crm.opencrm.users.{_toml(login)}]"
        for name, value in user.model_dump().items():
            yield f"{name} = {_toml(value)}"
    yield ""
    yield "[crm.opencrm.fields]"
    for name, value in {
        **found.fields,
        "owner_filter": found.owner_filter or options.fields.owner_filter,
    }.items():
        yield f"{name} = {_toml(value)}"
    yield ""
    yield "[crm.opencrm.permissions]"
    rules = options.permissions.model_dump(mode="json", exclude={"values", "teams"})
    for name, value in rules.items():
        yield f"{name} = {_toml(value)}"
    yield from _table(
        "values", {value: security.value for value, security in options.permissions.values.items()}
    )
    for value, count in found.permissions.items():
        if value not in options.permissions.values:
            yield f'# {_toml(value)} = "..."    # {count} of the activities looked at; what does it mean?'
    yield from _table("teams", {team: list(logins) for team, logins in options.permissions.teams.items()})


def _table(name: str, entries: dict[str, str] | dict[str, list[str]]) -> Iterator[str]:
    yield ""
    yield f"[crm.opencrm.permissions.{name}]"
    for key, value in entries.items():
        yield f"{_toml(key)} = {_toml(value)}"


def _toml(value: object) -> str:
    """Return a text, number, truth value or list as TOML, which writes these as JSON does."""
    return json.dumps(value, ensure_ascii=False)
