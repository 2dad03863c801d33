"""Requests to Google that are put together in a shorter way than the library's: the same requests."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from google.oauth2.credentials import Credentials

from calsync.google.transport import Connection, Service, Transport, host_of

ROOT = "https://calendar.example/calendar/v3/"
PARAMETERS = {"maxResults": 2500, "showDeleted": True, "fields": "nextSyncToken,items(id,attendees(email))"}


@pytest.fixture(scope="module")
def service():
    return Service(ROOT, lambda: datetime.now(UTC))


@pytest.fixture(scope="module")
def transport(service):
    return Transport(service, Credentials("token"), threading.Event())


def whole(request):
    """Return all that goes out for a request."""
    address = urlsplit(request.uri)
    return address[:3], parse_qs(address.query), request.method, request.body, request.headers


@pytest.mark.parametrize("token", ["CPDAlvWDx70CEPDAlvWDx70CGAU=", "a+b/c?d&e=f g%h", "züri"])
@pytest.mark.parametrize("calendar", ["primary", "team#a/b@group.calendar.google.com"])
def test_a_listing_is_the_library_s_own(service, transport, calendar, token):
    ours = transport.listing(token, calendarId=calendar, **PARAMETERS)
    theirs = service.events.list(calendarId=calendar, syncToken=token, **PARAMETERS)
    assert whole(ours) == whole(theirs)


def test_a_listing_without_a_token_is_the_library_s_own(service, transport):
    ours = transport.listing(None, calendarId="primary", **PARAMETERS)
    assert whole(ours) == whole(service.events.list(calendarId="primary", **PARAMETERS))


def test_the_next_page_of_a_listing_is_the_library_s_own(service, transport):
    page = {"nextPageToken": "p/2=="}
    ours = transport.listing("t", calendarId="primary", **PARAMETERS)
    theirs = service.events.list(calendarId="primary", syncToken="t", **PARAMETERS)
    assert whole(service.events.list_next(ours, page)) == whole(service.events.list_next(theirs, page))


def test_one_listing_leaves_no_trace_in_another(service, transport):
    first = transport.listing("one", calendarId="primary", **PARAMETERS)
    first.headers["x-trace"] = "1"
    second = transport.listing("two", calendarId="primary", **PARAMETERS)
    assert parse_qs(urlsplit(second.uri).query)["syncToken"] == ["two"]
    assert "x-trace" not in second.headers


# -- the connection ----------------------------------------------------------------------------------------


class Server:
    """Answers with the path that was asked for; "/slow" waits until it is let go."""

    def __init__(self):
        self.go, self.connections = threading.Event(), set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.connections.add(self.client_address)
                if self.path.startswith("/slow"):
                    outer.go.wait(30)
                body = self.path.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self.go.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def connection(server):
    return Connection(lambda: datetime.now(UTC) - timedelta(hours=1), frozenset({host_of(server.url)}))


def ask(connection, url):
    return connection.request(url, headers={"accept": "text/plain"})[1].decode()


def test_requests_go_over_one_connection_with_path_and_query_as_they_are(server, connection):
    for path in ("/a?b=c%2Fd&e=%C3%BC", "/a", "/a%20b?c"):
        assert ask(connection, f"{server.url}{path}") == path
    assert len(server.connections) == 1


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one_s(server, connection):
    assert ask(connection, f"{server.url}/first") == "/first"
    connection.timeout = 0.2
    connection.connections[f"http:{urlsplit(server.url).netloc}"].sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ask(connection, f"{server.url}/slow")
    server.go.set()
    connection.timeout = 30
    assert ask(connection, f"{server.url}/next") == "/next"


def test_the_clock_of_the_other_side_is_that_of_its_last_answer(server, connection):
    assert connection.ahead == timedelta(0)
    ask(connection, f"{server.url}/a")
    assert timedelta(minutes=59) < connection.ahead < timedelta(minutes=61)
