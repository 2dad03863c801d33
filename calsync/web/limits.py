"""How often somebody may do something: counted in memory, for networks instead of addresses, and within bounds.

Each key holds one number (the generic cell rate algorithm), and so many keys are kept at most. Libraries for this keep
a list of moments for each key, without an end to the number of keys, which is memory for whoever sends many addresses.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network

MOST_KEYS = 10_000
_SALT_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Rule:
    """`times` at once or within `seconds`, and evenly from then on."""

    name: str
    times: int
    seconds: float


class Limiter:
    """Counts; safe for several threads. `clock`: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._empty_at: OrderedDict[bytes, float] = OrderedDict()
        self._salt, self._salted_at = secrets.token_bytes(16), clock()

    def __len__(self) -> int:
        return len(self._empty_at)

    def wait(self, rule: Rule, who: str) -> float:
        """Count one time for `who` and return 0; or return the seconds until the next one is allowed."""
        with self._lock:
            now = self._clock()
            key = self._key(rule, who, now)
            pause = rule.seconds / rule.times
            empty_at = max(self._empty_at.get(key, now), now)
            over = empty_at + pause - (now + rule.seconds)
            if over > 1e-9:
                return over
            self._empty_at[key] = empty_at + pause
            self._empty_at.move_to_end(key)
            if len(self._empty_at) > MOST_KEYS:
                self._empty_at.popitem(last=False)
            return 0.0

    def _key(self, rule: Rule, who: str, now: float) -> bytes:
        """Return what is kept instead of `who`: a digest whose salt is forgotten every day."""
        if now - self._salted_at >= _SALT_SECONDS:
            self._salt, self._salted_at = secrets.token_bytes(16), now
            self._empty_at.clear()
        return blake2b(f"{rule.name}|{who}".encode(), key=self._salt, digest_size=16).digest()


def network_of(host: str) -> str | None:
    """Return the network of an address, /24 or /48, in which people are not told apart; None on this machine.

    Callers on this machine are its operator, the CRM, or a proxy that does not say for whom it calls: a limit by address
    would be one for everybody together.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return None
    return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))
