"""What people have asked for on their own page, done by the daemon: pages never talk to calendars."""

from __future__ import annotations

from functools import partial

from calsync.engine import intervene
from calsync.store import conflicts
from calsync.store.database import reading, writing
from calsync.sync.restore import Restored, restore
from calsync.wiring import Parts


def put_back_wished(parts: Parts, account_id: int) -> None:
    """Put back what lost in conflicts and is wanted back; each wish is tried once, and may be made again."""
    with reading(parts.engine) as connection:
        wished = conflicts.asked_back(connection, account_id)
    for number in wished:
        intervene(parts, account_id, partial(restore, number=number, restored=Restored()))
        with writing(parts.engine) as connection:
            conflicts.answer(connection, number)
