"""`calsync crm conformance`: whether an adapter keeps its promises."""

from __future__ import annotations

from typing import Any

import click

from calsync.cli import PROBLEMS, Context, PersonNeeded, UserError, leave
from calsync.cli.table import table
from calsync.config import ConfigError
from calsync.crm.conformance import Result, Verdict, examine
from calsync.model.errors import SideError
from calsync.store import accounts
from calsync.store.accounts import State
from calsync.store.database import reading
from calsync.wiring import Parts, open_parts


@click.command()
@click.option("--backend", metavar="NAME", help="The adapter; without it that of the configuration.")
@click.option(
    "--user", metavar="USER", help="Whose calendar is written to; without it the first that nobody connected."
)
@click.option("--other", metavar="USER", help="A second person, for what one may not see of another.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def conformance(
    context: Context, backend: str | None, user: str | None, other: str | None, as_json: bool
) -> None:
    """Check an adapter against the CRM it talks to: events are made a month ahead, and taken away again.

    Example: calsync crm conformance --backend mycrm --user ana --other ben
    """
    context.json = context.json or as_json
    settings = context.settings()
    if backend is not None:
        settings = settings.with_backend(backend)
    try:
        parts = open_parts(settings)
        login, second = _people(parts, user, other)
    except (ConfigError, SideError) as error:
        raise UserError(str(error)) from None
    if parts.interlock:
        raise PersonNeeded(parts.interlock)
    results = list(examine(parts.crm, login, second, parts.clock()))
    words = table(("VERDICT", "CHECK", "CAUSE"), [(each.verdict, each.check, each.cause) for each in results])
    context.emit(
        {"backend": settings.crm.backend, "user": login, "other": second} | _document(results), words
    )
    if any(result.verdict is Verdict.FAILED for result in results):
        leave(PROBLEMS)


def _people(parts: Parts, user: str | None, other: str | None) -> tuple[str, str | None]:
    """Return whose calendars the checks write to; nobody's whose events would go to Google."""
    with reading(parts.engine) as connection:
        found = accounts.current(connection, parts.vault)
    connected = {account.user for account in found if account.state is not State.DISCONNECTED}
    logins = [person.login for person in parts.crm.people()]
    for option, login in (("--user", user), ("--other", other)):
        if login in connected:
            raise UserError(
                f"{option}: {login} is connected, so the events would go to Google; choose another"
            )
        if login is not None and login not in logins:
            raise UserError(f"{option}: the CRM has no user {login!r}")
    free = [login for login in logins if login not in connected and login not in (user, other)]
    if user is None and not free:
        raise UserError(
            "the CRM has no user who is not connected; add one whose calendar the checks may write to"
        )
    return user or free.pop(0), other or (free[0] if free else None)


def _document(results: list[Result]) -> dict[str, Any]:
    verdicts = [result.verdict for result in results]
    checks = [
        {"check": each.check, "promise": each.promise, "verdict": each.verdict.value, "cause": each.cause}
        for each in results
    ]
    return {verdict.value: verdicts.count(verdict) for verdict in Verdict} | {"checks": checks}
