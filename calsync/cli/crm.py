"""`calsync crm ...`: the built-in CRM's people and tokens, a look at a tenant of OpenCRM, and checks of adapters."""

from __future__ import annotations

import click

from calsync.cli import PROBLEMS, Context, UserError, leave
from calsync.cli.conformance import conformance
from calsync.cli.table import table
from calsync.crm.builtin.backend import ROLES, BuiltinCrm, UserExists


def _crm(context: Context) -> BuiltinCrm:
    crm = context.parts().crm
    if not isinstance(crm, BuiltinCrm):
        raise UserError("crm.backend: these commands are for the built-in CRM; manage users in your CRM")
    return crm


@click.group()
def crm() -> None:
    """Manage the built-in CRM, look at the one that is connected, or check an adapter.

    Example: calsync crm users list
    """


crm.add_command(conformance)


@crm.group()
def users() -> None:
    """Manage the built-in CRM's users.

    Example: calsync crm users add ana --email ana@example.com
    """


@users.command("add")
@click.argument("name")
@click.option("--email", required=True, help="The user's address; also the Google account to expect.")
@click.option("--name", "full_name", default="", help="The name to show.")
@click.option("--role", type=click.Choice(ROLES), default="standard", show_default=True)
@click.option("--team", "teams", multiple=True, help="A team; may be repeated.")
@click.pass_obj
def add_user(
    context: Context, name: str, email: str, full_name: str, role: str, teams: tuple[str, ...]
) -> None:
    """Add a user.

    Example: calsync crm users add ana --email ana@example.com --team sales
    """
    if "@" not in email:
        raise UserError("--email: must be an address")
    try:
        person = _crm(context).add_user(name, email, full_name, role, teams)
    except UserExists:
        raise UserError(f"a user {name!r}, or one with that address, exists already") from None
    context.emit(
        {"user": {"login": person.login, "email": person.email, "name": person.name}}, f"added {name}"
    )


@users.command("set")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="standard", show_default=True)
@click.option("--team", "teams", multiple=True, help="A team; may be repeated.")
@click.pass_obj
def set_user(context: Context, name: str, role: str, teams: tuple[str, ...]) -> None:
    """Set a user's role and teams.

    Example: calsync crm users set ana --role admin
    """
    if _crm(context).person(name) is None:
        raise UserError(f"the CRM has no user {name!r}")
    _crm(context).set_access(name, role, teams)
    context.emit({"user": {"login": name, "role": role, "teams": list(teams)}}, f"changed {name}")


@users.command("list")
@click.pass_obj
def list_users(context: Context) -> None:
    """List users.

    Example: calsync crm users list
    """
    people = [{"login": p.login, "email": p.email, "name": p.name} for p in _crm(context).people()]
    words = table(("USER", "NAME", "EMAIL"), [(p["login"], p["name"], p["email"]) for p in people])
    context.emit({"users": people}, words if people else "no users")


@crm.group()
def tokens() -> None:
    """Manage tokens of the built-in CRM's REST interface.

    Example: calsync crm tokens add ana
    """


@tokens.command("add")
@click.argument("name")
@click.pass_obj
def add_token(context: Context, name: str) -> None:
    """Print a fresh token of a user; it is not shown again.

    Example: calsync crm tokens add ana
    """
    if _crm(context).person(name) is None:
        raise UserError(f"the CRM has no user {name!r}; add them with `calsync crm users add`")
    token = _crm(context).add_token(name)
    context.emit({"token": token}, token)


@crm.command()
@click.option(
    "--write", is_flag=True, help="Also write some activities, read them back, and cancel them again."
)
@click.option("--user", metavar="USER", help="Whose calendar is written to, with --write.")
@click.pass_obj
def probe(context: Context, write: bool, user: str | None) -> None:
    """Look at an OpenCRM tenant, and print the section [crm.opencrm] that fits it.

    Nothing is changed without --write. What a person has to find out is printed as comments. Exit code 1: something
    stands against writing to the tenant.

    Example: calsync crm probe --write --user ana
    """
    from calsync.cli.probe import report

    if write and not user:
        raise UserError("--write: needs --user, whose calendar the test activities are written to")
    document, words, well = report(context, user if write else None)
    context.emit(document, words)
    if not well:
        leave(PROBLEMS)
