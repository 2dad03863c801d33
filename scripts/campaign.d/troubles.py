"""What can go wrong with a request to Google or a commit: the faults that a process can suffer without a network.

======================================================  =======================================================
fault                                                   here
======================================================  =======================================================
no answer, after the effect or before it                timeout, reset: "after", "before"
the library sends a POST again when a connection broke  sent twice
errors of the server                                    500, 502, 503, 504
rate limits, and a quota of hours                       429, 403 rate, 403 quota
a token that is refused; consent that ends in a round   401, revoked
an event or a sync token that is said to be gone        404, 410 event, 410 token
a version that has moved; an id that was used before    412, 409
an event that is refused as it is                       400, 403 event
an answer that is not JSON, or ends early               html, truncated
an answer with less, or other, than was ever seen       missing field, unknown values
an empty page that is not the last; short pages         switches of a scenario, see `plays`
a complete listing without anything in it               empty listing
an exception before its series                          switches of a scenario
a read that knows nothing of our own last write         stale read, lagging listing
a full disk, a locked database                          full store, busy store, busy crm
clocks that jump or differ                              deeds and settings of a scenario, see `clocks`
======================================================  =======================================================
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from google.auth.exceptions import RefreshError
from sqlalchemy.exc import OperationalError

from calsync.sandbox.answers import of_reason


class Asked(NamedTuple):
    """A request as the client sends it; names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        """The id of the event that the request is about, or ""."""
        _, found, rest = self.path.partition("/events/")
        return rest if found else ""

    @property
    def lists(self) -> bool:
        """True for events.list."""
        return self.method == "GET" and self.path.endswith("/events")


class Reply(NamedTuple):
    """What comes back: status, body and the header ETag."""

    status: int
    body: bytes
    etag: str = ""


Outcome = Reply | Exception
Perform = Callable[[], Reply]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault: what the client gets, and to which requests Google could do it."""

    happen: Callable[[Perform, Asked], Outcome]
    where: Callable[[Asked], bool] = lambda _asked: True


def refusal(status: int, reason: str) -> Reply:
    """Return Google's error answer."""
    return Reply(status, json.dumps(of_reason(status, reason).body()).encode())


def _before(gets: Outcome) -> Callable[[Perform, Asked], Outcome]:
    return lambda _perform, _asked: gets


def _after(gets: Outcome) -> Callable[[Perform, Asked], Outcome]:
    def happen(perform: Perform, _asked: Asked) -> Outcome:
        perform()
        return gets

    return happen


def _twice(perform: Perform, _asked: Asked) -> Outcome:
    perform()
    return perform()


def _emptied(perform: Perform, _asked: Asked) -> Outcome:
    """Leave the events out of a complete listing, as if the calendar held none."""
    return _altered(perform, lambda document: document.pop("items", None))


def _lagging(_perform: Perform, asked: Asked) -> Outcome:
    """Say that nothing has happened since the sync token."""
    token = parse_qs(asked.query)["syncToken"][0]
    return Reply(200, json.dumps({"nextSyncToken": token, "items": []}).encode())


def _with_missing_field(perform: Perform, _asked: Asked) -> Outcome:
    def alter(document: Any) -> None:
        for item in document.get("items", [document])[:1]:
            item.pop("end", None)

    return _altered(perform, alter)


def _with_unknown_values(perform: Perform, _asked: Asked) -> Outcome:
    def alter(document: Any) -> None:
        for item in document.get("items", [document]):
            if item.get("status") == "confirmed":
                item |= {
                    "status": "imagined",
                    "eventType": "novelty",
                    "visibility": "friends",
                    "mood": {"is": 1},
                }

    return _altered(perform, alter)


def _altered(perform: Perform, alter: Callable[[Any], object]) -> Outcome:
    reply = perform()
    if reply.status != 200 or not reply.body:
        return reply
    document = json.loads(reply.body)
    alter(document)
    return reply._replace(body=json.dumps(document).encode())


def _is_write(asked: Asked) -> bool:
    return asked.method in ("POST", "PATCH")


def _is_conditional(asked: Asked) -> bool:
    return "if-match" in asked.headers


def _is_delta(asked: Asked) -> bool:
    return asked.lists and "syncToken=" in asked.query and "pageToken=" not in asked.query


def _is_complete(asked: Asked) -> bool:
    return asked.lists and "syncToken=" not in asked.query and "iCalUID=" not in asked.query


def _shows(asked: Asked) -> bool:
    return asked.method == "GET"


EMPTY_LISTING = "empty listing"
LAGGING_LISTING = "lagging listing"

#: What can happen to a request.
TROUBLES: dict[str, Trouble] = {
    "timeout before": Trouble(_before(TimeoutError("timed out"))),
    "timeout after": Trouble(_after(TimeoutError("timed out"))),
    "reset before": Trouble(_before(ConnectionResetError("reset"))),
    "reset after": Trouble(_after(ConnectionResetError("reset"))),
    "sent twice": Trouble(_twice, _is_write),
    "500 before": Trouble(_before(refusal(500, "backendError"))),
    "500 after": Trouble(_after(refusal(500, "backendError"))),
    "502 after": Trouble(_after(Reply(502, b"<html>Bad Gateway</html>"))),
    "503 before": Trouble(_before(refusal(503, "backendError"))),
    "504 after": Trouble(_after(refusal(504, "backendError"))),
    "429 before": Trouble(_before(refusal(429, "rateLimitExceeded"))),
    "403 rate before": Trouble(_before(refusal(403, "rateLimitExceeded"))),
    "403 quota before": Trouble(_before(refusal(403, "quotaExceeded"))),
    "401 before": Trouble(_before(refusal(401, "authError"))),
    "revoked": Trouble(_before(RefreshError("invalid_grant", {"error": "invalid_grant"}))),
    "410 token": Trouble(
        _before(refusal(410, "fullSyncRequired")), lambda asked: "syncToken=" in asked.query
    ),
    "410 event": Trouble(_before(refusal(410, "deleted")), lambda asked: asked.method in ("PATCH", "DELETE")),
    "412 before": Trouble(_before(refusal(412, "conditionNotMet")), _is_conditional),
    "404 before": Trouble(_before(refusal(404, "notFound")), lambda asked: bool(asked.event)),
    "409 before": Trouble(_before(refusal(409, "duplicate")), lambda asked: asked.method == "POST"),
    "400 before": Trouble(_before(refusal(400, "invalid")), _is_write),
    "403 event": Trouble(_before(refusal(403, "forbidden")), _is_write),
    "html after": Trouble(_after(Reply(200, b"<html>Sorry</html>"))),
    "truncated after": Trouble(_after(Reply(200, b'{"kind": "calendar#ev'))),
    "missing field": Trouble(_with_missing_field, _shows),
    "unknown values": Trouble(_with_unknown_values, _shows),
    EMPTY_LISTING: Trouble(_emptied, _is_complete),
    LAGGING_LISTING: Trouble(_lagging, _is_delta),
}

#: What can happen to a commit, by the database that it is of.
_LOCKED, _FULL = "database is locked", "database or disk is full"
COMMITS = {"busy store": ("store", _LOCKED), "full store": ("store", _FULL), "busy crm": ("crm", _LOCKED)}

#: Answered by the wire itself, which remembers what its writes have replaced.
STALE_READ = "stale read"

KINDS = (*TROUBLES, *COMMITS, STALE_READ)


@dataclass(slots=True)
class Weather:
    """What goes wrong from now on: `kinds` of trouble, at `rate` of all occasions."""

    dice: random.Random = field(default_factory=random.Random)
    rate: float = 0.0
    kinds: tuple[str, ...] = ()
    #: Whether a listing of the round that runs, or ran last, has lagged behind: it showed nothing of what had happened.
    lagged: bool = False

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self.rate, self.kinds = 0.0, ()

    def next(self) -> str:
        """Return the kind of trouble that strikes now, or ""."""
        return self.dice.choice(self.kinds) if self.kinds and self.dice.random() < self.rate else ""

    def commit(self, database: str) -> None:
        """Strike a commit, perhaps; `database`: "store" or "crm"."""
        where, text = COMMITS.get(self.next(), ("", ""))
        if where == database:
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError(text))
