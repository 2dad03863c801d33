"""`calsync link` and `calsync disconnect`."""

from __future__ import annotations

import click

from calsync.cli import PROBLEMS, Context, UserError, leave
from calsync.cli.people import account_of
from calsync.invitation import NoAddress, NoSuchUser, invite
from calsync.store.accounts import State
from calsync.store.audit import COMMAND_LINE
from calsync.store.consent import Terms
from calsync.store.standing import stamp


@click.command()
@click.argument("user")
@click.option(
    "--google",
    metavar="ADDRESS",
    help="The only Google account to accept, or @DOMAIN for any of an organisation; default: the user's own.",
)
@click.option(
    "--new-identity", is_flag=True, help="The known address may belong to another Google account than before."
)
@click.pass_obj
def link(context: Context, user: str, google: str | None, new_identity: bool) -> None:
    """Print the address at which a user gives consent: for one use, within 24 hours.

    Example: calsync link ana
    """
    try:
        url, expires = invite(context.writer(), user, google, Terms(may_replace=new_identity), COMMAND_LINE)
    except NoSuchUser:
        raise UserError(f"the CRM has no user {user!r}; see `calsync crm users list`") from None
    except NoAddress as error:
        raise UserError(f"--google: {error}") from None
    context.emit({"url": url, "expires": stamp(expires)}, url)
    click.echo(f"valid once, until {expires:%Y-%m-%d %H:%M} UTC", err=True)


@click.command()
@click.argument("user")
@click.option("--google-copies", type=click.Choice(["keep", "remove"]), default="keep", show_default=True)
@click.option("--crm-copies", type=click.Choice(["keep", "remove"]), default="keep", show_default=True)
@click.pass_obj
def disconnect(context: Context, user: str, google_copies: str, crm_copies: str) -> None:
    """End a user's consent: revoke it at Google and delete the tokens.

    Example: calsync disconnect ana --google-copies remove
    """
    from calsync.engine import disconnect as end

    parts = context.writer()
    account = account_of(context, user)
    done = end(parts, account.id, google_copies, crm_copies)
    words = f"{user}: {done.state.value}, {done.removed} copies removed"
    context.emit(
        {"user": user, "state": done.state.value, "revoked": done.revoked, "removed": done.removed}, words
    )
    if done.state is not State.DISCONNECTED:
        click.echo("calsync: Google cannot be reached now; the daemon finishes it", err=True)
        leave(PROBLEMS)
