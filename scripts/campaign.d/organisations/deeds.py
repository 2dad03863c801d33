"""What people do in an organisation: they write records, and change who may know them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from organisations.charter import SECURITIES, Amount, Charter, Settings
from organisations.district import CONNECTED
from organisations.papers import OCCURRENCES, TEXTS, Occurrence, Paper, Planter

TEAMS = ("north", "south", "board")
ROLES = ("standard", "standard", "standard", "admin", "read_only")
_ANSWERS = ("needs_action", "accepted", "tentative", "declined")
_PUSH = ("mine", "invited", "team", "mine:busy", "invited:busy", "team:busy")
_AMOUNTS = ("", "", ":full", ":busy", ":none")
_FEWER_RIGHTS = ("security", "security", "security", "owner", "kind", "status", "category")
_RIGHTS = (*_FEWER_RIGHTS, "security", "guests", "guests", "team")
#: How many changes are thought of until one has the wanted effect.
TRIES = 6


class Office(Protocol):
    """Where papers become records of a CRM."""

    series: bool
    guests: bool
    kinds: Sequence[str]
    statuses: Sequence[str]
    categories: Sequence[str]
    securities: Sequence[str]
    owners: Sequence[str]

    def seat(self) -> None:
        """Let the roles and teams of the charter hold."""

    def govern(self, sync: dict[str, Any]) -> None:
        """Let other keys of [sync] hold."""

    def make(self, paper: Paper) -> None:
        """Add a record."""

    def store(self, paper: Paper) -> None:
        """Give a record what its paper says."""

    def erase(self, paper: Paper) -> None:
        """Delete a record."""

    def snapshot(self) -> object:
        """Return all that the CRM holds, to be compared."""


def settings(dice: random.Random, office: Office, guests: str = "keep") -> Settings:
    """Return what an operator might let out."""
    push = dice.sample(_PUSH, dice.choice((1, 2, 3, 4, 4)))
    if guests == "write":
        # What Google shows in full cannot be let out as no more than a time.
        push = [entry for entry in push if entry != "invited:busy"] or ["mine"]
    return Settings(
        tuple(push),
        _limits(dice, office.kinds),
        _limits(dice, [*dict.fromkeys(office.statuses)]),
        _limits(dice, office.categories),
        "none" if guests == "write" else dice.choice(("none", "none", "all")),
        guests,
    )


def _limits(dice: random.Random, words: Sequence[str]) -> tuple[str, ...]:
    if dice.random() < 0.8:
        return ()
    named = dice.sample([*words, "*"], dice.randint(1, len(words)))
    return tuple(f"{dice.choice((str.lower, str.upper, str))(word)}{dice.choice(_AMOUNTS)}" for word in named)


def _joined(before: Occurrence | None, now: Occurrence | None) -> Occurrence | None:
    """Return an occurrence that is changed once more: what is not said of it stays."""
    if before is None or now is None:
        return now
    slot = before.slot if now.slot is None else now.slot
    return Occurrence(before.texts | now.texts, slot, now.guest or before.guest)


class People:
    """The people of an organisation; the same dice do the same."""

    def __init__(
        self, dice: random.Random, charter: Charter, office: Office, papers: list[Paper], planter: Planter
    ) -> None:
        self._dice, self._charter, self._office = dice, charter, office
        self._papers, self._planter = papers, planter
        #: The record of which rights were changed last, and what they were.
        self._given: tuple[Paper, dict[str, Any]] | None = None

    def act(self) -> None:
        """Let somebody do something."""
        deeds: list[tuple[int, Callable[[], None]]] = [
            (16, self.change_rights),
            (8, self.take_back),
            (4, self.rename),
            (5 if self._office.series else 0, self.edit_occurrence),
            (4, self.regroup),
            (2, self.govern),
            (2, self.write),
            (1, self.erase),
        ]
        [deed] = self._dice.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])
        deed()

    def _pick(self) -> Paper | None:
        living = [paper for paper in self._papers if not paper.deleted]
        return self._dice.choice(living) if living else None

    def _store(self, paper: Paper | None, **changes: Any) -> None:
        if paper is None:
            return
        for name, value in changes.items():
            setattr(paper, name, value)
        self._office.store(paper)

    # -- records ---------------------------------------------------------------------------------------

    def write(self) -> None:
        """Make a record: many are series of which occurrences say something else."""
        if self._planter.is_exhausted:
            return
        dice, office, plant = self._dice, self._office, self._planter
        paper = Paper(dice.choice(CONNECTED), {name: plant.word() for name in TEXTS}, plant.slot())
        lot = dice.random()
        paper.series, paper.whole_day = (
            office.series and lot < 0.45,
            plant.day() if lot > 0.9 else None,
        )
        paper.day = dice.randrange(40)
        paper.security = dice.choice(office.securities)
        paper.kind, paper.status = dice.choice(office.kinds), dice.choice(office.statuses)
        paper.category = dice.choice(office.categories)
        if office.guests:
            paper.team = dice.choice(("", "", *TEAMS))
            paper.strangers = [plant.word() for _ in range(dice.choice((0, 1, 2)))]
            paper.guests = self._guests()
        if paper.series:
            paper.exceptions = {n: self._occurrence() for n in range(OCCURRENCES) if dice.random() < 0.4}
        office.make(paper)
        self._papers.append(paper)

    def _guests(self) -> dict[str, str]:
        dice = self._dice
        some = [login for login in CONNECTED if dice.random() < 0.4]
        return {self._charter.members[login].email: dice.choice(_ANSWERS) for login in some}

    def _occurrence(self) -> Occurrence | None:
        dice, plant = self._dice, self._planter
        if dice.random() < 0.2:
            return None
        texts = {name: plant.word() for name in TEXTS if dice.random() < 0.5}
        slot = plant.slot() if dice.random() < 0.4 and not plant.is_exhausted else None
        guest = plant.word() if dice.random() < 0.3 else ""
        if not texts and slot is None:
            texts = {"title": plant.word()}
        return Occurrence(texts, slot, guest)

    def rename(self) -> None:
        """Let a record say something else."""
        paper = self._pick()
        if paper is not None:
            names = self._dice.sample(TEXTS, self._dice.choice((1, 2)))
            self._store(paper, texts=paper.texts | {name: self._planter.word() for name in names})

    def edit_occurrence(self) -> None:
        """Let one occurrence be otherwise, or as its series again."""
        series = [paper for paper in self._papers if paper.series and not paper.deleted]
        if not series:
            return
        paper, number = self._dice.choice(series), self._dice.randrange(OCCURRENCES)
        exceptions = dict(paper.exceptions)
        # A guest's calendar keeps it as an exception that says nothing, and their round may say so in the CRM.
        if number in exceptions and not self._charter.invites and self._dice.random() < 0.3:
            del exceptions[number]
        elif exceptions.get(number, paper) is not None:
            exceptions[number] = _joined(exceptions.get(number), self._occurrence())
        self._store(paper, exceptions=exceptions)

    def erase(self) -> None:
        """Delete a record."""
        paper = self._pick()
        if paper is not None:
            self._office.erase(paper)
            paper.deleted = True

    # -- who may know them -----------------------------------------------------------------------------

    def change_rights(self) -> None:
        """Change who may know a record, and how much: mostly so that it is less for somebody, or more."""
        paper = self._pick()
        if paper is None:
            return
        wanted, before = self._dice.choice((-1, -1, 1, 0)), self._known(paper)
        for _ in range(TRIES):
            changes = self._rights()
            moved = sum(self._known(replace(paper, **changes))) - sum(before)
            if moved * wanted > 0:
                break
        self._given = paper, {name: getattr(paper, name) for name in changes}
        self._store(paper, **changes)

    def _known(self, paper: Paper) -> list[int]:
        return [self._charter.amount(login, paper) for login in CONNECTED]

    def lose(self, login: str, edit: Callable[[Paper, str], None]) -> None:
        """Take a record from somebody who knows all of it, and has just changed their copy with `edit`.

        Nothing happens when there is none, or nobody thinks of a way.
        """
        known = [paper for paper in self._papers if self._charter.amount(login, paper) is Amount.ALL]
        if not known:
            return
        paper = self._dice.choice(known)
        for _ in range(TRIES):
            changes = self._rights()
            if changes.get("status", "").lower() == "cancelled":
                # That is a deletion, which an edit beats.
                continue
            if self._charter.amount(login, replace(paper, **changes)) is Amount.NOTHING:
                edit(paper, self._planter.word())
                self._store(paper, **changes)
                return

    def _rights(self) -> dict[str, Any]:
        """Return something on which it depends who may know a record: mostly its security."""
        office, dice = self._office, self._dice
        name = dice.choice(_RIGHTS if office.guests else _FEWER_RIGHTS)
        if name == "guests":
            return {name: self._guests()}
        words = {
            "security": office.securities,
            "kind": office.kinds,
            "status": office.statuses,
            "category": office.categories,
            "owner": (*CONNECTED, *office.owners),
            "team": ("", *TEAMS),
        }
        return {name: dice.choice(words[name])}

    def take_back(self) -> None:
        """Undo the last change of who may know a record."""
        if self._given is None or self._given[0].deleted:
            return
        paper, before = self._given
        self._given = paper, {name: getattr(paper, name) for name in before}
        self._store(paper, **before)

    def regroup(self) -> None:
        """Move somebody to other teams, or give them another role."""
        member = self._charter.members[self._dice.choice(CONNECTED)]
        member.teams = self.teams()
        member.role = self._dice.choice(ROLES)
        self._office.seat()

    def teams(self) -> frozenset[str]:
        """Return teams that somebody may be in."""
        return frozenset(team for team in TEAMS if self._dice.random() < 0.5)

    def govern(self) -> None:
        """Let the operator change what goes out, or, with OpenCRM, what its values of security mean."""
        if not self._office.guests and self._dice.random() < 0.5:
            self._charter.meaning = self.meaning()
            self._office.seat()
            return
        now = self._charter.settings
        found = replace(settings(self._dice, self._office, now.guests), guest_mail=now.guest_mail)
        self._charter.settings = found
        self._office.govern(found.sync())

    def meaning(self) -> dict[str, str]:
        """Return what an operator says that the values of security mean; some of them stay unexplained."""
        dice = self._dice
        found = {value: dice.choice(SECURITIES) for value in self._office.securities if value != "8"}
        return {value: name for value, name in found.items() if dice.random() < 0.85}
