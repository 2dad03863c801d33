"""What a run remembers of what people did: the ledger, who had which rights, and where each value comes from."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from clocks import MORNING
from looks import Entry, on
from rights import Rights
from town import Town

from calsync.sandbox.campaign.ledger import Ledger, Shown


class Source(NamedTuple):
    """Where a value comes from: the event, when, and the side on which it was written."""

    tag: str
    at: int
    side: str


@dataclass(frozen=True, slots=True)
class Habits:
    """What people do besides working with events.

    `share`: they change who may do what; `twins`: they note the same in both calendars; `meet`: they invite each other.
    """

    share: bool = True
    twins: bool = True
    meet: bool = True


@dataclass(slots=True)
class Story:
    """All of it, without the town; a copy goes its own way."""

    dice: random.Random
    ledger: Ledger = field(default_factory=Ledger)
    rights: Rights = field(init=False)
    sources: dict[str, Source] = field(default_factory=dict)
    #: Whose round runs, or ran last, and what the sides showed when it began.
    pending: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    #: The same of rounds that did not end well, until one does.
    before: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    #: By tag, who has noted the same in both calendars, and has had no round since: nobody touches that meanwhile.
    twins: dict[str, str] = field(default_factory=dict)
    #: The last change of who has to do with a record: its id, and how it was before.
    given: tuple[str, dict[str, Any]] | None = None
    #: What people had to do with, the last at the end.
    touched: list[str] = field(default_factory=list)
    #: Losers of conflicts that were on record in a database that is lost.
    lost: set[str] = field(default_factory=set)
    #: What is wrong already.
    wrong: list[str] = field(default_factory=list)
    count: int = 0
    habits: Habits = Habits()

    def __post_init__(self) -> None:
        self.rights = Rights(self.ledger)

    # -- values that nobody has used before ------------------------------------------------------------

    def fresh(self, prefix: str) -> str:
        """Return a word of its own."""
        self.count += 1
        return f"{prefix}{self.count}"

    def value(self, name: str, tag: str, whole_day: bool = False) -> str:
        """Return a value for a field of an event."""
        if name != "start":
            return f"{tag} {self.fresh('t')}" if name == "title" else self.fresh(name[0])
        self.count += 1
        if whole_day:
            return (MORNING + timedelta(days=1 + self.count)).date().isoformat()
        start: datetime = MORNING.replace(hour=6) + timedelta(days=1, minutes=self.count)
        return start.isoformat()

    # -- deeds -----------------------------------------------------------------------------------------

    def wrote(self, tag: str, side: str, before: Shown, after: Shown) -> None:
        """Note what somebody has written."""
        self.touched.append(tag)
        self.ledger.wrote(tag, side, before, after)
        for name, value in after.items():
            if value != before.get(name):
                # Of a title, the tag says as much as the rest.
                for word in value.split(" ") if name == "title" else [value]:
                    self.sources.setdefault(word, Source(tag, self.ledger.now, side))

    def deleted(self, tag: str, side: str, shown: Shown) -> None:
        """Note what somebody has deleted."""
        brought: set[str] = set()
        deeds = [deed for deed in self.ledger.lives[tag].written if deed.side == side]
        for login, sides in self.before.items():
            # Also what was brought, and replaced since.
            since = {deed.replaced for deed in deeds if deed.at > self.rights.began(login)}
            brought |= {*shown.values(), *since} - sides.get(side, frozenset(shown.values()) | since)
        written = {deed.value for deed in deeds}
        self.ledger.deleted(tag, side, shown, brought - written)

    def survey(self, town: Town) -> None:
        """Look at all records and permissions in the CRM as they are now."""
        self.rights.survey(town)

    def on(self, town: Town, side: str) -> list[Entry]:
        """Return what a side shows."""
        return on(town, side, self.rights.records)

    def open_on(self, town: Town, side: str) -> list[Entry]:
        """Return what a side shows and people may lay hands on."""
        return [entry for entry in self.on(town, side) if entry.tag not in self.twins]

    def interrupted(self) -> None:
        """Note that the round which runs will not end well: nobody knows how far it got."""
        for login, sides in self.pending.items():
            self.before.setdefault(login, sides)

    def lose(self, losers: set[str]) -> None:
        """Note that the engine's database is lost, and with it the `losers` on record, which people may have read."""
        self.lost |= losers
        self.rights.forgotten = self.ledger.tick()
