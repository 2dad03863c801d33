"""Requests to webservice.php as one user: log in, ask, tell, and the service's errors as the engine's."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from calsync import egress
from calsync.model.errors import CalendarLost, Later, Refused
from calsync.model.side import SAME_CLOCK

TIMEOUT_SECONDS = 30.0

#: The session is over, which a new one mends (opencrm.md 4.2).
_SESSION = frozenset(
    {
        "INVALID_SESSIONID",
        "SESSION_EXPIRED",
        "SESSION_LEFT_IDLE",
        "AUTHENTICATION_REQUIRED",
        "INVALID_AUTH_TOKEN",
    }
)
_CREDENTIALS = frozenset({"INVALID_USER_CREDENTIALS", "INVALID_USER_CREDENTIAL", "AUTHENTICATION_FAILURE"})
_CODE = re.compile(r"[A-Z_]{3,60}\Z")


class Answered(Refused):
    """The service has answered with an error; `code` is its own word for it."""

    def __init__(self, operation: str, code: str) -> None:
        super().__init__(f"vtiger {operation}: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Key:
    """How one user logs in; `access_key` is a secret, shown under "My Preferences" in vtiger."""

    login: str
    email: str
    access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """A login that lasts; `user_id` is the caller's id, e.g. 19x5."""

    name: str = field(repr=False)
    user_id: str


class Sessions:
    """Sessions by login, kept from round to round: logging in takes two requests. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Key, Session] = {}

    def get(self, key: Key) -> Session | None:
        """Return the session of a user, if there is one."""
        with self._lock:
            return self._found.get(key)

    def put(self, key: Key, session: Session | None) -> None:
        """Keep a session; None forgets it."""
        with self._lock:
            if session is None:
                self._found.pop(key, None)
            else:
                self._found[key] = session


class Client:
    """The service as one user sees it. Not thread-safe: one object per round."""

    def __init__(self, url: str, key: Key, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        """`url`: that of webservice.php; `clock` returns aware datetimes."""
        self._url, self._key, self._sessions, self._clock = url, key, sessions, clock
        self._http = egress.session(url)
        self.calls = 0
        #: How far the server's clock was ahead of ours when it last answered; zero below some seconds.
        self.ahead = timedelta(0)

    @property
    def user_id(self) -> str:
        """The id of the user, as records name their owner; logs in when nobody has."""
        return self._session().user_id

    def ask(self, operation: str, **parameters: str) -> Any:
        """Send a GET and return its result. Raises Later, CalendarLost or Answered."""
        return self._with_session("GET", operation, parameters)

    def tell(self, operation: str, **parameters: str) -> Any:
        """Send a POST, which changes something, and return its result. Raises Later, CalendarLost or Answered.

        Sent again only where the service says that it has not been carried out, because the session was over.
        """
        return self._with_session("POST", operation, parameters)

    def reach(self) -> None:
        """See that the service answers, without logging in."""
        self._challenge()

    def _with_session(self, method: str, operation: str, parameters: dict[str, str]) -> Any:
        for last in (False, True):
            session = self._session()
            try:
                return self._request(method, operation, parameters | {"sessionName": session.name})
            except Answered as error:
                if error.code not in _SESSION:
                    raise
                self._sessions.put(self._key, None)
                if last:
                    raise Later(f"vtiger {operation}: the session does not last ({error.code})") from None
        raise AssertionError("unreachable")

    def _session(self) -> Session:
        found = self._sessions.get(self._key)
        if found is None:
            found = self._log_in()
            self._sessions.put(self._key, found)
        return found

    def _log_in(self) -> Session:
        # The protocol asks for MD5 (opencrm.md 4.2); what protects the key on its way is TLS.
        text = f"{self._challenge()}{self._key.access_key}"
        digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        try:
            answer = self._request("POST", "login", {"username": self._key.login, "accessKey": digest})
            return Session(answer["sessionName"], answer["userId"])
        except Answered as error:
            if error.code in _SESSION:
                raise Later(f"vtiger login: {error.code}") from None
            raise CalendarLost(
                f"vtiger login: {error.code}; see that the access key in crm.vtiger.users_file is the user's"
            ) from None
        except (KeyError, TypeError):
            raise Later("vtiger login: an answer without session") from None

    def _challenge(self) -> str:
        answer = self._request("GET", "getchallenge", {"username": self._key.login})
        try:
            return str(answer["token"])
        except (KeyError, TypeError):
            raise Later("vtiger getchallenge: an answer without token") from None

    def _request(self, method: str, operation: str, parameters: dict[str, str]) -> Any:
        self.calls += 1
        form = {"operation": operation} | parameters
        where = {"params": form} if method == "GET" else {"data": form}
        try:
            answer = self._http.request(
                method,
                self._url,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                **where,  # type: ignore[arg-type]
            )
        except requests.RequestException as error:
            raise Later(f"vtiger {operation}: {type(error).__name__}") from None
        self._learn_clock(answer.headers.get("Date", ""))
        return _result(operation, answer)

    def _learn_clock(self, date: str) -> None:
        try:
            difference = parsedate_to_datetime(date) - self._clock()
        except (ValueError, TypeError):
            return
        self.ahead = difference if abs(difference) >= SAME_CLOCK else timedelta(0)


def _result(operation: str, answer: requests.Response) -> Any:
    """Return what an answer holds: errors come with status 200, and a page of HTML is never an answer."""
    try:
        document = answer.json()
        success = document["success"]
    except (ValueError, KeyError, TypeError):
        after = answer.headers.get("Retry-After", "")
        reason = f"vtiger {operation}: status {answer.status_code}, and no answer of the web service"
        raise Later(
            f"{reason}; check crm.vtiger.base_url", float(after) if after.isdigit() else None
        ) from None
    if success is True and "result" in document:
        return document["result"]
    error = document.get("error")
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    code = code if _CODE.match(code) else "an unknown error"
    if code in _CREDENTIALS and operation != "login":
        raise CalendarLost(f"vtiger {operation}: {code}")
    raise Answered(operation, code)
