"""`calsync rectify`."""

from __future__ import annotations

import click

from calsync.cli import Context, leave
from calsync.cli.people import account_of
from calsync.cli.resync import CODES


@click.command()
@click.argument("user")
@click.option(
    "--event", metavar="ID", help="Only the event with this Google or CRM id; default: everything anew."
)
@click.option("--wrong", default="", metavar="TEXT", help="What the person says is wrong; kept encrypted.")
@click.pass_obj
def rectify(context: Context, user: str, event: str | None, wrong: str) -> None:
    """Look at what a person says is wrong on both sides now, put it right, and answer.

    It is entered as a request, and closed when both sides say the same.

    Example: calsync rectify ana --event 1a2b3c --wrong "the title"
    """
    from calsync.rights.rectification import rectify as carry_out
    from calsync.store.audit import COMMAND_LINE

    account = account_of(context, user)
    done = carry_out(context.writer(), user, account.id, event, wrong, COMMAND_LINE)
    document = {
        "user": user,
        "request": done.request,
        "closed": done.closed,
        "answer": done.answer,
        "run": done.tally.document(),
    }
    context.emit(document, f"request {done.request}: {done.answer}")
    leave(CODES[done.tally.outcome])
