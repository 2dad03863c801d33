"""`calsync erase`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from calsync.cli import DONE, PERSON_NEEDED, PROBLEMS, Context, UserError, leave
from calsync.cli.table import table


@click.command()
@click.argument("user")
@click.option("--google-copies", type=click.Choice(["keep", "remove"]), default="keep", show_default=True)
@click.option("--crm-copies", type=click.Choice(["keep", "remove"]), default="keep", show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.pass_obj
def erase(context: Context, user: str, google_copies: str, crm_copies: str, yes: bool) -> None:
    """Erase everything that is held about a person, and print the receipt.

    Consent is withdrawn at Google. Originals on either side stay; copies stay unless you say otherwise. What is
    interrupted goes on when the command is given again, or with the daemon.

    Example: calsync erase ana --yes
    """
    from calsync.rights.erasure import Copies, is_known
    from calsync.rights.erasure import erase as carry_out
    from calsync.store.audit import COMMAND_LINE

    parts = context.writer()
    if not is_known(parts, user):
        _nothing(context, user)
    if not (yes or context.json) and sys.stdin.isatty():
        click.confirm(f"Erase {user}? This cannot be taken back", abort=True, err=True)
    steps: list[str] = []
    done = carry_out(
        parts,
        user,
        Copies(google_copies, crm_copies),
        COMMAND_LINE,
        reached=lambda s: steps.append(s.value),
    )
    if context.verbose:
        click.echo(f"steps: {', '.join(steps)}", err=True)
    if done.receipt is None:
        words = f"{user}: begun; waits for {done.waits_for}, and then goes on by itself"
        context.emit({"user": user, "erased": False, "waits_for": done.waits_for, "receipt": None}, words)
        leave(PERSON_NEEDED if "hold" in done.waits_for else PROBLEMS)
    context.emit({"user": user, "erased": True, "receipt": done.receipt}, _words(user, done.receipt))


def _nothing(context: Context, user: str) -> None:
    if context.parts().crm.person(user) is None:
        raise UserError(f"nothing is held about {user!r}, and the CRM has no such user")
    context.emit({"user": user, "erased": True, "receipt": None}, f"{user}: nothing is held")
    leave(DONE)


def _words(user: str, receipt: Mapping[str, Any]) -> str:
    lines = [f"{user}: erased. Receipt {receipt['receipt']}, {receipt['finished']}"]
    lines.append(table(("REMOVED", "COUNT"), list(receipt["removed"].items())))
    lines.append(f"consents withdrawn at Google: {receipt['withdrawn_at_google']}")
    if receipt["not_withdrawn_at_google"]:
        lines.append(f"not withdrawn, since Google did not answer: {receipt['not_withdrawn_at_google']}")
    lines.append(f"keys destroyed: {receipt['keys_destroyed']}; files: {receipt['files']}")
    remains = [(one["what"], one["count"], one["why"]) for one in receipt["remains"]]
    lines.append(table(("REMAINS", "COUNT", "WHY"), remains) if remains else "nothing remains")
    return "\n".join([*lines, f"backups: {receipt['backups']}", f"signature: {receipt['signature']}"])
