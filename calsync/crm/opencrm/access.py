"""Who may see and change an activity: decided here, since the interface shows everything to whoever has its key (3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from calsync.crm.opencrm.activity import Activity
from calsync.crm.opencrm.options import PermissionRules
from calsync.crm.opencrm.people import People, User
from calsync.model.permission import Access, Level, Person, Record, Security, decide

NOT_A_USER = Access(Level.NONE, "no active user of the CRM")


class Judge:
    """The tenant's permission rules, applied through `model.permission`."""

    def __init__(self, rules: PermissionRules, people: People) -> None:
        self._rules, self._people = rules, people
        self._teams = _by_login(rules.teams)

    def access(self, user: User | None, activity: Activity) -> Access:
        """Return what a user may do with an activity; what is unknown is denied. Raises Later."""
        if user is None:
            return NOT_A_USER
        access = decide(self._person(user), self._record(activity))
        if self._rules.edit == "owner" and access.level > Level.READ and access.because != "owner":
            return replace(access, level=Level.READ, because=f"{access.because}; only owners edit")
        return access

    def own(self, user: User | None) -> Access:
        """Return what a user may do with what they make themselves."""
        if user is None:
            return NOT_A_USER
        return decide(self._person(user), Record(user.login, Security.PUBLIC_READ))

    def mates(self, login: str) -> frozenset[str]:
        """Return the logins of those who share a team with a user."""
        teams = self._teams.get(login, frozenset())
        return frozenset(mate for mate, theirs in self._teams.items() if theirs & teams) - {login}

    def _person(self, user: User) -> Person:
        rules = self._rules
        return Person(
            user.login,
            user.email,
            user.login in rules.admins,
            self._teams.get(user.login, frozenset()),
            user.login in rules.read_only,
        )

    def _record(self, activity: Activity) -> Record:
        owner = self._people.login_of(activity.owner)
        security = self._rules.values.get(activity.permission)
        teams = self._teams.get(owner, frozenset())
        return Record(owner, security.value if security else "", owner_teams=teams)


def _by_login(teams: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    logins = {login for members in teams.values() for login in members}
    return {login: frozenset(team for team, members in teams.items() if login in members) for login in logins}
