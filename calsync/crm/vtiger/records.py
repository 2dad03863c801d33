"""The events of one vtiger user: listed by queries, deletions told by `sync`, written one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from calsync.crm.vtiger import mapping
from calsync.crm.vtiger.client import Answered, Client
from calsync.crm.vtiger.cursor import Cursor, stamp
from calsync.crm.vtiger.mapping import Row, Shape
from calsync.crm.vtiger.options import Options
from calsync.crm.vtiger.queries import PAGE_ROWS, compare, count, is_plain, select
from calsync.crm.vtiger.tombstones import Rest, Tombstones
from calsync.model.errors import CursorExpired, Later, Stale, Unmappable
from calsync.model.event import Event
from calsync.model.permission import NO_ACCESS, Access, Level, Relation
from calsync.model.push import Nature
from calsync.model.side import Item, Page

#: Pages overlap, since rows that are deleted meanwhile make the following ones move up.
STEP = 90

#: A change may be seen later than its time says, and times have whole seconds: so far back each look begins.
OVERLAP = timedelta(seconds=5)

#: Times have whole seconds: what was changed within one counts as changed at its end, so that a tie goes to the CRM.
WITHIN = timedelta(microseconds=999_999)

#: How far back tombstones are looked for when a record cannot be read any more.
TOMBSTONE_REACH = timedelta(days=30)

_HIDDEN = (
    "vtiger: whether the record is deleted cannot be told while `sync` does not work;"
    " see crm.vtiger.hidden_means_deleted"
)
_ABSENT = frozenset({"RECORD_NOT_FOUND", "INVALID_ID_ATTRIBUTE"})
_ELSEWHERE = Access(Level.NONE, "owned by somebody else")


@dataclass(frozen=True, slots=True)
class Profile:
    """What vtiger lets a user do with events, and how their records are read."""

    createable: bool
    level: Level
    shape: Shape


class VtigerRecords:
    """The events that a user owns. Not thread-safe: one object per round."""

    def __init__(
        self,
        client: Client,
        options: Options,
        profile: Callable[[Client], Profile],
        rest: Rest,
        clock: Callable[[], datetime],
    ) -> None:
        """`profile` returns what the user may do, from memory where it is fresh."""
        self._client, self._options, self._find_profile = client, options, profile
        self._clock = clock
        self._sync = Tombstones(client, rest, options.relist, clock)
        self._profile: Profile | None = None
        self._last: Row = {}
        self._recently_deleted: frozenset[str] | None = None

    @property
    def calls(self) -> int:
        """Requests made so far."""
        return self._client.calls

    @property
    def profile(self) -> Profile:
        """What the user may do."""
        if self._profile is None:
            self._profile = self._find_profile(self._client)
        return self._profile

    def access_version(self) -> str:
        """Return a value that moves when vtiger lets the user do more or less, or when their zone changes."""
        profile = self.profile
        return f"{profile.createable} {profile.level.name} {profile.shape.zone.key}"

    # -- looking ---------------------------------------------------------------------------------------

    def changes(self, cursor: str | None) -> Iterator[Page]:
        """Yield everything, or what has changed since `cursor`.

        Raises CursorExpired when only a list of everything can tell: once in `relist_minutes`, and at every look on
        servers where `sync` does not tell of deletions.
        """
        if cursor is None:
            yield from self._everything()
            return
        place, now = Cursor.parse(cursor), self._clock()
        if self._sync.missing or not place.listed <= now < place.listed + self._options.relist:
            raise CursorExpired("vtiger: time to list everything")
        yield from self._since(place)

    def _everything(self) -> Iterator[Page]:
        now = self._clock()
        # First, so that what is changed while pages are read lies behind the cursor.
        newest = self._query(select("id, modifiedtime", (self._mine(),), "modifiedtime DESC", rows=1))
        if newest:
            self._sync.believe_only_if_told(newest[0]["id"], mapping.modified_of(newest[0]))
        seen: set[str] = set()
        for rows in self._pages((self._mine(),), "id"):
            items = [self._item(row) for row in rows if row["id"] not in seen]
            seen.update(item.key for item in items)
            yield Page(items, complete=True)
        since = mapping.modified_of(newest[0]) if newest else None
        # Where there was nothing, there is no time of the server's to go on from: everything is listed again.
        yield Page([], Cursor(since - OVERLAP, now).text() if since else "empty", complete=True)

    def _since(self, place: Cursor) -> Iterator[Page]:
        gone = self._sync.since(place.since)
        changed = compare("modifiedtime", ">=", stamp(place.since))
        newest: datetime | None = None
        for rows in self._pages((self._mine(), changed), "modifiedtime"):
            if newest is None:
                # Rows of later pages may have moved: they are looked at again.
                newest = max(filter(None, map(mapping.modified_of, rows)), default=place.since)
            yield Page([self._item(row) for row in rows if row["id"] not in gone])
        yield Page(self._taken_over(changed))
        after = max(place.since, (newest or place.since) - OVERLAP)
        yield Page([Item(key, gone=True) for key in sorted(gone)], Cursor(after, place.listed).text())

    def _mine(self) -> str:
        return compare("assigned_user_id", "=", self._client.user_id)

    def _taken_over(self, changed: str) -> list[Item]:
        """Return what others own and has changed, without content: it may have been this user's."""
        theirs = (compare("assigned_user_id", "!=", self._client.user_id), changed)
        found: set[str] = set()
        for offset in range(0, self._count(theirs), STEP):
            # Rows that the user may not read are left out, so that a short page is not the last one.
            found.update(row["id"] for row in self._query(select("id", theirs, "id", offset)))
        return [Item(key, access=_ELSEWHERE) for key in sorted(found)]

    def _pages(self, conditions: tuple[str, ...], order: str) -> Iterator[list[Row]]:
        """Yield pages of rows that the user owns, and may read for that: a short page is the last one."""
        offset = 0
        while True:
            rows = self._query(select("*", conditions, order, offset))
            if rows:
                yield rows
            if len(rows) < PAGE_ROWS:
                return
            offset += STEP

    def _count(self, conditions: tuple[str, ...]) -> int:
        try:
            return int(self._query(count(conditions))[0]["count"])
        except (IndexError, KeyError, ValueError):
            raise Later("vtiger query: a count that is no number") from None

    def _query(self, text: str) -> list[Row]:
        try:
            rows = self._client.ask("query", query=text)
        except Answered as error:
            raise Later(f"{error.reason}; see that crm.vtiger.marker_field exists, if it is set") from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Later("vtiger query: an answer that is no list")
        return rows

    # -- deletions -------------------------------------------------------------------------------------

    def _denied(self, key: str) -> Item:
        """Return what is known of a record that cannot be read: deleted ones are denied too (ecosystem.md 2.3).

        When nobody can tell now, the event is set aside: lost access must not look like a deletion.
        """
        if key in self._deleted_lately():
            return Item(key, gone=True)
        hidden = self._count((compare("id", "=", key),)) == 0
        if hidden and self._sync.missing:
            if self._options.hidden_means_deleted:
                return Item(key, gone=True)
            return Item(key, problem=_HIDDEN)
        return Item(key, access=NO_ACCESS)

    def _deleted_lately(self) -> frozenset[str]:
        if self._recently_deleted is None and not self._sync.missing:
            with suppress(CursorExpired):
                begin = self._clock() + self._client.ahead - TOMBSTONE_REACH
                self._recently_deleted = self._sync.since(begin)
        return self._recently_deleted or frozenset()

    # -- one record ------------------------------------------------------------------------------------

    def get(self, key: str) -> Item | None:
        """Return a record; None when there is none, an item without access when vtiger denies it."""
        if not _is_id(key):
            return None
        try:
            row = self._client.ask("retrieve", id=key)
        except Answered as error:
            if error.code in _ABSENT:
                return None
            if error.code != "ACCESS_DENIED":
                raise
            return self._denied(key)
        if not isinstance(row, dict) or row.get("id") != key:
            raise Later("vtiger retrieve: an answer that is not the record")
        self._last = row
        return self._item(row)

    def find(self, marker: str) -> Item | None:
        """Return the record that carries a marker; a name that no query can hold is none of ours."""
        if not is_plain(marker) or "]" in marker:
            return None
        field = self._options.marker_field
        named = (
            compare(field, "=", marker) if field else compare("description", "contains", mapping.mark(marker))
        )
        rows = self._query(select("*", (self._mine(), named)))
        # The database compares without regard to case.
        items = (self._item(row) for row in rows if mapping.marker_of(row, self.profile.shape) == marker)
        return next((item for item in items if not item.gone), None)

    def add(self, marker: str, event: Event) -> Item:
        """Make a record and read it back: the answer to a write does not always say what is stored."""
        shape = self.profile.shape
        names = frozenset({"title", "start", "end", "description", "location"})
        element = mapping.values_of(event, names, marker, shape)
        element |= {
            "assigned_user_id": self._client.user_id,
            "activitytype": "Meeting",
            "eventstatus": "Planned",
        }
        if mapping.visibility_of(event) == "Private":
            element["visibility"] = "Private"
        if shape.marker_field and marker:
            element[shape.marker_field] = marker
        answer = self._client.tell("create", elementType="Events", element=json.dumps(element))
        return replace(self._stored(answer), untouched=True)

    def change(self, there: Item, event: Event, names: frozenset[str]) -> Item:
        """Change fields of a record and read it back; status, type and the rest stay as people have set them."""
        values = mapping.values_of(event, names, there.marker, self.profile.shape)
        if not values:
            # Nothing of it has a place there.
            return there
        if self._last.get("reminder_time") and self._last["id"] == there.key:
            # A write that does not name it would take the reminder away (opencrm.md 4.3).
            values["reminder_time"] = self._last["reminder_time"]
        answer = self._client.tell("revise", element=json.dumps({"id": there.key} | values))
        return self._stored(answer)

    def remove(self, there: Item) -> None:
        """Delete a record."""
        try:
            self._client.tell("delete", id=there.key)
        except Answered:
            left = self.get(there.key)
            if left is not None and not left.gone:
                raise

    def _stored(self, answer: Any) -> Item:
        key = answer.get("id", "") if isinstance(answer, dict) else ""
        if not key:
            raise Later("vtiger: an answer to a write without id")
        item = self.get(key)
        if item is None or item.gone or item.event is None:
            raise Stale("vtiger: what was written has gone, or changed hands, at once")
        return item

    def _item(self, row: Row) -> Item:
        shape = self.profile.shape
        version, modified = mapping.version_of(row, shape), mapping.modified_of(row)
        if modified is not None:
            modified += WITHIN - self._client.ahead
        if row.get("assigned_user_id") != self._client.user_id:
            return Item(row["id"], version, modified=modified, access=_ELSEWHERE)
        marker = mapping.marker_of(row, shape)
        if row.get("eventstatus") == self._options.cancelled_status:
            return Item(row["id"], version, gone=True, modified=modified, marker=marker)
        access = Access(self.profile.level, "owner", frozenset({Relation.MINE}))
        common = Item(row["id"], version, modified=modified, marker=marker, untouched=False, access=access)
        try:
            nature = Nature(row.get("activitytype"), row.get("eventstatus"))
            return replace(common, event=mapping.to_event(row, shape), nature=nature)
        except Unmappable as error:
            return replace(common, problem=str(error))


def _is_id(key: str) -> bool:
    module, _, number = key.partition("x")
    return module.isascii() and module.isdigit() and number.isascii() and number.isdigit()
