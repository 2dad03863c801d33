"""Requests a minute, for a person and for the project: a window that slides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from calsync.sandbox import answers
from calsync.sandbox.switches import Switches

WINDOW_SECONDS = 60.0
#: What a request costs; all others cost 1.
COSTS = {"events.patch": 3}


@dataclass(slots=True)
class Limits:
    """What was spent in the last minute. `clock`: seconds that only go forward."""

    clock: Callable[[], float]
    spent: dict[str, deque[tuple[float, int]]] = field(default_factory=dict)

    def charge(self, switches: Switches, user: str, operation: str) -> None:
        """Charge a request to `user` (or the quotaUser it names) and the project; ApiError 403 or 429."""
        cost = COSTS.get(operation, 1)
        self._charge(switches, f"user {user}", switches.user_per_minute, cost, "userRateLimitExceeded")
        self._charge(switches, "project", switches.project_per_minute, cost, "rateLimitExceeded")

    def _charge(self, switches: Switches, who: str, limit: int, cost: int, reason: str) -> None:
        if not limit:
            return
        now = self.clock()
        spent = self.spent.setdefault(who, deque())
        while spent and spent[0][0] <= now - WINDOW_SECONDS:
            spent.popleft()
        if sum(units for _, units in spent) + cost > limit:
            status = switches.limit_status
            raise answers.of_reason(status, reason if status == 403 else "rateLimitExceeded")
        spent.append((now, cost))
