"""Mapping rows that lost the key of an original, as by a bad migration, find it again."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from calsync.model.side import SideName
from calsync.store import links
from calsync.store.links import Link


def rejoin(connection: Connection, account_id: int, side: SideName, bereft: Mapping[str, Link]) -> None:
    """Give links the key of their original; `bereft` holds them by that key, which their copy on `side` names."""
    if not bereft:
        return
    twins = links.by_keys(connection, account_id, side.other, list(bereft))
    for original, link in bereft.items():
        twin, half = twins.get(original), link.half(side.other)
        if twin is None:
            half.key = original
        elif twin.half(side).key is None:
            # The original has been seen again, and was taken for a new event.
            links.remove(connection, [twin.id])
            seen = twin.half(side.other)
            half.key, half.version, half.state, half.seen = seen.key, seen.version, seen.state, seen.seen
            link.dirty = True
    links.save(connection, bereft.values())
