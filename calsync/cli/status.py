"""`calsync users` and `calsync status`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from calsync.cli import PERSON_NEEDED, Context, UserError, leave
from calsync.cli.requests import overdue
from calsync.cli.table import table
from calsync.store import accounts, standing
from calsync.store.database import reading


@click.command()
@click.pass_obj
def users(context: Context) -> None:
    """List CRM users and whether they are connected.

    Example: calsync users
    """
    parts = context.parts()
    with reading(parts.engine) as connection:
        states = {account.user: account.state.value for account in accounts.current(connection, parts.vault)}
    rows = [
        {"user": person.login, "name": person.name, "state": states.get(person.login, "not connected")}
        for person in parts.crm.people()
    ]
    words = table(("USER", "NAME", "STATE"), [list(row.values()) for row in rows])
    context.emit({"users": rows}, words if rows else "no users")


@click.command()
@click.argument("user", required=False)
@click.pass_obj
def status(context: Context, user: str | None) -> None:
    """Show accounts: state, last success, lag, next round, what needs a person.

    Example: calsync status ana
    """
    parts = context.parts()
    if user is not None and parts.crm.person(user) is None:
        raise UserError(f"the CRM has no user {user!r}; see `calsync crm users list`")
    poll = timedelta(seconds=parts.settings.sync.poll_seconds)
    with reading(parts.engine) as connection:
        found = standing.everyone(connection, parts.vault, parts.clock(), poll)
    rows = [one.document() for one in found if user in (None, one.user)]
    words = table(_HEADS, [_cells(row) for row in rows])
    waiting, late = overdue(context)
    document: dict[str, Any] = {"accounts": rows}
    if waiting:
        document["requests"] = {"waiting": waiting, "overdue": late}
    context.emit(
        document | ({"interlock": parts.interlock} if parts.interlock else {}),
        words if rows else "nobody is connected",
    )
    if parts.interlock:
        click.echo(f"calsync: {parts.interlock}", err=True)
    if late:
        click.echo(f"calsync: {late} requests of people are overdue; see `calsync requests`", err=True)
        leave(PERSON_NEEDED)


_HEADS = ("USER", "STATE", "GOOGLE ACCOUNT", "LAST SUCCESS", "LAG", "NEXT ROUND", "NEEDS A LOOK")


def _cells(row: dict[str, Any]) -> list[object]:
    needs = [
        f"{row[name]} {name.replace('_', ' ')}"
        for name in ("conflicts", "quarantined", "held_back")
        if row[name]
    ]
    if row["reason"]:
        needs.insert(0, row["reason"])
    lag = f"{row['lag_seconds']} s"
    columns = ("user", "state", "google_account", "last_success")
    return [*(row[name] for name in columns), lag, row["next_round"], ", ".join(needs)]
