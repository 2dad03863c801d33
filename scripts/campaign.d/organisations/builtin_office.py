"""The built-in CRM as its people use it, with some who put into its tables what no form would let them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from calsync.crm.builtin.changes import save
from calsync.crm.builtin.rest import Desk
from calsync.crm.builtin.tables import events
from calsync.model.permission import Person
from organisations.charter import SECURITIES, Charter
from organisations.district import LOGINS, District
from organisations.papers import OCCURRENCES, Occurrence, Paper

_LENGTH = timedelta(minutes=5)


class BuiltinOffice:
    """Keeps papers as records of the built-in CRM."""

    series = True
    guests = True
    kinds = ("meeting", "call", "task", "other")
    statuses = ("planned", "planned", "planned", "planned", "held", "not_held", "cancelled")
    categories = ("", "Board", "sales trip", "Personal")
    securities = (*SECURITIES, "private_group", "private_group", "secret7")
    owners = (*LOGINS, "nobody")

    def __init__(self, district: District, charter: Charter, sync: dict[str, Any]) -> None:
        self._district, self._charter = district, charter
        charter.meaning = {name: name for name in SECURITIES}
        district.open(district.builtin, sync)
        self.seat()

    def seat(self) -> None:
        """Give everybody their role and teams."""
        rows = [
            (member.role, json.dumps(sorted(member.teams)), member.login)
            for member in self._charter.members.values()
        ]
        with self._district.books.begin() as connection:
            for row in rows:
                connection.exec_driver_sql("UPDATE crm_user SET role = ?, teams = ? WHERE login = ?", row)
        # As the CRM does it, for everybody who may share a team with somebody.
        one = next(iter(self._charter.members.values()))
        self._district.builtin.set_access(one.login, one.role, sorted(one.teams))

    def govern(self, sync: dict[str, Any]) -> None:
        """Let other keys of [sync] hold."""
        self._district.govern(sync)
        self._district.parts.policy = self._district.policy

    def make(self, paper: Paper) -> None:
        """Add a record."""
        with self._district.books.begin() as connection:
            desk = Desk(connection, "boss", self._district.clock())
            paper.key = desk.create(self._document(paper) | self._times(paper))["id"]
            paper.stored_owner = _known(paper.owner)
            self._keep(connection, paper)

    def store(self, paper: Paper) -> None:
        """Give a record what its paper says."""
        with self._district.books.begin() as connection:
            desk = Desk(connection, "boss", self._district.clock())
            # Who may do that in a form is not what this is about.
            desk.person = Person(paper.stored_owner, "", admin=True)
            desk.change(paper.key, self._document(paper), None)
            paper.stored_owner = _known(paper.owner)
            self._keep(connection, paper)

    def _keep(self, connection: Connection, paper: Paper) -> None:
        """Put into the tables what a form refuses: security and owners that nobody knows."""
        paper.stored = set(paper.exceptions)
        odd = {}
        if paper.security not in SECURITIES:
            odd["security"] = paper.security
        if paper.owner not in LOGINS:
            odd["owner"] = paper.stored_owner = paper.owner
        if odd:
            row = connection.execute(select(events).where(events.c.id == paper.key)).mappings().one()
            save(connection, row, odd, self._district.clock())

    def erase(self, paper: Paper) -> None:
        """Delete a record."""
        with self._district.books.begin() as connection:
            desk = Desk(connection, "boss", self._district.clock())
            desk.person = Person(paper.stored_owner, "", admin=True)
            desk.remove(paper.key, None)

    def snapshot(self) -> object:
        """Return all that the CRM holds of records, versions included."""
        query = "SELECT * FROM crm_event ORDER BY id"
        return self._district.books_driver.execute(query).fetchall()

    def _document(self, paper: Paper) -> dict[str, Any]:
        people = [{"email": email, "response": answer} for email, answer in paper.guests.items()]
        people += [{"email": f"{word}@guests.test", "name": f"Guest {word}"} for word in paper.strangers]
        document: dict[str, Any] = {
            **paper.texts,
            "attendees": people,
            "activity_type": paper.kind,
            "status": paper.status,
            "category": paper.category,
            "team": paper.team,
            "security": paper.security if paper.security in SECURITIES else "private",
            "owner": _known(paper.owner),
        }
        if paper.series:
            document["exceptions"] = [
                self._exception(paper, number, part) for number, part in paper.exceptions.items()
            ] + [
                {"original_start": paper.start(number).isoformat(), "restored": True}
                for number in sorted(paper.stored - paper.exceptions.keys())
            ]
        return document

    def _times(self, paper: Paper) -> dict[str, Any]:
        if paper.whole_day is not None:
            end = paper.whole_day + timedelta(days=1)
            return {"start": paper.whole_day.isoformat(), "end": end.isoformat()}
        start = paper.start()
        times: dict[str, Any] = {"start": start.isoformat(), "end": (start + _LENGTH).isoformat()}
        if paper.series:
            times["recurrence"] = [f"RRULE:FREQ=DAILY;COUNT={OCCURRENCES}"]
        return times

    def _exception(self, paper: Paper, number: int, part: Occurrence | None) -> dict[str, Any]:
        document: dict[str, Any] = {"original_start": paper.start(number).isoformat()}
        if part is None:
            return document | {"cancelled": True}
        document |= part.texts
        if part.slot is not None:
            start = paper.moved(number, part.slot)
            document |= {"start": start.isoformat(), "end": (start + _LENGTH).isoformat()}
        if part.guest:
            document["attendees"] = [{"email": f"{part.guest}@guests.test", "name": f"Guest {part.guest}"}]
        return document


def _known(owner: str) -> str:
    return owner if owner in LOGINS else "dee"
