"""Google without a network: the client library's requests go straight to the stand-in's gate."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httplib2
from strikes import Boundaries

from calsync.google.transport import Service
from calsync.sandbox.answers import ApiError
from calsync.sandbox.gate import Gate, Hangup, Incoming
from calsync.sandbox.queries import Query
from calsync.sandbox.world import World

ROOT = "http://127.0.0.1/calendar/v3/"


@dataclass(slots=True)
class Trouble:
    """What the network does to requests from now on: `next` is asked at every request for a kind, or ""."""

    next: Any = field(default=lambda: "")


#: What can happen to a request: (takes effect, what the client gets).
TROUBLES = {
    "timeout before": (False, TimeoutError("timed out")),
    "timeout after": (True, TimeoutError("timed out")),
    "reset before": (False, ConnectionResetError("reset")),
    "reset after": (True, ConnectionResetError("reset")),
    "500 before": (False, (500, "backendError")),
    "500 after": (True, (500, "backendError")),
    "503 before": (False, (503, "backendError")),
    "429 before": (False, (429, "rateLimitExceeded")),
    "403 rate before": (False, (403, "rateLimitExceeded")),
    "401 before": (False, (401, "authError")),
    "410 before": (False, (410, "fullSyncRequired")),
    "412 before": (False, (412, "conditionNotMet")),
    "404 before": (False, (404, "notFound")),
    "html after": (True, b"<html>Sorry</html>"),
    "truncated after": (True, b'{"kind": "calendar#ev'),
}


class Wire:
    """In the place of an httplib2 connection."""

    def __init__(self, world: World, boundaries: Boundaries, trouble: Trouble) -> None:
        self.gate = Gate(world, lambda: None)
        self._boundaries, self._trouble = boundaries, trouble
        self.writes = 0
        self.ahead = timedelta(0)
        self.credentials = None
        self.redirect_codes = frozenset()

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> tuple[httplib2.Response, bytes]:
        """Answer as the network would."""
        takes_effect, gets = TROUBLES.get(self._trouble.next(), (True, None))
        if not self._may_get(gets, uri, method):
            takes_effect, gets = True, None
        self._boundaries.pass_by("google before")
        status, content, etag = self._perform(uri, method, body, headers) if takes_effect else (0, b"", "")
        self._boundaries.pass_by("google after")
        if isinstance(gets, Exception):
            raise gets
        if isinstance(gets, bytes):
            return _response(200, etag), gets
        if isinstance(gets, tuple):
            return _response(gets[0], ""), json.dumps(ApiError(gets[0], gets[1], gets[1]).body()).encode()
        return _response(status, etag), content

    @staticmethod
    def _may_get(gets: Any, uri: str, method: str) -> bool:
        """Return whether Google could answer this request so: 410 and 412 have their places."""
        if not isinstance(gets, tuple):
            return True
        if gets[0] == 410:
            return "syncToken" in uri
        if gets[0] == 412:
            return method == "PATCH"
        if gets[0] == 404:
            return method in ("PATCH", "GET") and "/events/" in uri
        return True

    def _perform(self, uri: str, method: str, body: Any, headers: Any) -> tuple[int, bytes, str]:
        path, _, query = uri.partition("?")
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        raw = body.encode() if isinstance(body, str) else body or b""
        incoming = Incoming(method, path[path.index("/calendar/v3/") :], Query.parse(query), sent, raw)
        if method != "GET":
            self.writes += 1
        try:
            answer, _fault = self.gate.perform(incoming)
        except ApiError as error:
            return error.status, json.dumps(error.body()).encode(), ""
        except Hangup:
            raise ConnectionResetError("reset") from None
        return answer.status, answer.body, answer.etag

    def close(self) -> None:
        """Nothing is open."""


def _response(status: int, etag: str) -> httplib2.Response:
    found = httplib2.Response({"status": str(status), "content-type": "application/json"})
    if etag:
        found["etag"] = etag
    return found


class LocalService(Service):
    """The library's events resource, built once, with a wire that is exchanged for every run."""

    def __init__(self) -> None:
        super().__init__(ROOT, lambda: datetime.now(UTC))
        self.wire: Wire | None = None

    def connection(self) -> Any:
        """Return the wire of the current run."""
        return self.wire


class Hurry(threading.Event):
    """A stop signal that is never set, and on which nobody has to wait."""

    def wait(self, timeout: float | None = None) -> bool:
        """Return at once."""
        return self.is_set()
