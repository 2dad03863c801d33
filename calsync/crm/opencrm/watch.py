"""Seeing what changed on a calendar whose CRM does not say: scans that are complete, compared with the last ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from calsync.crm.opencrm.activity import Activity, parse
from calsync.crm.opencrm.answers import Rejected, Row, digits, id_of, rows_of, text_of
from calsync.crm.opencrm.client import Counted
from calsync.crm.opencrm.gate import sample
from calsync.crm.opencrm.listing import ACTIVITIES, complete, condition, count
from calsync.crm.opencrm.memory import Memory, Seen
from calsync.crm.opencrm.people import User
from calsync.crm.opencrm.tenant import Tenant
from calsync.model.errors import CalendarLost, Later
from calsync.model.permission import Relation
from calsync.model.side import Item

#: A deletion is believed when so many complete scans have not listed the activity, and a direct read finds nothing.
SCANS = 2

#: Stands for all years.
_ALL = "all"

_LIAR = "CRM: a complete list leaves out an activity that is there"


class Watch:
    """One person's calendar, as far as looking goes; one object a round."""

    def __init__(self, tenant: Tenant, login: str, reader: Counted) -> None:
        self._tenant, self._login, self._reader = tenant, login, reader
        self.memory = Memory(tenant.engine, login)
        self._known_user: User | None = None
        #: What each complete scan of this round has listed: ids, and the years it was about.
        self._scans: list[tuple[tuple[str, ...], frozenset[str]]] = []

    @property
    def user(self) -> User:
        """Whose calendar it is. Raises CalendarLost when the CRM has no active user of that login, or Later."""
        if self._known_user is None:
            people = self._tenant.people
            self._known_user = people.by_login(self._login)
            if self._known_user is None:
                if not people.active():
                    raise Later("CRM: it lists no active users at all")
                raise CalendarLost(
                    "CRM: no active user has this login; make them active, then `calsync resume`"
                )
        return self._known_user

    # -- single activities -----------------------------------------------------------------------------

    def look(self, key: str) -> Activity | None:
        """Return an activity by a direct read; None when it is not found, which proves nothing yet (5). Raises Later."""
        if not digits(key):
            return None
        try:
            rows = rows_of("get_activity", self._reader.read("get_activity", {"crmid": key}))
        except Rejected:
            return None
        # An unknown id has many answers: an error, nothing, a record of another id, one that says it is deleted.
        row = next((row for row in rows if id_of(row) == key), None)
        activity = self._parsed(row) if row is not None else None
        return None if activity is None or activity.deleted else activity

    def _parsed(self, row: Row) -> Activity:
        """Return a row as an activity; Later when it lacks what every activity has: a field that is not shown any more
        must not look like one that somebody has blanked.
        """
        names = self._tenant.options.fields
        for name in (names.owner, names.title, names.start_date):
            if name not in row:
                raise Later(f"CRM: activities do not show the field {name}; see `calsync crm probe`")
        return parse(row, self._tenant.options)

    def shown(self, activity: Activity) -> Item:
        """Return an activity as this person may know it."""
        return self._tenant.item_of(self.user, activity)

    def remembered(self, activity: Activity, item: Item) -> Seen:
        """Return what to remember of an activity: it is expected again while it is on this calendar."""
        return Seen(item.version, _year(activity), expected=activity.owner in self._owners())

    def note(self, activity: Activity, item: Item) -> None:
        """Remember an activity that was written just now."""
        self.memory.note(activity.key, self.remembered(activity, item))

    def is_gone(self, key: str) -> bool:
        """Return whether an activity that a direct read does not find is deleted.

        It is when it was on this calendar, and complete scans do not list it either. Raises Later when they do.
        """
        seen = self.memory.one(key)
        if seen is None or not seen.expected:
            return True
        while len(scans := self._scans_of(seen.year)) < SCANS:
            if seen.year in self._years():
                self.in_window()
            else:
                self.everything()
        if any(key in listed for listed in scans[-SCANS:]) or self.look(key) is not None:
            raise Later(_LIAR)
        # As news, since whoever asks may not be the one who records it.
        self.memory.keep({key: replace(seen, version="", expected=False)})
        return True

    # -- scans -----------------------------------------------------------------------------------------

    def everything(self) -> dict[str, Activity]:
        """Return all activities of this calendar, of all times."""
        found: dict[str, Activity] = {}
        for owner in sorted(self._owners()):
            found |= self._scan(owner, None)
        self._scans.append(((_ALL,), frozenset(found)))
        return found

    def in_window(self) -> dict[str, Activity]:
        """Return the activities of this calendar that begin in the years which the window touches, and maybe others."""
        found: dict[str, Activity] = {}
        for owner in sorted(self._owners()):
            found |= self._in_window_of(owner)
        self._scans.append((self._years(), frozenset(found)))
        return found

    def _in_window_of(self, owner: str) -> dict[str, Activity]:
        paging, found = self._tenant.paging, dict[str, Activity]()
        if paging.count:
            total = count(self._reader, ACTIVITIES, self._of(owner))
            if total <= paging.size:
                # All of them are fewer requests than those of each year.
                return self._scan(owner, None, total)
        for year in self._years():
            found |= self._scan(owner, year)
        return found

    def _scans_of(self, year: str) -> list[frozenset[str]]:
        """Return what this round's scans have listed that would show an activity of that year."""
        return [listed for years, listed in self._scans if year in years or _ALL in years]

    def _scan(self, owner: str, year: str | None, counted: int | None = None) -> dict[str, Activity]:
        name = self._tenant.options.fields.start_date
        conditions = self._of(owner)
        if year is not None:
            conditions += (condition(name, "BEGINS", year),)

        def wanted(row: Row) -> bool:
            own = self._parsed(row).owner == owner
            return own and (year is None or text_of(row, name).startswith(year))

        rows = complete(self._reader, ACTIVITIES, conditions, self._tenant.paging, wanted, counted)
        self._check_fields(rows.values())
        return {key: self._parsed(row) for key, row in rows.items()}

    def _check_fields(self, rows: Collection[Row]) -> None:
        """Raise Later when a field that activities have shown before is not shown any more: each would look blanked.

        A list in which it happens to be in none is no proof, as a tenant may leave out what is blank.
        """
        names, shown = set().union(*rows), self._tenant.shown
        configured = {name for _, name in self._tenant.options.fields if name} & shown
        if rows and configured - names:
            names |= set().union(*sample(self._reader))
            if configured - names:
                gone = min(configured - names)
                raise Later(f"CRM: activities do not show the field {gone} any more; see `calsync crm probe`")
        shown |= names

    def _of(self, owner: str) -> tuple[str, ...]:
        name = self._tenant.options.fields.owner_filter
        return (condition(name, "=", owner),) if name else ()

    def _owners(self) -> frozenset[str]:
        """Return the ids of those whose activities are on this calendar: the person, and whoever shares a team with them
        where the policy lets such activities out.
        """
        tenant, own = self._tenant, self.user
        if all(relation is not Relation.TEAM for relation, _ in tenant.policy.push):
            return frozenset({own.id})
        mates = tenant.judge.mates(own.login)
        return frozenset({own.id, *(user.id for user in tenant.people.active() if user.login in mates)})

    def _years(self) -> tuple[str, ...]:
        window = self._tenant.policy.window(self._tenant.clock())
        # What begins before the window may reach into it, and a day has not begun everywhere.
        first, last = window.first.year - (window.first.month == 1), window.last.year
        return tuple(f"{year:04}" for year in range(first, last + 1))

    # -- comparing -------------------------------------------------------------------------------------

    def all_items(self) -> tuple[list[Item], int]:
        """Return everything there is, and the number from which `changes` goes on."""
        found = self.everything()
        items = {key: self.shown(activity) for key, activity in found.items()}
        before = self.memory.all()
        # Whoever lists everything takes these for absent: when they come back, as they were, they are news.
        left = {key: seen for key, seen in before.items() if seen.expected and key not in found}
        return list(items.values()), self._keep(before, found, items, unknown=left)

    def modified(self, since: int, scanned: datetime) -> tuple[list[Item], int] | None:
        """Return what changed since a number, as `changes` does, by modification times alone: without deletions.

        None when the tenant does not tell. Raises Later.
        """
        rows = self._tenant.recent.since(self._reader, scanned)
        if rows is None:
            return None
        self._check_fields(rows.values())
        before, found = self.memory.all(), dict[str, Activity]()
        for key, row in rows.items():
            activity = self._parsed(row)
            if key not in before and activity.owner not in self._owners():
                continue
            if key not in before or before[key].version != self.shown(activity).version:
                now = self.look(key)
                found |= {key: now} if now is not None else {}
        items = {key: self.shown(activity) for key, activity in found.items()}
        latest = self._keep(before, found, items)
        fresh = {
            key: item
            for key, item in items.items()
            if key not in before or before[key].version != item.version
        }
        self._add_late(before, since, found.keys(), fresh)
        return list(fresh.values()), latest

    def changes(self, since: int) -> tuple[list[Item], int]:
        """Return what changed since a number, and the number from which to go on.

        Raises Later when a list cannot be believed.
        """
        before = self.memory.all()
        found = self.in_window()
        years = self._years()
        absent = [
            key for key, seen in before.items() if seen.expected and seen.year in years and key not in found
        ]
        gone = self._sought(absent, found)
        items = {key: self.shown(activity) for key, activity in found.items()}
        latest = self._keep(before, found, items, gone)
        fresh = {
            key: item
            for key, item in items.items()
            if key not in before or before[key].version != item.version or before[key].seq > since
        }
        fresh |= {key: Item(key, gone=True) for key in gone}
        self._add_late(before, since, found.keys() | gone, fresh)
        return list(fresh.values()), latest

    def _sought(self, absent: Iterable[str], found: dict[str, Activity]) -> set[str]:
        """Look for what was not listed: add what has moved elsewhere to `found`, return what is gone."""
        missed = set()
        for key in absent:
            activity = self.look(key)
            if activity is None:
                missed.add(key)
            elif activity.owner in self._owners() and _year(activity) in self._years():
                raise Later(_LIAR)
            else:
                found[key] = activity
        if not missed:
            return missed
        again = self.in_window()
        back = missed & again.keys()
        found |= {key: again[key] for key in back}
        if any(self.look(key) is not None for key in missed - back):
            raise Later(_LIAR)
        return missed - back

    def _keep(
        self,
        before: Mapping[str, Seen],
        found: Mapping[str, Activity],
        items: Mapping[str, Item],
        gone: Iterable[str] = (),
        unknown: Iterable[str] = (),
    ) -> int:
        new = {key: self.remembered(found[key], item) for key, item in items.items()}
        moved = {key: seen for key, seen in new.items() if not _same(before.get(key), seen)}
        moved |= {key: replace(before[key], expected=False, version="") for key in gone}
        moved |= {key: replace(before[key], version="") for key in unknown if before[key].version}
        return self.memory.keep(moved)

    def _add_late(
        self, before: Mapping[str, Seen], since: int, done: Iterable[str], fresh: dict[str, Item]
    ) -> None:
        """Add what an earlier observation has found, and could not hand over."""
        done = set(done)
        for key, seen in before.items():
            if seen.seq > since and key not in done:
                activity = self.look(key)
                fresh[key] = self.shown(activity) if activity is not None else Item(key, gone=True)


def _year(activity: Activity) -> str:
    return f"{activity.start_day.year:04}" if activity.start_day else ""


def _same(before: Seen | None, now: Seen) -> bool:
    return before is not None and (before.version, before.year, before.expected) == (
        now.version,
        now.year,
        now.expected,
    )
