"""`calsync runs`, `calsync undo` and `calsync restore`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from calsync.cli import PROBLEMS, Context, UserError, leave
from calsync.cli.people import account_of
from calsync.cli.resync import CODES
from calsync.cli.table import table
from calsync.model.link import Verb
from calsync.model.side import SideName
from calsync.store import accounts, conflicts, journal
from calsync.store.audit import Act
from calsync.store.database import reading
from calsync.store.journal import UNFINISHED, Run
from calsync.sync.tally import Tally


@click.command()
@click.argument("user", required=False)
@click.pass_obj
def runs(context: Context, user: str | None) -> None:
    """List runs that wrote something, newest first, and what they wrote on each side.

    Example: calsync runs ana
    """
    chosen = account_of(context, user).id if user else None
    parts = context.parts()
    with reading(parts.engine) as connection:
        names = {account.id: account.user for account in accounts.everyone(connection, parts.vault)}
        found = journal.of_account(connection, chosen)
        unfinished = {run.id: journal.count(connection, run.id) for run in found if run.outcome == UNFINISHED}
    rows = [_document(run, names.get(run.account_id, ""), unfinished.get(run.id, {})) for run in found]
    context.emit({"runs": rows}, table(_HEADS, [_row(row) for row in rows]) if rows else "no runs")


_HEADS = ("RUN", "USER", "BEGAN", "OUTCOME", "GOOGLE +/~/-", "CRM +/~/-", "UNDOES")


def _document(run: Run, user: str, written: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Return a run as people see it; `written`: of one that did not come to its end, what the journal knows."""
    tally = Tally(run.id, user, run.is_full)
    for (side, verb), count in written.items():
        for _ in range(count):
            tally.count(SideName(side), Verb(verb))
    counts = {**tally.document(), **run.counts}
    head = {
        "run": run.id,
        "user": user,
        "began": run.began.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    return {**counts, **head, "outcome": run.outcome, "full": run.is_full, "undoes": run.undoes}


def _row(row: dict[str, Any]) -> list[object]:
    moved = ["/".join(str(count) for count in row[side].values()) for side in ("google", "crm")]
    return [row["run"], row["user"], row["began"], row["outcome"], *moved, row["undoes"] or ""]


@click.command()
@click.argument("run")
@click.pass_obj
def undo(context: Context, run: str) -> None:
    """Put back what one run wrote, and say what people have changed since and so stays.

    What was put back is not synced again until somebody changes it.

    Example: calsync undo 4f0c9a1b2c3d4e5f
    """
    from calsync.engine import intervene
    from calsync.sync.undo import Undone, take_back

    parts = context.writer()
    with reading(parts.engine) as connection:
        found = journal.find(connection, run)
    if found is None:
        raise UserError(f"there is no run {run!r}; `calsync runs` lists those that wrote something")
    undone = Undone()
    tally = intervene(parts, found.account_id, lambda work: take_back(work, run, undone), undoes=run)
    refused = [
        {"side": one.side.value, "id": one.key, "why": one.why, "fields": list(one.fields)}
        for one in undone.refused
    ]
    document: dict[str, Any] = {
        "run": tally.run,
        "undoes": run,
        "outcome": tally.outcome.value,
        "undone": undone.writes,
    }
    document |= {"refused": refused} | ({"reason": tally.reason} if tally.reason else {})
    context.note(Act.UNDONE, tally.user, run=run, writes=undone.writes)
    context.emit(document, _words(undone.writes, refused, tally.reason))
    leave(CODES[tally.outcome] or (PROBLEMS if refused else 0))


def _words(writes: int, refused: list[dict[str, Any]], reason: str) -> str:
    lines = [f"{writes} writes put back" + (f"; {reason}" if reason else "")]
    if refused:
        rows = [(one["side"], one["id"], one["why"], " ".join(one["fields"])) for one in refused]
        lines.append(table(("STAYS ON", "ID", "WHY", "FIELDS"), rows))
    return "\n".join(lines)


@click.command()
@click.argument("conflict", type=int)
@click.pass_obj
def restore(context: Context, conflict: int) -> None:
    """Put back what lost in a conflict, on both sides.

    Example: calsync restore 12
    """
    from calsync.engine import intervene
    from calsync.sync.restore import Restored
    from calsync.sync.restore import restore as put_back

    parts = context.writer()
    with reading(parts.engine) as connection:
        found = conflicts.find(connection, conflict)
    if found is None:
        raise UserError(f"there is no conflict {conflict}; see `calsync conflicts`")
    restored = Restored()
    tally = intervene(parts, found.account_id, lambda work: put_back(work, conflict, restored))
    why = restored.why_not or tally.reason
    document = {"run": tally.run, "conflict": str(conflict), "restored": list(restored.fields)}
    words = f"put back: {', '.join(restored.fields)}" if restored.fields else f"nothing put back: {why}"
    context.note(Act.RESTORED, tally.user, conflict=conflict, fields=len(restored.fields))
    context.emit(document | ({"reason": why} if why else {}), words)
    leave(CODES[tally.outcome] or (0 if restored.fields else PROBLEMS))
