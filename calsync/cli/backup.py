"""`calsync backup`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click

from calsync.cli import Context, UserError
from calsync.store.audit import Act


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(context: Context, file: Path) -> None:
    """Copy the SQLite database into a new file while it is in use; keys are not in it.

    Keep database copies for 28 days at most, and keys elsewhere. On PostgreSQL use pg_dump.

    Example: calsync backup /var/backups/calsync.db
    """
    from calsync.privacy.backup import NotCopied, copy_database

    parts = context.parts()
    url = parts.settings.database_url()
    if not url.startswith("sqlite:///"):
        raise UserError("the database is PostgreSQL: use `pg_dump -Fc`, which copies it while it is in use")
    context.note(Act.BACKED_UP)
    try:
        size = copy_database(Path(url.removeprefix("sqlite:///")), file)
    except FileExistsError:
        raise UserError(f"{file} exists; give another name") from None
    except (OSError, sqlite3.Error, NotCopied) as error:
        raise UserError(f"{file} cannot be written ({getattr(error, 'strerror', None) or error})") from None
    context.emit({"file": str(file), "bytes": size}, f"{file}: {size} bytes, checked")
