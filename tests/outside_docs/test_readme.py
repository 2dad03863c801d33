"""Every command of the README runs, in its order, in a fresh copy; every name in it exists."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Self

import pytest
import requests

from calsync import __version__
from calsync.cli import COMMANDS
from calsync.config import Settings
from calsync.sandbox.stage import Stage, free_port
from calsync.store.accounts import State
from tests.outside_docs.readme import ROOT, Block, blocks, links, mentioned, shell_blocks

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"


class Terminal:
    """One shell, into which a person types block after block."""

    def __init__(self, directory: Path, environment: dict[str, str]):
        self.process = subprocess.Popen(
            ["bash"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate("exit\n", timeout=60)

    def type(self, text: str) -> str:
        """Run a block as a whole and return what it printed; it must succeed to its last command."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        # The block runs in this very shell, so that its exports stay; a failing command ends the block.
        steps = " && ".join(f"{{ {line}; }}" for line in commands(text))
        self.process.stdin.write(f"{steps} </dev/null; code=$?; echo; echo done-$code\n")
        self.process.stdin.flush()
        said: list[str] = []
        while not (said and said[-1].startswith("done-")):
            line = self.process.stdout.readline()
            assert line, f"the shell ended: {''.join(said)}"
            said.append(line)
        assert said[-1] == "done-0\n", f"{text}\n{''.join(said)}"
        return "".join(said[:-1]).strip()


def commands(text: str) -> list[str]:
    return [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


@pytest.fixture
def copy(tmp_path):
    """A fresh copy of the project, whose environment has what the lock names (installing it again takes a minute)."""
    directory = tmp_path / "calsync"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "node_modules"
    )
    shutil.copytree(ROOT, directory, symlinks=True, ignore=ignored)
    for leftover in (directory / "config").iterdir():
        if leftover.suffix != ".md" and leftover.name != "calsync.example.toml":
            leftover.unlink()
    venv = directory / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (packages,) = venv.glob("lib/python3*/site-packages")
    (packages / "installed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    lock = hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()
    (venv / ".calsync-requirements.lock").write_text(f"{lock}  -\n")
    return directory


@pytest.fixture
def google(tmp_path):
    """The stand-in for Google, where ana has an account; what is returned also walks through consent."""
    installation = tmp_path / "google"
    installation.mkdir()
    stage = Stage(installation)
    stage.start_google()
    stage.control("POST", "accounts", {"email": "ana@example.com"})
    yield stage
    stage.close()


def environment(google: Stage, port: int) -> dict[str, str]:
    """Return an environment that differs from a person's in one thing: Google is the stand-in."""
    endpoints = {
        "API_ROOT": "/calendar/v3/",
        "AUTH_URI": "/o/oauth2/v2/auth",
        "TOKEN_URI": "/token",
        "REVOKE_URI": "/revoke",
        "JWKS_URI": "/oauth2/v3/certs",
        "ISSUER": "",
    }
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": os.environ.get("HOME", "/"),
        "CALSYNC_WEB__LISTEN": f"127.0.0.1:{port}",
        "CALSYNC_WEB__PUBLIC_URL": f"http://127.0.0.1:{port}",
        **{f"CALSYNC_GOOGLE__{name}": google.google + path for name, path in endpoints.items()},
    }


def fill_in(directory: Path) -> None:
    """Put the OAuth client where the README says."""
    configuration = directory / "config" / "calsync.toml"
    text = configuration.read_text()
    assert 'client_id = ""' in text
    configuration.write_text(text.replace('client_id = ""', f'client_id = "{CLIENT_ID}"'))
    (directory / "config" / "google-client-secret").write_text(CLIENT_SECRET)


def connect(google: Stage, link: str) -> None:
    """Open the link in a browser and say yes; it is alone on its line."""
    (url,) = re.findall(r"^http\S+$", link, re.MULTILINE)
    page = google.consent(url, requests.Session())
    assert page.status_code == 200, page.text
    assert page.url.endswith("/me")


def is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


def play(block: Block, terminal: Terminal, directory: Path, google: Stage, port: int) -> str:
    """Do what a block says, and then what the text after it asks of the person."""
    if block.how == "background":
        said = terminal.type(f"{{ {block.text.strip()} >daemon.log 2>&1 & }}; echo pid-$!")
        google.until(lambda: is_ready(port), "the daemon to be ready")
        return said
    said = terminal.type(block.text)
    if "calsync init" in block.text:
        fill_in(directory)
    if "calsync link" in block.text:
        connect(google, said)
    return said


@pytest.mark.timeout(600)
def test_the_readme_works_from_top_to_bottom_in_a_fresh_copy(copy, google):
    port = free_port()
    said: dict[str, str] = {}
    with Terminal(copy, environment(google, port)) as terminal:
        for block in shell_blocks():
            said[block.text.strip().splitlines()[-1]] = play(block, terminal, copy, google, port)
        daemon = int(said["calsync run"].rpartition("pid-")[2])
        os.kill(daemon, signal.SIGTERM)
        terminal.type(f"wait {daemon}")
    table = said["scripts/demo --once"]
    for moved in ("created", "edited", "deleted"):
        for way in ("Google -> CRM", "CRM -> Google"):
            assert re.search(rf"^{moved} in {way} +arrived", table, re.MULTILINE), table
    assert "both stand-ins agree" in table
    assert re.search(r"^ana +active +ana@example.com", said["calsync status"], re.MULTILINE)
    assert google.control("GET", "grants/ana@example.com")["live"] == 0, "disconnected at the end"


def test_everything_that_is_not_run_is_a_file_format_or_says_why():
    assert all(block.language in ("sh", "toml", "text") for block in blocks())
    assert sum(block.language == "sh" for block in blocks()) - len(shell_blocks()) == 5


def test_files_and_links_exist():
    for target in links():
        assert target.startswith("https://") or (ROOT / target).exists(), target
    for name in mentioned():
        if re.fullmatch(r"(scripts|systemd|config|tests|calsync)/[\w./-]+", name):
            made_by_init = name in (
                "config/calsync.toml",
                "config/google-client-secret",
                "config/operator.token",
            )
            assert made_by_init or (ROOT / name).exists(), name


def test_commands_options_keys_and_states_in_the_text_exist():
    from click.testing import CliRunner

    from calsync.cli import cli

    def help_of(*names: str) -> str:
        return CliRunner().invoke(cli, [*names, "--help"]).output

    everything = "".join(help_of(name) for name in COMMANDS) + help_of()
    for program in ("calsync/sandbox/demo", "scripts/campaign.d"):
        everything += (ROOT / program / "__main__.py").read_text()
    for name in mentioned():
        words = name.split()
        if words[0] == "calsync" and len(words) > 1 and words[1].islower():
            assert words[1] in COMMANDS or words[1].startswith("--"), name
        for option in re.findall(r"--[a-z][a-z-]+", name):
            assert option in everything, option
        section, _, key = name.partition(".")
        if section in Settings.model_fields and re.fullmatch(r"[a-z_]+", key) and section != "calsync":
            assert key in Settings.model_fields[section].annotation.model_fields, name
    states = re.findall(r"^\| `([a-z]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert states == [
        state.value for state in (State.ACTIVE, State.PAUSED, State.RECONNECT, State.BRAKED)
    ] + [
        State.LOST.value,
        State.FINISHING.value,
        State.DISCONNECTED.value,
    ]
    assert set(states) == {state.value for state in State}


def test_the_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == __version__


def test_the_example_of_a_plug_in_is_what_packaging_tools_read():
    (example,) = [tomllib.loads(block.text) for block in blocks() if block.language == "toml"]
    assert "calsync.crm" in example["project"]["entry-points"]


def test_init_writes_the_database_that_the_environment_names_into_the_configuration(tmp_path):
    database = tmp_path / "state" / "calsync.db"
    database.parent.mkdir()
    configuration = tmp_path / "etc" / "calsync.toml"
    command = [sys.executable, "-m", "calsync", "--config", str(configuration)]
    named = os.environ | {"CALSYNC_DATABASE__URL": f"sqlite:///{database}"}
    subprocess.run([*command, "init"], env=named, check=True, capture_output=True)
    assert tomllib.loads(configuration.read_text())["database"]["url"] == f"sqlite:///{database}"
    later = subprocess.run([*command, "status"], check=False, capture_output=True, text=True)
    assert later.returncode == 0, later.stderr
    assert not list(configuration.parent.glob("*.db"))
