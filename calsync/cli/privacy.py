"""`calsync privacy`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from calsync.cli import PROBLEMS, Context, UserError, leave
from calsync.cli.table import table
from calsync.store import accounts
from calsync.store.audit import Act
from calsync.store.database import reading


@click.group()
def privacy() -> None:
    """Record of processing, search for a participant, and the scope of an incident.

    Example: calsync privacy record
    """


@privacy.command()
@click.pass_obj
def record(context: Context) -> None:
    """Print the record of processing (Art. 30 GDPR), made from what is really stored.

    Example: calsync privacy record
    """
    from calsync.privacy import processing
    from calsync.store.migrations import SCHEMA

    parts = context.parts()
    document = processing.record(parts.settings.privacy, [SCHEMA.metadata, *parts.crm_metadata()])
    context.emit(document, processing.markdown(document))


@privacy.command()
@click.argument("address")
@click.pass_obj
def search(context: Context, address: str) -> None:
    """Find where a participant's address occurs in what is held: ids and counts, no contents.

    Example: calsync privacy search guest@example.com
    """
    from calsync.privacy.search import search as look_for

    if "@" not in address:
        raise UserError("ADDRESS: must be a mail address")
    parts = context.parts()
    with reading(parts.engine) as connection:
        found = [look_for(connection, one, address) for one in accounts.everyone(connection, parts.vault)]
    rows: list[dict[str, Any]] = [
        {
            "user": one.user,
            "links": list(one.links),
            "conflicts": list(one.conflicts),
            "journal": list(one.journal),
        }
        for one in found
        if one
    ]
    context.note(Act.SEARCHED, people=len(rows))
    words = table(
        ("USER", "LINKS", "CONFLICTS", "JOURNAL"),
        [(row["user"], *(len(row[name]) for name in ("links", "conflicts", "journal"))) for row in rows],
    )
    context.emit({"found": rows}, words if rows else "the address occurs nowhere")


@privacy.command()
@click.option(
    "--since", metavar="WHEN", help="Only who was connected since then: a date, or a time with offset."
)
@click.option("--key", metavar="NAME", help="Only whose key this key of the ring has wrapped.")
@click.option("--user", metavar="USER", help="Only this person.")
@click.pass_obj
def incident(context: Context, since: str | None, key: str | None, user: str | None) -> None:
    """Say whose data a leaked token, key or backup concerns, and what was written since.

    Example: calsync privacy incident --since 2026-11-01
    """
    from calsync.privacy.incident import scope

    parts = context.parts()
    moment = _when(since) if since else None
    with reading(parts.engine) as connection:
        found = scope(connection, moment, key, user)
    rows = [
        {
            "user": one.user,
            "state": one.state.value,
            "key": one.key,
            "token": one.has_token,
            "scopes": list(one.scopes),
            "connected": _stamp(one.connected_at),
            "last_success": _stamp(one.last_success),
            "runs": one.runs,
            "rows": one.rows,
        }
        for one in found
    ]
    context.note(Act.INCIDENT, people=len(rows))
    columns = ("user", "state", "key", "token", "connected", "last_success", "runs", "rows")
    words = table([name.upper() for name in columns], [[row[name] for name in columns] for row in rows])
    context.emit({"affected": rows}, words if rows else "nobody is affected")


@privacy.command()
@click.argument("file", type=click.File("rb"))
@click.pass_obj
def receipt(context: Context, file: Any) -> None:
    """Say whether a receipt of an erasure (JSON) is one of this installation and unchanged.

    Example: calsync privacy receipt receipt.json
    """
    import orjson

    from calsync.privacy.receipt import is_ours

    try:
        document = orjson.loads(file.read())
        ours = is_ours(context.parts().vault, document.get("receipt") if "user" in document else document)
    except (ValueError, AttributeError, TypeError):
        raise UserError("FILE: is no receipt in JSON") from None
    context.emit({"genuine": ours}, "genuine" if ours else "not one of ours, or changed")
    leave(0 if ours else PROBLEMS)


def _when(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError("--since: must be a date or a time, e.g. 2026-11-02 or 2026-11-02T09:30Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment is not None else None
