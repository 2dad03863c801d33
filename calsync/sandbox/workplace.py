"""What people do in their CRM, in one language for all of them: the embedded CRM's form of an event.

A `Workplace` is the CRM of a stage as the people at work see it. What it cannot say is refused with ValueError, so that
nobody believes to have done what this CRM does not know; its `traits` tell beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import quote

import requests

from calsync.sandbox.standin import Moved

#: An event in the form of the embedded CRM.
Document = dict[str, Any]

TIMEOUT_SECONDS = 20.0


class Trait(StrEnum):
    """What some CRMs have and others lack; the value says it in words."""

    SERIES = "it keeps series as one record"
    TIMES = "it shows times of day"
    DAYS = "it knows whole days"
    ZONES = "it names time zones"
    PLACES = "it has places"
    GUESTS = "it has guests"
    OWNERS = "its events can be given to somebody else"
    CLOCK = "it tells when an event was changed"
    WIDE = "it keeps characters above U+FFFF"
    CANCELS = "its events can be cancelled, and planned again"


def in_utc(text: str) -> str:
    """Return a time (RFC 3339) in UTC, so that all sides can be compared by it; a day as it is."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat() if "T" in text else text


class Installation(Protocol):
    """What a workplace needs of the stage that it belongs to."""

    url: str
    tokens: dict[str, str]

    def calsync(self, *arguments: str, expect: int = 0) -> Any:
        """Run a command with --json and return its document."""

    def crm(self, method: str, path: str, user: str, body: Any = None, **headers: str) -> requests.Response:
        """Call the embedded CRM as a user."""


class Workplace(Protocol):
    """The CRM of one stage, and what its users do there; they are named by their logins."""

    backend: str
    traits: frozenset[Trait]

    def open(self, stage: Installation) -> None:
        """Start whatever stands in for the CRM."""

    def close(self) -> None:
        """Stop it."""

    def configuration(self, files: Any) -> str:
        """Return `[crm.NAME]` as TOML; secrets are written as files into the directory `files`."""

    def login(self, name: str) -> str:
        """Return the login of a new user of that name: the name itself, wherever users can be chosen freely."""

    def hire(self, user: str, email: str, options: Sequence[str] = ()) -> None:
        """Add a user; `options`: those of `calsync crm users add`, where the CRM is the embedded one."""

    def events(self, user: str) -> list[Document]:
        """Return what takes place on a user's calendar."""

    def event(self, user: str, key: str) -> Document | None:
        """Return an event that the user may see and that takes place."""

    def add(self, user: str, body: Mapping[str, Any]) -> Document:
        """Make an event."""

    def edit(self, user: str, key: str, changes: Mapping[str, Any], seen: str = "") -> Document:
        """Change an event; Moved when it is not of the version `seen` any more."""

    def delete(self, user: str, key: str, seen: str = "") -> None:
        """Delete an event; Moved when it is not of the version `seen` any more."""

    def overtaken(self) -> set[str]:
        """Return values that people wrote between the last look that an adapter can take and its write, which replaced
        them: no client can help that where a CRM compares no versions. Starts are in UTC.
        """


class Embedded:
    """The CRM that calsync brings along, over its REST interface."""

    backend = "builtin"
    traits = frozenset(Trait)

    def open(self, stage: Installation) -> None:
        """Nothing is to be started: the daemon serves it."""
        self._stage = stage

    def close(self) -> None:
        """Nothing was started."""

    def configuration(self, files: Any) -> str:
        """Return nothing: it has no section."""
        return ""

    def login(self, name: str) -> str:
        """Return the name."""
        return name

    def hire(self, user: str, email: str, options: Sequence[str] = ()) -> None:
        """Add a user with a token."""
        self._stage.calsync("crm", "users", "add", user, "--email", email, *options)
        self._stage.tokens[user] = self._stage.calsync("crm", "tokens", "add", user)["token"]

    def events(self, user: str) -> list[Document]:
        """Return all that a user sees, colleagues' events too."""
        found: list[Document] = []
        after = ""
        while True:
            page = self._stage.crm("GET", f"events?limit=500{after}", user).json()
            found += page["events"]
            if not page["next"]:
                return found
            after = f"&after={page['next']}"

    def event(self, user: str, key: str) -> Document | None:
        """Return an event, or None when it is gone, or none of the user's business."""
        answer = self._stage.crm("GET", f"events/{quote(key)}", user)
        event: Document = answer.json() if answer.ok else {"deleted": True}
        return None if event.get("deleted") else event

    def add(self, user: str, body: Mapping[str, Any]) -> Document:
        """Make an event."""
        return self._done(self._stage.crm("POST", "events", user, dict(body)))

    def edit(self, user: str, key: str, changes: Mapping[str, Any], seen: str = "") -> Document:
        """Change an event."""
        headers = {"If-Match": seen} if seen else {}
        return self._done(self._stage.crm("PATCH", f"events/{quote(key)}", user, dict(changes), **headers))

    def delete(self, user: str, key: str, seen: str = "") -> None:
        """Delete an event."""
        headers = {"If-Match": seen} if seen else {}
        self._done(self._stage.crm("DELETE", f"events/{quote(key)}", user, **headers))

    def overtaken(self) -> set[str]:
        """Return nothing: it compares versions itself."""
        return set()

    def _done(self, answer: requests.Response) -> Document:
        if answer.status_code in (404, 410, 412):
            raise Moved
        if not answer.ok:
            raise ValueError(f"the CRM refused it: {answer.status_code} {answer.text[:200]}")
        found: Document = answer.json() if answer.content else {}
        return found
