"""`calsync db adopt`."""

from __future__ import annotations

import click

from calsync.cli import Context
from calsync.store.audit import Act


@click.group()
def db() -> None:
    """Look after the database.

    Example: calsync db adopt
    """


@db.command()
@click.option("--beside-others", is_flag=True, help="Other machines go on using the same database.")
@click.pass_obj
def adopt(context: Context, beside_others: bool) -> None:
    """Let this installation write with its database, after it was restored, moved or copied.

    The installation that used it before must be stopped, or both would write to the same calendars.

    Example: calsync db adopt
    """
    from calsync.store import instance

    parts = context.parts()
    instance.adopt(parts.engine, parts.state_dir, parts.clock(), beside_others)
    context.note(Act.ADOPTED, beside_others=beside_others)
    context.emit(
        {"adopted": True, "state_dir": str(parts.state_dir)},
        f"{parts.state_dir}: may write with this database now; make sure that no copy of it is in use elsewhere",
    )
