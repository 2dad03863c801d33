"""Everything the stand-in knows: people, their calendars, grants and tokens, faults and counters."""

from __future__ import annotations

import pickle
import secrets
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from calsync.sandbox import answers
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.faults import Fault
from calsync.sandbox.meetings import Meetings
from calsync.sandbox.switches import Switches

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
TOKEN_SECONDS = 3599

#: Live refresh tokens a person can have; with one more, the oldest dies without a word.
MAX_GRANTS = 100


@dataclass(slots=True)
class Account:
    """A person with a Google account and calendars; the first is the primary one."""

    email: str
    subject: str
    name: str
    calendars: dict[str, Calendar]


@dataclass(slots=True)
class Grant:
    """What a person allowed: ends when it is revoked or expires."""

    email: str
    scopes: tuple[str, ...]
    refresh_token: str


@dataclass(slots=True)
class Code:
    """An authorisation code: used once."""

    email: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    method: str
    nonce: str
    offline: bool
    prompted: bool


@dataclass(slots=True)
class World:
    """The state behind the server; every access holds `lock`."""

    accounts: dict[str, Account] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    access: dict[str, tuple[str, tuple[str, ...], datetime]] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    mails: list[dict[str, str]] = field(default_factory=list)
    switches: Switches = field(default_factory=Switches)
    signing_key: bytes = b""
    #: How far the clock of this Google is ahead of the machine's.
    clock_offset: timedelta = timedelta(0)

    def add_account(self, email: str, name: str, zone: str, subject: str = "") -> Account:
        """Add a person with an empty primary calendar, or return the one who is there."""
        email = email.lower()
        if email not in self.accounts:
            calendar = Calendar(email, email, zone, switches=self.switches)
            subject = subject or str(secrets.randbelow(10**20) + 10**20)
            self.accounts[email] = Account(email, subject, name or email, {email: calendar})
        return self.accounts[email]

    @property
    def meetings(self) -> Meetings:
        """The desk where events are written, with all that follows for other calendars."""
        return Meetings(self.find, self.switches)

    def find(self, calendar_id: str) -> Calendar | None:
        """Return anybody's calendar by its id; a primary one's is its owner's address."""
        for account in self.accounts.values():
            if calendar_id in account.calendars:
                return account.calendars[calendar_id]
        return None

    def calendar(self, email: str, calendar_id: str) -> Calendar:
        """Return a person's calendar by id or "primary"; ApiError 404."""
        account = self.accounts.get(email)
        if account is None:
            raise answers.not_found()
        found = account.calendars.get(email if calendar_id == "primary" else calendar_id)
        if found is None:
            raise answers.not_found()
        return found

    def issue(self, email: str, scopes: tuple[str, ...]) -> str:
        """Return a fresh access token."""
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self.access[token] = (email, scopes, datetime.now(UTC) + timedelta(seconds=TOKEN_SECONDS))
        return token

    def grant(self, email: str, scopes: tuple[str, ...]) -> Grant:
        """Return a fresh grant with its refresh token."""
        live = [token for token, grant in self.grants.items() if grant.email == email]
        for oldest in live[: max(0, len(live) - MAX_GRANTS + 1)]:
            del self.grants[oldest]
        token = f"1//{secrets.token_urlsafe(32)}"
        self.grants[token] = Grant(email, scopes, token)
        return self.grants[token]

    def is_granted(self, email: str) -> bool:
        """Return whether a person has allowed anything that still lives."""
        return any(grant.email == email for grant in self.grants.values())

    def revoke(self, email: str) -> None:
        """End all grants and access tokens of a person."""
        self.grants = {token: grant for token, grant in self.grants.items() if grant.email != email}
        self.access = {token: entry for token, entry in self.access.items() if entry[0] != email}

    def who(self, token: str, scopes: frozenset[str]) -> str:
        """Return the person whom an access token stands for; ApiError 401, or 403 without one of `scopes`."""
        if not token:
            raise answers.login_required()
        entry = self.access.get(token)
        if entry is None or entry[2] < datetime.now(UTC):
            raise answers.invalid_credentials()
        if not scopes.intersection(entry[1]):
            message = "Request had insufficient authentication scopes."
            raise answers.ApiError(403, "insufficientPermissions", message)
        return entry[0]

    def save(self, path: Path) -> None:
        """Write the state to a file, atomically."""
        draft = path.with_suffix(".new")
        draft.write_bytes(pickle.dumps(self))
        draft.replace(path)


def load(path: Path) -> World:
    """Return the state that `World.save` wrote, or a new one; TypeError when the file holds something else."""
    if not path.exists():
        return World()
    try:
        world = pickle.loads(path.read_bytes())
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError) as error:
        raise TypeError(f"{path.name} holds no state of this sandbox; remove it to begin anew") from error
    if not isinstance(world, World):
        raise TypeError(f"{path.name} holds no state of this sandbox; remove it to begin anew")
    return world


#: One request at a time: the stand-in is about semantics, not throughput.
lock = threading.RLock()
