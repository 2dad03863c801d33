"""Failures, sorted by what the engine does next; each names the scope it stops."""

from __future__ import annotations


class SideError(Exception):
    """Anything a calendar answers that is not what was asked for.

    The text is for operators: it may hold ids, status codes and reason codes, never content or addresses.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Later(SideError):
    """The side cannot answer now (429, quota, 5xx, network): end this account's round, try again.

    `after` is the number of seconds the side asked to wait, or None.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Spent(Later):
    """A quota of hours is used up: trying again early makes it last longer."""


class Limited(SideError):
    """This kind of write is refused for a time, others are not: put the event off for `after` seconds."""

    def __init__(self, reason: str, after: float) -> None:
        super().__init__(reason)
        self.after = after


class Stale(SideError):
    """The event is no longer what the decision was made on (412, 404): look at it again."""


class KeyTaken(SideError):
    """The chosen key was used before, also by a deleted event: choose that of the next generation.

    `certain` is False when nothing is there under it: the side may not show yet what an earlier try has made.
    """

    def __init__(self, reason: str, certain: bool = True) -> None:
        super().__init__(reason)
        self.certain = certain


class CursorExpired(SideError):
    """The cursor is no longer valid (410): observe everything."""


class Refused(SideError):
    """This event will not be accepted as it is (400, 403): set it aside with the reason, go on with others."""


class CalendarLost(SideError):
    """The whole calendar is no longer there for us (404, 403): stop this account, keep everything."""


class ConsentLost(SideError):
    """The person's consent is gone (invalid_grant, 401 after a refresh): the person must connect anew."""


class NotTried(SideError):
    """The write was not sent, because an earlier one ended the batch."""


def ends_account(error: SideError) -> bool:
    """Return whether a failure concerns the whole side, so that nothing more can be done for the account now."""
    return isinstance(error, (Later, ConsentLost, CalendarLost))


class Unmappable(ValueError):
    """An event that cannot be expressed in normal form; the text says why, without content."""
