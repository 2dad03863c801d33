"""`calsync revoke-all`."""

from __future__ import annotations

import sys

import click

from calsync.cli import PROBLEMS, Context, leave


@click.command("revoke-all")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.pass_obj
def revoke_all(context: Context, yes: bool) -> None:
    """Withdraw every consent at Google and delete all tokens: after a theft, or at the end.

    Mappings and calendars stay; everybody has to connect anew. Give it again when it was interrupted.

    Example: calsync revoke-all --yes
    """
    from calsync.rights.revocation import revoke_all as carry_out

    parts = context.parts()
    if not (yes or context.json) and sys.stdin.isatty():
        click.confirm("Withdraw the consent of everybody? They must connect anew", abort=True, err=True)
    done = carry_out(parts)
    words = f"{done.revoked} withdrawn" + (
        f"; {done.left} left: Google did not answer, try again" if done.left else ""
    )
    context.emit({"revoked": done.revoked, "left": done.left}, words)
    leave(PROBLEMS if done.left else 0)
