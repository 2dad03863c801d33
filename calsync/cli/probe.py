"""What `calsync crm probe` finds, in words that can be put into the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from calsync.cli import Context, UserError
from calsync.crm.opencrm.backend import OpenCrm
from calsync.crm.opencrm.canary import Canary, Findings
from calsync.crm.opencrm.client import Counted
from calsync.crm.opencrm.people import User
from calsync.crm.opencrm.section import section
from calsync.crm.opencrm.survey import Survey, survey
from calsync.crm.opencrm.tenant import Tenant
from calsync.model.errors import Later, Refused


def report(context: Context, user: str | None) -> tuple[dict[str, Any], str, bool]:
    """Return the findings as a document and as commented TOML, and whether nothing stands against writing.

    `user`: whose calendar the canary is written to; None writes nothing. Raises Later when the CRM does not answer.
    """
    parts = context.parts()
    if not isinstance(parts.crm, OpenCrm):
        raise UserError('crm.backend: only a tenant of OpenCRM can be probed; set it to "opencrm"')
    tenant, caller = parts.crm.tenant, Counted(parts.crm.tenant.client)
    users, trouble = _users(tenant)
    try:
        found = survey(caller, tenant.options, users, parts.clock())
    except Refused as error:
        raise UserError(error.reason) from None
    found.unknown += trouble
    findings = Findings()
    if user is not None:
        person = tenant.people.by_login(user)
        if person is None:
            raise UserError(f"the CRM has no active user {user!r}")
        findings = Canary(caller, tenant.options, person, parts.clock()).fly()
    text = section(tenant.options, found, findings.title_limit, findings.location_limit)
    document = {"survey": asdict(found), "canary": asdict(findings) if user else None, "section": text}
    well = not (found.blocking or findings.bad or findings.left)
    return document, "\n".join([*_comments(found, findings), "", text]), well


def _users(tenant: Tenant) -> tuple[Sequence[User], list[str]]:
    """Return the users, or why there are none: a tenant need not list them."""
    try:
        return tenant.people.active(), []
    except Later as error:
        return (), [f"who the users are ({error.reason}): name them in crm.opencrm.users"]


def _comments(found: Survey, findings: Findings) -> Iterator[str]:
    yield f"# {found.activities} activities, {found.users} active users, {found.users_without_email} without an address"
    yield f"# slices: limit_end is {_or(found.limit_end)}; rows at most: {found.longest_slice or 'as asked'}"
    yield (
        f"# filters: owner by {_or(found.owner_filter)}; date {_or(found.date_filter)}; "
        f"two together {_or(found.chaining)}; an unknown one answers {_or(found.unknown_filter)}"
    )
    yield f"# an unknown id answers {_or(found.missing_id)}; modification times: {_or(found.clock)}"
    yield f"# statuses: {_counted(found.statuses)}; types: {_counted(found.types)}"
    custom = [name for name in found.names if name.startswith("cf_")]
    yield f"# custom fields: {', '.join(custom) or 'none'}"
    yield f"# permission values: {_counted(found.permissions)}"
    for heading, sentences in (
        ("still unknown", found.unknown),
        ("nothing is written while this holds", found.blocking),
        ("tried and found good", findings.good),
        ("tried and found WRONG", findings.bad),
        ("to be deleted in OpenCRM by hand: activity", findings.left),
    ):
        yield from (f"# {heading}: {sentence}" for sentence in sentences)


def _or(text: str) -> str:
    return text or "unknown"


def _counted(values: dict[str, int]) -> str:
    return ", ".join(f"{value or '(blank)'} x{count}" for value, count in values.items()) or "none"
