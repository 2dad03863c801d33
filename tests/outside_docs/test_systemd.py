"""The service unit is sound, and the daemon behaves as a service should."""

import os
import re
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from calsync.sandbox.stage import Stage
from tests.house import crm_at, day

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd" / "calsync.service"
STOP_SECONDS = 20

#: Longer than anything here lasts: who waits for this answer waits until the end.
HANGING = {"kind": "delay", "seconds": 600, "times": 1000}


@pytest.fixture
def analyze():
    """Return a function that runs systemd-analyze."""
    command = shutil.which("systemd-analyze")
    if command is None:
        if os.geteuid() == 0:
            pytest.fail("systemd-analyze is missing: run scripts/test, or install the package systemd")
        pytest.skip("systemd-analyze is not installed; the Debian package systemd has it")
    return lambda *arguments: subprocess.run(
        [command, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def notify(tmp_path):
    """Return a socket as systemd gives one to a service."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(30)
        yield receiver


def until_told(receiver: socket.socket, wanted: str) -> list[str]:
    """Return all lines received, up to the wanted one."""
    lines: list[str] = []
    while wanted not in lines:
        lines += receiver.recv(4096).decode().splitlines()
    return lines


def unit_value(name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)
    return value


def test_systemd_finds_no_fault_with_the_unit(analyze):
    done = analyze("verify", "--man=no", str(UNIT))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_service_is_well_confined(analyze):
    done = analyze("security", "--offline=true", "--threshold=20", str(UNIT))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_gives_the_daemon_time_to_stop_and_all_secrets_that_init_makes(tmp_path):
    assert int(unit_value("TimeoutStopSec")) > STOP_SECONDS
    with Stage(tmp_path) as stage:
        secrets = {file.name for file in stage.directory.iterdir() if file.stat().st_mode & 0o077 == 0}
        secrets = {
            name
            for name in secrets
            if not name.endswith((".db", ".state-id")) and (stage.directory / name).is_file()
        }
    given = set(re.findall(r"^LoadCredential=([^:]+):/etc/calsync/\1$", UNIT.read_text(), re.MULTILINE))
    assert given == secrets | {"google-client-secret"}
    assert secrets


def test_secrets_come_from_the_credentials_directory_first(stage):
    credentials = stage.directory / "credentials"
    credentials.mkdir()
    for name in ("calsync.keys", "calsync.instance", "google-client-secret"):
        shutil.move(stage.directory / name, credentials / name)
    assert stage.run("status").returncode == 2
    stage.environment["CREDENTIALS_DIRECTORY"] = str(credentials)
    stage.start_daemon()
    assert stage.stop() == 0


def test_the_daemon_tells_systemd_when_it_is_ready_alive_and_stopping(stage, notify):
    stage.environment["NOTIFY_SOCKET"] = notify.getsockname()
    stage.start_daemon()
    assert until_told(notify, "READY=1")[0] == "READY=1"
    until_told(notify, "WATCHDOG=1")
    until_told(notify, "WATCHDOG=1")
    assert stage.stop() == 0
    until_told(notify, "STOPPING=1")


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A running installation in which three people are connected."""
    with Stage(tmp_path_factory.mktemp("three"), {"poll_seconds": 2}) as stage:
        stage.start_daemon()
        with ThreadPoolExecutor() as pool:
            list(pool.map(stage.add_person, ("ana", "bob", "cyd")))
            list(pool.map(stage.connect, ("ana", "bob", "cyd")))
        yield stage
        if stage.is_running():
            stage.kill_daemon()


def in_trouble(stage: Stage) -> bool:
    return all(fault["hits"] for fault in stage.control("GET", "faults")["faults"])


def reached_google(stage: Stage, title: str) -> bool:
    return title in [event["summary"] for event in stage.google_events("ana@example.com")]


def test_a_person_whose_google_is_slow_or_broken_delays_nobody_else(three):
    three.control("POST", "faults", HANGING | {"email": "bob@example.com"})
    three.control(
        "POST", "faults", {"kind": "status", "status": 503, "times": 1000, "email": "cyd@example.com"}
    )
    for user in ("bob", "cyd"):
        three.crm("POST", "events", user, {"title": "Lunch", **crm_at(day(1))})
    three.until(lambda: in_trouble(three), "both to be in trouble")
    for title in ("Tea", "Supper"):
        three.crm("POST", "events", "ana", {"title": title, **crm_at(day(2))})
        three.until(partial(reached_google, three, title), title)
    assert not three.google_events("bob@example.com")
    assert not three.google_events("cyd@example.com")


def test_sigterm_ends_the_daemon_with_0_while_google_keeps_a_round_waiting(three):
    three.control("DELETE", "faults")
    three.control("POST", "faults", HANGING | {"email": "ana@example.com"})
    three.crm("POST", "events", "ana", {"title": "Breakfast", **crm_at(day(3))})
    three.until(lambda: in_trouble(three), "a round that waits")
    assert three.stop(seconds=STOP_SECONDS) == 0
