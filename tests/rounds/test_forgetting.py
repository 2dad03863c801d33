"""Values before and after are kept for thirty days, and not longer."""

from __future__ import annotations

from sqlalchemy import func, select

from calsync.rights.retention import sweep
from calsync.store import journal
from calsync.store.database import reading
from tests.house import at, day


def kept(house):
    """Return how many journal entries, runs and conflicts there are."""
    with reading(house.parts.engine) as connection:
        entries = connection.execute(select(func.count()).select_from(journal.entries)).scalar_one()
        runs = journal.of_account(connection, None)
    return entries, len(runs), len(house.conflicts("ana"))


def test_journal_and_conflicts_end_after_thirty_days(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    house.google_edit("ana", made["id"], summary="B")
    house.crm_edit("ana", house.crm_events("ana")[0]["id"], title="C")
    house.resync("ana")
    before = kept(house)
    assert before[2] == 1
    house.clock.advance(days=29)
    sweep(house.parts)
    assert kept(house) == before
    house.clock.advance(days=2)
    sweep(house.parts)
    assert kept(house) == (0, 0, 0)
