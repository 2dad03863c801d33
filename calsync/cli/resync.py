"""`calsync resync`: bring accounts up to date now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from calsync.cli import BUSY, DONE, PERSON_NEEDED, PROBLEMS, Context, UserError, leave
from calsync.cli.people import account_of
from calsync.cli.table import table
from calsync.store import accounts
from calsync.store.accounts import State
from calsync.store.audit import Act
from calsync.store.database import reading
from calsync.sync.round import Order
from calsync.sync.tally import Outcome, Tally

#: What a round's outcome means as an exit code.
CODES = {Outcome.OK: DONE, Outcome.PARTIAL: PROBLEMS, Outcome.ATTENTION: PERSON_NEEDED, Outcome.BUSY: BUSY}


@click.command()
@click.argument("users", nargs=-1, metavar="USER...")
@click.option("--all", "everyone", is_flag=True, help="All connected users.")
@click.option("--full", is_flag=True, help="Forget cursors, list everything, reconcile.")
@click.option("--dry-run", is_flag=True, help="Change nothing; print what would be done.")
@click.option("--event", metavar="ID", help="Only the event with this Google or CRM id.")
@click.option("--no-wait", is_flag=True, help="Do not wait for a round that is running.")
@click.pass_obj
def resync(
    context: Context,
    users: tuple[str, ...],
    everyone: bool,
    full: bool,
    dry_run: bool,
    event: str | None,
    no_wait: bool,
) -> None:
    """Bring accounts up to date now, also beside a running daemon.

    Example: calsync resync ana --full
    """
    from calsync.engine import run_account

    if everyone == bool(users):
        raise UserError("name one or more users, or give --all")
    parts = context.parts() if dry_run else context.writer()
    tallies: list[Tally] = []
    for account_id in _chosen(context, users):
        order = Order(full, event)
        if full and not dry_run:
            context.note(Act.RESYNCED, _user(context, account_id))
        tallies.append(run_account(parts, account_id, order, dry_run, wait=0.0 if no_wait else -1))
    words = _words(tallies) if tallies else "nobody is connected"
    context.emit({"runs": [tally.document() for tally in tallies]}, words)
    leave(max((CODES[tally.outcome] for tally in tallies), default=DONE))


def _chosen(context: Context, users: tuple[str, ...]) -> list[int]:
    if users:
        return [account_of(context, user).id for user in users]
    parts = context.parts()
    with reading(parts.engine) as connection:
        found = accounts.current(connection, parts.vault)
    return [account.id for account in found if account.state is not State.DISCONNECTED]


def _user(context: Context, account_id: int) -> str:
    parts = context.parts()
    account = accounts.look(parts.engine, parts.vault, account_id)
    return account.user if account is not None else ""


_HEADS = ("USER", "OUTCOME", "GOOGLE +/~/-", "CRM +/~/-", "CONFLICTS", "QUARANTINED", "HELD BACK", "REASON")


def _words(tallies: list[Tally]) -> str:
    steps = [(tally.user, step) for tally in tallies for step in tally.plan]
    parts = [table(_HEADS, [_row(tally) for tally in tallies])]
    if steps:
        heads = ("USER", "WOULD", "ON", "TITLE", "ID", "WOULD MAIL")
        parts.append(table(heads, [_step(user, step) for user, step in steps]))
        mails = sum(len(step["mails"]) for _, step in steps)
        parts.append(f"mails to guests: {mails}" if mails else "nobody would be mailed")
    return "\n\n".join(parts)


def _step(user: str, step: Mapping[str, Any]) -> list[object]:
    action = step["action"] + (" (held)" if step.get("held") else "")
    return [user, action, step["side"], step["title"], step["id"], ", ".join(step["mails"])]


def _row(tally: Tally) -> list[object]:
    moved = ["/".join(str(count) for count in counts.values()) for counts in tally.writes.values()]
    problems = (tally.conflicts, tally.quarantined, tally.held_back)
    return [tally.user, tally.outcome.value, *moved, *problems, tally.reason]
