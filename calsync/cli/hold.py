"""`calsync hold`."""

from __future__ import annotations

import click

from calsync.cli import Context, UserError
from calsync.cli.table import table
from calsync.store import audit, holds
from calsync.store.audit import COMMAND_LINE, Act
from calsync.store.database import reading, writing


@click.command()
@click.argument("user", required=False)
@click.option("--reason", metavar="TEXT", help="Hold the data, for this reason.")
@click.option("--release", is_flag=True, help="End the hold; what waits for it goes on.")
@click.pass_obj
def hold(context: Context, user: str | None, reason: str | None, release: bool) -> None:
    """Keep a person's data from being deleted, for a legal reason; without USER, list holds.

    Consent can be withdrawn all the same, and every other clock runs on.

    Example: calsync hold ana --reason "claim 17"
    """
    if user is None:
        _list(context)
    elif release == bool(reason):
        raise UserError("give either --reason TEXT or --release")
    elif release:
        _release(context, user)
    else:
        _put(context, user, reason or "")


def _list(context: Context) -> None:
    parts = context.parts()
    with reading(parts.engine) as connection:
        found = holds.everything(connection, parts.vault)
    rows = [
        {"user": one.user, "since": one.since.isoformat().replace("+00:00", "Z"), "reason": one.reason}
        for one in found
    ]
    words = table(("USER", "SINCE", "REASON"), [list(row.values()) for row in rows])
    context.emit({"holds": rows}, words if rows else "no holds")


def _put(context: Context, user: str, reason: str) -> None:
    from calsync.rights.erasure import is_known

    parts = context.writer()
    if not is_known(parts, user) and parts.crm.person(user) is None:
        raise UserError(f"the CRM has no user {user!r}, and nothing is held about them")
    with writing(parts.engine) as connection:
        holds.put(connection, parts.vault, user, reason, parts.clock())
        audit.append(connection, parts.vault, Act.HELD, COMMAND_LINE, user, parts.clock())
    context.emit(
        {"user": user, "held": True}, f"{user}: held; nothing of theirs is deleted until it is released"
    )


def _release(context: Context, user: str) -> None:
    parts = context.writer()
    with writing(parts.engine) as connection:
        if not holds.release(connection, user):
            raise UserError(f"{user}: is not held; `calsync hold` lists holds")
        audit.append(connection, parts.vault, Act.RELEASED, COMMAND_LINE, user, parts.clock())
    context.emit({"user": user, "held": False}, f"{user}: released")
