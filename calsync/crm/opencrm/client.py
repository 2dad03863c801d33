"""Requests to the tenant: one at a time, paced, counted; what fails is sorted, and only reads are tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    stop_when_event_set,
    wait_exception,
    wait_random_exponential,
)

from calsync import __version__, egress
from calsync.crm.opencrm.answers import NoEntry, parse, retry_after
from calsync.crm.opencrm.pace import Budget, Pace
from calsync.model.errors import Later, Spent

#: Not that of the library: a firewall turns away whatever has "python" or "curl" in it (1.1).
USER_AGENT = f"calsync/{__version__}"

TIMEOUT_SECONDS = 30.0
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 8.0

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Door:
    """Where the interface is, and what opens it; `auth` is one of the three variants (1.1)."""

    base_url: str
    key: str
    passkey: str
    auth: str = "form"


class Client:
    """The tenant's REST interface; safe for all threads."""

    def __init__(
        self,
        door: Door,
        pace: Pace,
        budget: Budget,
        clock: Callable[[], datetime],
        stopping: threading.Event,
    ) -> None:
        """`clock` returns aware datetimes; `stopping` is set when the process should end: waits end too."""
        self._door, self._pace, self._budget, self._clock = door, pace, budget, clock
        self._session = egress.session(door.base_url)
        # Else a password file of the account that runs the daemon would add credentials of its own.
        self._session.auth = _as_it_is
        self._session.headers["User-Agent"] = USER_AGENT
        self._access_key = ""
        self._one = threading.Lock()
        self._retrying = _attempts(stopping)

    def read(self, method: str, form: Form) -> Any:
        """Call a method that changes nothing; what cannot be answered now is asked again within seconds.

        Raises Later, or Rejected for an error of the interface itself.
        """
        return self._retrying(self._call, method, form)

    def write(self, method: str, form: Form) -> Any:
        """Call a method that writes, once: after a failure nobody knows what it has done. Raises as `read`."""
        return self._call(method, form)

    def _call(self, method: str, form: Form) -> Any:
        with self._one:
            try:
                return self._send(method, form)
            except NoEntry:
                if not self._access_key:
                    raise
            # The session has ended, which is how long it lasts (1.1: unknown). The call was not carried out.
            self._access_key = ""
            return self._send(method, form)

    def _send(self, method: str, form: Form) -> Any:
        door = self._door
        if door.auth == "headers":
            return self._post(method, form, {"KEY1": door.key, "KEY2": door.passkey})
        if door.auth == "form":
            return self._post(method, {**form, "key": door.key, "passkey": door.passkey}, {})
        if not self._access_key:
            answer = self._post("login", {"key": door.key, "passkey": door.passkey}, {})
            if not isinstance(answer, str) or not answer:
                raise Later("CRM login: an answer that is no access key")
            self._access_key = answer
        return self._post(method, {**form, "accesskey": self._access_key}, {})

    def _post(self, method: str, form: Form, headers: Mapping[str, str]) -> Any:
        self._budget.spend()
        self._pace.turn()
        try:
            answer = self._session.post(
                f"{self._door.base_url}/api/rest/{method}",
                data=dict(form),
                headers=dict(headers),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Later(f"CRM {method}: {type(error).__name__}") from None
        after = retry_after(answer.headers.get("Retry-After"), self._clock())
        if after:
            self._pace.rest(min(after, LONGEST_WAIT_SECONDS))
        return parse(method, answer.status_code, answer.content, after)


class Counted:
    """A client as one side uses it: it counts its requests."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls = 0

    def read(self, method: str, form: Form) -> Any:
        """See `Client.read`; attempts are not counted apart."""
        self.calls += 1
        return self._client.read(method, form)

    def write(self, method: str, form: Form) -> Any:
        """See `Client.write`."""
        self.calls += 1
        return self._client.write(method, form)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _passes_soon(error: BaseException) -> bool:
    if not isinstance(error, Later) or isinstance(error, Spent | NoEntry):
        return False
    return error.after is None or error.after <= LONGEST_WAIT_SECONDS


def _asked(error: BaseException) -> float:
    return error.after or 0.0 if isinstance(error, Later) else 0.0


_wait: Callable[[RetryCallState], float] = wait_exception(_asked) + wait_random_exponential(
    multiplier=0.25, max=LONGEST_WAIT_SECONDS
)


def _attempts(stopping: threading.Event) -> Retrying:
    def sleep(seconds: float) -> None:
        stopping.wait(seconds)

    return Retrying(
        retry=retry_if_exception(_passes_soon),
        wait=_wait,
        stop=stop_any(stop_after_attempt(ATTEMPTS), stop_when_event_set(stopping)),
        sleep=sleep,
        reraise=True,
    )
