"""Requests to Google: one service for the process, one HTTP connection a thread, retries in one place."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.client import HTTPException
from importlib import resources
from typing import Any
from urllib.parse import quote, urlsplit

import google_auth_httplib2
import httplib2
import orjson
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.model import JsonModel
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_any,
    stop_when_event_set,
    wait_exception,
    wait_random_exponential,
)

from calsync.google.answers import failure, reason_of
from calsync.model.errors import ConsentLost, Later
from calsync.model.side import SAME_CLOCK

TIMEOUT_SECONDS = 30.0
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 8.0

#: So many calendars' requests are kept; most people's calendar is called "primary".
LISTINGS = 256

_BROKEN = (OSError, HTTPException, httplib2.HttpLib2Error, ssl.SSLError, TransportError)


class _Model(JsonModel):  # type: ignore[misc]
    """The library's JSON model with a faster parser."""

    def deserialize(self, content: bytes) -> Any:
        return orjson.loads(content)


class Service:
    """The `events()` resource of the packaged discovery document, aimed at `api_root`.

    Built once: making it costs milliseconds and half a megabyte. It is safe for all threads, the HTTP
    connection is not: each thread has its own.
    """

    def __init__(self, api_root: str, clock: Callable[[], datetime], *others: str) -> None:
        """`api_root`: e.g. "https://host/calendar/v3/"; `clock` returns aware datetimes.

        `others`: further addresses whose hosts may be called, such as that of the token endpoint.
        """
        document = orjson.loads(_discovery_document())
        parts = urlsplit(api_root)
        document["rootUrl"] = f"{parts.scheme}://{parts.netloc}/"
        document["servicePath"] = parts.path.lstrip("/")
        document["baseUrl"] = api_root
        self.api_root = api_root
        self._clock = clock
        # The library insists on a connection of its own; requests are executed on the thread's instead.
        self.events = build_from_document(document, http=httplib2.Http(), model=_Model()).events()
        #: A request of events.list with these parameters. Not to be changed: it serves all threads.
        self.listing = lru_cache(maxsize=LISTINGS)(self.events.list)
        self._threads = threading.local()
        self._reachable = frozenset(host_of(url) for url in (api_root, *others))

    def connection(self) -> Connection:
        """Return this thread's HTTP connection pool."""
        http = getattr(self._threads, "http", None)
        if http is None:
            http = self._threads.http = Connection(self._clock, self._reachable)
        return http


class NotReachable(httplib2.HttpLib2Error):  # type: ignore[misc]
    """A request to a host that no configured address names: it is not sent."""


class Connection(httplib2.Http):  # type: ignore[misc]
    """A thread's HTTP connection pool, which learns from answers how far Google's clock is ahead of ours.

    It calls no hosts but those in `reachable`, and follows no redirects.
    """

    def __init__(self, clock: Callable[[], datetime], reachable: frozenset[str]) -> None:
        super().__init__(timeout=TIMEOUT_SECONDS)
        self._reachable = reachable
        self.follow_redirects = False
        self._clock = clock
        self._ahead = timedelta(0)
        self._answered: tuple[str, datetime] | None = None

    @property
    def ahead(self) -> timedelta:
        """How far Google's clock was ahead of ours when it last answered; zero below some seconds."""
        if self._answered is not None:
            self._ahead, self._answered = _ahead(*self._answered), None
        return self._ahead

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        **named: Any,
    ) -> tuple[httplib2.Response, bytes]:
        """Send a request; see `httplib2.Http.request`.

        That makes the connection. A second request on it goes past the library's cache, redirects, challenges and
        non-ASCII addresses: Google's requests know none of them, and they take longer than the rest.
        """
        parts = urlsplit(uri)
        name = f"{parts.scheme}:{parts.netloc}"
        if name not in self._reachable:
            raise NotReachable
        connection = self.connections.get(name)
        if connection is None or headers is None or not uri.isascii():
            response, content = super().request(uri, method, body=body, headers=headers, **named)
        else:
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            try:
                response, content = self._conn_request(connection, path, method, body, headers)
            except TimeoutError:
                # An answer that comes too late must not be taken for that to the next request.
                self.connections.pop(name).close()
                raise
        self._answered = response.get("date", ""), self._clock()
        return response, content


def host_of(url: str) -> str:
    """Return what httplib2 calls the connection to a URL's host."""
    parts = urlsplit(url)
    return f"{parts.scheme}:{parts.netloc}"


def _ahead(date: str, now: datetime) -> timedelta:
    """Return how far a Date header (RFC 9110 6.6.1, whole seconds) is ahead of `now`; little is nothing."""
    try:
        difference = parsedate_to_datetime(date) - now
    except (ValueError, TypeError):
        return timedelta(0)
    return difference if abs(difference) >= SAME_CLOCK else timedelta(0)


def _discovery_document() -> bytes:
    name = "discovery_cache/documents/calendar.v3.json"
    return resources.files("googleapiclient").joinpath(name).read_bytes()


class Transport:
    """Executes requests for one person, counts them, and turns failures into the engine's errors."""

    def __init__(self, service: Service, credentials: Credentials, stopping: threading.Event) -> None:
        """`stopping`: set when the process should end; waits between attempts then end too."""
        self.events = service.events
        self._listing = service.listing
        self.calls = 0
        self._connection = service.connection()
        self._http = google_auth_httplib2.AuthorizedHttp(credentials, http=self._connection)
        self._retrying = _attempts(stopping)

    @property
    def ahead(self) -> timedelta:
        """How far Google's clock was ahead of ours when it last answered; zero below some seconds."""
        return self._connection.ahead

    def listing(self, cursor: str | None, **parameters: Any) -> Any:
        """Return a request of events.list; building one anew takes longer than many a round."""
        request = copy(self._listing(**parameters))
        request.headers = dict(request.headers)
        if cursor is not None:
            request.uri = f"{request.uri}&syncToken={quote(cursor, safe='')}"
        return request

    def execute(self, operation: str, request: Any) -> Any:
        """Run a request that is safe to repeat and return its parsed body.

        Waits and tries again when Google cannot answer now. Raises a SideError.
        """
        try:
            return self._once(operation, request)
        except Later as error:
            failures = iter([error])

        def again() -> Any:
            for failed in failures:
                raise failed
            return self._once(operation, request)

        # Its first attempt is the one that was: nearly all go well, and need none of its care.
        return self._retrying(again)

    def _once(self, operation: str, request: Any) -> Any:
        self.calls += 1
        try:
            return request.execute(http=self._http)
        except HttpError as error:
            raise failure(operation, int(error.resp.status), error.content, error.resp) from None
        except orjson.JSONDecodeError:
            raise Later(f"Google {operation}: an answer that is not JSON") from None
        except RefreshError as error:
            raise _refresh_failure(error) from None
        except (*_BROKEN, GoogleAuthError) as error:
            raise Later(f"Google {operation}: {type(error).__name__}") from None


def _refresh_failure(error: RefreshError) -> Exception:
    if error.retryable:
        return Later("Google token: not available")
    answer = error.args[1] if len(error.args) > 1 else {}
    reason = answer.get("error", "") if isinstance(answer, dict) else reason_of(str(answer).encode())
    return ConsentLost(f"Google token: {reason or 'refused'}")


class _Soon(retry_if_exception_type):
    """Only failures that pass within seconds are waited for."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        return isinstance(error, Later) and (error.after is None or error.after <= LONGEST_WAIT_SECONDS)


def _asked(error: BaseException) -> float:
    return error.after or 0.0 if isinstance(error, Later) else 0.0


_soon = _Soon(Later)
_wait: Callable[[RetryCallState], float] = wait_exception(_asked) + wait_random_exponential(
    multiplier=0.25, max=LONGEST_WAIT_SECONDS
)


@lru_cache(maxsize=4)
def _attempts(stopping: threading.Event) -> Retrying:
    """Return what tries again; it keeps its state apart for each thread."""

    def sleep(seconds: float) -> None:
        stopping.wait(seconds)

    return Retrying(
        retry=retry_if_exception_type(Later) & _soon,
        wait=_wait,
        stop=stop_any(stop_after_attempt(ATTEMPTS), stop_when_event_set(stopping)),
        sleep=sleep,
        reraise=True,
    )
