"""What the calendars of the town show, as people see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from town import BY_LOGIN, ZONE, Town

from calsync.crm.builtin.records import record_of
from calsync.google.mapping import MARKER
from calsync.model.event import BUSY_TITLE
from calsync.model.permission import Access, Person, decide

FIELDS = ("title", "location", "description", "start")
CRM = "crm"
_ZONE = ZoneInfo(ZONE)


#: The tags of records by their ids, for those of which only the time is shown.
Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event on one side. `tag`: its name in the ledger; `row`: the columns of a record.

    `original`: the id of the record of which an event at Google is a copy of ours, or "".
    """

    key: str
    tag: str
    shown: Mapping[str, str]
    series: bool = False
    original: str = ""
    row: Mapping[str, Any] | None = None

    @property
    def busy(self) -> bool:
        """True for an entry that says nothing but when."""
        return self.shown["title"] == BUSY_TITLE


def on_google(town: Town, login: str, names: Names) -> list[Entry]:
    """Return what somebody's Google calendar shows, in the order in which it was made."""
    calendar = town.calendar(login)
    found = []
    for row in calendar.rows.values():
        if row.cancelled or row.series:
            continue
        shown = _of_google(row.body)
        for key, exception in calendar.exceptions.get(row.id, {}).items():
            title = None if exception.cancelled else exception.body.get("summary") or ""
            shown |= _of_exception(key, title, shown["title"])
        private = (row.body.get("extendedProperties") or {}).get("private") or {}
        original = private.get(MARKER, "")
        tag = _tag(shown, names.get(original, ""))
        found.append(Entry(row.id, tag, shown, bool(row.body.get("recurrence")), original))
    return found


def in_crm(town: Town, names: Names) -> list[Entry]:
    """Return the records of the CRM that are not deleted, whoever they belong to."""
    cursor = town.books_driver.execute("SELECT * FROM crm_event WHERE deleted = 0 ORDER BY id")
    columns = [column[0] for column in cursor.description]
    found = []
    for values in cursor.fetchall():
        row = dict(zip(columns, values, strict=True))
        shown = _of_crm(row)
        tag = _tag(shown, names.get(row["id"]) or _original(town, row["marker"]))
        found.append(Entry(row["id"], tag, shown, bool(row["recurrence"]), row=row))
    return found


def _tag(shown: Mapping[str, str], known: str) -> str:
    return known if shown["title"] == BUSY_TITLE else tag_of(shown["title"])


def tag_of(title: str) -> str:
    """Return the tag of an event, which every title begins with."""
    return title.split(" ")[0]


def _original(town: Town, marker: str | None) -> str:
    """Return the tag of the Google event that a record is a copy of."""
    key = (marker or "").rpartition(":")[2]
    rows = [town.calendar(login).rows.get(key) for login in BY_LOGIN]
    return next((tag_of(row.body.get("summary", "")) for row in rows if row is not None), "")


def is_copy(entry: Entry, records: Mapping[str, list[Entry]]) -> bool:
    """Return whether an event at Google is a copy: one that has outlived its original is an original itself.

    `records`: what the CRM shows, by tag.
    """
    there = records.get(entry.tag, [])
    return bool(entry.original) and (not there or any(record.key == entry.original for record in there))


def on(town: Town, side: str, names: Names) -> list[Entry]:
    """Return what one side shows, named as in the ledger."""
    return in_crm(town, names) if side == CRM else on_google(town, side.partition(":")[2], names)


def by_tag(entries: list[Entry]) -> dict[str, list[Entry]]:
    """Return entries by tag."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.tag, []).append(entry)
    return found


class Office:
    """The CRM's permissions as they are at one moment."""

    def __init__(self, town: Town) -> None:
        rows = town.books_driver.execute("SELECT login, email, role, teams FROM crm_user").fetchall()
        self._teams = {login: frozenset(json.loads(teams)) for login, _, _, teams in rows}
        self.people = {
            login: Person(login, email, role == "admin", self._teams[login], role == "read_only")
            for login, email, role, _ in rows
        }

    def access(self, login: str, entry: Entry) -> Access:
        """Return what somebody may do with a record."""
        assert entry.row is not None
        return decide(self.people[login], record_of(entry.row, self._teams))


def _of_google(body: Mapping[str, Any]) -> dict[str, str]:
    start = body["start"]
    return {
        "title": body.get("summary", ""),
        "location": body.get("location", ""),
        "description": body.get("description", ""),
        "start": instant(start["dateTime"]) if "dateTime" in start else start["date"],
    }


def _of_crm(row: Mapping[str, Any]) -> dict[str, str]:
    shown = {name: row[name] for name in ("title", "location", "description")}
    shown["start"] = instant(row["start"]) if len(row["start"]) > len("2026-03-26") else row["start"]
    for key, part in json.loads(row["exceptions"] or "{}").items():
        title = None if part is None else part.get("title", "")
        shown |= _of_exception(key, title, shown["title"])
    return shown


def _of_exception(key: str, title: str | None, series: str) -> dict[str, str]:
    """Return what people see of an exception besides its series; `title`: its own, None for a cancelled occurrence.

    One that says the same as its series is no different from it to anybody. Google has no way to forget the title of
    an occurrence that was taken back while the title of its series was another.
    """
    if title is None:
        return {f"x:{key}": f"cancelled {key[6:8]}"}
    return {f"x:{key}": title} if title not in ("", series) else {}


def instant(text: str) -> str:
    """Return a time as all sides can be compared by it."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()


def occurrence(start: str, days: int) -> datetime:
    """Return when a daily series takes place for the time after its start, by the clock of the zone."""
    # A time that knows its zone stays at the same hour over the change to summer time.
    return (datetime.fromisoformat(start).astimezone(_ZONE) + timedelta(days=days)).astimezone(UTC)
