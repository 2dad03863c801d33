"""The operators' script works from cron: from any directory, with next to nothing in the environment."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from calsync.sandbox.stage import Stage
from tests.house import at, day

ROOT = Path(__file__).resolve().parents[2]
CRON = {"PATH": "/usr/bin:/bin", "HOME": "/", "LOGNAME": "nobody", "SHELL": "/bin/sh"}


@pytest.fixture(scope="module")
def connected(tmp_path_factory):
    """A running installation with one connected person."""
    with Stage(tmp_path_factory.mktemp("stage"), {"poll_seconds": 2}) as stage:
        stage.start_daemon()
        stage.add_person("ana")
        stage.connect("ana")
        yield stage


@pytest.fixture
def checkout(tmp_path):
    """A directory with the script and a calsync command beside it, as scripts/demo leaves them."""
    scripts = tmp_path / "check out" / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "resync", scripts)
    return scripts.parent


def install(checkout: Path) -> None:
    command = checkout / ".venv" / "bin" / "calsync"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m calsync "$@"\n')
    command.chmod(0o755)


def resync(checkout: Path, *arguments: str, script: Path | None = None, **environment: str):
    return subprocess.run(
        [script or checkout / "scripts" / "resync", *arguments],
        cwd="/",
        env=CRON | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_resync_runs_beside_the_daemon_and_prints_what_calsync_prints(connected, checkout):
    install(checkout)
    connected.calsync("pause", "ana")
    connected.control("POST", "accounts/ana@example.com/events", {"summary": "Lunch", **at(day(1))})
    connected.calsync("resume", "ana")
    done = resync(checkout, "--all", "--json", "--config", str(connected.config))
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["user"], run["outcome"]) == ("ana", "ok")
    assert "Lunch" in [event["title"] for event in connected.crm_events("ana")]


def test_resync_passes_exit_codes_on(connected, checkout):
    install(checkout)
    assert resync(checkout, "nobody-of-that-name", CALSYNC_CONFIG=str(connected.config)).returncode == 2
    done = resync(checkout, CALSYNC_CONFIG=str(connected.config))
    assert done.returncode == 2
    assert "name one or more users" in done.stderr


def test_resync_finds_the_configuration_of_its_checkout_also_through_a_link(connected, checkout, tmp_path):
    install(checkout)
    (checkout / "config").mkdir()
    text = connected.config.read_text()
    (checkout / "config" / "calsync.toml").write_text(
        f'[database]\nurl = "sqlite:///{connected.directory}/calsync.db"\n'
        f'[secrets]\nkey_file = "{connected.directory}/calsync.keys"\n'
        + text.replace(
            "[google]", f'[google]\nclient_secret_file = "{connected.directory}/google-client-secret"'
        )
    )
    link = tmp_path / "calsync-resync"
    link.symlink_to(checkout / "scripts" / "resync")
    done = resync(checkout, "ana", "--dry-run", script=link)
    assert done.returncode == 0, done.stderr
    assert "ana" in done.stdout


@pytest.mark.skipif(Path("/opt/calsync").exists(), reason="calsync is installed on this machine")
def test_resync_says_what_to_do_when_calsync_is_not_installed(checkout):
    done = resync(checkout, "--all")
    assert done.returncode == 2
    assert "calsync is not installed" in done.stderr
    assert str(checkout) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_every_script_is_executable_and_sound():
    for script in (ROOT / "scripts").iterdir():
        if script.is_file():
            subprocess.run(["bash", "-n", script], check=True)
            assert os.access(script, os.X_OK) or script.name == "venv", script
