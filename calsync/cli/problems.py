"""`calsync conflicts` and `calsync quarantine`."""

from __future__ import annotations

from typing import Any

import click

from calsync.cli import DONE, PROBLEMS, Context, UserError, leave
from calsync.cli.people import account_of
from calsync.cli.resync import CODES
from calsync.cli.table import table
from calsync.model.event import Event, whole_name
from calsync.store import accounts, links
from calsync.store import conflicts as store
from calsync.store.accounts import Account
from calsync.store.contents import load_value, pack
from calsync.store.database import reading
from calsync.store.links import Link
from calsync.sync.round import Order


def _accounts(context: Context, user: str | None) -> list[Account]:
    parts = context.parts()
    if user is not None:
        return [account_of(context, user)]
    with reading(parts.engine) as connection:
        return accounts.everyone(connection, parts.vault)


@click.command()
@click.argument("user", required=False)
@click.pass_obj
def conflicts(context: Context, user: str | None) -> None:
    """List what lost in conflicts: the field, both values, and when.

    Example: calsync conflicts ana
    """
    rows: list[dict[str, Any]] = []
    for account in _accounts(context, user):
        with reading(context.parts().engine) as connection:
            found = store.of_account(connection, account.id)
        rows += [_conflict(account, number, lost) for number, lost in found]
    heads = ("ID", "USER", "EVENT", "FIELD", "AT", "KEPT SIDE", "KEPT", "LOST")
    columns = ("id", "user", "event", "field", "at", "kept_side", "kept", "lost")
    words = table(heads, [[row[name] for name in columns] for row in rows])
    context.emit({"conflicts": rows}, words if rows else "no conflicts")


def _conflict(account: Account, number: int, lost: store.Conflict) -> dict[str, Any]:
    return {
        "id": str(number),
        "user": account.user,
        "event": lost.google_key or lost.crm_key,
        "field": whole_name(lost.field),
        "kept": _plain(load_value(account.cipher.open(lost.place("kept"), lost.kept))),
        "lost": _plain(load_value(account.cipher.open(lost.place("lost"), lost.lost))),
        "kept_side": lost.kept_side,
        "at": lost.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _plain(value: object) -> object:
    return pack(value) if isinstance(value, Event) else value


@click.command()
@click.argument("user", required=False)
@click.option("--retry", metavar="ID", help="Try this item again in the next round.")
@click.pass_obj
def quarantine(context: Context, user: str | None, retry: str | None) -> None:
    """List events that were set aside, with the cause.

    Example: calsync quarantine ana --retry 17
    """
    names = {account.id: account.user for account in _accounts(context, user)}
    with reading(context.parts().engine) as connection:
        found = [link for link in links.parked(connection) if link.account_id in names]
    if retry is not None:
        _retry(context, found, retry)
        return
    rows = [_parked(link, names[link.account_id]) for link in found]
    columns = ("id", "user", "side", "key", "since", "cause")
    words = table([name.upper() for name in columns], [[row[name] for name in columns] for row in rows])
    context.emit({"quarantine": rows}, words if rows else "nothing is set aside")
    leave(PROBLEMS if rows else DONE)


def _parked(link: Link, user: str) -> dict[str, Any]:
    side = link.cause_side or link.origin
    return {
        "id": str(link.id),
        "user": user,
        "side": side.value,
        "key": _key(link),
        "cause": link.cause,
        "since": link.cause_since.isoformat().replace("+00:00", "Z") if link.cause_since else None,
    }


def _key(link: Link) -> str:
    """Return the event's id on the side that refused it, else on the side that has it."""
    side = link.cause_side or link.origin
    return link.half(side).key or link.half(side.other).key or ""


def _retry(context: Context, found: list[Link], item: str) -> None:
    """Look at an item again on both sides now; what is still wrong with it sets it aside anew."""
    from calsync.engine import run_account

    link = next((link for link in found if str(link.id) == item), None)
    if link is None:
        raise UserError(f"--retry: no item {item!r} is set aside; see `calsync quarantine`")
    tally = run_account(context.writer(), link.account_id, Order(event=_key(link)))
    context.emit({"runs": [tally.document()]}, f"{item}: {tally.outcome.value}")
    leave(CODES[tally.outcome])
