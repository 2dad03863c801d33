"""An erasure that is killed in any step is finished by the next command, or by the daemon."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from calsync.privacy.inventory import count_rows
from calsync.sandbox.stage import Stage
from calsync.store.database import open_database, reading
from calsync.store.erasures import Step
from tests.house import crm_at, day

#: Erases somebody, and dies as a power cut would when it reaches a step.
ERASE = """
import os, signal, sys
from pathlib import Path
from calsync.config import load
from calsync.rights.erasure import Copies, erase
from calsync.store.audit import COMMAND_LINE
from calsync.wiring import open_parts

def reached(step):
    if step.value == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

erase(open_parts(load(sys.argv[1])), sys.argv[2], Copies("remove", "remove"), COMMAND_LINE, reached=reached)
"""


def person(stage, user):
    """Add somebody with an event of theirs that has crossed."""
    stage.add_person(user)
    assert stage.connect(user).url.endswith("/me")
    stage.crm("POST", "events", user, {"title": "Lunch", **crm_at(day(1))})
    stage.resync(user)
    assert [event["summary"] for event in stage.google_events(f"{user}@example.com")] == ["Lunch"]


def is_gone(stage, user):
    engine = open_database(f"sqlite:///{stage.directory / 'calsync.db'}")
    try:
        with reading(engine) as connection:
            return count_rows(connection, user) == {}
    finally:
        engine.dispose()


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """An installation whose daemon serves pages only, so that it finishes nothing by itself."""
    with Stage(tmp_path_factory.mktemp("stage"), {"poll_seconds": 2}) as made:
        made.start_daemon("web")
        yield made


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.DONE])
def test_killed_before_a_step_the_next_command_finishes_it(office, step):
    user = f"ana{step.value}"
    person(office, user)
    command = [sys.executable, "-c", ERASE, str(office.config), user, step.value]
    died = subprocess.run(command, capture_output=True, timeout=60)
    assert died.returncode == -signal.SIGKILL, died.stderr
    done = office.calsync("erase", user)
    assert done["receipt"]["withdrawn_at_google"] == 1
    assert done["receipt"]["removed"]["copies"] == 1
    assert is_gone(office, user)
    assert office.control("GET", f"grants/{user}@example.com")["live"] == 0
    assert office.google_events(f"{user}@example.com") == []
    assert office.calsync("audit", "verify")["intact"]


@pytest.mark.parametrize("number", range(4))
def test_killed_at_any_moment_the_next_command_finishes_it(office, number):
    user = f"moment{number}"
    person(office, user)
    command = [sys.executable, "-m", "calsync", "--config", str(office.config), "erase", user]
    process = subprocess.Popen(
        [*command, "--google-copies", "remove"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    # Python starts for most of a second; the erasure takes a tenth of one.
    time.sleep(0.7 + 0.1 * number)
    process.kill()
    process.communicate()
    office.calsync("erase", user, "--google-copies", "remove")
    assert is_gone(office, user)
    assert office.google_events(f"{user}@example.com") == []
    assert office.control("GET", f"grants/{user}@example.com")["live"] == 0
    assert office.calsync("audit", "verify")["intact"]


def test_the_daemon_goes_on_with_an_erasure_by_itself(running):
    person(running, "ana")
    running.control("POST", "faults", {"operation": "revoke", "status": 503, "times": 999})
    waiting = running.calsync("erase", "ana", expect=1)
    assert waiting["receipt"] is None
    assert "Google" in waiting["waits_for"]
    running.control("DELETE", "faults")
    running.until(lambda: is_gone(running, "ana"), "the daemon to finish the erasure")
