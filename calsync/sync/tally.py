"""What a round did, in the numbers that people see."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from calsync.model.link import Verb
from calsync.model.side import SideName

_COUNTED = {
    Verb.CREATE: "created",
    Verb.UPDATE: "updated",
    Verb.DELETE: "deleted",
    Verb.RETRACT: "deleted",
    Verb.REVIVE: "created",
}


class Outcome(StrEnum):
    """How a round ended."""

    OK = "ok"
    PARTIAL = "partial"
    ATTENTION = "attention"
    BUSY = "busy"


def _writes() -> dict[SideName, dict[str, int]]:
    return {side: {"created": 0, "updated": 0, "deleted": 0} for side in SideName}


@dataclass(slots=True)
class Tally:
    """Counts of one round. `failed`: links left unsettled; `reason`: why the round did not finish."""

    run: str
    user: str
    full: bool = False
    dry_run: bool = False
    outcome: Outcome = Outcome.OK
    reason: str = ""
    writes: dict[SideName, dict[str, int]] = field(default_factory=_writes)
    unchanged: int = 0
    skipped: int = 0
    changed: int = 0
    conflicts: int = 0
    quarantined: int = 0
    held_back: int = 0
    failed: int = 0
    google_calls: int = 0
    crm_calls: int = 0
    mails: int = 0
    seconds: float = 0.0
    plan: list[dict[str, Any]] = field(default_factory=list)

    def count(self, side: SideName, verb: Verb) -> None:
        """Count one write that happened."""
        self.writes[side][_COUNTED[verb]] += 1

    @property
    def written(self) -> int:
        """How many writes happened on both sides."""
        return sum(sum(counts.values()) for counts in self.writes.values())

    def document(self) -> dict[str, Any]:
        """Return the run as the public JSON object."""
        document: dict[str, Any] = {
            "run": self.run,
            "user": self.user,
            "outcome": self.outcome.value,
            "full": self.full,
            "dry_run": self.dry_run,
            "google": self.writes[SideName.GOOGLE],
            "crm": self.writes[SideName.CRM],
        }
        for name in ("unchanged", "skipped", "conflicts", "quarantined", "held_back"):
            document[name] = getattr(self, name)
        for name in ("google_calls", "crm_calls", "mails"):
            document[name] = getattr(self, name)
        document["seconds"] = round(self.seconds, 3)
        if self.reason:
            document["reason"] = self.reason
        if self.dry_run:
            document["plan"] = self.plan
        return document
