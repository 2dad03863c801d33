"""Who might do what with which record, and when: a history, in the numbers of the ledger's deeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from looks import Office, in_crm
from town import BY_LOGIN, RESIDENTS, Town

from calsync.model.event import EXCEPTION
from calsync.model.permission import Level, Relation
from calsync.sandbox.campaign.ledger import Deed, Deleted, Ledger, Weight, Written


class Right(NamedTuple):
    """What somebody may do with a record in the CRM, and how much of it goes to their Google calendar."""

    level: Level
    outgoing: Level
    #: Whether it is theirs in any way: owned, shared or with them as a guest.
    related: bool
    mine: bool


NO_RIGHT = Right(Level.NONE, Level.NONE, False, False)


@dataclass(slots=True)
class Turn:
    """One round of somebody: from when to when, and which events it left unsettled. `ended` 0: it did not end well.

    `lagged`: Google's listing kept from it what had been done there, and that is news to the next.
    """

    began: int
    ended: int = 0
    unsettled: frozenset[str] = frozenset()
    lagged: bool = False


@dataclass(slots=True)
class Rights:
    """The history. A record is known from its first survey on; what was allowed last outlives it."""

    ledger: Ledger
    #: By tag and login: (since when, what).
    known: dict[tuple[str, str], list[tuple[int, Right]]] = field(default_factory=dict)
    turns: dict[str, list[Turn]] = field(default_factory=lambda: {person.login: [] for person in RESIDENTS})

    #: By tag, when guests or security of a record were changed: a change of the record too, if not of its content.
    shared: dict[str, list[int]] = field(default_factory=dict)
    #: By tag, who has called a meeting at Google: nobody else changes it, and the others have it all the same.
    hosts: dict[str, str] = field(default_factory=dict)
    #: By login, the times between a last look at Google and a deletion there: no client can see what happens then.
    blind: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    #: When the engine's database was lost: of an earlier deletion nobody may know any more.
    forgotten: int = 0
    #: Tags of records by id; they outlive the records.
    records: dict[str, str] = field(default_factory=dict)

    def survey(self, town: Town) -> None:
        """Look at all permissions in the CRM as they are now."""
        office, at = Office(town), self.ledger.tick()
        for entry in in_crm(town, self.records):
            self.records[entry.key] = entry.tag
            for login in BY_LOGIN:
                access = office.access(login, entry)
                right = Right(
                    access.level,
                    town.policy.outgoing(access),
                    bool(access.relations),
                    Relation.MINE in access.relations,
                )
                self._note(entry.tag, login, at, right)

    def _note(self, tag: str, login: str, at: int, right: Right) -> None:
        history = self.known.setdefault((tag, login), [])
        if not history or history[-1][1] != right:
            history.append((at, right))

    def now(self, tag: str, login: str) -> Right:
        """Return what somebody may do with a record, as of the last survey."""
        history = self.known.get((tag, login))
        return history[-1][1] if history else NO_RIGHT

    def between(self, tag: str, login: str, first: int, last: int) -> Iterator[Right]:
        """Yield all that somebody was allowed at any time from `first` to `last`."""
        history = self.known.get((tag, login), [])
        for place, (since, right) in enumerate(history):
            until = history[place + 1][0] if place + 1 < len(history) else last + 1
            if since <= last and until > first:
                yield right

    # -- rounds ----------------------------------------------------------------------------------------

    def begin(self, login: str) -> None:
        """Note that a round of somebody begins."""
        self.turns[login].append(Turn(self.ledger.tick()))

    def end(self, login: str, unsettled: frozenset[str], lagged: bool) -> None:
        """Note that it has ended well."""
        turn = self.turns[login][-1]
        turn.ended, turn.unsettled, turn.lagged = self.ledger.tick(), unsettled, lagged

    def began(self, login: str) -> int:
        """Return when the round of somebody that runs, or ran last, began."""
        turns = self.turns[login]
        return turns[-1].began if turns else 0

    def share(self, tag: str) -> None:
        """Note that somebody has changed who has to do with a record."""
        self.shared.setdefault(tag, []).append(self.ledger.tick())

    def _window(self, tag: str, login: str, at: int) -> tuple[int, int]:
        """Return the time in which a permission may have decided about a deed: from the round in which it fell, if
        any, to the end of the first that could see it and has settled it.
        """
        first, last = at, self.ledger.now
        for turn in self.turns[login]:
            if turn.began < at:
                first = turn.began if not turn.ended or at < turn.ended else at
            elif turn.ended and not turn.lagged and tag not in turn.unsettled:
                return first, turn.ended
        return first, last

    def weigh(self, tag: str, deed: Deed) -> Weight:
        """Return whether a deed counts: what is done in the CRM always does, it would have been refused otherwise."""
        if isinstance(deed, Deleted) and self.forgotten and deed.at < self._rebuilt():
            return Weight.DOUBTFUL
        _, _, login = deed.side.partition(":")
        if not login or self.hosts.get(tag) == login:
            return Weight.FIRM
        if isinstance(deed, Written) and self.is_unseen(deed, login):
            return Weight.DOUBTFUL
        first, last = self._window(tag, login, deed.at)
        need = Level.DELETE if isinstance(deed, Deleted) else Level.EDIT
        rights = self.known.get((tag, login), [])
        able = [right.level >= need for right in self.between(tag, login, first, last)]
        if isinstance(deed, Deleted) and self._is_shared(tag, login, first, last):
            able.append(False)
        if all(able):
            return Weight.FIRM
        # Of a record that was not there yet nobody knows what its maker might do with it.
        return Weight.DOUBTFUL if any(able) or rights[0][0] > first else Weight.VOID

    def is_unseen(self, deed: Written, login: str) -> bool:
        """Return whether one occurrence was edited when its series was about to be deleted, too late for any look."""
        spans = self.blind.get(login, ())
        return deed.field.startswith(EXCEPTION) and any(first <= deed.at <= last for first, last in spans)

    def _rebuilt(self) -> int:
        """Return when everybody has had a round since the engine's database was lost."""
        return max(
            next(
                (turn.ended for turn in turns if turn.ended and turn.began > self.forgotten), self.ledger.now
            )
            for turns in self.turns.values()
        )

    def _is_shared(self, tag: str, login: str, first: int, last: int) -> bool:
        """Return whether somebody has changed who has to do with a record, unseen by whoever deletes it."""
        settled = (turn for turn in self.turns[login] if turn.ended and tag not in turn.unsettled)
        seen = max((turn.began for turn in settled if turn.ended < first), default=0)
        return any(seen < at <= last for at in self.shared.get(tag, ()))
