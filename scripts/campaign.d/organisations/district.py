"""The town of this campaign: three people with Google calendars, and room for either CRM."""

from __future__ import annotations

import json
from typing import Any

from town import Resident, Town

from calsync.config.settings import SyncSettings
from calsync.crm.opencrm.tables import metadata as tenant_metadata
from calsync.sandbox.gate import Incoming
from calsync.sandbox.queries import Query
from calsync.sandbox.rows import Row

CONNECTED = ("ana", "bo", "cy")
OTHERS = ("dee", "eli")
LOGINS = (*CONNECTED, *OTHERS)


class District(Town):
    """A town whose CRM is exchanged for every organisation."""

    def __init__(self) -> None:
        super().__init__(tuple(Resident(login, f"{login}@example.com") for login in CONNECTED))
        self.builtin = self.crm

    def _build(self) -> None:
        tenant_metadata.create_all(self.books)
        super()._build()
        for login in OTHERS:
            self.crm.add_user(login, f"{login}@example.com", login.title(), "standard", ())

    def open(self, crm: Any, sync: dict[str, Any]) -> None:
        """Begin a first morning with this CRM and these keys of [sync]."""
        self.crm = crm
        self.govern(sync)
        self.restore(self.morning)

    def govern(self, sync: dict[str, Any]) -> None:
        """Go on with these keys of [sync], as after a restart."""
        self.policy = SyncSettings(**sync).policy()

    def edit(self, login: str, event: str, changes: dict[str, Any]) -> None:
        """Let somebody change an event on Google's page."""
        path, token = f"/calendar/v3/calendars/primary/events/{event}", self.by_login[login].token
        raw, headers = json.dumps(changes).encode(), {"authorization": f"Bearer {token}"}
        self.wire.gate.perform(Incoming("PATCH", path, Query({}), headers, raw))

    def original(self, login: str, event: str) -> str:
        """Return the key of the record of which an event at Google, or a series of it, is a copy; or ""."""
        row = self.calendar(login).rows.get(event.partition("_")[0])
        return marker_of(row) if row is not None else ""


def marker_of(row: Row) -> str:
    """Return the key of the record that a copy names, or ""."""
    private = (row.body.get("extendedProperties") or {}).get("private") or {}
    return str(private.get("calsync", ""))
