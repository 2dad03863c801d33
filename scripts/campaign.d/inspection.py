"""Every request that the engine sends to Google is looked at: what it says, about whose event, and to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from story import Story
from town import RESIDENTS
from troubles import Asked

from calsync.model.event import BUSY_TITLE
from calsync.model.permission import Level

_BY_TOKEN = {person.token: person for person in RESIDENTS}
_TEXTS = ("summary", "location", "description")
#: All that the engine may set in an event.
OWNED = frozenset(
    {*_TEXTS, "start", "end", "recurrence", "reminders", "visibility", "status", "id", "extendedProperties"}
)


class Inspector:
    """Notes in a story what a request should not have said."""

    def __init__(self, story: Story) -> None:
        self._story = story
        #: When somebody's calendar was looked at last.
        self._looked: dict[str, int] = {}

    def __call__(self, asked: Asked) -> None:
        """Look at a request before it is sent."""
        login, now = (
            _BY_TOKEN[asked.headers["authorization"].removeprefix("Bearer ")].login,
            self._story.ledger.now,
        )
        if asked.method == "GET":
            self._looked[login] = now
            return
        if asked.method == "DELETE":
            self._story.rights.blind.setdefault(login, []).append((self._looked.get(login, now), now + 1))
        if parse_qs(asked.query).get("sendUpdates") != ["none"]:
            self._note(login, f"{asked.method} without sendUpdates=none")
        if "/calendars/primary/events" not in asked.path:
            self._note(login, "a write outside of the linked calendar")
        body = json.loads(asked.body) if asked.body else {}
        if strange := sorted(body.keys() - OWNED):
            self._note(login, f"{', '.join(strange)} of an event were written, which are not ours")
        for value, need in _said(body):
            if not self._may_know(login, value, need):
                self._note(login, f"{value} was sent, which may not be known there")

    def _note(self, login: str, text: str) -> None:
        self._story.wrong.append(f"Google of {login}: {text}")

    def _may_know(self, login: str, value: str, need: Level) -> bool:
        """Return whether somebody may know a value: their own, or of a record that they could see since the round began.

        A value that is newer than the round must have been theirs to see since it was written.
        """
        source, rights = self._story.sources.get(value), self._story.rights
        if source is None or source.side == f"google:{login}":
            return True
        if (source.tag, login) not in rights.known:
            # A copy of it exists nowhere: nobody but its maker has to do with it.
            return False
        first = max(source.at, rights.began(login))
        spans = rights.between(source.tag, login, first, self._story.ledger.now)
        return any(right.outgoing >= need for right in spans)


def _said(body: Mapping[str, Any]) -> Iterator[tuple[str, Level]]:
    """Yield what a body says, word by word, and how much of a record one must be allowed to know for it."""
    for name in _TEXTS:
        for word in str(body.get(name) or "").split():
            if word != BUSY_TITLE:
                yield word, Level.READ
    start = body.get("start") or {}
    if start.get("dateTime"):
        yield datetime.fromisoformat(start["dateTime"]).astimezone(UTC).isoformat(), Level.BUSY
    elif start.get("date"):
        yield start["date"], Level.BUSY
