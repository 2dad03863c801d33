"""What a check works with: one person's calendar of a live CRM, events that can be told from others', and a broom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from calsync.crm.port import ALL_DAY, WIDE, ZONE, Capabilities, CrmBackend, capabilities_of
from calsync.model.errors import CursorExpired, SideError
from calsync.model.event import Event
from calsync.model.side import CalendarSide, Create, Delete, Item, Outcome, Patch, Update, Write

#: Every event of a check lies this far ahead: within any window that is synced, and not in anybody's way today.
DAYS_AHEAD = 30


class Failed(Exception):
    """The adapter does not keep a promise; the text says which one, and holds nothing but the check's own events."""


class NotApplicable(Exception):
    """The adapter declares that it cannot do what the check is about, or the check lacks something."""


def expect(promise: bool, otherwise: str) -> None:
    """Raise Failed with the sentence `otherwise` unless `promise` holds."""
    if not promise:
        raise Failed(otherwise)


@dataclass(frozen=True, slots=True)
class Look:
    """What an observation has shown: items by key, where to go on, and whether it listed everything."""

    items: Mapping[str, Item]
    cursor: str
    complete: bool

    def misses(self, key: str) -> bool:
        """Return whether an entry is shown as gone, or is not in a complete list."""
        item = self.items.get(key)
        return self.complete if item is None else item.gone


@dataclass(slots=True)
class Trial:
    """The calendar of `login`; `other` is a second person, where there is one. `word` is in all titles."""

    backend: CrmBackend
    login: str
    other: str | None
    now: datetime
    word: str
    made: list[tuple[str, str]] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def able(self) -> Capabilities:
        """What the adapter says it can keep."""
        return capabilities_of(self.backend)

    @property
    def start(self) -> datetime:
        """When events begin unless a check says otherwise: in UTC, on the hour."""
        ahead = self.now.astimezone(UTC) + timedelta(days=DAYS_AHEAD)
        return ahead.replace(hour=9, minute=0, second=0, microsecond=0)

    def side(self, login: str | None = None) -> CalendarSide:
        """Return a calendar afresh, as a round does."""
        return self.backend.side(login or self.login)

    def event(self, title: str = "plain", **changes: Any) -> Event:
        """Return an event of one hour in London with all plain texts."""
        start = changes.pop("start", self.start)
        end = changes.pop("end", start + timedelta(hours=1))
        zone = changes.pop("zone", "Europe/London")
        made = Event(f"{self.word} {title}", start, end, zone, "first line\nsecond line", "Room 1")
        return replace(made, **changes)

    def marker(self) -> str:
        """Return a name of an original that nothing has been named yet, as Google's side makes them."""
        self.markers.append(f"google:0a1b2c3d4e5f:{self.word.replace(' ', '')}_{next(self._numbers)}")
        return self.markers[-1]

    def create(self, event: Event | None = None, marker: str | None = None, login: str | None = None) -> Item:
        """Make a copy and return the answer; Failed when it is refused."""
        event = event or self.event()
        item = self.do(Create(marker or self.marker(), event), login)
        expect(isinstance(item, Item), f"creating an event was answered with {told(item)}")
        assert isinstance(item, Item)
        expect(bool(item.key), "the answer to a creation has no key")
        return item

    def update(self, item: Item, event: Event, *names: str) -> Item:
        """Give fields of an entry the values of `event` and return the answer; Failed when it is refused."""
        found = self.do(Update(item.key, Patch(frozenset(names), event), item.version, item.access))
        expect(isinstance(found, Item), f"changing {', '.join(names)} was answered with {told(found)}")
        assert isinstance(found, Item)
        return found

    def do(self, write: Write, login: str | None = None) -> Outcome:
        """Carry out one write and return its outcome."""
        return self.do_all([write], login)[0]

    def do_all(self, batch: Sequence[Write], login: str | None = None) -> list[Outcome]:
        """Carry out writes and return their outcomes, one each; what was made is noted for the broom."""
        outcomes = list(self.side(login).write(batch))
        for write, outcome in zip(batch, outcomes, strict=False):
            if isinstance(write, Create) and isinstance(outcome, Item):
                self.made.append((login or self.login, outcome.key))
        expect(len(outcomes) == len(batch), f"{len(batch)} writes had {len(outcomes)} outcomes")
        strange = [each for each in outcomes if each is not None and not isinstance(each, Item | SideError)]
        expect(not strange, f"an outcome is {type(strange[0]).__name__ if strange else ''}, which is none")
        return outcomes

    def read(self, key: str, login: str | None = None) -> Item | None:
        """Read an entry."""
        return self.side(login).read(key)

    def there(self, key: str) -> Item:
        """Read an entry that must be there with its content."""
        item = self.read(key)
        if item is None or item.gone or item.content is None:
            raise Failed("an entry that was written cannot be read")
        return item

    def look(self, cursor: str | None = None, login: str | None = None) -> Look:
        """Observe a calendar to its end, as a round does, and check that the pages are as they should be.

        A cursor that has expired leads to a complete observation; only one from the beginning counts as complete.
        """
        side = self.side(login)
        if cursor is not None:
            try:
                return replace(self.gather(list(side.observe(cursor))), complete=False)
            except CursorExpired:
                pass
        return self.gather(list(side.observe(None)))

    def gather(self, pages: Sequence[Any]) -> Look:
        """Join the pages of one observation; Failed when they are not well formed."""
        expect(bool(pages), "an observation has no page at all, so no cursor")
        expect(all(page.cursor is None for page in pages[:-1]), "a page before the last has a cursor")
        cursor = pages[-1].cursor
        expect(isinstance(cursor, str) and bool(cursor), "the last page has no cursor")
        expect(
            len({page.complete for page in pages}) == 1, "pages do not agree on whether they list everything"
        )
        items: dict[str, Item] = {}
        for item in (item for page in pages for item in page.items):
            expect(bool(item.key), "an item has no key")
            naive = item.modified is not None and item.modified.tzinfo is None
            expect(not naive, "an item's time of change has no zone")
            items[item.key] = item
        return Look(items, cursor, pages[-1].complete)

    def sweep(self) -> None:
        """Delete all that was made; what cannot be deleted shows in the last check."""
        made, self.made = self.made, []
        for login, key in reversed(made):
            with suppress(SideError):
                list(self.side(login).write([Delete(key, quiet=True)]))


def told(outcome: object) -> str:
    """Return an outcome in words."""
    if isinstance(outcome, SideError):
        return f"{type(outcome).__name__}: {outcome.reason}"
    if isinstance(outcome, Item):
        return "an item that is gone" if outcome.gone else "an item"
    return "nothing" if outcome is None else type(outcome).__name__


def differences(able: Capabilities, sent: Event, shown: Event | None) -> list[str]:
    """Return names of what the adapter says it keeps, and does not show as it was sent."""
    if shown is None:
        return ["everything"]
    keeps = able.keeps
    names = [name for name in keeps if hasattr(sent, name) and name not in (ZONE, ALL_DAY, WIDE)]
    found = [name for name in names if getattr(sent, name) != getattr(shown, name)]
    if ZONE in keeps and not sent.all_day and sent.zone != shown.zone:
        found.append(ZONE)
    if ALL_DAY in keeps and sent.all_day != shown.all_day:
        found.append(ALL_DAY)
    return sorted(found)


def expect_same(able: Capabilities, sent: Event, shown: Event | None, when: str) -> None:
    """Raise Failed with the names of fields that are not shown as they were sent."""
    names = differences(able, sent, shown)
    expect(not names, f"{when}: {', '.join(names)} differ from what was sent")
