"""What the stand-ins' servers have in common: how a connection's requests reach them."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any


class Verbs(BaseHTTPRequestHandler):
    """One connection of a client; every request goes to `serve`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet: stdout has one line only."""

    def do_GET(self) -> None:
        """Answer a GET."""
        self.serve("GET")

    def do_POST(self) -> None:
        """Answer a POST."""
        self.serve("POST")

    def do_PATCH(self) -> None:
        """Answer a PATCH."""
        self.serve("PATCH")

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self.serve("DELETE")

    def serve(self, method: str) -> None:
        """Answer a request."""
        raise NotImplementedError
