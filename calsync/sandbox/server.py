"""The stand-in's HTTP server: OAuth, calendar API, batches, control, and faults on the wire."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import struct
import threading
import time
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from calsync.sandbox import oauth
from calsync.sandbox.answers import ApiError, not_found
from calsync.sandbox.batch import CONTENT_TYPE
from calsync.sandbox.control import control
from calsync.sandbox.gate import CALENDAR_PATH, Gate, Hangup, Incoming, strike
from calsync.sandbox.queries import Query
from calsync.sandbox.verbs import Verbs
from calsync.sandbox.world import World, load, lock

_JSON = "application/json; charset=UTF-8"
_GZIP_FROM = 1024


class Handler(Verbs):
    """One connection of a client."""

    server: Server

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date header by the clock that stamps events."""
        ahead = self.server.world.clock_offset.total_seconds()
        return super().date_time_string(int((time.time() if timestamp is None else timestamp) + ahead))

    def do_PUT(self) -> None:
        """Answer a PUT."""
        self.serve("PUT")

    def serve(self, method: str) -> None:
        """Answer a request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query_text = url.query
        if self.headers.get("x-http-method-override") and method == "POST":
            method, query_text, body = self.headers["x-http-method-override"], body.decode(), b""
        try:
            if self.server.closed:
                raise Hangup
            self._route(method, url.path, Query.parse(query_text), body)
        except ApiError as error:
            self._send(error.status, json.dumps(error.body()).encode())
        except oauth.OAuthError as error:
            self._send(error.status, json.dumps(error.body).encode())
        except Hangup:
            self._hang_up()
        except (KeyError, ValueError, TypeError) as error:
            document = {"error": {"code": 400, "message": f"{type(error).__name__}: {error}"}}
            self._send(400, json.dumps(document).encode())

    def _route(self, method: str, path: str, query: Query, body: bytes) -> None:
        if path.startswith(CALENDAR_PATH):
            self._calendar(method, path, query, body)
            return
        if path.startswith("/batch"):
            self._batch(body)
            return
        single = {name: query.get(name) for name in query.values}
        if path.startswith("/control/"):
            self._control(method, path, single, body)
        elif path.startswith(("/o/oauth2/", "/token", "/revoke", "/oauth2/v3/certs")):
            self._oauth(method, path, single, body)
        elif not self.server.extra(self, method, path, single, body):
            raise not_found()

    # -- calendar --------------------------------------------------------------------------------------

    def _calendar(self, method: str, path: str, query: Query, body: bytes) -> None:
        answer, fault = self.server.gate.perform(Incoming(method, path, query, self._headers(), body))
        cut = fault is not None and fault.kind == "truncate"
        self._send(answer.status, answer.body, answer.kind, answer.etag, cut)

    def _batch(self, body: bytes) -> None:
        self._send(200, self.server.gate.perform_batch(self._headers(), body), kind=CONTENT_TYPE)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    # -- control and OAuth -----------------------------------------------------------------------------

    def _control(self, method: str, path: str, query: dict[str, str], body: bytes) -> None:
        parts = tuple(unquote(part) for part in path.removeprefix("/control/").strip("/").split("/"))
        document = json.loads(body or b"{}")
        with lock:
            if parts == ("save",):
                self.server.save()
                answer: dict[str, Any] = {}
            else:
                answer = control(self.server.world, method, parts, query, document)
            self.server.dirty = True
        created = method == "POST" and parts[0] in ("accounts", "faults", "calendars")
        self._send(201 if created else 200, json.dumps(answer, ensure_ascii=False).encode())

    def _oauth(self, method: str, path: str, query: dict[str, str], body: bytes) -> None:
        form = parse_qs(body.decode(), keep_blank_values=True)
        single = {name: values[0] for name, values in form.items()} | self._basic_client()
        world = self.server.world
        with lock:
            operation = path.rsplit("/", 1)[-1]
            fault = next(
                (f for f in world.faults if f.operation == operation and f.strikes(operation, "", "", path)),
                None,
            )
            if fault is not None:
                strike(fault)
            self.server.dirty = True
            if path == "/oauth2/v3/certs":
                self._send(200, json.dumps(oauth.keys(world)).encode())
            elif path == "/token":
                self._send(200, json.dumps(oauth.token(world, single, self.server.url)).encode())
            elif path == "/revoke":
                self._revoke(world, single | query)
            elif method == "POST":
                self._redirect(oauth.decide(world, form))
            else:
                self._consent(world, query)

    def _basic_client(self) -> dict[str, str]:
        """Return client id and secret from HTTP Basic, which Google accepts beside form fields."""
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return {}
        client, _, secret = base64.b64decode(value).decode().partition(":")
        return {"client_id": unquote(client), "client_secret": unquote(secret)}

    def _revoke(self, world: World, form: dict[str, str]) -> None:
        if not oauth.revoke(world, form.get("token", "")):
            raise oauth.OAuthError("invalid_token", "Token expired or revoked")
        self._send(200, b"{}")

    def _consent(self, world: World, query: dict[str, str]) -> None:
        wrong = oauth.check_request(query)
        if wrong:
            self._send(400, f"<h1>Error 400: {wrong}</h1>".encode(), kind="text/html; charset=utf-8")
        else:
            self._send(200, oauth.consent_page(world, query).encode(), kind="text/html; charset=utf-8")

    # -- the wire --------------------------------------------------------------------------------------

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, body: bytes, kind: str = _JSON, etag: str = "", cut: bool = False) -> None:
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Type", kind)
        if etag:
            self.send_header("ETag", etag)
        if len(body) > _GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if cut:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self._hang_up()
        elif status not in (204, 304):
            self.wfile.write(body)

    def send_answer(self, status: int, body: bytes, kind: str = _JSON) -> None:
        """Answer with a body: for routes added from outside."""
        self._send(status, body, kind)

    def _hang_up(self) -> None:
        """Reset the connection, so that the client sees no end of the answer."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    """The stand-in as a whole."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str = "127.0.0.1", port: int = 0, state: Path | None = None) -> None:
        """`state`: file in which everything survives a restart."""
        super().__init__((host, port), Handler)
        self.state = state
        self.world = load(state) if state else World()
        self.dirty = False
        self.closed = False
        self.gate = Gate(self.world, self.touch)
        self.url = f"http://{host}:{self.server_port}"
        self._thread: threading.Thread | None = None

    def extra(self, handler: Handler, method: str, path: str, query: dict[str, str], body: bytes) -> bool:
        """Serve routes beyond Google's; return whether there was one."""
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up."""

    def touch(self) -> None:
        """Note that the world has changed since it was saved."""
        self.dirty = True

    def save(self) -> None:
        """Write the state file, if there is one."""
        if self.state is not None:
            with lock:
                self.world.save(self.state)
                self.dirty = False

    def start(self) -> Server:
        """Serve in a thread of its own; use as a context manager to stop."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and save: what was answered is saved, what comes later is not answered."""
        self.shutdown()
        with lock:
            self.closed = True
            self.save()
        self.server_close()


def start(port: int = 0, state: Path | None = None) -> Server:
    """Start a stand-in in this process."""
    return Server(port=port, state=state).start()
