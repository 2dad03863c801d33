"""One Google calendar: events, their changes in order, and the rules of writing them. No HTTP here.

Rows are masters, single events and exceptions of series; an exception holds only what differs from its
series. Every change moves a row to the end of the change log.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from calsync.model.errors import Unmappable
from calsync.model.occurrences import occurrences
from calsync.model.recurrence import clean_rules, occurrence_key, occurrence_start
from calsync.sandbox import answers
from calsync.sandbox.bodies import SERVER_SET, accepted, check, merged
from calsync.sandbox.rows import Body, Row
from calsync.sandbox.switches import Switches
from calsync.sandbox.times import moment_of, time_value

_ID = re.compile(r"^[a-v0-9]{5,1024}$")
_INSTANCE = re.compile(r"^(.+)_(\d{8}(?:T\d{6}Z)?)$")

#: A change of these moves the occurrences of a series.
_RESHAPES = ("start", "end", "recurrence")
#: A change of these counts as a new revision of the meeting (`sequence`).
_REVISES = (*_RESHAPES, "location")
_RESTRICTION = ("public", "default", "private", "confidential")


class Calendar:
    """Events of one calendar; not thread-safe, the server serialises."""

    def __init__(
        self, calendar_id: str, owner: str, zone: str, summary: str = "", switches: Switches | None = None
    ) -> None:
        self.id, self.owner, self.zone, self.summary = calendar_id, owner, zone, summary or calendar_id
        self.role = "owner"
        self.switches = switches or Switches()
        self.rows: dict[str, Row] = {}
        self.exceptions: dict[str, dict[str, Row]] = {}
        self.seq = 0
        self.epoch = 0
        self.clock_offset = timedelta(0)
        self._last = 0
        self._ordered: tuple[int, list[Row]] = (-1, [])
        self._parts: dict[str, list[str]] = {}
        self._forgotten: set[str] = set()

    # -- the change log --------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the time in microseconds since 1970, never the same twice."""
        moment = int((datetime.now(UTC) + self.clock_offset).timestamp() * 1_000_000)
        self._last = max(self._last + 1000, moment // 1000 * 1000)
        return self._last

    @property
    def last_change(self) -> int:
        """When anything changed last, in microseconds since 1970."""
        return self._last

    def changed(self, row: Row) -> None:
        """Move a row to the end of the change log."""
        self.touched(row)
        row.updated = row.version

    def touched(self, row: Row) -> None:
        """Give a row a new version, but let `updated` stand: what changed is this person's own."""
        self.seq += 1
        row.seq, row.version = self.seq, self.now()
        row.rendered.clear()
        if row.id not in self.rows and "_R" in row.id and not row.series:
            self._parts.setdefault(row.id.split("_R")[0], []).append(row.id)
        self.rows[row.id] = row

    def since(self, seq: int, upto: int) -> list[Row]:
        """Return rows whose last change lies in (seq, upto], in the order of their changes."""
        if self._ordered[0] != self.seq:
            self._ordered = (self.seq, sorted(self.rows.values(), key=lambda row: row.seq))
        ordered = self._ordered[1]
        low, high = 0, len(ordered)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if ordered[middle].seq <= seq else (low, middle)
        end = low
        while end < len(ordered) and ordered[end].seq <= upto:
            end += 1
        return ordered[low:end]

    def forget_deleted(self) -> int:
        """Let tombstones disappear, as they do after weeks; their ids stay taken. Return how many."""
        gone = [row.id for row in self.rows.values() if row.cancelled and not row.series]
        for event_id in gone:
            self._drop(self.rows[event_id])
        self._forgotten.update(gone)
        return len(gone)

    def _drop(self, row: Row) -> None:
        self.rows.pop(row.id, None)
        self._ordered = (-1, [])

    # -- reading ---------------------------------------------------------------------------------------

    def get(self, event_id: str) -> Row:
        """Return a row, or an unmodified occurrence as a row that is not kept; ApiError 404."""
        row = self.rows.get(event_id)
        return row if row is not None else self._occurrence(event_id)

    def _occurrence(self, event_id: str) -> Row:
        match = _INSTANCE.match(event_id)
        if not match:
            raise answers.not_found()
        base, key = match.groups()
        for master in self._masters(base):
            if not master.cancelled and self._has(master, key):
                return self.occurrence(master, key)
        raise answers.not_found()

    def _masters(self, base: str) -> Iterator[Row]:
        for name in (base, *self._parts.get(base, ())):
            if name in self.rows:
                yield self.rows[name]

    def occurrence(self, master: Row, key: str) -> Row:
        """Return an occurrence as its series has it, as a row that is not kept."""
        event_id = f"{master.id.split('_R')[0]}_{key}"
        row = Row(event_id, {}, master.created, master.id, key, master.updated, uid=master.uid)
        row.organizer, row.creator = master.organizer, master.creator
        row.seq, row.sequence, row.version = master.seq, master.sequence, master.version
        return row

    def _has(self, master: Row, key: str) -> bool:
        try:
            starts = self.starts(master, occurrence_start(key))
            return any(occurrence_key(start) == key for start in starts)
        except (ValueError, Unmappable):
            return False

    def starts(self, master: Row, until: date | datetime) -> Iterator[date | datetime]:
        """Yield the original starts of a series up to `until`."""
        start = moment_of(master.body["start"])
        if isinstance(start, datetime) != isinstance(until, datetime):
            return iter(())
        rules = clean_rules(master.body.get("recurrence") or [])
        zone = master.body["start"].get("timeZone", self.zone)
        return occurrences(start, rules, zone, until)

    def whole(self, row: Row) -> Body:
        """Return the body of a row, what an exception has from its series included."""
        master = self.rows.get(row.series)
        if master is None:
            return row.body
        start, end = moment_of(master.body["start"]), moment_of(master.body["end"])
        original = occurrence_start(row.key)
        inherited = {name: value for name, value in master.body.items() if name != "recurrence"}
        inherited["start"] = time_value(original, master.body["start"].get("timeZone"))
        length: Any = end - start
        inherited["end"] = time_value(original + length, master.body["end"].get("timeZone"))
        return {name: value for name, value in (inherited | row.body).items() if value is not None}

    # -- writing ---------------------------------------------------------------------------------------

    def insert(self, body: Body, uid: str = "") -> Row:
        """Add an event; ApiError 400 for bad bodies, 409 for an id that was ever used here."""
        event_id = body.get("id") or secrets.token_hex(13)
        if not _ID.match(event_id):
            raise answers.bad("invalid", "Invalid resource id value.")
        uid = uid or body.get("iCalUID") or ""
        if event_id in self.rows or event_id in self._forgotten or (uid and self.holds(uid)):
            raise answers.duplicate()
        stored = self.accepted(body)
        check(stored, self.switches)
        row = self.put(event_id, stored, uid or f"{event_id}@google.com")
        row.sequence = int(body.get("sequence") or 0)
        return row

    def holds(self, uid: str) -> bool:
        """Return whether an event with this iCalUID was ever here."""
        return any(row.uid == uid and not row.series for row in self.rows.values())

    def put(self, event_id: str, body: Body, uid: str, organizer: str = "") -> Row:
        """Store an event as it is, without checks: what a migration or an import may have left behind."""
        row = Row(event_id, body, self.now(), uid=uid, organizer=organizer or self.id, creator=self.owner)
        self.changed(row)
        row.created = row.updated
        return row

    def accepted(self, body: Body) -> Body:
        """Return a body as this calendar stores it."""
        return accepted(body, self.switches.html_normalise)

    def patch(self, event_id: str, changes: Body, if_match: str = "") -> Row:
        """Merge changes into an event, or make an occurrence an exception."""
        row = self.writable(event_id, if_match)
        self.check_sequence(row, changes)
        return self.replace(row, self.patched(row, changes), changes.get("status") == "confirmed")

    def patched(self, row: Row, changes: Body) -> Body:
        """Return the whole body of a row with changes merged into it."""
        wanted = {name: value for name, value in changes.items() if name not in SERVER_SET}
        return self.accepted(merged(self.whole(row), wanted))

    def update(self, event_id: str, body: Body, if_match: str = "") -> Row:
        """Replace an event whole."""
        row = self.writable(event_id, if_match)
        self.check_sequence(row, body)
        revives = self.switches.put_revives and body.get("status") == "confirmed"
        return self.replace(row, self.accepted(body), revives)

    def writable(self, event_id: str, if_match: str = "") -> Row:
        """Return a row to be written; ApiError 404, or 412 when it is not the version that was expected."""
        row = self.get(event_id)
        if if_match and if_match not in ("*", row.etag):
            raise answers.precondition_failed()
        return row

    def check_sequence(self, row: Row, body: Body) -> None:
        """Refuse a revision below the stored one; ApiError 400."""
        if body.get("sequence") is not None and int(body["sequence"]) < row.sequence:
            raise answers.sequence_too_low()

    def replace(self, row: Row, body: Body, revives: bool) -> Row:
        """Give a row a new whole body; `revives`: the caller says explicitly that a deleted one should live."""
        if body.get("status") == "cancelled":
            return self.delete(row.id)
        if row.cancelled and not revives:
            raise answers.forbidden()
        check(body, self.switches)
        if row.series:
            return self._replace_exception(row, body)
        moved = {name for name in row.body.keys() | body.keys() if row.body.get(name) != body.get(name)}
        if not self._counts(row, moved):
            return row
        row.body = body
        row.sequence += any(name in moved for name in _REVISES)
        self._log(row, moved)
        row.cancelled = False
        self.follow(row, any(name in moved for name in _RESHAPES))
        return row

    def _counts(self, row: Row, moved: set[str]) -> bool:
        return bool(moved) or row.cancelled or self.switches.noop_moves_etag

    def _log(self, row: Row, moved: set[str]) -> None:
        if moved != {"reminders"} or row.cancelled:
            self.changed(row)
        elif self.switches.reminders_move_etag:
            self.touched(row)
        else:
            row.rendered.clear()

    def _replace_exception(self, row: Row, body: Body) -> Row:
        before, master = self.whole(row), self.rows.get(row.series)
        inherited = self.whole(Row(row.id, {}, 0, row.series, row.key)) if master else {}
        names = (inherited.keys() | body.keys()) - {"recurrence"}
        moved = {name for name in names if before.get(name) != body.get(name)}
        if row.id in self.rows and not self._counts(row, moved):
            return row
        row.body = {name: body.get(name) for name in names if inherited.get(name) != body.get(name)}
        row.sequence += any(name in moved for name in _REVISES)
        self.exceptions.setdefault(row.series, {})[row.key] = row
        self._log(row, moved if row.id in self.rows else set())
        row.cancelled = False
        row.body.setdefault("status", "confirmed")
        if master is not None and "visibility" in moved:
            self._restrict(master, str(body.get("visibility", "default")))
        return row

    def _restrict(self, master: Row, visibility: str) -> None:
        """Let a more restrictive visibility of one occurrence spread to its series."""
        before = master.body.get("visibility", "default")
        if _RESTRICTION.index(visibility) > max(_RESTRICTION.index(before), _RESTRICTION.index("default")):
            master.body = {**master.body, "visibility": visibility}
            self.changed(master)
            self.follow(master, False)

    def follow(self, master: Row, reshaped: bool) -> None:
        """Let exceptions follow their series; those that no longer fall on it are dropped."""
        for key, exception in list(self.exceptions.get(master.id, {}).items()):
            if reshaped and not self._has(master, key):
                del self.exceptions[master.id][key]
                self._drop(exception)
            elif not exception.cancelled:
                self.changed(exception)

    def delete(self, event_id: str, if_match: str = "") -> Row:
        """Delete softly: the id stays taken, a tombstone is listed; ApiError 410 the second time."""
        row = self.get(event_id)
        if row.cancelled:
            raise answers.gone()
        row = self.writable(event_id, if_match)
        row.cancelled = True
        if row.series:
            self.exceptions.setdefault(row.series, {})[row.key] = row
        self.changed(row)
        for exception in self.exceptions.pop(row.id, {}).values():
            if self.switches.children_tombstones:
                exception.cancelled = True
                self.changed(exception)
            else:
                self._drop(exception)
        return row
