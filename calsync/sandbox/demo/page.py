"""The page of the demo: the calendars of all people, live, with buttons to change either side."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from calsync.sandbox.demo.rows import Row, concerns, crm_body, crm_row, google_body, google_row
from calsync.sandbox.demo.watch import Watch
from calsync.sandbox.stage import Stage, StageError
from calsync.sandbox.standin import Moved

_FILES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
_LARGEST_BODY = 64 * 1024


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: DemoServer

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        """Serve the page and the state of all calendars."""
        if self.path in _FILES:
            name, kind = _FILES[self.path]
            self._send(200, (Path(__file__).parent / name).read_bytes(), f"{kind}; charset=utf-8")
        elif self.path == "/state":
            self._answer(self.server.state)
        else:
            self._send(404, b"{}", "application/json")

    def do_POST(self) -> None:
        """Do what was clicked, as the person would."""
        length = int(self.headers.get("Content-Length") or 0)
        orders = {"/change": self.server.change, "/pause": self.server.pause}
        own_page = self.headers.get("Origin", self.server.url.rstrip("/")) == self.server.url.rstrip("/")
        if self.path not in orders or not own_page or length > _LARGEST_BODY:
            self.close_connection = True
            self._send(400, b"{}", "application/json")
            return
        body = self.rfile.read(length)
        self._answer(lambda: orders[self.path](json.loads(body)))

    def _answer(self, act: Any) -> None:
        """Send what `act` returns, or why it could not be done."""
        try:
            status, document = 200, act()
        except (ValueError, KeyError, TypeError) as error:
            status, document = 400, {"error": f"that is not possible: {error}"}
        except (StageError, requests.RequestException):
            status, document = 502, {"error": "a stand-in or the daemon does not answer"}
        self._send(status, json.dumps(document).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)


class DemoServer(ThreadingHTTPServer):
    """Serves the page on loopback, and speaks to both stand-ins on its behalf."""

    daemon_threads = True

    def __init__(self, stage: Stage, port: int) -> None:
        """`port`: 0 picks a free one."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.stage = stage
        self.watch = Watch(stage)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self._lock = threading.Lock()

    def start(self) -> None:
        """Serve in a thread."""
        self.watch.start()
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()
        self.watch.stop()

    def state(self) -> Row:
        """Return the calendars and accounts of all people as the page shows them."""
        accounts = self.watch.accounts()
        with self._lock:
            people = [self._person(user, accounts.get(user, {})) for user in sorted(self.stage.people)]
            mails = self.stage.control("GET", "counters")["mails"]
        return {"people": people, "mails": mails, "conflicts": self.watch.conflicts()}

    def _person(self, user: str, account: Row) -> Row:
        email = f"{user}@example.com"
        google = [google_row(event) for event in self.stage.google_events(email)]
        crm = [crm_row(event) for event in self.stage.crm_events(user) if concerns(event, user, email)]
        return {
            "user": user,
            "email": email,
            "account": account,
            "google": [row for row in google if row],
            "crm": crm,
        }

    def pause(self, order: Row) -> Row:
        """Pause or resume a person, as an operator would on the command line."""
        self.stage.calsync("pause" if order["paused"] else "resume", self._known(order))
        self.watch.look()
        return {}

    def change(self, order: Row) -> Row:
        """Create, edit or delete on one side; returns the event's id. Raises ValueError with the reason."""
        user, action = self._known(order), str(order["action"])
        if action not in _METHODS or order.get("side") not in ("google", "crm"):
            raise ValueError("unknown action or side")
        with self._lock:
            if order["side"] == "google":
                return self._change_google(user, _METHODS[action], order)
            return self._change_crm(user, _METHODS[action], order)

    def _known(self, order: Row) -> str:
        if order.get("user") not in self.stage.people:
            raise ValueError("nobody of that name")
        return str(order["user"])

    def _change_google(self, user: str, method: str, order: Row) -> Row:
        path = f"accounts/{user}@example.com/events" + (
            f"/{quote(str(order['id']))}" if method != "POST" else ""
        )
        body = None if method == "DELETE" else google_body(order)
        return {"id": self.stage.control(method, path, body).get("id", "")}

    def _change_crm(self, user: str, method: str, order: Row) -> Row:
        workplace = self.stage.workplace
        try:
            if method == "POST":
                return {"id": workplace.add(user, crm_body(order))["id"]}
            if method == "PATCH":
                workplace.edit(user, str(order["id"]), crm_body(order))
            else:
                workplace.delete(user, str(order["id"]))
        except Moved:
            raise ValueError("it is gone from the CRM") from None
        return {"id": ""}


_METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
