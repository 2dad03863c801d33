"""The stand-in's HTTP server: webservice.php, the control API, and faults on the wire."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from calsync.sandbox.faults import Fault
from calsync.sandbox.verbs import Verbs
from calsync.sandbox.vtiger.control import Changed, Unknown, control
from calsync.sandbox.vtiger.operations import Fatal, perform
from calsync.sandbox.vtiger.world import Failure, World, lock

ENDPOINT = "/webservice.php"
_PAGE = b"<html><body><h1>An error occurred</h1></body></html>"


class Handler(Verbs):
    """One connection of a client."""

    server: Server

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date header by the server's own clock."""
        return super().date_time_string(int(self.server.world.now().timestamp()))

    def serve(self, method: str) -> None:
        """Answer a request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        try:
            if url.path == ENDPOINT:
                self._webservice(method, dict(parse_qsl(url.query or body.decode(), keep_blank_values=True)))
            elif url.path.startswith("/control/"):
                self._control(method, url.path, body)
            else:
                self._send(404, _PAGE, "text/html")
        except (KeyError, ValueError, TypeError) as error:
            self._send(400, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())

    def _control(self, method: str, path: str, body: bytes) -> None:
        parts = tuple(unquote(part) for part in path.removeprefix("/control/").strip("/").split("/"))
        try:
            with lock:
                answer = control(self.server.world, method, parts, json.loads(body or b"{}"))
        except Unknown:
            self._send(404, b'{"error": "not found"}')
            return
        except Changed:
            self._send(412, b'{"error": "it is not what it was"}')
            return
        except Failure as failure:
            self._send(400, json.dumps({"error": failure.code}).encode())
            return
        self._send(200, json.dumps(answer, ensure_ascii=False).encode())

    def _webservice(self, method: str, form: dict[str, str]) -> None:
        operation, world = form.get("operation", ""), self.server.world
        with lock:
            world.requests[operation] += 1
            fault = next((f for f in world.faults if f.strikes(operation, method, "", ENDPOINT)), None)
            if fault is not None and fault.when == "before":
                self._strike(fault)
                return
            try:
                answer: dict[str, Any] = {"success": True, "result": perform(world, method, form)}
            except Failure as failure:
                error = {"code": failure.code, "message": failure.message}
                answer = {"success": False, "error": error}
            except Fatal:
                self._send(500, b"", "text/html")
                return
        if fault is not None:
            self._strike(fault)
            return
        self._send(200, json.dumps(answer).encode())

    def _strike(self, fault: Fault) -> None:
        if fault.kind in ("html", "status"):
            self._send(fault.status, _PAGE, "text/html")
        else:
            self.close_connection = True
            with suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, body: bytes, kind: str = "application/json; charset=UTF-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """The stand-in as a whole; use as a context manager."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), Handler)
        self.world = World()
        self.url = f"http://{host}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up."""

    def start(self) -> Server:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()


def start(port: int = 0) -> Server:
    """Start a stand-in in this process."""
    return Server(port=port).start()
