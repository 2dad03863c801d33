"""What people have written into the CRM, kept apart from it, with words and times that occur nowhere else."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

#: A planted word: nothing else in a request looks like it.
WORD = re.compile(r"zq[0-9a-z]+x")
TEXTS = ("title", "description", "location")

#: Occurrences of a series.
OCCURRENCES = 4

#: A slot of ten minutes of the day belongs to one record or occurrence, so that times tell whose they are.
SLOT_MINUTES = 10
_SLOTS = 24 * 60 // SLOT_MINUTES
_FIRST_DAY = datetime(2026, 4, 2, tzinfo=UTC)
#: Whole days tell by their date: each is followed by one that nobody has.
_FIRST_WHOLE_DAY = date(2026, 6, 1)


class Planter:
    """Makes words and slots, each once."""

    def __init__(self, dice: random.Random) -> None:
        self._words = 0
        self._salt = f"{dice.randrange(36**3):x}"
        self._slots = dice.sample(range(_SLOTS), _SLOTS)
        self._days = 0

    def word(self) -> str:
        """Return a word that was never used."""
        self._words += 1
        return f"zq{self._salt}n{self._words}x"

    def slot(self) -> int:
        """Return a slot of the day that was never used; LookupError when there is none left."""
        if not self._slots:
            raise LookupError("all times of the day are taken")
        return self._slots.pop()

    @property
    def is_exhausted(self) -> bool:
        """True when nearly all slots are used."""
        return len(self._slots) < OCCURRENCES

    def day(self) -> date:
        """Return a date that was never used."""
        self._days += 1
        return _FIRST_WHOLE_DAY + timedelta(days=2 * self._days)


@dataclass(slots=True)
class Occurrence:
    """What one occurrence of a series has otherwise than that; `slot` None: its time is that of the series."""

    texts: dict[str, str] = field(default_factory=dict)
    slot: int | None = None
    guest: str = ""


@dataclass(slots=True)
class Paper:
    """One record. `guests`: answers by address; `strangers`: planted guests; `kind`: the type of activity.

    `exceptions` by the number of the occurrence: None for one that does not take place.
    """

    owner: str
    texts: dict[str, str]
    slot: int = 0
    whole_day: date | None = None
    series: bool = False
    exceptions: dict[int, Occurrence | None] = field(default_factory=dict)
    security: str = "public_read"
    team: str = ""
    guests: dict[str, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    kind: str = "meeting"
    status: str = "planned"
    category: str = ""
    day: int = 0
    key: str = ""
    deleted: bool = False
    #: Whose it is in the CRM so far, and the occurrences that it holds as exceptions.
    stored_owner: str = ""
    stored: set[int] = field(default_factory=set)

    def start(self, number: int = 0) -> datetime:
        """Return when it begins, or the occurrence of a series with that number."""
        return _FIRST_DAY + timedelta(days=self.day + number, minutes=self.slot * SLOT_MINUTES)

    def moved(self, number: int, slot: int) -> datetime:
        """Return when an occurrence begins that has a slot of its own."""
        return _FIRST_DAY + timedelta(days=self.day + number, minutes=slot * SLOT_MINUTES)

    def words(self) -> Iterator[str]:
        """Yield all that it says now, its occurrences included, but not its guests."""
        yield from self.texts.values()
        for part in self.exceptions.values():
            if part is not None:
                yield from part.texts.values()

    def guest_words(self) -> Iterator[str]:
        """Yield the words that its guests are made of."""
        yield from self.strangers
        yield from (part.guest for part in self.exceptions.values() if part is not None and part.guest)

    def slots(self) -> set[int]:
        """Return the slots in which it, or one of its occurrences, takes place."""
        own = set() if self.whole_day else {self.slot}
        return own | {part.slot for part in self.exceptions.values() if part and part.slot is not None}
