"""The stand-in for Google as a process of its own, and people who have consented there."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import requests

SCOPES = ("https://www.googleapis.com/auth/calendar.events", "openid", "email")
CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a Google account who has allowed everything."""

    email: str
    subject: str
    refresh_token: str
    access_token: str


class Google:
    """The process; use as a context manager."""

    def __init__(self) -> None:
        self.http = requests.Session()
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, "-m", "calsync.sandbox"], stdout=subprocess.PIPE)
        self.url = json.loads(self._process.stdout.readline())["url"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self._process.terminate()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def person(self, name: str, events: int = 0) -> Person:
        """A person with so many made-up events, the same for the same number."""
        email = f"{name}@example.com"
        subject = self.control("POST", "accounts", {"email": email})["sub"]
        if events:
            self.control("POST", f"accounts/{email}/seed", {"generate": {"n": events, "seed": 7}})
        return Person(email, subject, *self._consent(email))

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.http.request(method, f"{self.url}/control/{path}", json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def _consent(self, email: str) -> tuple[str, str]:
        """Walk through OAuth; return refresh and access token."""
        back = "http://127.0.0.1/back"
        request = {"redirect_uri": back, "scope": " ".join(SCOPES), "access_type": "offline"}
        form = {"request": json.dumps(request), "email": email, "scope": SCOPES[0], "decision": "allow"}
        answer = self.http.post(f"{self.url}/o/oauth2/v2/auth", data=form, allow_redirects=False, timeout=30)
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
        tokens = self.http.post(f"{self.url}/token", data=form, timeout=30).json()
        return tokens["refresh_token"], tokens["access_token"]
