"""Everything the stand-in knows: users, records, sessions, switches and faults (opencrm.md 4.2 and 4.3)."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from calsync.sandbox.faults import Fault

#: Numbers of the modules in ids such as 18x42.
EVENTS, USERS = "18", "19"

SESSION_IDLE, SESSION_LIFE = timedelta(seconds=1800), timedelta(seconds=86400)
CHALLENGE_LIFE = timedelta(minutes=5)
_STAMP = "%Y-%m-%d %H:%M:%S"

#: What a record of an event must have.
MANDATORY = (
    "subject",
    "assigned_user_id",
    "date_start",
    "time_start",
    "due_date",
    "time_end",
    "duration_hours",
    "eventstatus",
    "activitytype",
)
FIELDS = (
    *MANDATORY,
    "duration_minutes",
    "description",
    "location",
    "visibility",
    "recurringtype",
    "reminder_time",
    "sendnotification",
    "createdtime",
    "modifiedtime",
    "modifiedby",
)


class Failure(Exception):
    """An answer that says `success: false`."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code, self.message = code, message or code.replace("_", " ").capitalize()


@dataclass(slots=True)
class Switches:
    """Behaviours that are not settled; each default is what was seen, or read in the source.

    `page_size`: rows that a query and a batch of `sync` have at most, whatever was asked for.
    `query_shows_private`: events that others keep private are in queries all the same (seen on 8.2, against the source).
    `sync`: "works", or "broken" as on PHP 8 · `sync_ahead_seconds`: how far the server's zone moves the times that `sync`
    compares · `deleted_code`: what `retrieve` says of a deleted record.
    `subject_limit`, `location_limit`: texts are cut there · `wide`: characters above U+FFFF are "question"
    marks afterwards, or "keep" · `omitted_reminder`: a write without `reminder_time` does "clear" it, or "keep" it.
    `clock_ahead_seconds`: how far the server's clock is ahead.
    """

    page_size: int = 100
    query_shows_private: bool = False
    sync: str = "works"
    sync_ahead_seconds: int = 0
    deleted_code: str = "ACCESS_DENIED"
    subject_limit: int = 100
    location_limit: int = 150
    wide: str = "question"
    omitted_reminder: str = "clear"
    clock_ahead_seconds: int = 0


@dataclass(slots=True)
class User:
    """A user; `shares_with` are logins that may see what of their calendar is public."""

    id: str
    login: str
    email: str
    access_key: str
    zone: str
    admin: bool = False
    may_write: bool = True
    shares_with: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Session:
    """A login that lasts."""

    login: str
    began: datetime
    used: datetime


@dataclass(slots=True)
class World:
    """The state behind the server; every access holds `lock`."""

    users: dict[str, User] = field(default_factory=dict)
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    deleted: dict[str, dict[str, str]] = field(default_factory=dict)
    challenges: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    custom_fields: set[str] = field(default_factory=set)
    switches: Switches = field(default_factory=Switches)
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    #: By record, the fields that people have changed since it was last retrieved.
    unseen: dict[str, set[str]] = field(default_factory=dict)
    #: Records as they were when the web service replaced, or deleted, what no look could have shown; `names` of fields.
    overtaken: list[dict[str, Any]] = field(default_factory=list)
    last_id: int = 100

    def now(self) -> datetime:
        """Return the server's time, to the second."""
        ahead = timedelta(seconds=self.switches.clock_ahead_seconds)
        return datetime.now(UTC).replace(microsecond=0) + ahead

    def next_id(self) -> str:
        """Return the number of a new record."""
        self.last_id += 1
        return str(self.last_id)

    def add_user(self, login: str, **facts: Any) -> User:
        """Add a user, or return the one who is there."""
        if login not in self.users:
            user = User(
                f"{USERS}x{self.next_id()}",
                login,
                facts.get("email", f"{login}@example.com"),
                secrets.token_hex(8),
                facts.get("zone", "Europe/London"),
                facts.get("admin", False),
                facts.get("may_write", True),
            )
            self.users[login] = user
        self.users[login].shares_with.update(facts.get("shares_with", ()))
        return self.users[login]

    # -- sessions --------------------------------------------------------------------------------------

    def challenge(self, login: str) -> str:
        """Return a token to log in with."""
        token = secrets.token_hex(7)
        self.challenges[login] = token, self.now() + CHALLENGE_LIFE
        return token

    def log_in(self, login: str, digest: str) -> str:
        """Return the name of a new session; a token is used once."""
        token, until = self.challenges.pop(login, ("", self.now()))
        if not token or until < self.now():
            raise Failure("INVALID_AUTH_TOKEN")
        user = self.users.get(login)
        # The protocol asks for MD5; it proves no more than that the key is known.
        wanted = hashlib.md5((token + user.access_key).encode()).hexdigest() if user else ""  # noqa: S324
        if digest != wanted:
            raise Failure("INVALID_USER_CREDENTIALS")
        name = secrets.token_hex(12)
        self.sessions[name] = Session(login, self.now(), self.now())
        return name

    def who(self, name: str) -> User:
        """Return the user of a session."""
        if not name:
            raise Failure("AUTHENTICATION_REQUIRED")
        session = self.sessions.get(name)
        if session is None:
            raise Failure("INVALID_SESSIONID")
        now = self.now()
        if now - session.began > SESSION_LIFE or now - session.used > SESSION_IDLE:
            del self.sessions[name]
            raise Failure("SESSION_EXPIRED" if now - session.began > SESSION_LIFE else "SESSION_LEFT_IDLE")
        session.used = now
        return self.users[session.login]

    # -- records ---------------------------------------------------------------------------------------

    def may_read(self, user: User, record: dict[str, str]) -> bool:
        """Return whether a user sees a record: theirs, or public in a calendar that is shared with them."""
        if user.admin or record["assigned_user_id"] == user.id:
            return True
        owner = next((other for other in self.users.values() if other.id == record["assigned_user_id"]), None)
        return owner is not None and user.login in owner.shares_with and record["visibility"] == "Public"

    def may_write(self, user: User, record: dict[str, str]) -> bool:
        """Return whether a user changes and deletes a record."""
        return user.may_write and (user.admin or record["assigned_user_id"] == user.id)

    def create(self, user: User, values: dict[str, str]) -> dict[str, str]:
        """Store a new record and return it."""
        stamp = self.now().strftime(_STAMP)
        record = dict.fromkeys((*FIELDS, *self.custom_fields), "") | {"visibility": "all"}
        record |= {"id": f"{EVENTS}x{self.next_id()}", "createdtime": stamp, "recurringtype": "--None--"}
        self._store(record, {"assigned_user_id": user.id, "activitytype": "Meeting"} | values, user)
        self.records[record["id"]] = record
        return record

    def change(self, user: User, record: dict[str, str], values: dict[str, str]) -> dict[str, str]:
        """Change fields of a record and return it."""
        if self.switches.omitted_reminder == "clear":
            values = {"reminder_time": ""} | values
        self._store(record, values, user)
        return record

    def edit(self, user: User, record: dict[str, str], values: dict[str, str]) -> dict[str, str]:
        """Change fields of a record as a person does, and return it."""
        before = dict(record)
        after = self.change(user, record, values)
        self.unseen.setdefault(record["id"], set()).update(
            name for name in values if before.get(name) != after.get(name)
        )
        return after

    def overtake(self, record: dict[str, str], names: Iterable[str]) -> None:
        """Note what the web service is about to replace unseen."""
        unseen = self.unseen.get(record["id"], set())
        replaced = unseen.intersection(names)
        if replaced:
            self.overtaken.append({"names": sorted(replaced), "values": dict(record)})
            unseen -= replaced

    def _store(self, record: dict[str, str], values: dict[str, str], user: User) -> None:
        known = {*FIELDS, *self.custom_fields} - {"createdtime", "modifiedtime", "modifiedby"}
        changed = {name: self._stored(name, str(value)) for name, value in values.items() if name in known}
        missing = [name for name in MANDATORY if not (record | changed).get(name)]
        if missing:
            raise Failure("MANDATORY_FIELDS_MISSING", f"{missing[0]} does not have a value")
        owners = {other.id for other in self.users.values()}
        if (record | changed)["assigned_user_id"] not in owners:
            raise Failure("REFERENCE_INVALID", "Invalid reference specified for assigned_user_id")
        record.update(changed)
        record |= {"modifiedtime": self.now().strftime(_STAMP), "modifiedby": user.id}

    def _stored(self, name: str, value: str) -> str:
        if self.switches.wide == "question":
            value = "".join(letter if ord(letter) < 0x10000 else "????" for letter in value)
        limits = {"subject": self.switches.subject_limit, "location": self.switches.location_limit}
        if name == "reminder_time" and value == "0":
            return "60"
        return value[: limits[name]] if name in limits else value

    def delete(self, record: dict[str, str]) -> None:
        """Delete a record softly: its time of change moves, so that `sync` tells."""
        del self.records[record["id"]]
        self.deleted[record["id"]] = record | {"modifiedtime": self.now().strftime(_STAMP)}


#: One request at a time: the stand-in is about semantics, not throughput.
lock = threading.RLock()
