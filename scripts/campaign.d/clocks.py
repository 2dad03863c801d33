"""The clocks of the town: the true time, ours, which can be set wrong, and Google's, which may go differently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: Three days before the clocks change in Europe: a series of five days goes over it.
MORNING = datetime(2026, 3, 26, 8, tzinfo=UTC)


class TownClock:
    """Our clock: it moves by a millisecond when somebody looks, or when it is told to."""

    def __init__(self) -> None:
        self.true = MORNING
        #: How far our clock, and Google's, are ahead of the true time.
        self.ahead = self.google_ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Return the time as our machine has it."""
        self.true += timedelta(milliseconds=1)
        return self.true + self.ahead

    def google(self) -> datetime:
        """Return the time as Google has it."""
        return self.true + self.google_ahead

    def advance(self, **amount: float) -> None:
        """Let time pass."""
        self.true += timedelta(**amount)

    def jump(self, by: timedelta) -> None:
        """Set our clock, as somebody or a time server does: no time passes, and Google's stays."""
        self.ahead += by

    def now(self) -> tuple[datetime, timedelta, timedelta]:
        """Return what `set` wants."""
        return self.true, self.ahead, self.google_ahead

    def set(self, moment: tuple[datetime, timedelta, timedelta]) -> None:
        """Put all clocks back to a moment."""
        self.true, self.ahead, self.google_ahead = moment
