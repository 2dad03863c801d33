"""What rounds that found nothing leave behind: kept in memory for a moment, then written for all in one commit.

A round that wrote something or met trouble is recorded at once. One that found nothing would spend most of its
time on that, and its loss costs nothing: the account is looked at again, a little sooner.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, Integer, bindparam, update

from calsync.store.accounts import Account, accounts
from calsync.store.database import Bulk, writing

#: What such a round changes, all of it.
COLUMNS = (
    *("due_at", "interval_seconds", "last_success"),
    *("google_cursor", "google_looked", "crm_cursor", "crm_looked"),
)

_TYPES = {name: accounts.c[name].type for name in COLUMNS}

# Whoever else changes an account makes it due at another moment, and a round moves a cursor: then that stands.
_WAS = {name: f"was_{name}" for name in ("due_at", "google_looked", "crm_cursor")}
_WRITE = Bulk(
    update(accounts)
    .where(accounts.c.id == bindparam("of"))
    .where(*[accounts.c[name] == bindparam(was) for name, was in _WAS.items()])
    .values({name: bindparam(name) for name in COLUMNS}),
    {"of": Integer(), **_TYPES, **{was: _TYPES[name] for name, was in _WAS.items()}},
)


class QuietRounds:
    """Rounds that found nothing and are not written yet, the latest of each account. Safe for all threads."""

    def __init__(self) -> None:
        """There are none yet."""
        self._guard = threading.Lock()
        self._kept: dict[int, dict[str, Any]] = {}

    def keep(self, account: Account, values: Mapping[str, Any]) -> None:
        """Keep the COLUMNS that a round has left; `account` is as that round has read it."""
        was = {was: getattr(account, name) for name, was in _WAS.items()}
        row = {"of": account.id, **was, **values}
        with self._guard:
            self._kept[account.id] = row

    def write(self, engine: Engine) -> None:
        """Write what is kept; an account that has changed since its round has read it stays as it is."""
        with self._guard:
            kept, self._kept = self._kept, {}
        if kept:
            with writing(engine) as connection:
                _WRITE.run(connection, list(kept.values()))
