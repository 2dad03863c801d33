"""The link table, and a link in memory: one row, changed while it is settled, then saved whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from calsync.annotation import about
from calsync.model.link import Base, Face, Intent, Kind, Verb
from calsync.model.permission import Access, Level, Relation
from calsync.model.side import SideName
from calsync.store.contents import Content
from calsync.store.database import UtcDateTime, metadata

KEY = String(1024)

links = Table(
    "link",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("origin", String(10), nullable=False),
    Column("generation", SmallInteger, nullable=False, default=0),
    Column("google_key", KEY),
    Column("google_version", String(200), nullable=False, default=""),
    Column("google_state", String(10), nullable=False),
    Column("google_seen", LargeBinary),
    Column("google_modified", UtcDateTime),
    Column("crm_key", KEY),
    Column("crm_version", String(200), nullable=False, default=""),
    Column("crm_state", String(10), nullable=False),
    Column("crm_seen", LargeBinary),
    Column("crm_modified", UtcDateTime),
    Column("access", String(100), nullable=False, default=""),
    Column("google_access", String(100), nullable=False, default=""),
    Column("meeting", BigInteger),
    Column("meets_at", BigInteger),
    Column("hides", Boolean, nullable=False, default=False),
    Column("veiled", Boolean, nullable=False, default=False),
    Column("base", Text),
    Column("intents", Text),
    Column("dirty", Boolean, nullable=False),
    Column("held", Boolean, nullable=False, default=False),
    Column("match", BigInteger),
    Column("wake_day", Date),
    Column("attempts", SmallInteger, nullable=False, default=0),
    Column("retry_at", UtcDateTime),
    Column("cause", String(300)),
    Column("cause_side", String(10)),
    Column("cause_since", UtcDateTime),
    Index("link_google", "account_id", "google_key", unique=True),
    Index("link_crm", "account_id", "crm_key", unique=True),
    # The id of a link that is gone never names another one.
    sqlite_autoincrement=True,
    info=about(
        owner="account_id",
        why="to know which entries of the two calendars belong together and what both held when they last agreed",
        life="as long as the account; contents only until the entry is settled",
        sealed="google_seen crm_seen",
        technical="id account_id generation dirty held attempts retry_at cause_side cause_since",
        keys="google_key google_version crm_key crm_version",
        content="google_seen crm_seen",
        digests="base intents meeting meets_at match",
        choices="origin google_state crm_state access google_access hides veiled cause",
        times="google_modified crm_modified wake_day",
    ),
)
#: Few links are unsettled: indexes of only those are small, and say at once that there are none. Ordered by id,
#: as they are read; an index of the texts themselves would hold them twice, and PostgreSQL limits their length.
_UNSETTLED = {
    # SQLite uses an index only for the very words of its condition.
    "link_dirty": (links.c.id, "dirty = 1", "dirty"),
    "link_intents": (links.c.id, "intents IS NOT NULL", "intents IS NOT NULL"),
    "link_match": (links.c.match, "match IS NOT NULL", "match IS NOT NULL"),
    "link_wake": (links.c.wake_day, "wake_day IS NOT NULL", "wake_day IS NOT NULL"),
    "link_cause": (links.c.cause_since, "cause_since IS NOT NULL", "cause_since IS NOT NULL"),
}
#: The same number on the calendars of several accounts.
Index(
    "link_meeting",
    links.c.meeting,
    sqlite_where=text("meeting IS NOT NULL"),
    postgresql_where=text("meeting IS NOT NULL"),
)
for _name, (_column, _sqlite, _postgresql) in _UNSETTLED.items():
    Index(_name, links.c.account_id, _column, sqlite_where=text(_sqlite), postgresql_where=text(_postgresql))


@dataclass(slots=True)
class Half:
    """What a link knows of one side. `seen` is the content of an unsettled sight: sealed once it was stored."""

    key: str | None = None
    version: str = ""
    state: Kind = Kind.NEVER
    seen: Content | bytes | None = None
    modified: datetime | None = None


@dataclass(slots=True)
class Link:
    """A row in memory: changed while it is settled, then saved whole. `id` is 0 until it is stored.

    `meeting`, `meets_at`: see `model.side.Item`. `hides`: the Google event is private, so that the CRM gets the time
    alone; `veiled`: so is the copy of somebody else who takes part in the same CRM record.
    """

    account_id: int
    origin: SideName
    google: Half
    crm: Half
    id: int = 0
    generation: int = 0
    access: Access | None = None
    google_access: Access | None = None
    meeting: int | None = None
    meets_at: int | None = None
    hides: bool = False
    veiled: bool = False
    base: Base = field(default_factory=Base)
    intents: tuple[Intent, ...] = ()
    dirty: bool = True
    held: bool = False
    match: int | None = None
    wake_day: date | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    cause: str | None = None
    cause_side: SideName | None = None
    cause_since: datetime | None = None

    def half(self, side: SideName) -> Half:
        """Return one side's half."""
        return self.google if side is SideName.GOOGLE else self.crm

    def park(self, side: SideName, cause: str, now: datetime) -> None:
        """Set the link aside with a reason (codes and field names only, no content)."""
        self.cause, self.cause_side, self.cause_since = cause[:300], side, now
        self.dirty = False

    def unpark(self) -> None:
        """Forget why the link was set aside, and have it settled."""
        self.dirty = self.dirty or self.cause is not None
        self.cause = self.cause_side = self.cause_since = None


_SIDES = {side.value: side for side in SideName}
_KINDS = {kind.value: kind for kind in Kind}


def values_of(link: Link) -> dict[str, Any]:
    """Return the columns of a link, all but its id."""
    values = bare_values_of(link)
    values["google_seen"], values["crm_seen"] = _sealed(link.google), _sealed(link.crm)
    return values


def bare_values_of(link: Link) -> dict[str, Any]:
    """Return the columns of a link, all but its id and content."""
    google, crm = link.google, link.crm
    return {
        "account_id": link.account_id,
        "origin": link.origin.value,
        "generation": link.generation,
        "google_key": google.key,
        "google_version": google.version,
        "google_state": google.state.value,
        "google_modified": google.modified,
        "crm_key": crm.key,
        "crm_version": crm.version,
        "crm_state": crm.state.value,
        "crm_modified": crm.modified,
        "access": _dump_access(link.access),
        "google_access": _dump_access(link.google_access),
        "meeting": link.meeting,
        "meets_at": link.meets_at,
        "hides": link.hides,
        "veiled": link.veiled,
        "base": _dump_base(link.base),
        "intents": dump_intents(link.intents),
        "dirty": link.dirty,
        "held": link.held,
        "match": link.match,
        "wake_day": link.wake_day,
        "attempts": link.attempts,
        "retry_at": link.retry_at,
        "cause": link.cause,
        "cause_side": link.cause_side.value if link.cause_side else None,
        "cause_since": link.cause_since,
    }


def _sealed(half: Half) -> bytes | None:
    seen = half.seen
    return seen.sealed(half.key) if isinstance(seen, Content) else seen


def link_of(row: Sequence[Any]) -> Link:
    """Return the link of a row that has every column, in the order of the table."""
    link_id, account_id, origin, generation = row[:4]
    google_key, google_version, google_state, google_seen, google_modified = row[4:9]
    crm_key, crm_version, crm_state, crm_seen, crm_modified = row[9:14]
    access, google_access, meeting, meets_at, hides, veiled = row[14:20]
    base, intents, dirty, held, match, wake_day, attempts, retry_at = row[20:28]
    cause, cause_side, cause_since = row[28:]
    origin = _SIDES[origin]
    return Link(
        account_id,
        origin,
        Half(google_key, google_version, _KINDS[google_state], google_seen, google_modified),
        Half(crm_key, crm_version, _KINDS[crm_state], crm_seen, crm_modified),
        link_id,
        generation,
        _load_access(access),
        _load_access(google_access),
        meeting,
        meets_at,
        hides,
        veiled,
        _load_base(base, origin),
        _load_intents(intents),
        dirty,
        held,
        match,
        wake_day,
        attempts,
        retry_at,
        cause,
        _SIDES[cause_side] if cause_side else None,
        cause_since,
    )


def _dump_access(access: Access | None) -> str:
    if access is None:
        return ""
    relations = ",".join(sorted(access.relations)) if access.relations else ""
    return f"{int(access.level)}:{relations}:{access.because}"


@lru_cache(maxsize=256)
def _load_access(stored: str) -> Access | None:
    if not stored:
        return None
    level, relations, because = stored.split(":", 2)
    return Access(Level(int(level)), because, frozenset(map(Relation, filter(None, relations.split(",")))))


def _dump_base(base: Base) -> str | None:
    if base.google is None and base.crm is None:
        return None
    if base.google == base.crm:
        return orjson.dumps({"both": base.google}).decode()
    return orjson.dumps({"google": base.google, "crm": base.crm}).decode()


def _load_base(stored: str | None, origin: SideName) -> Base:
    if stored is None:
        return Base(None, None, origin)
    faces: Mapping[str, Face] = orjson.loads(stored)
    both = faces.get("both")
    return Base(both or faces.get("google"), both or faces.get("crm"), origin)


def dump_intents(intents: tuple[Intent, ...]) -> str | None:
    """Return intents as they are stored."""
    if not intents:
        return None
    rows = [
        # A copy's source is what is sent, nearly always: once is enough.
        (i.side, i.verb, i.key, i.marker, i.version, i.sent, None if i.source == i.sent else i.source)
        for i in intents
    ]
    return orjson.dumps(rows).decode()


def _load_intents(stored: str | None) -> tuple[Intent, ...]:
    if stored is None:
        return ()
    return tuple(
        Intent(SideName(side), Verb(verb), key, marker, version, sent, sent if source is None else source)
        for side, verb, key, marker, version, sent, source in orjson.loads(stored)
    )
