"""`calsync export`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from calsync.cli import PROBLEMS, Context, UserError, leave


@click.command()
@click.argument("user")
@click.option("--out", required=True, metavar="FILE.zip", type=click.Path(path_type=Path))
@click.pass_obj
def export(context: Context, user: str, out: Path) -> None:
    """Write everything held about a person into a new ZIP file that only you can read.

    Titles and texts in it are in clear: give it to that person, and delete it within seven days.

    Example: calsync export ana --out ana.zip
    """
    from calsync.rights.export import export_file, is_known
    from calsync.store.audit import COMMAND_LINE

    parts = context.parts()
    if not is_known(parts, user):
        raise UserError(f"nothing is held about {user!r}")
    try:
        made = export_file(parts, user, COMMAND_LINE, out)
    except FileExistsError:
        raise UserError(f"--out: {out} exists; give another name") from None
    except OSError as error:
        raise UserError(f"--out: {out} cannot be written ({error.strerror})") from None
    document = {
        "user": user,
        "file": str(out),
        "sha256": hashlib.sha256(made.data).hexdigest(),
        "counts": dict(made.counts),
        "not_reached": dict(made.not_reached),
        "requests_closed": list(made.closed),
    }
    context.emit(document, f"{out}: " + ", ".join(f"{count} {name}" for name, count in made.counts.items()))
    for side, reason in made.not_reached.items():
        click.echo(f"calsync: {side} could not be asked ({reason}); its entries are left out", err=True)
    leave(PROBLEMS if made.not_reached else 0)
