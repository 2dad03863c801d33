"""What people wrote on either calendar, and the verdict on what is left of it.

Equal sides prove little: both may lack an edit, or hold an event twice. So every value that a person writes is
different from all others, and each of them must stand at the end, or have been replaced by a person who saw it,
or be on record as the loser of a conflict.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

#: The value of each field of one event, as a side shows it.
Shown = Mapping[str, str]


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
    """A deletion, and what that side showed of the event."""

    side: str
    shown: Shown
    at: int = 0


@dataclass(slots=True)
class Life:
    """All that people did to one event."""

    written: list[Written] = field(default_factory=list)
    deleted: list[Deleted] = field(default_factory=list)

    def known(self) -> set[str]:
        """Return values that a person saw and replaced, or saw and deleted."""
        deleted = {value for deletion in self.deleted for value in deletion.shown.values()}
        return {entry.replaced for entry in self.written} | deleted

    def unseen(self, deletion: Deleted) -> set[str]:
        """Return values of the other side that whoever deleted the event did not see."""
        there = {entry.value for entry in self.written if entry.side != deletion.side}
        replaced = {entry.replaced for entry in self.written if entry.at < deletion.at}
        return there - set(deletion.shown.values()) - replaced


class Ledger:
    """The lives of all events, by tag."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}
        self._deeds = 0

    def wrote(self, tag: str, side: str, before: Shown, after: Shown) -> None:
        """Note that a person has changed an event from `before` to `after` on a side."""
        life = self.lives.setdefault(tag, Life())
        self._deeds += 1
        for name, value in after.items():
            if value != before.get(name, ""):
                life.written.append(Written(side, name, value, before.get(name, ""), self._deeds))

    def deleted(self, tag: str, side: str, shown: Shown) -> None:
        """Note that a person has deleted an event that looked like this."""
        self._deeds += 1
        self.lives[tag].deleted.append(Deleted(side, shown, self._deeds))

    def verdict(
        self, google: Mapping[str, list[Shown]], crm: Mapping[str, list[Shown]], lost: Collection[str]
    ) -> list[str]:
        """Return what is wrong, one sentence each; `google` and `crm` hold what they show by tag."""
        wrong = [f"{tag}: nobody made it" for tag in {*google, *crm} - set(self.lives)]
        for tag, life in self.lives.items():
            wrong += [f"{tag}: {text}" for text in _judge(life, google.get(tag, []), crm.get(tag, []), lost)]
        return sorted(wrong)


def _judge(life: Life, google: list[Shown], crm: list[Shown], lost: Collection[str]) -> list[str]:
    if len(google) > 1 or len(crm) > 1:
        return [f"is there {len(google)} times in Google and {len(crm)} times in the CRM"]
    if len(google) != len(crm):
        return [f"is {'only in Google' if google else 'only in the CRM'} ({len(life.deleted)} deletions)"]
    if not google:
        return _judge_absent(life, lost)
    if google[0] != crm[0]:
        names = [name for name in google[0] if google[0][name] != crm[0].get(name)]
        return [f"differs in {', '.join(names)}"]
    return _judge_present(life, google[0], lost)


def _judge_absent(life: Life, lost: Collection[str]) -> list[str]:
    if not life.deleted:
        return ["is gone, and nobody has deleted it"]
    return [
        f"was deleted over an edit of {entry.field} that nobody had seen"
        for entry in life.written
        if entry.value not in life.known() and entry.value not in lost
    ]


def _judge_present(life: Life, shown: Shown, lost: Collection[str]) -> list[str]:
    wrong = []
    if life.deleted and not any(life.unseen(deletion) for deletion in life.deleted):
        wrong.append("has come back after a deletion")
    standing = set(shown.values()) | life.known()
    wrong += [
        f"has lost an edit of {entry.field} made on {entry.side}"
        for entry in life.written
        if entry.value not in standing and entry.value not in lost
    ]
    return wrong
