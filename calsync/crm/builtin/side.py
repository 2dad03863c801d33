"""One user's calendar in the built-in CRM, as a `CalendarSide`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    or_,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from calsync.crm.builtin.changes import erase, new_ids, person_of, save, teams_of
from calsync.crm.builtin.records import (
    Row,
    content,
    dump_attendees,
    event_of,
    nature_of,
    record_of,
)
from calsync.crm.builtin.tables import counter, events, insert_all, next_numbers, stamp, users
from calsync.crm.patching import patched
from calsync.model.errors import CursorExpired, Later, NotTried, Refused, SideError, Stale, Unmappable
from calsync.model.event import ANSWER, Event, Response, Visibility
from calsync.model.permission import Access, Level, Person, Record, Security, decide
from calsync.model.side import (
    Create,
    Delete,
    Item,
    Outcome,
    Page,
    Revive,
    SideName,
    Update,
    Write,
)
from calsync.question import Question

PAGE_SIZE = 500

_CHANGES = select(events).where(events.c.seq > bindparam("seq")).order_by(events.c.seq).limit(PAGE_SIZE)
_ACCESS_VERSION = Question(select(users.c.access_version).where(users.c.login == bindparam("who")))
_END = select(counter.c.value)
_LATEST = Question(_END)
_BY_ID = select(events).where(events.c.id == bindparam("key"))


class BuiltinSide:
    """The calendar of one user; every write is allowed or refused by that user's permissions."""

    name = SideName.CRM
    tells_before = True
    #: All of them are one transaction.
    batch = 500
    mails = 0

    def __init__(self, engine: Engine, login: str, clock: Callable[[], datetime]) -> None:
        """`clock` returns aware datetimes."""
        self._engine, self._login, self._clock = engine, login, clock
        self._person: Person | None = None
        self._teams: Mapping[str, frozenset[str]] = {}
        self.calls = 0

    def access_version(self) -> str:
        """Return a value that moves with the user's role, teams or address."""
        found = _ACCESS_VERSION.ask(self._engine, who=self._login)
        return str(found[0][0] if found else None)

    def marker(self, key: str) -> str:
        """Name a record: by its id."""
        return key

    def chosen_key(self, marker: str, generation: int) -> str:
        """The CRM chooses its ids."""
        return ""

    def observe(self, cursor: str | None) -> Iterator[Page]:
        """Yield the change feed since a place in it, or everything that concerns the user."""
        if cursor is None:
            yield from self._everything()
            return
        if not cursor.isdigit():
            raise CursorExpired("CRM: the place in the change feed is not a number")
        seq = int(cursor)
        if _LATEST.ask(self._engine) == [(seq,)]:
            self.calls += 1
            yield Page([], cursor)
            return
        while True:
            self.calls += 1
            with self._engine.connect().execution_options(reading=True) as connection:
                rows = connection.execute(_CHANGES, {"seq": seq}).mappings().all()
                items = [self._item(connection, row) for row in rows]
                if not rows and seq > connection.execute(_END).scalar_one():
                    raise CursorExpired("CRM: the change feed ends before the place where we were")
            seq = rows[-1]["seq"] if rows else seq
            last = len(rows) < PAGE_SIZE
            yield Page(items, str(seq) if last else None)
            if last:
                return

    def _everything(self) -> Iterator[Page]:
        with self._engine.connect().execution_options(reading=True) as connection:
            start = str(connection.execute(_END).scalar_one())
        after = ""
        while True:
            self.calls += 1
            with self._engine.connect().execution_options(reading=True) as connection:
                rows = connection.execute(self._mine(connection, after)).mappings().all()
                items = [self._item(connection, row) for row in rows]
            after = rows[-1]["id"] if rows else after
            last = len(rows) < PAGE_SIZE
            yield Page([item for item in items if _concerns(item)], start if last else None, complete=True)
            if last:
                return

    def _mine(self, connection: Connection, after: str) -> Any:
        person = self._who(connection)
        mates = [login for login, teams in self._teams.items() if teams & person.teams]
        ours = or_(
            events.c.owner == person.login,
            events.c.attendees.contains(f'"{person.email}"', autoescape=True),
            events.c.team.in_(person.teams),
            events.c.owner.in_(mates),
        )
        living = events.c.deleted.is_(False)
        return select(events).where(events.c.id > after, living, ours).order_by(events.c.id).limit(PAGE_SIZE)

    def read(self, key: str) -> Item | None:
        """Return a record; a deleted one is gone, an unknown id is None."""
        self.calls += 1
        with self._engine.connect().execution_options(reading=True) as connection:
            row = connection.execute(_BY_ID, {"key": key}).mappings().first()
            return self._item(connection, row) if row else None

    def find(self, marker: str) -> Item | None:
        """Return the living copy of an original, else the tombstone of the latest."""
        self.calls += 1
        # Whoever has it by now: a marker names one person's event, and nobody but us writes any.
        query = select(events).where(events.c.marker == marker)
        with self._engine.connect().execution_options(reading=True) as connection:
            query = query.order_by(events.c.deleted, events.c.seq.desc()).limit(1)
            row = connection.execute(query).mappings().first()
            return self._item(connection, row) if row else None

    def write(self, batch: Sequence[Write]) -> Iterator[Outcome]:
        """Carry out a batch in one transaction: all of it is durable, or nothing."""
        self.calls += 1
        try:
            with self._engine.begin() as connection:
                outcomes = self._write_all(connection, batch)
        except SQLAlchemyError as error:
            reason = f"CRM: the database cannot be written ({type(error).__name__})"
            return iter([Later(reason), *[NotTried(reason)] * (len(batch) - 1)])
        return iter(outcomes)

    def _write_all(self, connection: Connection, batch: Sequence[Write]) -> list[Outcome]:
        creates = [write for write in batch if isinstance(write, Create)]
        created = iter(self._create_all(connection, creates)) if creates else iter(())
        outcomes: list[Outcome] = []
        for write in batch:
            if isinstance(write, Create):
                outcomes.append(next(created))
                continue
            try:
                outcomes.append(self._change(connection, write))
            except SideError as error:
                outcomes.append(error)
        return outcomes

    def _create_all(self, connection: Connection, creates: Sequence[Create]) -> list[Outcome]:
        # First, since it waits for other writers: what they have made is there afterwards.
        numbers = next_numbers(connection, len(creates))
        markers = [write.marker for write in creates]
        query = select(events).where(events.c.marker.in_(markers), events.c.deleted.is_(False))
        there = {row["marker"]: row for row in connection.execute(query).mappings()}
        access = self._own_access(connection)
        now = _time(stamp(connection, self._clock()))
        rows: list[dict[str, Any]] = []
        outcomes: list[Outcome] = []
        for write, key, seq in zip(creates, new_ids(now, len(creates)), numbers, strict=True):
            if write.marker in there:
                outcomes.append(self._item(connection, there[write.marker]))
                continue
            if access.level < Level.EDIT:
                outcomes.append(Refused(f"CRM: no permission to create ({access.because})"))
                continue
            row = self._new_row(write, key, seq, now)
            rows.append(row)
            outcomes.append(_created(row, write, now, access))
        insert_all(connection, rows)
        return outcomes

    def _new_row(self, write: Create, key: str, seq: int, now: datetime) -> dict[str, Any]:
        private = write.event.redacted or write.event.visibility is Visibility.PRIVATE
        return content(write.event) | {
            "id": key,
            "seq": seq,
            "version": 1,
            "modified": round(now.timestamp() * 1000),
            "deleted": False,
            "owner": self._login,
            "marker": write.marker or None,
            "concerns": "\n".join({self._login, *(guest.email for guest in write.event.attendees)}),
            "status": "planned",
            "activity_type": "meeting",
            "security": Security.PRIVATE.value if private else Security.PUBLIC_READ.value,
            "team": "",
            "category": "",
        }

    def _change(self, connection: Connection, write: Update | Delete | Revive) -> Item | None:
        row = connection.execute(_BY_ID, {"key": write.key}).mappings().first()
        if isinstance(write, Revive):
            return self._revive(connection, row, write)
        if row is None or row["deleted"]:
            if isinstance(write, Delete):
                return None
            raise Stale("CRM: the record is deleted")
        if write.version and write.version != str(row["version"]):
            raise Stale("CRM: the record has changed")
        access = decide(self._who(connection), record_of(row, self._teams))
        if isinstance(write, Delete):
            return self._delete(connection, row, access, write)
        if ANSWER in write.patch.fields:
            return self._answer(connection, row, write.patch.event)
        if access.level < Level.EDIT:
            raise Refused(f"CRM: no permission to edit ({access.because})")
        return self._update(connection, row, write)

    def _answer(self, connection: Connection, row: Row, event: Event) -> Item | None:
        """Note what a person who may not edit a record answers to its invitation."""
        before, email = event_of(row), self._who(connection).email
        own = next((person for person in event.attendees if person.email == email), None)
        if own is None or all(person.email != email for person in before.attendees):
            raise Refused("CRM: the person is not invited")
        return replace(self._respond(connection, row, own.response), before=before)

    def _respond(self, connection: Connection, row: Row, response: Response) -> Item:
        email = self._who(connection).email
        people = tuple(
            replace(person, response=response) if person.email == email else person
            for person in event_of(row).attendees
        )
        return self._save(connection, row, {"attendees": dump_attendees(people)})

    def _revive(self, connection: Connection, row: Row | None, write: Revive) -> Item:
        """Put a deleted record back; only its owner can, and only with what it was."""
        if row is None or not row["deleted"]:
            raise Stale("CRM: there is no such deleted record")
        if row["owner"] != self._login or write.event is None:
            raise Refused(
                "CRM: only the owner's own record, of which the content is known, can be brought back"
            )
        return self._save(connection, row, content(write.event) | {"deleted": False})

    def _update(self, connection: Connection, row: Row, write: Update) -> Item | None:
        try:
            before = event_of(row)
            event = patched(before, write.patch)
        except Unmappable as error:
            raise Refused(f"CRM: {error}") from error
        values = content(event)
        # What a record is to others is its owner's to say, not that of everybody who may edit it.
        if "visibility" in write.patch.fields and row["owner"] == self._login:
            values["security"] = _security(row["security"], write.patch.event.visibility)
        return replace(self._save(connection, row, values), before=before)

    def _delete(self, connection: Connection, row: Row, access: Access, write: Delete) -> Item | None:
        may_delete = access.level >= Level.DELETE and not write.leaves
        if may_delete and write.heir in self._teams:
            # Others still take part: it becomes theirs.
            row = save(connection, row, {"owner": write.heir}, self._clock())
        elif may_delete:
            erase(connection, row, self._clock())
            return Item(row["id"], gone=True, before=_last_known(row))
        email = self._who(connection).email
        if any(person.email == email for person in event_of(row).attendees):
            return self._respond(connection, row, Response.DECLINED)
        if not (write.heir or write.leaves):
            raise Refused(f"CRM: no permission to delete ({access.because})")
        return self._item(connection, row)

    def _save(self, connection: Connection, row: Row, values: dict[str, Any]) -> Item:
        stored = save(connection, row, values, self._clock())
        return self._item(connection, stored)

    def _item(self, connection: Connection, row: Row) -> Item:
        version, modified = str(row["version"]), _time(row["modified"])
        access = decide(self._who(connection), record_of(row, self._teams))
        if row["deleted"] or row["status"] == "cancelled":
            marker = row["marker"] or ""
            return Item(row["id"], version, gone=True, modified=modified, marker=marker, access=access)
        if access.level is Level.NONE:
            return Item(row["id"], version, modified=modified, access=access)
        try:
            event = event_of(row)
        except Unmappable as error:
            return Item(row["id"], version, modified=modified, access=access, problem=str(error))
        return Item(
            row["id"],
            version,
            event,
            modified=modified,
            marker=row["marker"] or "",
            untouched=row["version"] == 1,
            access=access,
            nature=nature_of(row),
        )

    def _own_access(self, connection: Connection) -> Access:
        person = self._who(connection)
        return decide(person, Record(self._login, Security.PUBLIC_READ, owner_teams=person.teams))

    def _who(self, connection: Connection) -> Person:
        if self._person is None:
            self._teams = teams_of(connection)
            self._person = person_of(connection, self._login)
        return self._person


def _last_known(row: Row) -> Event | None:
    try:
        return event_of(row)
    except Unmappable:
        return None


def _created(row: Row, write: Create, now: datetime, access: Access) -> Item:
    # Without a look at the row, unless it holds less than was written: exceptions are kept as differences.
    event = write.event if not write.event.exceptions else event_of(row)
    if event.visibility is Visibility.PUBLIC or event.redacted:
        shown = Visibility.PRIVATE if event.redacted else Visibility.DEFAULT
        event = replace(event, visibility=shown, redacted=False)
    return Item(
        row["id"], "1", event, modified=now, marker=write.marker, access=access, nature=nature_of(row)
    )


def _security(current: str, visibility: Visibility) -> str:
    if visibility is Visibility.PRIVATE:
        return Security.PRIVATE.value
    return Security.PUBLIC_READ.value if current == Security.PRIVATE else current


def _concerns(item: Item) -> bool:
    return item.gone or (item.access is not None and bool(item.access.relations))


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
