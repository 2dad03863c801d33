"""`calsync retention`."""

from __future__ import annotations

import click

from calsync.cli import Context
from calsync.cli.table import table


@click.command()
@click.option("--dry-run", is_flag=True, help="Delete nothing; count what would be.")
@click.pass_obj
def retention(context: Context, dry_run: bool) -> None:
    """Delete what was kept for long enough; the daemon does it once a day.

    Example: calsync retention --dry-run
    """
    from calsync.rights.retention import preview, sweep

    lines = preview(context.parts()) if dry_run else sweep(context.writer())
    rows = [
        {"what": line.what, "older_than_days": line.days, "count": line.count, "held": line.held}
        for line in lines
    ]
    words = table(
        ("WHAT", "DAYS", "WOULD GO" if dry_run else "GONE", "HELD"), [list(row.values()) for row in rows]
    )
    context.emit({"dry_run": dry_run, "lines": rows}, words)
