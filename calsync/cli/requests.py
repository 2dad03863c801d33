"""`calsync requests`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import click

from calsync.cli import PERSON_NEEDED, Context, UserError, leave
from calsync.cli.table import table
from calsync.privacy import clock, register
from calsync.privacy.register import Desk, NotPossible
from calsync.store import requests as store
from calsync.store.audit import COMMAND_LINE
from calsync.store.database import reading, writing
from calsync.store.requests import WAITING, Kind, Progress, Request


@click.group(invoke_without_command=True)
@click.pass_context
def requests(click_context: click.Context) -> None:
    """Keep the register of people's requests: 28 days for each, from receipt, without a pause.

    Exit 3 while one is overdue.

    Example: calsync requests
    """
    if click_context.invoked_subcommand is None:
        click_context.invoke(show)


def _desk(context: Context) -> Desk:
    parts = context.parts()
    return Desk(parts.vault, parts.clock(), parts.settings.privacy.zone)


@requests.command("list")
@click.pass_obj
def show(context: Context) -> None:
    """List requests, those that wait first, by when they are due.

    Example: calsync requests list
    """
    desk = _desk(context)
    with reading(context.parts().engine) as connection:
        found = store.everything(connection)
    rows = [_document(one, desk) for one in found]
    columns = ("id", "user", "kind", "state", "received", "due", "days_left", "outcome")
    words = table([name.upper() for name in columns], [[row[name] for name in columns] for row in rows])
    context.emit({"requests": rows}, words if rows else "no requests")
    leave(PERSON_NEEDED if any(row["overdue"] for row in rows) else 0)


def _document(one: Request, desk: Desk) -> dict[str, Any]:
    waits = one.state in WAITING
    return {
        "id": one.id,
        "user": one.user or None,
        "kind": one.kind.value,
        "state": one.state.value,
        "channel": one.channel,
        "received": _stamp(one.received_at),
        "due": one.due_on.isoformat(),
        "age_days": clock.age(one, desk.now, desk.zone),
        "days_left": clock.days_left(one, desk.now, desk.zone) if waits else None,
        "overdue": clock.is_overdue(one, desk.now, desk.zone),
        "identity_checked": _stamp(one.identity_checked_at),
        "closed": _stamp(one.closed_at),
        "outcome": one.outcome or None,
        "evidence": one.evidence or None,
    }


def _stamp(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at is not None else None


@requests.command()
@click.argument("user")
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.option(
    "--received", metavar="WHEN", help="When it came in: a date, or a time with offset; default: now."
)
@click.option("--channel", default="written", show_default=True, help="How it came in.")
@click.pass_obj
def add(context: Context, user: str, kind: str, received: str | None, channel: str) -> None:
    """Enter a request that has come in; the clock runs from its receipt.

    Example: calsync requests add ana access --received 2026-11-02
    """
    from calsync.rights.erasure import is_known

    parts = context.parts()
    if not is_known(parts, user) and parts.crm.person(user) is None:
        raise UserError(f"the CRM has no user {user!r}, and nothing is held about them")
    desk = _desk(context)
    when = _when(received, desk) if received else None
    try:
        with writing(parts.engine) as connection:
            number = register.receive(connection, desk, user, Kind(kind), COMMAND_LINE, when, channel[:40])
            entered = cast("Request", store.find(connection, number))
    except NotPossible as error:
        raise UserError(f"--received: {error}") from None
    document = _document(entered, desk)
    context.emit(document, f"request {number}: {kind} of {user}, due on {entered.due_on}")


def _when(text: str, desk: Desk) -> datetime:
    """Return the instant that a person means: of a date, its beginning in the controller's zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            "--received: must be a date or a time, e.g. 2026-11-02 or 2026-11-02T09:30Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=desk.zone)
    return moment.astimezone(UTC)


@requests.command()
@click.argument("number", type=int, metavar="ID")
@click.option("--outcome", default="answered", show_default=True, help="What was answered.")
@click.option("--refused", is_flag=True, help="It was refused; say why with --outcome.")
@click.pass_obj
def done(context: Context, number: int, outcome: str, refused: bool) -> None:
    """Note that a request was answered.

    Example: calsync requests done 3 --outcome "sent by post"
    """
    state = Progress.REFUSED if refused else Progress.DONE
    with _refusing(), writing(context.parts().engine) as connection:
        closed = register.close(connection, _desk(context), number, outcome, COMMAND_LINE, state)
    context.emit(_document(closed, _desk(context)), f"request {number}: {closed.state.value}")


@requests.command()
@click.argument("number", type=int, metavar="ID")
@click.option("--days", type=int, default=clock.EXTENSION_DAYS, show_default=True)
@click.option("--reason", required=True, metavar="TEXT", help="What the person was told.")
@click.pass_obj
def extend(context: Context, number: int, days: int, reason: str) -> None:
    """Put an answer off, once, as Art. 12(3) allows for complex requests; the person must have been told why.

    Example: calsync requests extend 3 --days 30 --reason "many entries; told by mail"
    """
    with _refusing(), writing(context.parts().engine) as connection:
        put_off = register.extend(connection, _desk(context), number, days, reason, COMMAND_LINE)
    context.emit(_document(put_off, _desk(context)), f"request {number}: due on {put_off.due_on}")


@requests.command()
@click.argument("number", type=int, metavar="ID")
@click.pass_obj
def identified(context: Context, number: int) -> None:
    """Note that it is certain who has asked.

    Example: calsync requests identified 3
    """
    desk = _desk(context)
    with _refusing(), writing(context.parts().engine) as connection:
        known = register.identify(connection, desk, number)
    context.emit(_document(known, desk), f"request {number}: identity checked")


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what cannot be done into a line for the operator."""
    try:
        yield
    except NotPossible as error:
        raise UserError(str(error)) from None


def overdue(context: Context) -> tuple[int, int]:
    """Return how many requests wait, and how many of them are overdue."""
    desk = _desk(context)
    with reading(context.parts().engine) as connection:
        found = store.waiting(connection)
    return len(found), sum(clock.is_overdue(one, desk.now, desk.zone) for one in found)
