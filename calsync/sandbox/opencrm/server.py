"""The stand-in's HTTP server: the REST interface behind its firewall, control, and faults on the wire."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from calsync.sandbox.faults import Fault
from calsync.sandbox.opencrm.control import Changed, control
from calsync.sandbox.opencrm.methods import TooMany, call
from calsync.sandbox.opencrm.tenant import load, lock
from calsync.sandbox.verbs import Verbs

REST = "/api/rest/"

_JSON = "application/json; charset=UTF-8"
_HTML = "text/html; charset=UTF-8"
_BLOCKED = re.compile("python|curl", re.IGNORECASE)
_BLOCK_PAGE = b"<html><head><title>Request blocked</title></head><body>Reference 0</body></html>"


class _Hangup(Exception):
    """The connection is cut without an answer."""


class Handler(Verbs):
    """One connection of a client."""

    server: Server

    def serve(self, method: str) -> None:
        """Answer a request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        try:
            if self.server.closed:
                raise _Hangup
            if path.startswith(REST):
                self._rest(method, path.removeprefix(REST).strip("/"), body)
            elif path.startswith("/control/"):
                self._control(method, path, body)
            else:
                self._send(404, b"<html><body>Not found</body></html>", _HTML)
        except _Hangup:
            self._hang_up()
        except Changed as error:
            self._send(412, json.dumps({"error": str(error)}).encode())
        except (KeyError, ValueError, TypeError) as error:
            self._send(400, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())

    # -- the REST interface ----------------------------------------------------------------------------

    def _rest(self, method: str, name: str, body: bytes) -> None:
        tenant = self.server.tenant
        if tenant.switches.firewall and _BLOCKED.search(self.headers.get("User-Agent", "")):
            self._send(403, _BLOCK_PAGE, _HTML)
            return
        form = {key: values[0] for key, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        with lock:
            tenant.requests[name] += 1
            self.server.dirty = True
            fault = next((each for each in tenant.faults if each.strikes(name, method, "", self.path)), None)
            if fault is not None and fault.when == "before" and self._struck(fault):
                return
            if method != "POST":
                self._send(200, b'{"error": "Use POST"}')
                return
            answer = self._answer(name, form)
            if fault is not None and fault.when == "after" and self._struck(fault):
                return
        if answer is not None:
            self._send(200, answer, cut=fault is not None and fault.kind == "truncate")

    def _answer(self, name: str, form: dict[str, str]) -> bytes | None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        try:
            return json.dumps(call(self.server.tenant, name, form, headers), ensure_ascii=False).encode()
        except TooMany as error:
            if self.server.tenant.switches.limit_answer == "error":
                return b'{"error": "Limit exceeded"}'
            self._send(429, b"<html><body>Too many requests</body></html>", _HTML, str(error.after))
            return None

    def _struck(self, fault: Fault) -> bool:
        """Let a fault strike; True when it has answered."""
        if fault.kind == "delay":
            time.sleep(fault.seconds)
        elif fault.kind == "reset":
            raise _Hangup
        elif fault.kind == "html":
            self._send(fault.status, _BLOCK_PAGE, _HTML)
            return True
        elif fault.kind == "status":
            after = str(int(fault.seconds)) if fault.seconds else ""
            body = json.dumps({"error": fault.reason}).encode()
            self._send(fault.status, body, retry_after=after)
            return True
        return False

    # -- control ---------------------------------------------------------------------------------------

    def _control(self, method: str, path: str, body: bytes) -> None:
        parts = tuple(unquote(part) for part in path.removeprefix("/control/").strip("/").split("/"))
        with lock:
            if parts == ("save",):
                self.server.save()
                answer: dict[str, Any] = {}
            else:
                answer = control(self.server.tenant, method, parts, json.loads(body or b"{}"))
            self.server.dirty = True
        self._send(201 if method == "POST" else 200, json.dumps(answer, ensure_ascii=False).encode())

    # -- the wire --------------------------------------------------------------------------------------

    def _send(
        self, status: int, body: bytes, kind: str = _JSON, retry_after: str = "", cut: bool = False
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.wfile.flush()
            self._hang_up()

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

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, state: Path | None = None, profile: str = "rich"
    ) -> None:
        """`state`: file in which everything survives a restart; `profile`: see `switches.PROFILES`."""
        super().__init__((host, port), Handler)
        self.state = state
        self.tenant = load(state, profile)
        self.dirty = False
        self.closed = False
        self.url = f"http://{host}:{self.server_port}"
        self._thread: threading.Thread | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up."""

    def save(self) -> None:
        """Write the state file, if there is one."""
        if self.state is not None:
            with lock:
                self.tenant.save(self.state)
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


def start(port: int = 0, state: Path | None = None, profile: str = "rich") -> Server:
    """Start a stand-in in this process."""
    return Server(port=port, state=state, profile=profile).start()
