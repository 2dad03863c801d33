"""What a request to the API passes on its way in and out: faults, credentials, limits, counters."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from calsync.sandbox import answers, api, batch
from calsync.sandbox.answers import ApiError
from calsync.sandbox.faults import Fault
from calsync.sandbox.limits import Limits
from calsync.sandbox.queries import Query
from calsync.sandbox.scopes import allowed
from calsync.sandbox.world import World, lock

CALENDAR_PATH = "/calendar/v3/"
_QUOTA_USER = "x-goog-quota-user"


class Hangup(Exception):
    """The connection is cut without an answer."""


#: What is cut short when a request is struck before it could take effect.
_UNBORN = api.Answer(200, b'{"kind": "calendar#event", "etag": ""}')


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came over the wire; names of headers in lower case."""

    method: str
    path: str
    query: Query
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> str:
        """The access token, from the header or the address."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else self.query.get("access_token")


@dataclass(slots=True)
class Gate:
    """Lets requests in one at a time. `on_change`: called when the world may have changed."""

    world: World
    on_change: Callable[[], None]
    limits: Limits = field(default_factory=lambda: Limits(time.monotonic))

    def perform(self, incoming: Incoming) -> tuple[api.Answer, Fault | None]:
        """Run one API request, with the fault that strikes it; ApiError, Hangup."""
        path = incoming.path.removeprefix(CALENDAR_PATH).strip("/")
        parts = tuple(unquote(part) for part in path.split("/"))
        operation = api.operation_of(incoming.method, parts)
        with lock:
            email = self.world.access.get(incoming.token, ("",))[0]
            self.world.requests[email, operation or "unknown"] += 1
            fault = self._fault(operation, incoming, email)
            if fault is not None and fault.when == "before":
                strike(fault)
                if fault.kind in ("html", "truncate"):
                    return _spoiled(_UNBORN, fault), fault
            self.world.who(incoming.token, allowed(operation))
            payer = incoming.query.get("quotaUser") or incoming.headers.get(_QUOTA_USER) or email
            self.limits.charge(self.world.switches, payer, operation)
            request = api.Request(incoming.method, parts, incoming.query, incoming.headers, incoming.body)
            answer = api.handle(self.world, email, operation, request)
            if operation in api.WRITES:
                self.on_change()
            if fault is not None and fault.when == "after":
                strike(fault)
        return _spoiled(answer, fault), fault

    def _fault(self, operation: str, incoming: Incoming, email: str) -> Fault | None:
        strikes = (operation, incoming.method, email, incoming.path)
        fault = next((fault for fault in self.world.faults if fault.strikes(*strikes)), None)
        if fault is not None:
            self.on_change()
        return fault

    def perform_batch(self, headers: dict[str, str], body: bytes) -> bytes:
        """Run the requests of a batch and return the body that answers it; ApiError for the batch as a whole."""
        with lock:
            switches = self.world.switches
        parts = batch.read(headers.get("content-type", ""), body, switches.batch_limit)
        if switches.shuffle:
            parts.reverse()
        answered = []
        written: set[str] = set()
        for part in parts:
            answered.append((part, self._batched(part, headers, part.event in written)))
            written.update({part.event} - {""})
        return batch.write(answered)

    def _batched(self, part: batch.Part, outer: dict[str, str], conflicts: bool) -> api.Answer:
        path, _, query = part.target.partition("?")
        headers = {"authorization": outer.get("authorization", "")} | part.headers
        try:
            if conflicts:
                raise ApiError(409, "conflict", "Conflict")
            return self.perform(Incoming(part.method, path, Query.parse(query), headers, part.body))[0]
        except ApiError as error:
            return api.Answer(error.status, json.dumps(error.body()).encode())


def _spoiled(answer: api.Answer, fault: Fault | None) -> api.Answer:
    if fault is None or fault.kind != "html":
        return answer
    return api.Answer(fault.status, b"<html><body>Sorry</body></html>", kind="text/html; charset=UTF-8")


def strike(fault: Fault) -> None:
    """Let a fault strike: wait, cut the connection, or answer with an error. The caller holds the lock."""
    if fault.kind == "delay":
        lock.release()
        try:
            time.sleep(fault.seconds)
        finally:
            lock.acquire()
    elif fault.kind == "reset":
        raise Hangup
    elif fault.kind == "status":
        raise answers.of_reason(fault.status, fault.reason)
