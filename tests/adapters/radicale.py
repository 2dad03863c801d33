"""A real CalDAV server for tests (Radicale), and the plug-in as if it were installed."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import requests

from calsync.sandbox.stage import free_port

PACKAGE = Path(__file__).parent / "caldav"
PEOPLE = ("ana", "ben")
PASSWORD = "öffne dich: {}"


def install(directory: Path) -> None:
    """Put the plug-in into a directory as an installer would; whoever has it on their path can load it."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    for module in PACKAGE.glob("*.py"):
        (directory / module.name).write_text(module.read_text())
    metadata = directory / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups))


@contextmanager
def radicale(directory: Path, people=PEOPLE):
    """Yield the address of a running server where each of them has an empty calendar, and stop it afterwards."""
    port = free_port()
    passwords = directory / "passwords"
    passwords.write_text("".join(f"{login}:{PASSWORD.format(login)}\n" for login in people))
    config = directory / "radicale.ini"
    config.write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {passwords}\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {directory / 'collections'}\n"
        "[logging]\nlevel = error\n"
    )
    log = (directory / "radicale.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "radicale", "--config", str(config)], stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        _until_ready(process, url, directory)
        for login in people:
            auth = (login, PASSWORD.format(login).encode())
            answer = requests.request("MKCALENDAR", f"{url}{login}/calendar/", auth=auth, timeout=10)
            assert answer.status_code == 201, answer.text
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _until_ready(process, url, directory):
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, (directory / "radicale.log").read_text()
        try:
            requests.get(f"{url}.web/", timeout=5)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "Radicale did not come up"
            time.sleep(0.05)
        else:
            return


class Phone:
    """Another CalDAV client of a person: it knows nothing of calsync."""

    def __init__(self, dav, login):
        self.url, self.auth = f"{dav}{login}/calendar/", (login, f"öffne dich: {login}".encode())

    def send(self, method, name, body=None):
        answer = requests.request(method, self.url + name, data=body, auth=self.auth, timeout=10)
        assert answer.ok, answer.text
        return answer.text

    def put(self, name, title, start, *lines):
        begin, end = (f"{moment:%Y%m%dT%H%M%SZ}" for moment in (start, start + timedelta(hours=1)))
        head = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:phone",
            "BEGIN:VEVENT",
            f"UID:{name}",
            f"DTSTAMP:{begin}",
        ]
        entry = [*head, f"DTSTART:{begin}", f"DTEND:{end}", f"SUMMARY:{title}", *lines]
        self.send("PUT", name, "\r\n".join([*entry, "END:VEVENT", "END:VCALENDAR", ""]))

    def names(self):
        listing = requests.request(
            "PROPFIND", self.url, headers={"Depth": "1"}, auth=self.auth, timeout=10
        ).text
        return [name for name in re.findall(r"<href>[^<]*/([^/<]+)</href>", listing) if name.endswith(".ics")]

    def entries(self):
        """Return the calendar objects by the title of their first VEVENT."""
        found = {name: self.send("GET", name) for name in self.names()}
        return {re.search(r"SUMMARY:(.*?)\r?\n", text).group(1): (name, text) for name, text in found.items()}

    def edit(self, title, old, new):
        name, text = self.entries()[title]
        assert old in text
        self.send("PUT", name, text.replace(old, new).encode())
