"""One organisation from its first day on: deeds, rounds of everybody, and what must hold after each of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from plays import chance

from organisations.builtin_office import BuiltinOffice
from organisations.charter import Amount, Charter, Member
from organisations.copies import copies, faults, invited_faults
from organisations.deeds import ROLES, Office, People, settings
from organisations.district import CONNECTED, LOGINS, District
from organisations.papers import Paper, Planter
from organisations.tenant_office import TenantOffice
from organisations.wiretap import Wiretap

#: Days of an organisation, and deeds on each.
DAYS, DEEDS = 3, (1, 1, 2, 3)
RECORDS = (2, 3, 3, 4)
#: The share of organisations that use OpenCRM.
TENANTS = 0.3
#: The share of organisations that let owners' copies invite the guests.
INVITING = 0.15
#: The share of days on which somebody edits a copy at Google that is then taken from them.
EDITS = 0.15


@dataclass(slots=True)
class Lived:
    """What was seen of one organisation."""

    crm: str = ""
    records: int = 0
    rounds: int = 0
    requests: int = 0
    copies: int = 0
    withdrawn: int = 0
    returned: int = 0
    wrong: list[str] = field(default_factory=list)


def live(district: District, seed: str) -> Lived:
    """Let one organisation live; everything in it follows from the seed."""
    with chance(seed):
        return _Life(district, random.Random(seed)).whole()


class _Life:
    def __init__(self, district: District, dice: random.Random) -> None:
        self._district, self._dice = district, dice
        self._lived, self._papers, self._charter = Lived(), list[Paper](), Charter()
        kind = TenantOffice if dice.random() < TENANTS else BuiltinOffice
        self._lived.crm = "opencrm" if kind is TenantOffice else "builtin"
        guests = "write" if kind.guests and dice.random() < INVITING else "keep"
        self._charter.settings = settings(dice, kind, guests)
        self._charter.members = {login: Member(login) for login in LOGINS}
        self._office: Office = kind(district, self._charter, self._charter.settings.sync())
        self._people = People(dice, self._charter, self._office, self._papers, Planter(dice))
        self._connected = CONNECTED[: dice.choice((2, 2, 3))]
        self._wiretap = Wiretap(district, self._charter, self._papers, self._lived.wrong)
        district.look = self._wiretap
        #: What everybody's calendar held of which records, ever.
        self._had: dict[str, set[str]] = {login: set() for login in CONNECTED}

    def whole(self) -> Lived:
        """Live from the first day to the last."""
        self._found()
        self._day(self._connected)
        for _ in range(DAYS):
            before = self._rights()
            for _ in range(self._dice.choice(DEEDS)):
                self._people.act()
            if self._dice.random() < EDITS and not self._charter.invites:
                login = self._dice.choice(self._connected)
                self._people.lose(login, partial(self._edit, login))
            after = self._rights()
            moved = [login for login in self._connected if after[login] != before[login]]
            # Where one calendar invites the others, everybody's is as it should be after everybody's round.
            self._day(self._connected if self._charter.invites else moved)
        self._quiet(self._dice.choice(self._connected))
        self._lived.requests, self._lived.records = self._wiretap.requests, len(self._papers)
        return self._lived

    def _found(self) -> None:
        dice = self._dice
        for member in self._charter.members.values():
            member.role, member.teams = dice.choice(ROLES), self._people.teams()
        if not self._office.guests:
            self._charter.meaning = self._people.meaning()
        self._office.seat()
        for _ in range(dice.choice(RECORDS)):
            self._people.write()

    def _rights(self) -> dict[str, list[Amount]]:
        """Return what everybody may know."""
        return {
            login: [self._charter.amount(login, paper) for paper in self._papers] for login in self._connected
        }

    def _day(self, logins: Sequence[str]) -> None:
        """Let people have a round, and perhaps somebody else, and look at what it has left."""
        logins = list(
            dict.fromkeys([*logins, *self._dice.sample(self._connected, self._dice.choice((0, 1)))])
        )
        # An invitation takes the place of a copy that was there before it, in the next round of its guest; of a record
        # that changes hands, the new owner's comes once the old one's round has taken theirs back.
        for _ in range(3 if self._charter.invites else 1):
            for login in self._dice.sample(logins, len(logins)):
                self._district.clock.advance(minutes=2)
                self._round(login)
        if self._charter.invites:
            for login in self._connected:
                told = invited_faults(self._district, self._charter, self._papers, login)
                self._note(*(f"Google of {login}: {fault}" for fault in told))

    def _round(self, login: str) -> None:
        before, there = self._office.snapshot(), self._held(login)
        report = self._district.sync(login)
        self._lived.rounds += 1
        self._judge(login, report)
        if self._office.snapshot() != before:
            self._note(f"the round of {login} has changed records")
        if not self._charter.invites:
            self._note(*(f"Google of {login}: {fault}" for fault in self._faults(login)))
        self._count(login, there)

    def _faults(self, login: str) -> list[str]:
        return list(faults(self._district, self._charter, self._papers, login))

    def _judge(self, login: str, report: Mapping[str, Any]) -> None:
        if report["outcome"] != "ok":
            self._note(f"the round of {login} ended {report['outcome']}: {report.get('reason', '')}")
        if report["mails"] or self._district.world.mails:
            self._note(f"the round of {login} has mailed somebody")

    def _edit(self, login: str, paper: Paper, word: str) -> None:
        """Change the title of somebody's copy on Google's page."""
        for row in copies(self._district.calendar(login)).get(paper.key, ()):
            self._district.edit(login, row.id, {"summary": word})

    def _quiet(self, login: str) -> None:
        """See that somebody's last round has left nothing to the next, unless something has happened since."""
        self._round(login)
        report = self._district.sync(login)
        if any(report["google"].values()) or any(report["crm"].values()):
            self._note(f"another round of {login} found something to write")

    def _held(self, login: str) -> set[str]:
        return set(copies(self._district.calendar(login)))

    def _count(self, login: str, before: set[str]) -> None:
        after, had = self._held(login), self._had[login]
        living = {paper.key for paper in self._papers if not paper.deleted}
        self._lived.withdrawn += len((before - after) & living)
        self._lived.returned += len((after - before) & had)
        self._lived.copies += len(after - before)
        had |= after

    def _note(self, *texts: str) -> None:
        self._lived.wrong += texts
