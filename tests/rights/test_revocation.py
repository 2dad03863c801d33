"""The kill switch: one revocation for each consent, all at once, and nothing forgotten when it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from calsync.rights.revocation import REASON, revoke_all
from calsync.sandbox.stage import Stage
from calsync.store import accounts, audit
from calsync.store.accounts import Consent, State
from calsync.store.database import reading, writing
from calsync.wiring import open_parts
from tests.house import crm_at, day


def test_every_consent_ends_once_and_nothing_else_changes(house):
    for user in ("ben", "cleo"):
        house.person(user)
    house.crm_add("ana", title="Lunch", **crm_at(day(1)))
    house.resync("ana")
    done = revoke_all(house.parts)
    assert (done.revoked, done.left) == (3, 0)
    for user in ("ana", "ben", "cleo"):
        assert house.control("GET", f"grants/{user}@example.com")["live"] == 0
        account = house.account(user)
        assert (account.state, account.reason, account.refresh_token()) == (State.RECONNECT, REASON, None)
    assert len(house.links("ana")) == 1
    assert house.google_titles("ana") == ["Lunch"]
    assert house.resync("ana")["outcome"] == "attention"


def test_who_connects_anew_goes_on_without_duplicates(house):
    house.crm_add("ana", title="Lunch", **crm_at(day(1)))
    house.resync("ana")
    revoke_all(house.parts)
    house.connect("ana", "ana@example.com")
    assert house.resync("ana")["outcome"] == "ok"
    assert house.google_titles("ana") == house.crm_titles("ana") == ["Lunch"]


def test_a_token_that_google_did_not_confirm_stays_for_the_next_try(house):
    house.person("ben")
    house.fault(operation="revoke", status=503)
    first = revoke_all(house.parts)
    assert (first.revoked, first.left) == (1, 1)
    assert all(house.account(user).state is State.RECONNECT for user in ("ana", "ben")), (
        "nobody syncs any more"
    )
    second = revoke_all(house.parts)
    assert (second.revoked, second.left) == (1, 0)
    with reading(house.parts.engine) as connection:
        assert audit.verify(connection, house.parts.vault) == []


class SlowGoogle(ThreadingHTTPServer):
    """Answers revocations after a tenth of a second and counts them by token."""

    daemon_threads = True
    #: Everybody is to be heard, however slow the machine is.
    request_queue_size = 128

    def __init__(self):
        self.tokens, self.guard = [], threading.Lock()
        super().__init__(("127.0.0.1", 0), _Revocations)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Revocations(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        with self.server.guard:
            self.server.tokens += form["token"]
        self.server.pause.wait(0.1)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def slow_google():
    server = SlowGoogle()
    server.pause = threading.Event()
    yield server
    server.shutdown()
    server.server_close()


def test_a_killed_revocation_is_finished_by_the_next_and_no_token_is_forgotten(tmp_path, slow_google):
    from calsync.config import load

    with Stage(tmp_path, {"poll_seconds": 2}) as stage:
        where = f"http://127.0.0.1:{slow_google.server_address[1]}/revoke"
        stage.environment["CALSYNC_GOOGLE__REVOKE_URI"] = where
        parts = open_parts(load(str(stage.config)))
        with writing(parts.engine) as connection:
            for number in range(60):
                consent = Consent(
                    f"u{number}", f"s{number}", f"u{number}@x.test", f"token-{number}", (), "both"
                )
                accounts.connect(connection, parts.vault, consent, parts.clock())
        command = [sys.executable, "-m", "calsync", "--config", str(stage.config), "revoke-all", "--yes"]
        process = subprocess.Popen(
            command, env=stage.surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        stage.until(lambda: len(slow_google.tokens) >= 20, "revocations to be under way")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(slow_google.tokens) < 60
        done = stage.calsync("revoke-all")
        assert done["left"] == 0
        assert {f"token-{number}" for number in range(60)} == set(slow_google.tokens)
        assert len(slow_google.tokens) <= 60 + 16, "only what was under way is sent twice"
        with reading(parts.engine) as connection:
            found = accounts.everyone(connection, parts.vault)
        assert all(one.sealed_refresh_token is None for one in found)
        parts.close()
