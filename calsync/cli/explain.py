"""`calsync explain` and `calsync verify`."""

from __future__ import annotations

from typing import Any

import click

from calsync.cli import PROBLEMS, Context, leave
from calsync.cli.people import account_of
from calsync.cli.resync import CODES
from calsync.cli.table import table
from calsync.store import links
from calsync.store.database import reading
from calsync.sync.round import Order
from calsync.sync.tally import Outcome, Tally


@click.command()
@click.argument("user")
@click.argument("event")
@click.pass_obj
def explain(context: Context, user: str, event: str) -> None:
    """Say why an event (by its Google or CRM id) is or is not on the other side.

    Example: calsync explain ana 1a2b3c4d
    """
    from calsync.engine import examine
    from calsync.sync.explain import Explanation, steps_of
    from calsync.sync.explain import explain as find_out

    found = Explanation()
    account = account_of(context, user)
    tally = examine(context.parts(), account.id, lambda work: find_out(work, event, found))
    if not found.answer:
        found.answer = f"it cannot be told now: {tally.reason}"
    history = steps_of(found.history)
    document = {
        "user": user,
        "event": event,
        "answer": found.answer,
        "google_id": found.google_id,
        "crm_id": found.crm_id,
        "origin": found.origin,
        "permission": found.permission,
        "rule": found.rule,
        "decision": found.decision,
        "next_writes": found.next_writes,
        "occurrences": [{"google_id": google, "crm_id": crm} for google, crm in found.occurrences],
        "history": history,
    }
    context.emit(document, _words(document))
    unknown = found.google_id is None and found.crm_id is None
    leave(CODES[tally.outcome] or (PROBLEMS if unknown else 0))


def _words(document: dict[str, Any]) -> str:
    names = ("google_id", "crm_id", "origin", "permission", "rule", "decision")
    rows = [(name, document[name]) for name in names if document[name]]
    lines = [document["answer"], table(("", ""), rows)]
    if document["occurrences"]:
        pairs = [(one["google_id"], one["crm_id"] or "") for one in document["occurrences"]]
        lines.append(table(("GOOGLE_ID", "CRM_ID"), pairs))
    if document["history"]:
        columns = ("at", "run", "side", "action", "fields")
        heads = tuple(name.upper() for name in columns)
        lines.append(table(heads, [[step[name] for name in columns] for step in document["history"]]))
    return "\n".join(line for line in lines if line.strip())


_KINDS = {"create": "missing", "update": "differs", "delete": "left over"}


@click.command()
@click.argument("user")
@click.pass_obj
def verify(context: Context, user: str) -> None:
    """Compare both calendars with the mapping and list every difference; changes nothing.

    Example: calsync verify ana
    """
    from calsync.engine import run_account

    account, parts = account_of(context, user), context.parts()
    tally = run_account(parts, account.id, Order(full=True), dry_run=True)
    with reading(parts.engine) as connection:
        parked = links.parked(connection, account.id)
    differences = [_difference(step) for step in tally.plan]
    differences += [
        {
            "side": (link.cause_side or link.origin).value,
            "id": link.half(link.cause_side or link.origin).key or "",
            "what": "set aside",
            "fields": [],
        }
        for link in parked
    ]
    document = {"user": user, "compared": tally.unchanged, "differences": differences}
    context.emit(document | ({"reason": tally.reason} if tally.reason else {}), _report(tally, differences))
    leave(_code(tally, differences))


def _code(tally: Tally, differences: list[dict[str, Any]]) -> int:
    if tally.outcome in (Outcome.ATTENTION, Outcome.BUSY):
        return CODES[tally.outcome]
    return PROBLEMS if differences or tally.reason else 0


def _difference(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "side": step["side"],
        "id": step["id"],
        "what": _KINDS[step["action"]],
        "fields": step["fields"],
    }


def _report(tally: Tally, differences: list[dict[str, Any]]) -> str:
    if tally.reason:
        return f"{tally.user}: not verified: {tally.reason}"
    if not differences:
        return f"{tally.user}: both calendars agree with the mapping ({tally.unchanged} events compared)"
    rows = [(one["side"], one["what"], " ".join(one["fields"]), one["id"]) for one in differences]
    return table(("SIDE", "WHAT", "FIELDS", "ID"), rows)
