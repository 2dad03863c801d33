"""`calsync audit`."""

from __future__ import annotations

from typing import Any

import click

from calsync.cli import PROBLEMS, Context, UserError, leave
from calsync.cli.table import table
from calsync.store import audit as trail
from calsync.store import subjects
from calsync.store.database import reading


@click.group(invoke_without_command=True)
@click.option("--user", metavar="USER", help="Only entries about this person.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="The last so many.")
@click.pass_context
def audit(click_context: click.Context, user: str | None, limit: int) -> None:
    """Show the audit trail: who did what with whose data, and who gave and withdrew consent.

    People who were erased stand in it under a pseudonym that nobody can resolve any more.

    Example: calsync audit --user ana
    """
    if click_context.invoked_subcommand is None:
        _show(click_context.obj, user, limit)


def _show(context: Context, user: str | None, limit: int) -> None:
    parts = context.parts()
    with reading(parts.engine) as connection:
        names = subjects.everyone(connection, parts.vault)
        subject = subjects.find(connection, parts.vault, user) if user is not None else None
        if user is not None and subject is None:
            raise UserError(f"there are no entries about {user!r}")
        found = trail.entries(connection, subject, limit)
    rows = [_document(entry, names.get(entry.subject)) for entry in found]
    words = table(
        ("SEQ", "AT", "ACT", "ACTOR", "ABOUT", "DETAIL"),
        [
            (
                one["seq"],
                one["at"],
                one["act"],
                " ".join(filter(None, (one["actor"], one["by"]))),
                one["user"] or one["subject"],
                _detail(one["detail"]),
            )
            for one in rows
        ],
    )
    context.emit({"entries": rows}, words if rows else "no entries")


def _document(entry: trail.Entry, user: str | None) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "act": entry.act,
        "actor": entry.actor,
        "by": entry.by or None,
        "user": user,
        "subject": entry.subject or None,
        "detail": dict(entry.detail),
    }


def _detail(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in detail.items())


@audit.command()
@click.pass_obj
def verify(context: Context) -> None:
    """Check that no entry was changed, taken out or moved; exit 1 when one was, and say which.

    Example: calsync audit verify
    """
    from calsync.privacy import anchor

    parts = context.parts()
    known = anchor.read(parts.settings.erasure_lists())
    with reading(parts.engine) as connection:
        faults = trail.verify(connection, parts.vault, known)
        head = trail.head(connection)
    document = {
        "intact": not faults,
        "entries": head.seq if head is not None else 0,
        "head": head.mac if head is not None else None,
        "faults": [{"seq": fault.seq, "what": fault.what} for fault in faults],
    }
    words = f"intact: {document['entries']} entries"
    context.emit(document, "\n".join(fault.what for fault in faults) or words)
    leave(PROBLEMS if faults else 0)
