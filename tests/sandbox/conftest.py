"""A stand-in in this process, and Google's own Python client aimed at it; every answer is held against the
discovery document's schemas."""

from __future__ import annotations

import copy
import json
from typing import Any

import google_auth_httplib2
import httplib2
import pytest
import requests
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest

from calsync.sandbox.server import start
from tests.sandbox import discovery

CALENDAR = "https://www.googleapis.com/auth/calendar"


class CheckedRequest(HttpRequest):
    """A request whose answer must be what the discovery document says."""

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().execute(*args, **kwargs)
        discovery.check_answer(self.methodId, answer)
        return answer


class Person:
    """Somebody with a Google account; `events`, `calendar_list` and `calendars` are Google's client."""

    def __init__(self, google: Google, email: str, scopes: tuple[str, ...]) -> None:
        self.google, self.email = google, email
        google.control("POST", "accounts", {"email": email})
        self.token = google.server.world.issue(email, scopes)
        document = copy.deepcopy(discovery.document())
        document |= {"rootUrl": f"{google.url}/", "baseUrl": f"{google.url}/calendar/v3/", "mtlsRootUrl": ""}
        http = google_auth_httplib2.AuthorizedHttp(Credentials(self.token), http=httplib2.Http())
        self.service = build_from_document(document, http=http, requestBuilder=CheckedRequest)
        self.events = self.service.events()
        self.calendar_list, self.calendars = self.service.calendarList(), self.service.calendars()

    def insert(self, **body: Any) -> dict[str, Any]:
        options = {name: body.pop(name) for name in ("sendUpdates", "fields") if name in body}
        return self.events.insert(calendarId="primary", body=body, **options).execute()

    def get(self, event_id: str) -> dict[str, Any]:
        return self.events.get(calendarId="primary", eventId=event_id).execute()

    def patch(self, event_id: str, match: str = "", send: str = "none", **changes: Any) -> dict[str, Any]:
        request = self.events.patch(calendarId="primary", eventId=event_id, body=changes, sendUpdates=send)
        if match:
            request.headers["If-Match"] = match
        return request.execute()

    def update(self, event_id: str, body: dict[str, Any], match: str = "") -> dict[str, Any]:
        request = self.events.update(calendarId="primary", eventId=event_id, body=body)
        if match:
            request.headers["If-Match"] = match
        return request.execute()

    def delete(self, event_id: str, match: str = "", send: str = "none") -> None:
        request = self.events.delete(calendarId="primary", eventId=event_id, sendUpdates=send)
        if match:
            request.headers["If-Match"] = match
        request.execute()

    def walk(self, **query: Any) -> list[dict[str, Any]]:
        """Return all pages of a listing."""
        request = self.events.list(calendarId="primary", **query)
        pages = []
        while request is not None:
            pages.append(request.execute())
            request = self.events.list_next(request, pages[-1])
        return pages

    def list(self, **query: Any) -> list[dict[str, Any]]:
        """Return the rows of all pages of a listing."""
        return [row for page in self.walk(**query) for row in page["items"]]

    def token_now(self, **query: Any) -> str:
        """Return the sync token of a full listing."""
        return self.walk(**query)[-1]["nextSyncToken"]

    def changes(self, token: str, **query: Any) -> list[dict[str, Any]]:
        return self.list(syncToken=token, **query)


class Google:
    """The stand-in and its control API."""

    def __init__(self) -> None:
        self.server = start()
        self.url = self.server.url
        self.http = requests.Session()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.url}/control/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def switch(self, **switches: Any) -> None:
        self.control("POST", "switches", switches)

    def fault(self, **order: Any) -> None:
        self.control("POST", "faults", order)

    def person(self, name: str, scopes: tuple[str, ...] = (CALENDAR,)) -> Person:
        return Person(self, f"{name}@example.com", scopes)

    def mails(self) -> list[tuple[str, str]]:
        """Return who was mailed and why, and forget it."""
        mails = self.control("GET", "mails")["mails"]
        self.control("POST", "counters/reset")
        return [(mail["to"], mail["kind"]) for mail in mails]


@pytest.fixture
def google():
    made = Google()
    yield made
    made.server.close()
    made.http.close()


@pytest.fixture
def ana(google):
    return google.person("ana")


@pytest.fixture
def bob(google):
    return google.person("bob")


@pytest.fixture
def refused():
    """Return a function that expects an error answer and returns (status, reason)."""

    def expect(call: Any, *arguments: Any, **options: Any) -> tuple[int, str]:
        with pytest.raises(HttpError) as caught:
            call(*arguments, **options)
        error = json.loads(caught.value.content)["error"]
        assert error["code"] == caught.value.status_code
        assert error["message"]
        return error["code"], error["errors"][0]["reason"]

    return expect
