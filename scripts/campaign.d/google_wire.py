"""Google without a network: the client library's requests go straight to the stand-in's gate."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httplib2
from clocks import TownClock
from strikes import Boundaries
from troubles import LAGGING_LISTING, STALE_READ, TROUBLES, Asked, Outcome, Reply, Weather

from calsync.google.transport import Service
from calsync.model.side import SAME_CLOCK
from calsync.sandbox.answers import ApiError
from calsync.sandbox.gate import Gate, Hangup, Incoming
from calsync.sandbox.queries import Query
from calsync.sandbox.world import World

ROOT = "http://127.0.0.1/calendar/v3/"
_WRITES = ("POST", "PATCH", "DELETE")


class Wire:
    """In the place of an httplib2 connection."""

    def __init__(
        self,
        world: World,
        clock: TownClock,
        boundaries: Boundaries,
        weather: Weather,
        look: Callable[[Asked], None],
    ) -> None:
        """`look` is shown every request before it is sent."""
        self.gate = Gate(world, lambda: None)
        self._clock, self._boundaries, self._weather, self._look = clock, boundaries, weather, look
        self._ahead = timedelta(0)
        #: What events were before our last writes, for reads that know nothing of these.
        self._before: dict[str, Reply] = {}
        self.credentials = None
        self.redirect_codes = frozenset()

    @property
    def ahead(self) -> timedelta:
        """How far Google's clock was ahead of ours at the last answer, as `google.transport.Connection` has it."""
        return self._ahead if abs(self._ahead) >= SAME_CLOCK else timedelta(0)

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> tuple[httplib2.Response, bytes]:
        """Answer as the network would."""
        path, _, query = uri.partition("?")
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        raw = body.encode() if isinstance(body, str) else body or b""
        asked = Asked(method, path[path.index("/calendar/v3/") :], query, sent, raw)
        self._look(asked)
        self._boundaries.pass_by("google before")
        outcome = self._happen(asked)
        self._boundaries.pass_by("google after")
        if isinstance(outcome, Exception):
            # Anew each time: one that is raised again drags along where it has been.
            raise type(outcome)(*outcome.args)
        self._tell_time()
        return _response(outcome), outcome.body

    def _tell_time(self) -> None:
        before, self._ahead = self._ahead, self._clock.google().replace(microsecond=0) - self._clock()
        if abs(self._ahead - before) >= SAME_CLOCK:
            # Our clock was set: whether an answer is older than what was seen before it, nobody can tell by times.
            self._before.clear()

    def _happen(self, asked: Asked) -> Outcome:
        kind = self._weather.next()
        if kind == STALE_READ and asked.method == "GET" and asked.event in self._before:
            return self._before[asked.event]
        if asked.method in _WRITES and STALE_READ in self._weather.kinds:
            self._remember(asked)
        trouble = TROUBLES.get(kind)
        if trouble is None or not trouble.where(asked):
            return self._perform(asked)
        self._weather.lagged |= kind == LAGGING_LISTING
        return trouble.happen(lambda: self._perform(asked), asked)

    def _remember(self, asked: Asked) -> None:
        key = asked.event or json.loads(asked.body)["id"]
        path = asked.path if asked.event else f"{asked.path}/{key}"
        self._before[key] = self._perform(asked._replace(method="GET", path=path, query="", body=b""))

    def _perform(self, asked: Asked) -> Reply:
        incoming = Incoming(asked.method, asked.path, Query.parse(asked.query), asked.headers, asked.body)
        try:
            answer, _fault = self.gate.perform(incoming)
        except ApiError as error:
            return Reply(error.status, json.dumps(error.body()).encode())
        except Hangup:
            raise ConnectionResetError("reset") from None
        return Reply(answer.status, answer.body, answer.etag)

    def close(self) -> None:
        """Nothing is open."""


def _response(reply: Reply) -> httplib2.Response:
    found = httplib2.Response({"status": str(reply.status), "content-type": "application/json"})
    if reply.etag:
        found["etag"] = reply.etag
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
