"""calsync in this process: the real engine with a SQLite file, and one connected person."""

from __future__ import annotations

import os
import time
from base64 import urlsafe_b64encode
from pathlib import Path

from standin import CLIENT_ID, CLIENT_SECRET, SCOPES, Person

from calsync.config import Settings
from calsync.daemon import SWEEP_SECONDS
from calsync.engine import run_account
from calsync.store import accounts
from calsync.store.accounts import Consent
from calsync.store.database import reading, writing
from calsync.store.quiet import QuietRounds
from calsync.store.vault import KEY_BYTES, new_key_line
from calsync.sync.round import Order
from calsync.sync.tally import Outcome, Tally
from calsync.wiring import open_parts

USER = "ana"


class Installation:
    """A directory with keys and database; opening the same directory again finds what was there."""

    def __init__(self, directory: Path, google: str, person: Person) -> None:
        if not (directory / "calsync.keys").exists():
            _make_keys(directory)
        endpoints = {
            "api_root": f"{google}/calendar/v3/",
            "auth_uri": f"{google}/o/oauth2/v2/auth",
            "token_uri": f"{google}/token",
            "revoke_uri": f"{google}/revoke",
            "jwks_uri": f"{google}/oauth2/v3/certs",
            "issuer": google,
        }
        settings = Settings(path=directory / "calsync.toml", google={"client_id": CLIENT_ID, **endpoints})
        self.parts = open_parts(settings)
        # Built before the clock starts, as the floor's is.
        self.events = self.parts.service.events
        self.account = self._connected() or self._connect(person)
        self._quiet, self._swept = QuietRounds(), time.monotonic()

    def _connected(self) -> int | None:
        with reading(self.parts.engine) as connection:
            account = accounts.find(connection, self.parts.vault, USER)
        return account.id if account else None

    def _connect(self, person: Person) -> int:
        self.parts.crm.add_user(USER, person.email, "Ana", "standard", ())
        direction = self.parts.settings.sync.direction
        consent = Consent(USER, person.subject, person.email, person.refresh_token, SCOPES, direction)
        with writing(self.parts.engine) as connection:
            return accounts.connect(connection, self.parts.vault, consent, self.parts.clock())

    def round(self) -> Tally:
        """One round as the daemon runs it; RuntimeError when it does not go well."""
        tally = run_account(self.parts, self.account, Order(), wait=0, quiet=self._quiet)
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._quiet.write(self.parts.engine)
            self._swept = time.monotonic()
        if tally.outcome is not Outcome.OK:
            raise RuntimeError(f"the round ended as {tally.outcome.value}: {tally.reason}")
        return tally


def _make_keys(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "calsync.keys").write_text(new_key_line("bench"))
    (directory / "calsync.instance").write_text(urlsafe_b64encode(os.urandom(KEY_BYTES)).decode())
    (directory / "google-client-secret").write_text(CLIENT_SECRET)
