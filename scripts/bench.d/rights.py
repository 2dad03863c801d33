"""What people's rights cost: the kill switch, a rotation of keys, an export, a search and an erasure, with their goals.

`scripts/bench --rights` prints one line each; `--json` a document: `rights`, each with `job`, `size`, `unit`,
`seconds`, `goal` (the most seconds wanted) and `met`. Nothing is compared with a floor here: the goals are promises.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from installation import USER, Installation
from standin import Google

from calsync.config import Settings
from calsync.privacy import ring
from calsync.privacy.search import search
from calsync.rights.erasure import Copies, erase
from calsync.rights.export import export
from calsync.rights.revocation import revoke_all
from calsync.store import accounts
from calsync.store.accounts import Consent
from calsync.store.audit import Actor
from calsync.store.database import reading, writing
from calsync.store.vault import KEY_BYTES, new_key_line
from calsync.wiring import Parts, open_parts

#: How long Google takes to answer a revocation.
ANSWER_SECONDS = 0.2


class _Revocations(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(ANSWER_SECONDS)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _google() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Revocations)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/revoke"
    server.shutdown()
    server.server_close()


def measure(quick: bool, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure everything; `quick`: tiny sizes, to show that it works."""
    people, events = (30, 100) if quick else (1000, 5000)
    return [*_of_many(people, say), *_of_one(events, say)]


def _of_many(people: int, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="calsync-bench-") as name, _google() as revoke_uri:
        directory = Path(name)
        parts = _installation(directory, revoke_uri, people)
        say(f"{people} people are connected")
        ring.add_key(directory / "calsync.keys")
        yield _timed("rotate", people, "person", 1.0, lambda: ring.rewrap(parts.engine, parts.vault))
        yield _timed("revoke-all", people, "person", 300.0, lambda: revoke_all(parts))
        parts.close()


def _installation(directory: Path, revoke_uri: str, people: int) -> Parts:
    (directory / "calsync.keys").write_text(new_key_line("k1"))
    (directory / "calsync.instance").write_text(urlsafe_b64encode(os.urandom(KEY_BYTES)).decode())
    (directory / "google-client-secret").write_text("secret")
    google = {"client_id": "bench", "revoke_uri": revoke_uri}
    parts = open_parts(Settings(path=directory / "calsync.toml", google=google))
    with writing(parts.engine) as connection:
        for number in range(people):
            consent = Consent(
                f"u{number}", f"s{number}", f"u{number}@example.com", f"t{number}", ("x",), "both"
            )
            accounts.connect(connection, parts.vault, consent, parts.clock())
    return parts


def _of_one(events: int, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="calsync-bench-") as name, Google() as google:
        installation = Installation(Path(name), google.url, google.person("rights", events))
        parts = installation.parts
        while installation.round().changed:
            say("events are being linked")
        with reading(parts.engine) as connection:
            account = accounts.find(connection, parts.vault, USER)

            def look() -> None:
                search(connection, account, "guest@example.com")

            yield _timed("search", events, "event", 600.0, look)
        yield _timed("export", events, "event", 60.0, lambda: export(parts, USER, Actor.PERSON))
        yield _timed("erase", events, "event", 600.0, lambda: erase(parts, USER, Copies(), Actor.PERSON))
        parts.close()


def _timed(job: str, size: int, unit: str, goal: float, act: Callable[[], object]) -> dict[str, Any]:
    began = time.monotonic()
    act()
    seconds = round(time.monotonic() - began, 2)
    return {"job": job, "size": size, "unit": unit, "seconds": seconds, "goal": goal, "met": seconds <= goal}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the figures for people."""
    return "\n".join(
        f"{row['job']:12}{row['size']:>7} {row['unit']}s {row['seconds']:9.2f} s   goal {row['goal']:g} s"
        for row in rows
    )
