"""A PostgreSQL server of the tests' own, where its programs are installed; and databases on it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

from calsync.sandbox.stage import free_port

_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def programs() -> Path | None:
    """Return where initdb and postgres are, or None."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else _PLACES
    return next((place for place in places if (place / "postgres").exists()), None)


#: Kinds of databases that can be tried on this machine.
KINDS = ["sqlite", "postgresql"] if programs() else ["sqlite"]


class Server:
    """A running server; it refuses to run as root, so that root lends it another user."""

    def __init__(self):
        place = programs()
        assert place is not None
        self._home = tempfile.mkdtemp(prefix="calsync-postgres-")
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._home, self._user)
        data = f"{self._home}/data"
        self._run(
            place / "initdb",
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "tests",
            "--no-sync",
            "--no-locale",
            "-E",
            "UTF8",
        )
        self.port, self._numbers = free_port(), count()
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [place / "postgres", "-D", data, "-p", str(self.port), *settings],
            user=self._user,
            cwd=self._home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _run(self, *command: object) -> None:
        subprocess.run(
            list(map(str, command)), user=self._user, cwd=self._home, check=True, capture_output=True
        )

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="tests", dbname="postgres", autocommit=True
        )

    def _wait(self) -> None:
        while self._process.poll() is None:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the PostgreSQL server did not start")

    def new_database(self) -> str:
        """Return the URL of an empty database: a schema, since a real one takes 8 MB of files."""
        name = f"calsync{next(self._numbers)}"
        with self._connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"postgresql+psycopg://tests@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{name}"

    def dump(self, url: str) -> bytes:
        """Return what a backup of one of the databases would hold."""
        schema = url.rpartition("%3D")[2]
        command = [_PLACES[0] / "pg_dump", "-h", "127.0.0.1", "-p", self.port, "-U", "tests", "-n", schema]
        return subprocess.run([*map(str, command), "postgres"], check=True, capture_output=True).stdout

    def files(self) -> dict[str, bytes]:
        """Return the bytes of all tables' files; the log of transactions, which expires, is not among them."""
        with self._connect() as connection:
            connection.execute("CHECKPOINT")
        found = [path for path in Path(self._home, "data", "base").rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in found}

    def close(self) -> None:
        # At once: the data are thrown away.
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)
        shutil.rmtree(self._home, ignore_errors=True)
