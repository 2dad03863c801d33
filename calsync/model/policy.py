"""Choices that an operator makes for all accounts, and what they mean for one item."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from calsync.model.event import Event, Visibility
from calsync.model.permission import Access, Level, Relation
from calsync.model.push import UNKNOWN, Filter, Nature, Ruling, ruling
from calsync.model.recurrence import last_day
from calsync.model.side import SideName


class Direction(StrEnum):
    """Which way events cross."""

    BOTH = "both"
    TO_CRM = "to_crm"
    TO_GOOGLE = "to_google"

    def towards(self, side: SideName) -> bool:
        """Return whether writes to `side` are wanted."""
        return self is Direction.BOTH or self.value == f"to_{side.value}"


class Winner(StrEnum):
    """Who takes a clash: the newer edit, or always one side."""

    MERGE = "merge"
    GOOGLE = "google"
    CRM = "crm"


class PrivateEvents(StrEnum):
    """What the CRM gets of a private Google event; further up is closer."""

    SKIP = "skip"
    BUSY = "busy"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a person lets their events cross: which ways, and how much of the private ones."""

    direction: Direction
    private_events: PrivateEvents

    def covers(self, other: Reach) -> bool:
        """Return whether nothing crosses under `other` that does not cross under this."""
        order = list(PrivateEvents)
        ways = self.direction in (Direction.BOTH, other.direction)
        return ways and order.index(self.private_events) >= order.index(other.private_events)


class GuestMail(StrEnum):
    """Google's sendUpdates on our writes."""

    NONE = "none"
    EXTERNAL_ONLY = "externalOnly"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Brake:
    """Deletions on one side in one round above max(count, share x links) are held."""

    count: int = 10
    share: float = 0.05

    def allows(self, deletions: int, links: int) -> bool:
        """Return whether so many deletions may go ahead without a person's word."""
        return deletions <= max(self.count, int(self.share * links))


@dataclass(frozen=True, slots=True)
class InstallationBrake:
    """Deletions above `count` over all accounts together, within the time `within`, are held.

    A fault that touches many accounts at once stays below the brake of each of them. The figures are those of
    invariant I-14 (trust.md 1.2); for comparison, Microsoft Entra Connect stops above 500 in half an hour (1.7).
    """

    count: int = 50
    within: timedelta = timedelta(minutes=10)

    def allows(self, deletions: int, before: int) -> bool:
        """Return whether so many deletions may go ahead when there were `before` within the time."""
        return before + deletions <= self.count


#: Not to be configured: who wants to be asked later gives a word once, for the batch at hand.
INSTALLATION_BRAKE = InstallationBrake()


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of `[sync]`; `push` maps a relation to the most that goes out for it, `filters` limit that."""

    past_days: int = 60
    future_days: int = 365
    direction: Direction = Direction.BOTH
    winner: Winner = Winner.MERGE
    private_events: PrivateEvents = PrivateEvents.BUSY
    guests_write: bool = False
    guest_mail: GuestMail = GuestMail.NONE
    push: tuple[tuple[Relation, Level], ...] = ((Relation.MINE, Level.READ), (Relation.INVITED, Level.READ))
    filters: tuple[Filter, ...] = ()
    brake: Brake = Brake()

    def closer(self, wished: str) -> Policy:
        """Return this policy with private events kept as close as a person wishes; "" is no wish.

        Nobody can wish for less than the installation's own: what it keeps out stays out.
        """
        order = list(PrivateEvents)
        ours, theirs = order.index(self.private_events), order.index(PrivateEvents(wished or "full"))
        return replace(self, private_events=order[theirs]) if theirs < ours else self

    def window(self, now: datetime) -> Window:
        """Return the days that are synced, seen from `now`."""
        today = now.astimezone(UTC).date()
        last = today + timedelta(days=self.future_days)
        return Window(today - timedelta(days=self.past_days), last, self.future_days)

    def outgoing(self, access: Access, nature: Nature = UNKNOWN) -> Level:
        """Return how much of a CRM record may go to the person's Google calendar: NONE, BUSY or READ."""
        return self.ruling(access, nature).level

    def ruling(self, access: Access, nature: Nature = UNKNOWN) -> Ruling:
        """Return the same with the rule that decides it; see `push.ruling`."""
        return ruling(self.push, self.filters, access, nature)


@dataclass(frozen=True, slots=True)
class Window:
    """The days that are synced, both inclusive; a day of slack on each edge covers all time zones."""

    first: date
    last: date
    future_days: int

    def holds(self, event: Event) -> bool:
        """Return whether any part of the event, or any occurrence of the series, may fall into the window."""
        return not self.is_past(event) and self.wake_day(event) is None

    def is_past(self, event: Event) -> bool:
        """Return whether the event and all its occurrences lie before the window."""
        # Written as differences: a calendar may hold the first and the last day that there is.
        edge = self.first - _SLACK
        end = _day(event.end)
        if end >= edge:
            return False
        length = end - _day(event.start)
        if event.recurrence and edge - last_day(event.start, event.recurrence) <= length:
            return False
        return all(moved is None or _day(moved.end) < edge for moved in event.exceptions.values())

    def wake_day(self, event: Event) -> date | None:
        """Return the day on which a future event enters the window; None if it is not beyond it."""
        start = _day(event.start)
        if start <= self.last + _SLACK:
            return None
        return start - _SLACK - timedelta(days=self.future_days)


_SLACK = timedelta(days=1)


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def hides(event: Event, policy: Policy) -> bool:
    """Return whether a Google-born event is private and the CRM may not read it."""
    return event.visibility is Visibility.PRIVATE and policy.private_events is not PrivateEvents.FULL


def strictest(event: Event) -> Event:
    """Return the event with the visibility of its most private exception (Google: one private occurrence
    makes the series private).
    """
    if not event.exceptions:
        return event
    private = any(
        moved is not None and moved.visibility is Visibility.PRIVATE for moved in event.exceptions.values()
    )
    return replace(event, visibility=Visibility.PRIVATE) if private else event
