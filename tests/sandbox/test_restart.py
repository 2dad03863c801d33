"""The stand-in as a process of its own: one line when it is ready, and a state that survives a restart."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
import requests

SCOPES = "https://www.googleapis.com/auth/calendar"


class Process:
    """A running stand-in."""

    def __init__(self, *options):
        command = [sys.executable, "-m", "calsync.sandbox", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        told = json.loads(self.process.stdout.readline())
        assert told["pid"] == self.process.pid
        self.url = told["url"]

    def control(self, method, path, body=None):
        answer = requests.request(method, f"{self.url}/control/{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def calendar(self, method, path, token, body=None):
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.url}/calendar/v3/{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=10)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        return code


@pytest.fixture
def started():
    """Return a function that starts stand-ins; they are stopped at the end."""
    running = []

    def start(*options):
        running.append(Process(*options))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.stop()


def consented(google, email):
    """Walk through consent; return access and refresh token."""
    back = "http://127.0.0.1/back"
    request = {"redirect_uri": back, "scope": SCOPES, "access_type": "offline"}
    form = {"request": json.dumps(request), "email": email, "scope": SCOPES, "decision": "allow"}
    answer = requests.post(f"{google.url}/o/oauth2/v2/auth", form, allow_redirects=False, timeout=10)
    code = requests.utils.urlparse(answer.headers["Location"]).query.split("code=")[1].split("&")[0]
    client = {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "redirect_uri": back}
    form = {"grant_type": "authorization_code", "code": requests.utils.unquote(code), **client}
    tokens = requests.post(f"{google.url}/token", form, timeout=10).json()
    return tokens["access_token"], tokens["refresh_token"]


BODY = {
    "start": {"dateTime": "2030-03-04T09:00:00Z", "timeZone": "Europe/London"},
    "end": {"dateTime": "2030-03-04T10:00:00Z", "timeZone": "Europe/London"},
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everything_that_was_answered_survives_a_stop(started, tmp_path, number):
    state = ("--state", str(tmp_path / "google.state"))
    google = started(*state)
    for name in ("ana", "bob"):
        google.control("POST", "accounts", {"email": f"{name}@example.com"})
    access, refresh = consented(google, "ana@example.com")
    body = BODY | {"summary": "A", "attendees": [{"email": "bob@example.com"}]}
    made = google.calendar("POST", "calendars/primary/events?sendUpdates=all", access, body).json()
    doomed = google.calendar("POST", "calendars/primary/events", access, BODY).json()
    token = google.calendar("GET", "calendars/primary/events", access).json()["nextSyncToken"]
    google.control("POST", "switches", {"html_normalise": True})
    google.control("POST", "faults", {"operation": "events.move", "times": 7})
    assert google.calendar("DELETE", f"calendars/primary/events/{doomed['id']}", access).status_code == 204
    assert google.stop(number) == 0

    google = started(*state)
    assert google.calendar("GET", f"calendars/primary/events/{made['id']}", access).json() == made
    [change] = google.calendar("GET", f"calendars/primary/events?syncToken={token}", access).json()["items"]
    assert (change["id"], change["status"]) == (doomed["id"], "cancelled")
    assert (
        google.calendar("POST", "calendars/primary/events", access, BODY | {"id": doomed["id"]}).status_code
        == 409
    )
    google.calendar("PATCH", f"calendars/primary/events/{made['id']}", access, {"description": "a\nb"})
    [copy] = google.control("GET", "accounts/bob@example.com/events")["events"]
    assert (copy["summary"], copy["description"]) == ("A", "a<br>b")
    assert google.control("GET", "counters")["mails"] == 1
    assert google.control("GET", "faults")["faults"][0]["times"] == 7
    assert google.control("GET", "grants/ana@example.com") == {"live": 1}
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    client = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    assert requests.post(f"{google.url}/token", form | client, timeout=10).ok


def test_what_was_saved_survives_being_killed(started, tmp_path):
    state = ("--state", str(tmp_path / "google.state"))
    google = started(*state)
    google.control("POST", "accounts", {"email": "ana@example.com"})
    google.control("POST", "save")
    google.stop(signal.SIGKILL)
    google = started(*state)
    assert [one["email"] for one in google.control("GET", "accounts")["accounts"]] == ["ana@example.com"]


def test_without_a_state_file_every_start_is_a_new_beginning(started):
    first = started()
    first.control("POST", "accounts", {"email": "ana@example.com"})
    first.stop()
    assert started().control("GET", "accounts") == {"accounts": []}


def test_a_file_that_holds_something_else_is_not_overwritten(tmp_path):
    state = tmp_path / "google.state"
    state.write_bytes(b"not a state")
    command = [sys.executable, "-m", "calsync.sandbox", "--state", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "google.state holds no state of this sandbox" in done.stderr
    assert "Traceback" not in done.stderr
    assert state.read_bytes() == b"not a state"
