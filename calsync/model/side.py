"""All that the engine asks of a calendar: six verbs, and the values that travel with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from calsync.model.errors import NotTried, SideError, ends_account
from calsync.model.event import Event
from calsync.model.permission import Access
from calsync.model.push import UNKNOWN, Nature


class SideName(StrEnum):
    """The two calendars of an account."""

    GOOGLE = "google"
    CRM = "crm"

    @property
    def other(self) -> SideName:
        """The opposite side."""
        return SideName.CRM if self is SideName.GOOGLE else SideName.GOOGLE


#: Clocks that differ by less are taken for the same: a Date header has whole seconds, and takes time to come.
SAME_CLOCK = timedelta(seconds=3)

#: Both, as a tuple: walking over the enumeration itself takes ten times as long.
SIDES = (SideName.GOOGLE, SideName.CRM)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry as a side shows it, in an observation, a read or the answer to a write.

    `event` is None when only exceptions of a series are known or when this person may not see it; of an entry
    that is gone it is what it was, where the side still tells. `partial` means that exceptions not mentioned are
    as they were. `version` is opaque. `modified` is aware: the side's own time, less what its clock is ahead of
    ours. `marker` is the key of the original, verified by the adapter. `untouched`: as far as the side can tell,
    nobody has changed the entry since it was created. `edited`: fields that somebody has changed between our write and
    this answer to it, as far as the side can tell. `problem` sets the entry aside. `access` is None where the
    person may do everything; of what is gone it says whose it was, where the side still tells. `before`: what a
    write has replaced or removed, from a side that `tells_before`. `meeting` is the same number on the calendars of
    all participants (63 bits); None for what is nobody else's. `meets_at` is so as long as the start is the same.
    `nature`: of a CRM record, what push rules ask.
    """

    key: str
    version: str = ""
    event: Event | None = None
    exceptions: Mapping[str, Event | None] = field(default_factory=dict)
    partial: bool = False
    gone: bool = False
    modified: datetime | None = None
    marker: str = ""
    ical_uid: str = ""
    untouched: bool = True
    edited: frozenset[str] = frozenset()
    access: Access | None = None
    problem: str = ""
    before: Event | None = None
    meeting: int | None = None
    meets_at: int | None = None
    nature: Nature = UNKNOWN

    @property
    def content(self) -> Event | None:
        """The event with the exceptions that came beside it."""
        if self.event is None or not self.exceptions:
            return self.event
        return self.event.with_exceptions({**self.event.exceptions, **self.exceptions})


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an observation.

    `cursor` is set on the last page only. `complete` means: the pages together list everything there is.
    """

    items: Sequence[Item]
    cursor: str | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """Change these fields to the values they have in `event` (names: `event.FIELDS` and `x:KEY`).

    Of `event.ANSWER`, the person's own answer is taken from the event's attendees, and nobody else's.
    """

    fields: frozenset[str]
    event: Event


@dataclass(frozen=True, slots=True)
class Create:
    """Make a copy of the original that `marker` names, under `key` where the side lets us choose."""

    marker: str
    event: Event
    key: str = ""
    access: Access | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Change an entry, if it still has `version`, and is as expected (see `Delete`)."""

    key: str
    patch: Patch
    version: str
    access: Access | None = None
    is_expected: Callable[[Item], bool] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an entry, if it still has `version` ("" removes any).

    `heir`: the CRM user who goes on with it, since others still take part: the person only leaves. `leaves`: they do,
    and it stays whose it is, whatever they may do with it. `quiet`: it is our copy that goes, not the original, so
    that nobody is mailed whatever the configuration says. `is_expected`: for an entry of which the version does not
    tell everything, whether it is still what the decision was made on; it is looked at right before, and stays when
    it is not (Stale).
    """

    key: str
    version: str = ""
    heir: str = ""
    leaves: bool = False
    quiet: bool = False
    is_expected: Callable[[Item], bool] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Revive:
    """Bring a deleted entry back, as it was; `event` is what it was, for a side that does not know it any more."""

    key: str
    event: Event | None = None
    access: Access | None = None


Write = Create | Update | Delete | Revive

#: The item as stored (after a deletion: None, or the item as gone), or why not.
Outcome = Item | SideError | None


class CalendarSide(Protocol):
    """One person's calendar on one side. Not thread-safe: one object per round."""

    name: SideName
    #: Whether answers to updates and deletions say what was there before.
    tells_before: bool
    #: How many writes are carried out, and how many intents are open, at once.
    batch: int

    @property
    def calls(self) -> int:
        """Requests made so far (for the CRM: operations)."""

    @property
    def mails(self) -> int:
        """Mails to guests that our writes have caused, as far as the side's rules say."""

    def observe(self, cursor: str | None) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything when it is None.

        Raises CursorExpired, Later, ConsentLost or CalendarLost, at any page.
        """

    def read(self, key: str) -> Item | None:
        """Return the entry now, whole; None when the side says it does not know the key (404)."""

    def find(self, marker: str) -> Item | None:
        """Return our living copy of that original, if there is one."""

    def access_version(self) -> str:
        """Return a value that moves when this person's permissions as a whole may have changed."""

    def marker(self, key: str) -> str:
        """Return what a copy on the other side must carry to name the entry `key` of this side."""

    def chosen_key(self, marker: str, generation: int) -> str:
        """Return the key under which to create a copy, or "" where the side chooses."""

    def write(self, batch: Sequence[Write]) -> Iterator[Outcome]:
        """Carry out the writes in order, yield one outcome each. Raises nothing: failures are outcomes."""


class Rewrites(Protocol):
    """A side that is known to store some things otherwise than they are sent, and says how."""

    def as_written(self, event: Event) -> Event:
        """Return an event as it will be shown once it was written: after a crash that tells what was written from
        what a person has changed since.
        """


@runtime_checkable
class MailsGuests(Protocol):
    """A side on which writes may lead to mails, and which can tell beforehand."""

    def whom(self, write: Write) -> Sequence[str]:
        """Return the addresses that are mailed if `write` is carried out now, once for each mail.

        Raises a SideError when that cannot be found out now.
        """


def one_at_a_time(do: Callable[[Write], Item | None], batch: Sequence[Write]) -> Iterator[Outcome]:
    """Carry out `batch` with `do`, turning SideError into outcomes; after a failure of the whole side
    (Later, ConsentLost, CalendarLost) the rest is NotTried.
    """
    broken: SideError | None = None
    for write in batch:
        if broken is not None:
            yield NotTried(broken.reason)
            continue
        try:
            outcome: Outcome = do(write)
        except SideError as error:
            outcome = error
            if ends_account(error):
                broken = error
        yield outcome
