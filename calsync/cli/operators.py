"""`calsync operators`: who may log in to the operators' pages."""

from __future__ import annotations

import re

import click
from sqlalchemy import Connection

from calsync.cli import Context, UserError
from calsync.cli.table import table
from calsync.store import audit
from calsync.store import operators as store
from calsync.store.audit import COMMAND_LINE, Act
from calsync.store.database import reading, writing
from calsync.store.operators import Entry, NameTaken, Role
from calsync.store.standing import stamp
from calsync.wiring import Parts

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_ROLES = [role.value for role in Role]


@click.group()
def operators() -> None:
    """Manage who may log in to the operators' pages.

    Example: calsync operators add dana --role operator
    """


@operators.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default=Role.VIEWER.value, show_default=True)
@click.pass_obj
def add(context: Context, name: str, role: str) -> None:
    """Make an operator, and print their password and the secret of their second factor: once.

    Example: calsync operators add dana --role operator
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            "NAME: must be letters, digits and . _ @ -, at most 100, beginning with a letter or digit"
        )
    parts = context.writer()
    try:
        with writing(parts.engine) as connection:
            entry = store.add(connection, parts.vault, name, Role(role), parts.clock())
            _enter(connection, parts, Act.OPERATOR_ADDED, name=name, role=role)
    except NameTaken:
        raise UserError(
            f"there is an operator {name!r}; `calsync operators reset {name}` renews them"
        ) from None
    _show(context, name, role, entry)


@operators.command()
@click.argument("name")
@click.pass_obj
def reset(context: Context, name: str) -> None:
    """Renew an operator's password and second factor, open a closed login, and end their sessions.

    Example: calsync operators reset dana
    """
    parts = context.writer()
    with writing(parts.engine) as connection:
        entry = store.reset(connection, parts.vault, name)
        known = {one.name: one.role for one in store.everyone(connection)}
        if entry is not None:
            _enter(connection, parts, Act.OPERATOR_RESET, name=name)
    if entry is None:
        raise _unknown(name)
    _show(context, name, known[name].value, entry)


@operators.command()
@click.argument("name")
@click.pass_obj
def remove(context: Context, name: str) -> None:
    """Remove an operator and end their sessions.

    Example: calsync operators remove dana
    """
    parts = context.writer()
    with writing(parts.engine) as connection:
        found = store.remove(connection, name)
        if found:
            _enter(connection, parts, Act.OPERATOR_REMOVED, name=name)
    if not found:
        raise _unknown(name)
    context.emit({"removed": name}, f"{name}: removed")


@operators.command("list")
@click.pass_obj
def list_(context: Context) -> None:
    """List operators, their roles, and when they last logged in.

    Example: calsync operators list
    """
    with reading(context.parts().engine) as connection:
        found = store.everyone(connection)
    rows = [
        {
            "name": one.name,
            "role": one.role.value,
            "made": stamp(one.made_at),
            "last_login": stamp(one.last_login),
        }
        for one in found
    ]
    words = table(("NAME", "ROLE", "MADE", "LAST LOGIN"), [list(row.values()) for row in rows])
    context.emit({"operators": rows}, words if rows else "no operators; the operator token opens the pages")


def _enter(connection: Connection, parts: Parts, act: Act, **detail: str) -> None:
    audit.append(connection, parts.vault, act, COMMAND_LINE, "", parts.clock(), **detail)


def _show(context: Context, name: str, role: str, entry: Entry) -> None:
    document = {"name": name, "role": role, "password": entry.password}
    document |= {"totp_secret": entry.totp_secret, "totp_uri": entry.totp_uri}
    words = f"name: {name}\nrole: {role}\npassword: {entry.password}\nauthenticator: {entry.totp_secret}"
    context.emit(document, f"{words}\n{entry.totp_uri}")
    click.echo("shown only now: hand it over in person, or by a way that nobody else reads", err=True)


def _unknown(name: str) -> UserError:
    return UserError(f"there is no operator {name!r}; see `calsync operators list`")
