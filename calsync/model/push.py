"""Which CRM events go out to Google, and how much of each: by what they are to the person, and by what they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from calsync.model.permission import Access, Level, Relation

#: In a filter: every value that it does not name itself.
ANY = "*"


class Trait(StrEnum):
    """What a filter looks at."""

    TYPE = "type"
    STATUS = "status"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Nature:
    """What a record is, in the CRM's own words; None where the CRM does not tell, "" where nothing is set.

    It goes to neither side and is kept nowhere.
    """

    activity_type: str | None = None
    status: str | None = None
    category: str | None = None

    def of(self, trait: Trait) -> str | None:
        """Return one of its words, as filters compare it."""
        words = {
            Trait.TYPE: self.activity_type,
            Trait.STATUS: self.status,
            Trait.CATEGORY: self.category,
        }
        return fold(words[trait])


UNKNOWN = Nature()


def fold(word: str | None) -> str | None:
    """Return a word as filters compare it: whatever its case, and the space around it."""
    return None if word is None else word.strip().casefold()


@dataclass(frozen=True, slots=True)
class Ruling:
    """The most that may go out of a record: NONE, BUSY or READ; `because` names the setting or permission, no content."""

    level: Level
    because: str


@dataclass(frozen=True, slots=True)
class Filter:
    """The most that goes out by one trait: words as `fold` leaves them, or ANY, each with NONE, BUSY or READ."""

    trait: Trait
    amounts: tuple[tuple[str, Level], ...]

    def rule(self, nature: Nature) -> Ruling:
        """Return what it says of a record: what it does not name, and what the CRM does not tell, stays."""
        name, word, amounts = self.name, nature.of(self.trait), dict(self.amounts)
        if word is None:
            return Ruling(Level.NONE, f"sync.{name}: the CRM does not tell the {self.trait} of the event")
        if word in amounts:
            return Ruling(amounts[word], f"sync.{name} names its {self.trait}")
        if ANY in amounts:
            return Ruling(amounts[ANY], f'sync.{name} says so of every {self.trait} with "*"')
        return Ruling(Level.NONE, f"sync.{name} does not name its {self.trait}")

    @property
    def name(self) -> str:
        """The key in `[sync]`."""
        return f"push_{_PLURAL[self.trait]}"


_PLURAL = {Trait.TYPE: "types", Trait.STATUS: "statuses", Trait.CATEGORY: "categories"}

#: Relations, each with the most that goes out for it.
Push = tuple[tuple[Relation, Level], ...]


@lru_cache(maxsize=1024)
def ruling(push: Push, filters: tuple[Filter, ...], access: Access, nature: Nature) -> Ruling:
    """Return how much of a record goes to a person's Google calendar, and the rule that decides it.

    It is the most that any relation grants, and at most what the permission and each of the filters allow.
    """
    rulings = [_by_relation(push, access), *(one.rule(nature) for one in filters)]
    if access.level < Level.READ:
        rulings.insert(0, Ruling(access.level, f"permission: {access.because}"))
    # Of several that say the same, the first: a permission is the outer limit.
    return min(rulings, key=lambda one: one.level)


def _by_relation(push: Push, access: Access) -> Ruling:
    granted = [(level, relation) for relation, level in push if relation in access.relations]
    if not granted:
        theirs = ", ".join(sorted(access.relations)) or "none"
        return Ruling(Level.NONE, f"push rules do not send it out (the person's relation to it: {theirs})")
    level, relation = max(granted, key=lambda one: one[0])
    return Ruling(
        min(level, Level.READ), f"sync.push sends out what is {relation}{_AMOUNTS.get(level, ' in full')}"
    )


_AMOUNTS = {Level.NONE: " not at all", Level.BUSY: " as busy"}
