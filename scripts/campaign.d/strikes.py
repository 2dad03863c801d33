"""Boundaries of a simulated process: the points at which something may strike.

Every request to Google has one before and one after its effect, every call to the CRM one before and one after,
every commit one before it (the one after is the next boundary).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Strike = Callable[[str], None]


class Death(BaseException):
    """The process ends here: nothing of it runs any more, not even an `except Exception`."""


class Boundaries:
    """Counts the boundaries of one run and strikes at the chosen ones. Disarmed until `armed` is set."""

    def __init__(self, strikes: Mapping[int, Strike] | None = None, watch: Strike | None = None) -> None:
        """`strikes`: what happens at the boundary with that number, counted from 0; it gets the boundary's kind.

        `watch` is told of every boundary, before it is counted.
        """
        self._strikes = strikes or {}
        self._watch = watch
        self.count = 0
        self.armed = False
        self.struck = 0

    def pass_by(self, kind: str) -> None:
        """Go past a boundary; `kind` is e.g. "google before" or "store commit"."""
        if not self.armed:
            return
        if self._watch is not None:
            self._watch(kind)
        number, self.count = self.count, self.count + 1
        strike = self._strikes.get(number)
        if strike is None:
            return
        self.struck += 1
        # What strikes may itself go past boundaries.
        self.armed = False
        try:
            strike(kind)
        finally:
            self.armed = True


def die(kind: str) -> None:
    """End the process."""
    raise Death(kind)
