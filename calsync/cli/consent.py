"""`calsync link` and `calsync disconnect`."""

from __future__ import annotations

import click

from calsync.cli import PROBLEMS, Context, UserError, leave
from calsync.cli.people import account_of
from calsync.store import audit, consent
from calsync.store.accounts import State
from calsync.store.audit import Act, Actor
from calsync.store.database import writing


@click.command()
@click.argument("user")
@click.option(
    "--google", metavar="ADDRESS", help="The only Google account to accept; default: the user's own."
)
@click.pass_obj
def link(context: Context, user: str, google: str | None) -> None:
    """Print the address at which a user gives consent: for one use, within 24 hours.

    Example: calsync link ana
    """
    parts = context.writer()
    person = parts.crm.person(user)
    if person is None:
        raise UserError(f"the CRM has no user {user!r}; see `calsync crm users list`")
    expected = google or person.email
    if "@" not in expected:
        raise UserError("--google: must be an address (the CRM user has none of their own)")
    with writing(parts.engine) as connection:
        secret, expires = consent.new_ticket(connection, parts.vault, user, expected, parts.clock())
        audit.append(connection, parts.vault, Act.INVITED, Actor.OPERATOR, user, parts.clock())
    url = f"{parts.settings.web.public_url}/connect/{secret}"
    context.emit({"url": url, "expires": expires.isoformat(timespec="seconds").replace("+00:00", "Z")}, url)
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
