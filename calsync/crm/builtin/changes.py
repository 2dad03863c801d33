"""What every way into the built-in CRM shares: who asks, and how a record changes and leaves."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select, update

from calsync.crm.builtin.records import Row
from calsync.crm.builtin.tables import events, next_numbers, stamp, users
from calsync.model.permission import Person


def new_ids(now: datetime, count: int) -> list[str]:
    """Return fresh ids: time first, so that neighbours in time are neighbours in the index."""
    head, tails = f"{int(now.timestamp() * 1000):011x}", os.urandom(6 * count).hex()
    return [head + tails[12 * n : 12 * n + 12] for n in range(count)]


def person_of(connection: Connection, login: str) -> Person:
    """Return a user as permissions see them; one who does not exist has none, and a role that nobody knows changes
    nothing.
    """
    row = connection.execute(select(users).where(users.c.login == login)).mappings().first()
    if row is None:
        return Person(login, "", read_only=True)
    teams = frozenset(orjson.loads(row["teams"]))
    read_only = row["role"] not in ("admin", "standard")
    return Person(login, row["email"], row["role"] == "admin", teams, read_only)


def teams_of(connection: Connection) -> dict[str, frozenset[str]]:
    """Return every user's teams."""
    rows = connection.execute(select(users.c.login, users.c.teams))
    return {login: frozenset(orjson.loads(teams)) for login, teams in rows}


def save(connection: Connection, row: Row, values: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Change columns of a record: next version, end of the feed; return the row as stored."""
    stored = {**row, **values, "seq": next_numbers(connection, 1)[0], "version": row["version"] + 1}
    stored["modified"] = stamp(connection, now)
    stored["concerns"] = concerned(row, stored)
    connection.execute(update(events).where(events.c.id == row["id"]).values(**stored))
    return stored


def erase(connection: Connection, row: Row, now: datetime) -> None:
    """Leave a tombstone: id, version, time and whom it concerned; no content."""
    blank: dict[str, Any] = {
        "title": "",
        "description": "",
        "location": "",
        "category": "",
        "recurrence": None,
        "exceptions": None,
    }
    blank |= {"attendees": None, "reminders": None, "deleted": True}
    save(connection, row, blank, now)


def concerned(before: Row, after: Row) -> str:
    """Return logins and addresses of those whom a change may concern, one a line: also those of earlier changes,
    whom a reader of the feed may not have met.
    """
    people = {before["owner"], after["owner"], *filter(None, before["concerns"].split("\n"))}
    for row in (before, after):
        people.update(email for email, _, _ in orjson.loads(row["attendees"] or "[]"))
    return "\n".join(sorted(people))
