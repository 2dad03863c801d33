"""Taking back copies that we made, when a person leaves and wants them gone; originals stay."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine

from calsync.model.errors import SideError, ends_account
from calsync.model.side import CalendarSide, Delete, SideName
from calsync.store import links
from calsync.store.accounts import Account
from calsync.store.database import reading, writing
from calsync.sync.meetings import announce, heir
from calsync.sync.settle import BATCH


def remove_copies(engine: Engine, account: Account, sides: Mapping[SideName, CalendarSide]) -> int:
    """Delete our copies on these sides and return how many; safe to repeat after a crash.

    Raises a SideError when a side as a whole cannot answer.
    """
    removed, after = 0, 0
    while True:
        with reading(engine) as connection:
            batch = links.after(connection, account.id, after, BATCH)
        if not batch:
            return removed
        after = batch[-1].id
        for side, calendar in sides.items():
            copies = [link for link in batch if link.origin is not side and link.half(side).key]
            removed += _delete(engine, calendar, side, copies)


def _delete(engine: Engine, calendar: CalendarSide, side: SideName, copies: list[links.Link]) -> int:
    # No intent is needed: nothing that could be mistaken for a person's deletion is read afterwards.
    writes = [
        Delete(link.half(side).key or "", heir=heir(engine, link) if side is SideName.CRM else "", quiet=True)
        for link in copies
    ]
    if side is SideName.GOOGLE and copies:
        with writing(engine) as connection:
            announce(connection, copies)
    outcomes = list(calendar.write(writes)) if writes else []
    gone = [
        link for link, outcome in zip(copies, outcomes, strict=True) if not isinstance(outcome, SideError)
    ]
    with writing(engine) as connection:
        links.remove(connection, [link.id for link in gone])
    for outcome in outcomes:
        if isinstance(outcome, SideError) and ends_account(outcome):
            raise outcome
    return len(gone)
