"""A stand-in as a process of its own, and its control API."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import requests

from calsync.sandbox.unbroken import unbroken

TIMEOUT_SECONDS = 60.0


class Moved(Exception):
    """Somebody has changed the event, or it is gone, since it was looked at."""


class StandIn:
    """A running stand-in; `url` is where it serves. Safe for several threads."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Start `python -m MODULE`, which prints a line of JSON with its `url` when it is ready.

        Raises RuntimeError when it does not come up.
        """
        command = [sys.executable, "-m", module, *arguments]
        with unbroken():
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            line = self._process.stdout.readline() if self._process.stdout else b""
        except BaseException:
            self.close()
            raise
        if not line:
            self.close()
            raise RuntimeError(f"{module} did not start")
        self.url = str(json.loads(line)["url"])
        self._http = requests.Session()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API. Raises Moved for an event that is not what it was, ValueError for other refusals."""
        answer = self._http.request(method, f"{self.url}/control/{path}", json=body, timeout=TIMEOUT_SECONDS)
        if answer.status_code == requests.codes.precondition_failed:
            raise Moved
        if not answer.ok:
            raise ValueError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json()

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(timeout=TIMEOUT_SECONDS)
        if self._process.stdout:
            self._process.stdout.close()
