"""`calsync pause`, `resume`, `approve`."""

from __future__ import annotations

from typing import NoReturn

import click

from calsync import states
from calsync.cli import DONE, PERSON_NEEDED, Context, PersonNeeded, leave
from calsync.cli.people import account_of
from calsync.states import NotNow
from calsync.store import accounts
from calsync.store.accounts import State
from calsync.sync.round import Order


@click.command()
@click.argument("user")
@click.pass_obj
def pause(context: Context, user: str) -> None:
    """Stop syncing a user until `resume`.

    Example: calsync pause ana
    """
    account = account_of(context, user)
    try:
        state = states.pause(context.writer(), account)
    except NotNow as refused:
        _refuse(user, refused.state)
    context.emit({"user": user, "state": state.value}, f"{user}: {state.value}")


@click.command()
@click.argument("user")
@click.pass_obj
def resume(context: Context, user: str) -> None:
    """Go on syncing a paused user, and look again at a lost calendar.

    Example: calsync resume ana
    """
    account = account_of(context, user)
    try:
        state = states.resume(context.writer(), account)
    except NotNow as refused:
        _refuse(user, refused.state)
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
    approved = states.approve(context.writer(), account_of(context, user))
    words = f"{approved} deletions go through in the next round" if approved else "nothing is held back"
    context.emit({"user": user, "approved": approved}, f"{user}: {words}")


def _refuse(user: str, state: State) -> NoReturn:
    raise PersonNeeded(f"{user} is {state.value}; send a new address from `calsync link {user}`")
