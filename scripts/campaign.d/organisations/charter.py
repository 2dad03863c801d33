"""Who may know what, read from the rules once more: the engine's own reading of them is not asked.

What a person may see, by the CRM's rules: what is theirs, what they are invited to, what everybody may see, what
their team may see, and, as an administrator, all that is not private. Security that nobody knows lets in nobody else.
What goes out of that to Google: what `[sync]` names, and no more than it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from organisations.papers import Paper

EVERYBODY = frozenset({"public_read", "public_edit", "public_delete", "global"})
SECURITIES = (*sorted(EVERYBODY), "private_group", "private")


class Amount(IntEnum):
    """How much of a record is known, or may be."""

    NOTHING = 0
    TIMES = 1
    ALL = 2


@dataclass(slots=True)
class Member:
    """Somebody who uses the CRM."""

    login: str
    role: str = "standard"
    teams: frozenset[str] = frozenset()

    @property
    def email(self) -> str:
        """Their address, also at Google."""
        return f"{self.login}@example.com"


@dataclass(frozen=True, slots=True)
class Settings:
    """The part of `[sync]` that decides what goes out, as an operator writes it."""

    push: tuple[str, ...] = ("mine", "invited")
    push_types: tuple[str, ...] = ()
    push_statuses: tuple[str, ...] = ()
    push_categories: tuple[str, ...] = ()
    guest_mail: str = "none"
    guests: str = "keep"

    def sync(self) -> dict[str, Any]:
        """Return them as keys of [sync]."""
        found: dict[str, Any] = {name: list(getattr(self, name)) for name in _LISTS}
        return found | {"guest_mail": self.guest_mail, "guests": self.guests}


_LISTS = ("push", "push_types", "push_statuses", "push_categories")


@dataclass(slots=True)
class Charter:
    """The rules of one organisation as they are now.

    `meaning`: of the values of security that the CRM holds. `never`: types of activity that never go out.
    """

    members: dict[str, Member] = field(default_factory=dict)
    settings: Settings = Settings()
    meaning: Mapping[str, str] = field(default_factory=dict)
    never: frozenset[str] = frozenset()

    def amount(self, login: str, paper: Paper) -> Amount:
        """Return the most that a person's Google calendar may know of a record."""
        reader = self.members[login]
        if paper.deleted or paper.status.lower() == "cancelled" or paper.kind in self.never:
            return Amount.NOTHING
        if not self.may_see(reader, paper):
            return Amount.NOTHING
        return min(self._pushed(reader, paper), self._filtered(paper))

    @property
    def invites(self) -> bool:
        """Whether owners' copies invite the guests, to whom Google shows all then."""
        return self.settings.guests == "write"

    def is_invited(self, login: str, paper: Paper) -> bool:
        """Return whether Google itself may show a record to somebody: its owner's copy invites them."""
        invites = self.invites and paper.owner in self.members and self.members[login].email in paper.guests
        return invites and self.amount(paper.owner, paper) is Amount.ALL

    def may_see(self, reader: Member, paper: Paper) -> bool:
        """Return whether the CRM shows a record to somebody."""
        if paper.owner == reader.login or reader.email in paper.guests:
            return True
        security = self.meaning.get(paper.security, "unknown")
        if security == "private_group" and self._together(reader, paper):
            return True
        return security in EVERYBODY or (security == "private_group" and reader.role == "admin")

    def _together(self, reader: Member, paper: Paper) -> bool:
        """Return whether a record is of somebody's team: its own, or that of its owner."""
        owner = self.members.get(paper.owner)
        teams = (owner.teams if owner else frozenset()) | ({paper.team} - {""})
        return not teams.isdisjoint(reader.teams)

    def _pushed(self, reader: Member, paper: Paper) -> Amount:
        mine = paper.owner == reader.login
        holds = {
            "mine": mine,
            "invited": not mine and paper.guests.get(reader.email, "declined") != "declined",
            "team": self._together(reader, paper),
        }
        amounts = [_amount(entry) for entry in self.settings.push]
        return max((amount for name, amount in amounts if holds[name]), default=Amount.NOTHING)

    def _filtered(self, paper: Paper) -> Amount:
        settings = self.settings
        pairs = (
            (settings.push_types, paper.kind),
            (settings.push_statuses, paper.status),
            (settings.push_categories, paper.category),
        )
        return min((_limit(entries, word) for entries, word in pairs if entries), default=Amount.ALL)


def _limit(entries: Iterable[str], word: str) -> Amount:
    amounts = {name.lower(): amount for name, amount in map(_amount, entries)}
    return amounts.get(word.lower(), amounts.get("*", Amount.NOTHING))


def _amount(entry: str) -> tuple[str, Amount]:
    name, _, amount = entry.partition(":")
    return name, {"none": Amount.NOTHING, "busy": Amount.TIMES}.get(amount, Amount.ALL)
