"""A whole installation on loopback, driven from outside: stand-in, daemon, people who consent in a browser.

Used by the demo, the tests and the campaigns. Nothing of calsync is imported: processes, files and HTTP only.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urljoin

import requests

from calsync.sandbox.unbroken import unbroken
from calsync.sandbox.workplace import TIMEOUT_SECONDS, Embedded, Workplace

CLIENT_SECRET = "sandbox-secret"


class StageError(Exception):
    """Something did not come up, or answered unexpectedly."""


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stage:
    """One installation in a directory of its own; use as a context manager."""

    def __init__(
        self,
        directory: Path,
        sync: dict[str, Any] | None = None,
        workplace: Workplace | None = None,
        crm: str = "",
    ) -> None:
        """`sync`: keys of the section `[sync]`; `workplace`: the CRM, without which it is the embedded one.

        `crm`: the name of a backend whose section the caller appends to the configuration.
        """
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.google = ""
        self.config = directory / "calsync.toml"
        self._sync = sync or {}
        self.workplace: Workplace = workplace or Embedded()
        self._crm = crm or self.workplace.backend
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._files: list[IO[bytes]] = []
        #: Logins, in the order in which they came.
        self.people: list[str] = []
        #: What the embedded CRM asks of its users.
        self.tokens: dict[str, str] = {}
        self.environment: dict[str, str] = {}
        self.http = requests.Session()

    def __enter__(self) -> Self:
        try:
            self.start_google()
            self._open_workplace()
            self.configure()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything that was started."""
        for name in list(self._processes):
            self.stop(name)
        self.workplace.close()
        for file in self._files:
            file.close()
        self.http.close()

    # -- processes -------------------------------------------------------------------------------------

    def start_google(self) -> None:
        """Start the stand-in; its state survives a restart."""
        state = self.directory / "google.state"
        arguments = [sys.executable, "-m", "calsync.sandbox", "--state", str(state)]
        if self.google:
            arguments += ["--port", self.google.rsplit(":", 1)[1]]
        with unbroken():
            process = self._processes["google"] = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise StageError("the stand-in did not start")
        self.google = json.loads(line)["url"]

    def _open_workplace(self) -> None:
        try:
            self.workplace.open(self)
        except RuntimeError as error:
            raise StageError(str(error)) from None

    def configure(self) -> None:
        """Write the configuration and keys."""
        self.calsync("init", "--force")
        (self.directory / "google-client-secret").write_text(CLIENT_SECRET)
        sync = "\n".join(f"{name} = {_toml(value)}" for name, value in self._sync.items())
        self.config.write_text(
            f"""[web]
listen = "127.0.0.1:{self.port}"
public_url = "{self.url}"
[google]
client_id = "sandbox-client"
api_root = "{self.google}/calendar/v3/"
auth_uri = "{self.google}/o/oauth2/v2/auth"
token_uri = "{self.google}/token"
revoke_uri = "{self.google}/revoke"
jwks_uri = "{self.google}/oauth2/v3/certs"
issuer = "{self.google}"
[crm]
backend = "{self._crm}"
[sync]
{sync}
{self.workplace.configuration(self.directory)}
"""
        )

    def start_daemon(self, role: str = "all", name: str = "daemon") -> None:
        """Start the daemon; with a web server, wait until it is ready."""
        log = (self.directory / f"{name}.log").open("ab")
        self._files.append(log)
        arguments = [sys.executable, "-m", "calsync", "--config", str(self.config), "run", "--role", role]
        environment = self.surroundings()
        with unbroken():
            self._processes[name] = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment)
        if role in ("all", "web"):
            self.until(lambda: self._ready(name), "the daemon to be ready", 60)

    def surroundings(self) -> dict[str, str]:
        """Return this process's environment without its settings of calsync, which are for another installation."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CALSYNC_")}
        return inherited | self.environment

    def _ready(self, name: str) -> bool:
        if not self.is_running(name):
            last = (self.directory / f"{name}.log").read_text().strip().rpartition("\n")[2]
            raise StageError(f"the daemon has ended: {last}")
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self, name: str = "daemon", number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """Stop a process by its id and return its exit code: -9 when it needed more than `seconds`."""
        process = self._processes.pop(name)
        if process.poll() is None:
            process.send_signal(number)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout:
            process.stdout.close()
        return code

    def kill_daemon(self) -> None:
        """Kill the daemon as a power cut would."""
        self.stop("daemon", signal.SIGKILL)

    def is_running(self, name: str = "daemon") -> bool:
        """Return whether a process is alive."""
        return name in self._processes and self._processes[name].poll() is None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a calsync command to its end, whatever its exit code."""
        command = [sys.executable, "-m", "calsync", "--config", str(self.config), *arguments]
        environment = self.surroundings()
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=600, check=False
        )

    def calsync(self, *arguments: str, expect: int = 0) -> Any:
        """Run a command with --json and return its document; StageError for another exit code."""
        done = self.run("--json", *arguments)
        if done.returncode != expect:
            raise StageError(
                f"calsync {' '.join(arguments)}: exit {done.returncode}: {done.stderr or done.stdout}"
            )
        return json.loads(done.stdout) if done.stdout.strip() else None

    def resync(self, user: str, *options: str, expect: int | None = 0) -> dict[str, Any]:
        """Run a round from the command line and return its result."""
        done = self.run("--json", "resync", user, *options)
        if expect is not None and done.returncode != expect:
            raise StageError(f"resync {user}: exit {done.returncode}: {done.stderr}{done.stdout}")
        run: dict[str, Any] = json.loads(done.stdout)["runs"][0]
        return run

    # -- people ----------------------------------------------------------------------------------------

    def add_person(self, user: str, email: str | None = None, *options: str) -> str:
        """Add a CRM user with a Google account; return the address."""
        email = email or f"{user}@example.com"
        self.workplace.hire(user, email, options)
        self.people.append(user)
        self.control("POST", "accounts", {"email": email})
        return email

    def connect(
        self, user: str, untick: tuple[str, ...] = (), deny: bool = False, choose: str = ""
    ) -> requests.Response:
        """Walk through consent as the person would; needs a running web server."""
        link = self.calsync("link", user)["url"]
        return self.consent(link, requests.Session(), untick, deny, choose)

    def consent(
        self,
        link: str,
        browser: requests.Session,
        untick: tuple[str, ...] = (),
        deny: bool = False,
        choose: str = "",
    ) -> requests.Response:
        """Walk through consent from a link to the end, with this browser."""
        page = browser.get(link, timeout=TIMEOUT_SECONDS)
        if page.status_code != 200:
            return page
        google = self.submit(browser, page, link)
        form: dict[str, Any] = {"decision": "deny" if deny else "allow"}
        back = self.submit(browser, google, google.url, untick=untick, choose=choose, **form)
        if back.status_code != 200 or "/connect/confirm" not in back.url:
            return back
        return self.submit(browser, back, back.url)

    def submit(
        self,
        browser: requests.Session,
        page: requests.Response,
        base: str,
        untick: tuple[str, ...] = (),
        choose: str = "",
        **values: str,
    ) -> requests.Response:
        """Send the first form of a page with what it holds."""
        fields: list[tuple[str, str]] = []
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        for tag in re.findall(r"<input[^>]*>", page.text):
            attributes = {name: _unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', tag)}
            kind = attributes.get("type", "text")
            if kind in ("radio", "checkbox") and "checked" not in tag and attributes.get("value") != choose:
                continue
            if attributes.get("value") in untick or (
                kind == "radio" and choose and attributes.get("value") != choose
            ):
                continue
            fields.append((attributes["name"], attributes.get("value", "")))
        target = urljoin(base, action.group(1)) if action else base
        return browser.post(target, data=[*fields, *values.items()], timeout=TIMEOUT_SECONDS)

    # -- the two calendars -----------------------------------------------------------------------------

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the stand-in's control API."""
        answer = self.http.request(method, f"{self.google}/control/{path}", json=body, timeout=120)
        if not answer.ok:
            raise StageError(f"control {method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json()

    def google_events(self, email: str, query: str = "") -> list[dict[str, Any]]:
        """Return a person's Google events, deleted ones left out."""
        found: list[dict[str, Any]] = self.control("GET", f"accounts/{email}/events?{query}")["events"]
        return found

    def crm(self, method: str, path: str, user: str, body: Any = None, **headers: str) -> requests.Response:
        """Call the embedded CRM as a user."""
        authorization = {"Authorization": f"Bearer {self.tokens[user]}", **headers}
        return self.http.request(
            method, f"{self.url}/crm/v1/{path}", json=body, headers=authorization, timeout=TIMEOUT_SECONDS
        )

    def crm_events(self, user: str) -> list[dict[str, Any]]:
        """Return what a user sees in the CRM."""
        return self.workplace.events(user)

    def until(self, condition: Any, what: str, seconds: float = 30.0) -> None:
        """Wait until a condition holds; StageError when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise StageError(f"waited {seconds:g} s in vain for {what}")
            time.sleep(0.05)


def _unescape(text: str) -> str:
    import html

    return html.unescape(text)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(part)}" for name, part in value.items()) + " }"
    return json.dumps(value)
