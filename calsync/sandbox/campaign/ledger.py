"""What people wrote on either calendar, and the verdict on what is left of it.

Equal sides prove little: both may lack an edit, or hold an event twice. So every value that a person writes is
different from all others, and each of them must stand at the end, or have been replaced by a person who saw it,
or be on record as the loser of a conflict.

A side is any place where people write: "google" and "crm", or one place a person where there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

#: The value of each field of one event, as a side shows it.
Shown = Mapping[str, str]


class Weight(Enum):
    """How much a deed counts: one that its doer had no right to must come to nothing.

    DOUBTFUL: the right came or went before the deed could be carried over, so that either outcome is right.
    """

    FIRM = "firm"
    DOUBTFUL = "doubtful"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Written:
    """A value that a person gave to a field, and what that side showed there before; `at` counts all deeds."""

    side: str
    field: str
    value: str
    replaced: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deletion, and what that side showed of the event.

    `uncertain`: values that an interrupted round had brought there, of which nobody can tell afterwards whether
    they came before the deletion.
    """

    side: str
    shown: Shown
    at: int = 0
    uncertain: frozenset[str] = frozenset()


Deed = Written | Deleted
Weigh = Callable[[Deed], Weight]


@dataclass(slots=True)
class Life:
    """All that people did to one event."""

    written: list[Written] = field(default_factory=list)
    deleted: list[Deleted] = field(default_factory=list)

    def known(self, weigh: Weigh, stands: Collection[str]) -> set[str]:
        """Return values that a person saw and replaced, or saw and deleted.

        Whoever had no right to it, or may have had none, has replaced a value only if their own `stands`, or was
        replaced in turn; and has deleted nothing but what was written on that side.
        """
        known: set[str] = set()
        for deletion in self.deleted:
            void = weigh(deletion) is Weight.VOID
            own = {deed.value for deed in self.written if deed.side == deletion.side}
            known |= own.intersection(deletion.shown.values()) if void else set(deletion.shown.values())
        known.update(deed.replaced for deed in self.written if weigh(deed) is Weight.FIRM)
        weak = [deed for deed in self.written if weigh(deed) is not Weight.FIRM]
        # In the reverse order of the deeds: what replaced a weak one is known by then.
        for deed in reversed(weak):
            if deed.value in known or deed.value in stands:
                known.add(deed.replaced)
        return known

    def unseen(self, deletion: Deleted, weigh: Weigh) -> set[str]:
        """Return values of other sides that whoever deleted the event did not see."""
        counted = [deed for deed in self.written if weigh(deed) is not Weight.VOID]
        there = {deed.value for deed in counted if deed.side != deletion.side}
        replaced = {deed.replaced for deed in counted if deed.at < deletion.at}
        return there - ((set(deletion.shown.values()) | replaced) - deletion.uncertain)


class Ledger:
    """The lives of all events, by tag."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}
        self.now = 0

    def tick(self) -> int:
        """Count something that has happened, and return its number."""
        self.now += 1
        return self.now

    def wrote(self, tag: str, side: str, before: Shown, after: Shown) -> None:
        """Note that a person has changed an event from `before` to `after` on a side."""
        life = self.lives.setdefault(tag, Life())
        at = self.tick()
        for name, value in after.items():
            if value != before.get(name, ""):
                life.written.append(Written(side, name, value, before.get(name, ""), at))

    def deleted(self, tag: str, side: str, shown: Shown, uncertain: Collection[str] = ()) -> None:
        """Note that a person has deleted an event that looked like this."""
        self.lives[tag].deleted.append(Deleted(side, shown, self.tick(), frozenset(uncertain)))

    def verdict(
        self, google: Mapping[str, list[Shown]], crm: Mapping[str, list[Shown]], lost: Collection[str]
    ) -> list[str]:
        """Return what is wrong with one person's two sides, one sentence each.

        `google` and `crm` hold what they show by tag, `lost` the values on record as losers of conflicts.
        """
        wrong = [f"{tag}: nobody made it" for tag in {*google, *crm} - set(self.lives)]
        for tag, life in self.lives.items():
            there = google.get(tag, []), crm.get(tag, [])
            text = _compare(*there, life)
            wrong += [f"{tag}: {text}"] if text else self.judge(tag, [*there[0], *there[1]], lost)
        return sorted(wrong)

    def judge(
        self,
        tag: str,
        shown: Collection[Shown],
        lost: Collection[str],
        weigh: Callable[[str, Deed], Weight] = lambda _tag, _deed: Weight.FIRM,
    ) -> list[str]:
        """Return what has become wrong in the life of one event, one sentence each.

        `shown`: what is left of it, on all sides; nothing when it is gone from all of them.
        """
        life = self.lives[tag]

        def weight(deed: Deed) -> Weight:
            return weigh(tag, deed)

        standing = {value for one in shown for value in one.values()}
        left = {*standing, *lost}
        kept = left | life.known(weight, left)
        texts = _revived(life, weight) if shown else _vanished(life, weight)
        for deed in life.written:
            if weight(deed) is Weight.FIRM and deed.value not in kept:
                texts.append(
                    f"has lost an edit of {deed.field} made on {deed.side}"
                    if shown
                    else f"was deleted over an edit of {deed.field} that nobody had seen"
                )
        return [f"{tag}: {text}" for text in texts]


def _compare(google: list[Shown], crm: list[Shown], life: Life) -> str:
    if len(google) > 1 or len(crm) > 1:
        return f"is there {len(google)} times in Google and {len(crm)} times in the CRM"
    if len(google) != len(crm):
        return f"is {'only in Google' if google else 'only in the CRM'} ({len(life.deleted)} deletions)"
    if google and google[0] != crm[0]:
        return f"differs in {', '.join(differing(google[0], crm[0]))}"
    return ""


def differing(one: Shown, other: Shown) -> list[str]:
    """Return the names of fields in which two sides differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _vanished(life: Life, weigh: Weigh) -> list[str]:
    if not life.deleted:
        return ["is gone, and nobody has deleted it"]
    if all(weigh(deed) is Weight.VOID for deed in life.deleted):
        return ["is gone, and nobody who had the right to has deleted it"]
    return []


def _revived(life: Life, weigh: Weigh) -> list[str]:
    firm = [deed for deed in life.deleted if weigh(deed) is Weight.FIRM]
    return ["has come back after a deletion"] if any(not life.unseen(deed, weigh) for deed in firm) else []
