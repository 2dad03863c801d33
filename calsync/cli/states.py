"""`calsync pause`, `resume`, `approve`."""

from __future__ import annotations

import click

from calsync.cli import DONE, PERSON_NEEDED, Context, leave
from calsync.cli.people import account_of
from calsync.store import accounts, audit
from calsync.store.accounts import Account, State
from calsync.store.audit import Act, Actor
from calsync.store.database import writing
from calsync.sync.round import Order


@click.command()
@click.argument("user")
@click.pass_obj
def pause(context: Context, user: str) -> None:
    """Stop syncing a user until `resume`.

    Example: calsync pause ana
    """
    account = account_of(context, user)
    if account.state not in (State.ACTIVE, State.BRAKED, State.PAUSED):
        _refuse(user, account.state)
    _set(context, account, Act.PAUSED, state=State.PAUSED, reason="paused by the operator")
    context.emit({"user": user, "state": State.PAUSED.value}, f"{user}: paused")


@click.command()
@click.argument("user")
@click.pass_obj
def resume(context: Context, user: str) -> None:
    """Go on syncing a paused user, and look again at a lost calendar.

    Example: calsync resume ana
    """
    account = account_of(context, user)
    if account.state not in (State.ACTIVE, State.PAUSED, State.LOST, State.BRAKED):
        _refuse(user, account.state)
    state = State.BRAKED if account.held_back else State.ACTIVE
    _set(context, account, Act.RESUMED, state=state, reason="", due_at=context.parts().clock(), failures=0)
    if account.state is State.LOST:
        state = _looked_again(context, account.id)
    context.emit({"user": user, "state": state.value}, f"{user}: {state.value}")
    leave(PERSON_NEEDED if state in (State.LOST, State.RECONNECT) else DONE)


def _looked_again(context: Context, account_id: int) -> State:
    """Run a round of an account whose calendar was lost, and return the state that it has left."""
    from calsync.engine import run_account

    parts = context.writer()
    run_account(parts, account_id, Order())
    found = accounts.look(parts.engine, parts.vault, account_id)
    return found.state if found is not None else State.DISCONNECTED


@click.command()
@click.argument("user")
@click.pass_obj
def approve(context: Context, user: str) -> None:
    """Let the deletions that were held back go through, once.

    Example: calsync approve ana
    """
    account = account_of(context, user)
    if not account.held_back:
        context.emit({"user": user, "approved": 0}, f"{user}: nothing is held back")
        return
    _set(context, account, Act.APPROVED, deletions_approved=True, due_at=context.parts().clock())
    words = f"{user}: {account.held_back} deletions go through in the next round"
    context.emit({"user": user, "approved": account.held_back}, words)


def _set(context: Context, account: Account, act: Act, **columns: object) -> None:
    """Change an account and enter it into the audit trail, in one transaction."""
    parts = context.writer()
    with writing(parts.engine) as connection:
        accounts.change(connection, account.id, **columns)
        audit.append(connection, parts.vault, act, Actor.OPERATOR, account.user, parts.clock())


def _refuse(user: str, state: State) -> None:
    click.echo(f"calsync: {user} is {state.value}; send a new address from `calsync link {user}`", err=True)
    leave(PERSON_NEEDED)
