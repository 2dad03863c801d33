"""Faults that tests order: what breaks, when, and how often."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

#: An error answer, a connection cut without one, half an answer, a late one, a page of HTML.
KINDS = ("status", "reset", "truncate", "delay", "html")


@dataclass(slots=True)
class Fault:
    """One ordered fault. `when`: before or after the request has taken effect; `path`: a regular expression."""

    operation: str = ""
    method: str = ""
    email: str = ""
    path: str = ""
    when: str = "before"
    kind: str = "status"
    status: int = 500
    reason: str = "backendError"
    seconds: float = 0.0
    times: int = 1
    skip: int = 0
    hits: int = 0
    id: str = field(default_factory=lambda: secrets.token_hex(4))

    def strikes(self, operation: str, method: str, email: str, path: str) -> bool:
        """Return whether this request is hit, and count it."""
        if self.hits >= self.times:
            return False
        if self.operation and self.operation != operation:
            return False
        if self.method and self.method != method:
            return False
        if self.email and self.email != email:
            return False
        if self.path and not re.search(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True


def ordered(document: dict[str, Any]) -> Fault:
    """Return the fault that a JSON document orders; TypeError for unknown names, ValueError for unknown values.

    A page of HTML comes with status 200 unless another is ordered.
    """
    fault = Fault(**({"status": 200} if document.get("kind") == "html" else {}) | document)
    if fault.kind not in KINDS or fault.when not in ("before", "after"):
        raise ValueError(f"a fault is one of {', '.join(KINDS)}, before or after")
    return fault
