"""What lost in a conflict, opened for its person and for whoever they have asked."""

from __future__ import annotations

from typing import Any

from calsync.model.event import Event, whole_name
from calsync.store.accounts import Account
from calsync.store.conflicts import Conflict
from calsync.store.contents import load_value, pack
from calsync.store.standing import stamp


def document(account: Account, number: int, conflict: Conflict) -> dict[str, Any]:
    """Return a conflict as JSON of the public face, with both values in clear."""
    return {
        "id": str(number),
        "user": account.user,
        "event": conflict.google_key or conflict.crm_key,
        "field": whole_name(conflict.field),
        "kept": _plain(load_value(account.cipher.open(conflict.place("kept"), conflict.kept))),
        "lost": _plain(load_value(account.cipher.open(conflict.place("lost"), conflict.lost))),
        "kept_side": conflict.kept_side,
        "at": stamp(conflict.at),
    }


def _plain(value: object) -> object:
    return pack(value) if isinstance(value, Event) else value
