"""An installation in this process: the real engine, real SQLite, and the stand-in over HTTP.

Faster than `sandbox.stage.Stage`, and its clock can be moved. Use it for what one round does; use `Stage` for
what only processes show.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from fastapi import FastAPI
from uvicorn import Config, Server

from calsync.config import Settings
from calsync.config.settings import SyncSettings
from calsync.engine import examine, intervene, run_account
from calsync.sandbox.server import start as start_google
from calsync.sandbox.stage import free_port
from calsync.store import accounts, conflicts, journal, links
from calsync.store.accounts import Account, Consent
from calsync.store.database import reading, writing
from calsync.store.vault import KEY_BYTES, new_key_line
from calsync.sync.explain import Explanation, explain
from calsync.sync.restore import Restored, restore
from calsync.sync.round import Order
from calsync.sync.undo import Undone, take_back
from calsync.web.app import create_app
from calsync.web.server import serving
from calsync.wiring import Parts, open_parts

OPERATOR_TOKEN = "the-operator-token-of-the-house-0123456789"
SCOPES = ("https://www.googleapis.com/auth/calendar.events", "openid", "email")


class Clock:
    """The time of a house: real time plus what a test has added."""

    def __init__(self):
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **amount: float) -> None:
        self.ahead += timedelta(**amount)


class House:
    """`sync`: keys of the section [sync]; `options`: those of the backend's own section; `more`: of other sections.

    `database`: its URL.
    """

    def __init__(
        self,
        directory,
        sync: dict[str, Any] | None = None,
        backend: str = "builtin",
        options: dict[str, Any] | None = None,
        more: dict[str, dict[str, Any]] | None = None,
        database: str = "sqlite:///calsync.db",
    ):
        self.directory, self.clock = directory, Clock()
        self.google = start_google()
        self.control_http = requests.Session()
        self._make_keys()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        more = dict(more or {})
        settings = Settings(
            path=directory / "calsync.toml",
            web={"public_url": self.url} | more.pop("web", {}),
            database={"url": database},
            google=self._google_settings() | more.pop("google", {}),
            crm={"backend": backend} | ({backend: options} if options else {}),
            sync=sync or {},
            **more,
        )
        self.parts: Parts = open_parts(settings, self.clock)
        self.tokens: dict[str, str] = {}
        self._servers: list[Server] = []
        self._crm_url = ""

    def _make_keys(self) -> None:
        import os
        from base64 import urlsafe_b64encode

        (self.directory / "calsync.keys").write_text(new_key_line("k1"))
        (self.directory / "calsync.instance").write_text(urlsafe_b64encode(os.urandom(KEY_BYTES)).decode())
        (self.directory / "google-client-secret").write_text("sandbox-secret")
        (self.directory / "operator.token").write_text(OPERATOR_TOKEN)

    def _google_settings(self) -> dict[str, str]:
        url = self.google.url
        return {
            "client_id": "sandbox-client",
            "api_root": f"{url}/calendar/v3/",
            "auth_uri": f"{url}/o/oauth2/v2/auth",
            "token_uri": f"{url}/token",
            "revoke_uri": f"{url}/revoke",
            "jwks_uri": f"{url}/oauth2/v3/certs",
            "issuer": url,
        }

    def close(self) -> None:
        for server in self._servers:
            server.should_exit = True
        self.parts.close()
        self.google.close()
        self.control_http.close()

    def set_policy(self, **sync: Any) -> None:
        """Go on as after a restart with these keys of [sync]."""
        self.parts.policy = SyncSettings(**sync).policy()

    # -- people ----------------------------------------------------------------------------------------

    def person(
        self, user: str, role: str = "standard", teams: tuple[str, ...] = (), zone: str = "Europe/London"
    ):
        """Add a CRM user who has connected a Google account; return the address."""
        email = f"{user}@example.com"
        self.parts.crm.add_user(user, email, user, role, teams)
        self.tokens[user] = self.parts.crm.add_token(user)
        self.connect(user, email, zone)
        return email

    def connect(self, user: str, email: str, zone: str = "Europe/London") -> int:
        """Connect a Google account as consent would."""
        sub = self.control("POST", "accounts", {"email": email, "time_zone": zone})["sub"]
        grant = self.google.world.grant(email, SCOPES)
        consent = Consent(user, sub, email, grant.refresh_token, SCOPES, self.parts.settings.sync.direction)
        with writing(self.parts.engine) as connection:
            return accounts.connect(connection, self.parts.vault, consent, self.clock())

    def account(self, user: str) -> Account:
        with reading(self.parts.engine) as connection:
            found = accounts.find(connection, self.parts.vault, user)
        assert found is not None
        return found

    def set_account(self, user: str, **values: Any) -> None:
        """Change columns of an account."""
        with writing(self.parts.engine) as connection:
            accounts.change(connection, self.account(user).id, **values)

    def resync(
        self, user: str, full: bool = False, dry_run: bool = False, event: str | None = None
    ) -> dict[str, Any]:
        """Run a round and return its JSON."""
        order = Order(full=full, event=event)
        return run_account(self.parts, self.account(user).id, order, dry_run, wait=0).document()

    def undo(self, run: str) -> tuple[dict[str, Any], Undone]:
        """Take back what a run wrote; return the JSON of the undoing run, and how far it got."""
        with reading(self.parts.engine) as connection:
            found = journal.find(connection, run)
        undone = Undone()
        tally = intervene(self.parts, found.account_id, lambda work: take_back(work, run, undone), undoes=run)
        return tally.document(), undone

    def conflicts(self, user: str) -> list[tuple[int, conflicts.Conflict]]:
        with reading(self.parts.engine) as connection:
            return conflicts.of_account(connection, self.account(user).id)

    def restore(self, number: int) -> Restored:
        """Put the loser of a conflict back."""
        with reading(self.parts.engine) as connection:
            found = conflicts.find(connection, number)
        restored = Restored()
        intervene(self.parts, found.account_id, lambda work: restore(work, number, restored))
        return restored

    def explain(self, user: str, event: str) -> Explanation:
        """Ask why an event is or is not on the other side."""
        found = Explanation()
        examine(self.parts, self.account(user).id, lambda work: explain(work, event, found))
        return found

    def links(self, user: str) -> list[links.Link]:
        with reading(self.parts.engine) as connection:
            return links.after(connection, self.account(user).id, 0, 100_000)

    # -- Google ----------------------------------------------------------------------------------------

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.control_http.request(
            method, f"{self.google.url}/control/{path}", json=body, timeout=120
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def google_add(self, user: str, **body: Any) -> dict[str, Any]:
        """Make an event as the person on Google's page."""
        return self.control("POST", f"accounts/{user}@example.com/events", body)

    def google_edit(self, user: str, event_id: str, **changes: Any) -> dict[str, Any]:
        return self.control("PATCH", f"accounts/{user}@example.com/events/{event_id}", changes)

    def google_delete(self, user: str, event_id: str) -> None:
        self.control("DELETE", f"accounts/{user}@example.com/events/{event_id}")

    def google_get(self, user: str, event_id: str) -> dict[str, Any]:
        return self.control("GET", f"accounts/{user}@example.com/events/{event_id}")

    def google_events(self, user: str) -> list[dict[str, Any]]:
        return self.control("GET", f"accounts/{user}@example.com/events")["events"]

    def google_titles(self, user: str) -> list[str]:
        return sorted(event.get("summary", "") for event in self.google_events(user))

    def counters(self) -> dict[str, Any]:
        return self.control("GET", "counters")

    def reset_counters(self) -> None:
        self.control("POST", "counters/reset")

    def fault(self, **order: Any) -> None:
        """Order a fault; see `sandbox.faults.Fault` for the names."""
        self.control("POST", "faults", order)

    # -- CRM -------------------------------------------------------------------------------------------

    def crm(self, method: str, path: str, user: str, body: Any = None, **headers: str) -> requests.Response:
        """Call the built-in CRM over HTTP as a user."""
        if not self._crm_url:
            self._serve_crm()
        headers = {"Authorization": f"Bearer {self.tokens[user]}", **headers}
        return self.control_http.request(
            method, f"{self._crm_url}/crm/v1/{path}", json=body, headers=headers, timeout=30
        )

    def serve(self, ticked=lambda: 0.0) -> str:
        """Serve the whole web application as the daemon does; return its address, which is the public one."""
        self.start(serving(create_app(self.parts, ticked), self.parts.settings, port=self.port))
        return self.url

    def _serve_crm(self) -> None:
        app, port = FastAPI(), free_port()
        app.include_router(self.parts.crm.router())
        self.start(Config(app, port=port, log_config=None, access_log=False))
        self._crm_url = f"http://127.0.0.1:{port}"

    def start(self, configuration: Config) -> None:
        """Serve an application from a thread of this process until the house is closed."""
        server = Server(configuration)
        threading.Thread(target=server.run, daemon=True).start()
        while not server.started:
            time.sleep(0.005)
        self._servers.append(server)

    def crm_add(self, user: str, **body: Any) -> dict[str, Any]:
        """Make an event in the CRM."""
        answer = self.crm("POST", "events", user, body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def crm_edit(self, user: str, event_id: str, **changes: Any) -> dict[str, Any]:
        answer = self.crm("PATCH", f"events/{event_id}", user, changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def crm_delete(self, user: str, event_id: str) -> None:
        answer = self.crm("DELETE", f"events/{event_id}", user)
        assert answer.status_code in (200, 204), answer.text

    def crm_events(self, user: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            answer = self.crm("GET", f"events?limit=500{after}", user).json()
            found += answer["events"]
            if not answer["next"]:
                return found
            after = f"&after={answer['next']}"

    def crm_titles(self, user: str) -> list[str]:
        return sorted(event["title"] for event in self.crm_events(user))


# -- things to write ---------------------------------------------------------------------------------------


def day(days: int, hour: int = 9) -> datetime:
    """Return an hour of a day from now, in UTC."""
    return datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=days)


def at(start: datetime, hours: float = 1, zone: str = "Europe/London") -> dict[str, Any]:
    """Return start and end as Google has them."""
    end = start + timedelta(hours=hours)
    return {
        "start": {"dateTime": start.isoformat(), "timeZone": zone},
        "end": {"dateTime": end.isoformat(), "timeZone": zone},
    }


def crm_at(start: datetime, hours: float = 1) -> dict[str, Any]:
    """Return start and end as the CRM has them."""
    return {"start": start.isoformat(), "end": (start + timedelta(hours=hours)).isoformat()}


def nothing_written(run: dict[str, Any]) -> bool:
    """Return whether a run wrote nothing on either side."""
    return not any(run["google"].values()) and not any(run["crm"].values())
