"""`calsync keys`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from calsync.cli import Context, UserError
from calsync.cli.table import table
from calsync.privacy import ring
from calsync.store.audit import Act
from calsync.store.database import reading
from calsync.store.vault import parse_ring


@click.group()
def keys() -> None:
    """Look after the key ring, which wraps each person's own key.

    Example: calsync keys rotate
    """


def _path(context: Context) -> Path:
    """Return the file itself, also where a service reads a copy of it."""
    settings = context.parts().settings
    return settings.directory / settings.secrets.key_file


@keys.command("list")
@click.pass_obj
def show(context: Context) -> None:
    """List the keys of the ring, newest first, and how many values need each.

    Example: calsync keys list
    """
    rows = _rows(context)
    words = table(
        ("KEY", "NEWEST", "NEEDED BY"), [(one["key"], one["newest"] or "", one["uses"]) for one in rows]
    )
    context.emit({"keys": rows}, words)


def _rows(context: Context) -> list[dict[str, Any]]:
    found = parse_ring(_path(context).read_text())
    with reading(context.parts().engine) as connection:
        counts = ring.uses(connection)
    return [{"key": one.name, "newest": one is found[0], "uses": counts[one.name]} for one in found]


@keys.command()
@click.pass_obj
def rotate(context: Context) -> None:
    """Put a new key into the ring and wrap every person's key with it, while everything runs.

    An interrupted rotation is finished by the next. The old key stays in the ring until `keys remove`.

    Example: calsync keys rotate
    """
    parts = context.writer()
    try:
        name = ring.add_key(_path(context))
    except OSError as error:
        raise UserError(f"secrets.key_file: cannot be replaced ({error.strerror})") from None
    count = ring.rewrap(parts.engine, parts.vault)
    context.note(Act.KEYS_ROTATED, key=name, wrapped=count)
    context.emit(
        {"key": name, "wrapped": count, "keys": _rows(context)}, f"{name} is the newest key; {count} wrapped"
    )


@keys.command()
@click.argument("name")
@click.pass_obj
def remove(context: Context, name: str) -> None:
    """Take an old key out of the ring; refused while anything needs it.

    Example: calsync keys remove k1
    """
    with reading(context.writer().engine) as connection:
        counts = ring.uses(connection)
    try:
        ring.remove_key(_path(context), name, counts)
    except ring.StillNeeded as error:
        raise UserError(str(error)) from None
    context.note(Act.KEY_REMOVED, key=name)
    context.emit({"removed": name, "keys": _rows(context)}, f"{name}: removed; destroy its backups too")
