"""Questions to the link table: which links are there, which are unsettled, and what is written back.

Statements are made once and run for many rows; nothing here is called once per event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Date,
    Engine,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from calsync.model.link import Kind
from calsync.model.side import SideName
from calsync.question import Question
from calsync.store.database import Bulk, UtcDateTime
from calsync.store.link_rows import Half, Link, bare_values_of, dump_intents, link_of, links, values_of
from calsync.store.meetings import notices

__all__ = ["Half", "Link", "links"]


def by_keys(connection: Connection, account_id: int, side: SideName, keys: Sequence[str]) -> dict[str, Link]:
    """Return an account's links by their keys on one side."""
    column = links.c[f"{side.value}_key"]
    found: dict[str, Link] = {}
    for start in range(0, len(keys), 500):
        query = select(links).where(links.c.account_id == account_id, column.in_(keys[start : start + 500]))
        for link in map(link_of, connection.execute(query)):
            found[link.half(side).key or ""] = link
    return found


def dirty(connection: Connection, account_id: int, after: int, now: datetime, limit: int = 100) -> list[Link]:
    """Return unsettled links in order of id, from the one after `after`."""
    return [link_of(row) for row in connection.execute(_DIRTY, _page(account_id, after, now, limit))]


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Link]:
    """Return links by id."""
    rows = connection.execute(select(links).where(links.c.id.in_(ids)).order_by(links.c.id))
    return [link_of(row) for row in rows]


def unfinished(connection: Connection, account_id: int, limit: int = 100) -> list[Link]:
    """Return links with open intents: a write may or may not have happened."""
    query = _UNFINISHED
    return [link_of(row) for row in connection.execute(query, {"account": account_id, "n": limit})]


def woken(connection: Connection, account_id: int, today: date, limit: int = 500) -> list[Link]:
    """Return links whose event enters the window by `today`."""
    query = select(links).where(links.c.account_id == account_id, links.c.wake_day <= today).limit(limit)
    return [link_of(row) for row in connection.execute(query)]


def present(connection: Connection, account_id: int, side: SideName, newest: int) -> Iterator[int]:
    """Yield ids, up to `newest`, of links whose event is believed to exist on a side."""
    state = links.c[f"{side.value}_state"]
    query = select(links.c.id).where(
        links.c.account_id == account_id,
        links.c.id <= newest,
        links.c[f"{side.value}_key"].is_not(None),
        state.not_in([Kind.GONE, Kind.NEVER]),
    )
    for row in connection.execute(query):
        yield row[0]


def after(connection: Connection, account_id: int, link_id: int, limit: int) -> list[Link]:
    """Return an account's links in order of id, from the one after `link_id`."""
    query = select(links).where(links.c.account_id == account_id, links.c.id > link_id)
    return [link_of(row) for row in connection.execute(query.order_by(links.c.id).limit(limit))]


def newest(connection: Connection) -> int:
    """Return the highest id in use."""
    return connection.execute(select(func.max(links.c.id))).scalar_one() or 0


class Waiting(NamedTuple):
    """Which kinds of unsettled business an account's links have."""

    unfinished: bool
    dirty: bool
    woken: bool
    noticed: bool


def waiting(engine: Engine, account_id: int, now: datetime) -> Waiting:
    """Return what an account's links wait for, in one statement."""
    [flags] = _WAITING.ask(engine, account=account_id, now=now, today=now.date())
    return Waiting(*[bool(flag) for flag in flags])


def reconsider(connection: Connection, account_id: int) -> None:
    """Let an account's links be judged anew, since the rules have moved: those of which something was held are
    unsettled, and no record passes for known by its version.
    """
    everything = update(links).where(links.c.account_id == account_id)
    connection.execute(everything.values(crm_version=""))
    connection.execute(
        update(links).where(links.c.account_id == account_id, links.c.held).values(dirty=True, retry_at=None)
    )


def hasten(connection: Connection, account_id: int) -> None:
    """Let links of an account that wait for a moment wait no longer."""
    waiting = links.c.retry_at.is_not(None)
    connection.execute(update(links).where(links.c.account_id == account_id, waiting).values(retry_at=None))


def by_event(connection: Connection, account_id: int, event_id: str) -> Link | None:
    """Return the link of an event by its id on either side."""
    either = or_(links.c.google_key == event_id, links.c.crm_key == event_id)
    row = connection.execute(select(links).where(links.c.account_id == account_id, either)).first()
    return link_of(row) if row else None


def of_series(connection: Connection, account_id: int, series: str) -> list[Link]:
    """Return the links of a Google series whose occurrences are links of their own, by their original start.

    `series`: its id, which theirs begin with.
    """
    theirs = links.c.google_key.startswith(f"{series}_", autoescape=True)
    query = select(links).where(links.c.account_id == account_id, theirs).order_by(links.c.google_key)
    return [link_of(row) for row in connection.execute(query)]


def parked(connection: Connection, account_id: int | None = None) -> list[Link]:
    """Return links set aside, oldest first: of one account or of all."""
    query = select(links).where(links.c.cause_since.is_not(None)).order_by(links.c.cause_since)
    if account_id is not None:
        query = query.where(links.c.account_id == account_id)
    return [link_of(row) for row in connection.execute(query)]


def count_parked(connection: Connection) -> dict[int, int]:
    """Return how many links of each account are set aside."""
    query = select(links.c.account_id, func.count()).where(links.c.cause_since.is_not(None))
    return dict(connection.execute(query.group_by(links.c.account_id)).tuples().all())


def count_linked(connection: Connection, account_id: int) -> int:
    """Return how many links of an account join two events."""
    query = select(func.count()).where(
        links.c.account_id == account_id, links.c.google_key.is_not(None), links.c.crm_key.is_not(None)
    )
    return int(connection.execute(query).scalar_one())


def pairs(connection: Connection, account_id: int) -> list[tuple[int, int]]:
    """Return ids (seen only on Google, seen only in the CRM) of links that look like the same event.

    Equal events are paired one to one in the order of their ids.
    """
    return [(row[0], row[1]) for row in connection.execute(_PAIRS, {"account": account_id})]


def lonely(connection: Connection, account_id: int, side: SideName) -> frozenset[int]:
    """Return the match numbers of links that were seen on one side only."""
    query = select(links.c.match).where(
        links.c.account_id == account_id,
        links.c.match.is_not(None),
        links.c[f"{side.value}_state"] == Kind.CHANGED,
        links.c[f"{side.other.value}_state"] == Kind.NEVER,
    )
    return frozenset(connection.execute(query).scalars())


def add(connection: Connection, rows: Sequence[Link]) -> None:
    """Insert new links, and give them their ids."""
    _number(connection, rows)
    _INSERT.run(connection, [{"id": link.id, **values_of(link)} for link in rows])


def save(connection: Connection, rows: Iterable[Link]) -> None:
    """Write links back whole; new ones are added."""
    new, old = _apart(rows)
    _SAVE.run(connection, [{"link_id": link.id, **values_of(link)} for link in old])
    add(connection, new)


def save_intents(connection: Connection, rows: Iterable[Link]) -> list[Link]:
    """Put the intents (and generations) of links on record; return those that are new.

    New ones are added as nothing but their intents, without the content they were seen with: if the process dies
    before `save_copied` or `save`, it is read again once the intents are finished.
    """
    new, old = _apart(rows)
    values = [
        {"link_id": link.id, "intents": dump_intents(link.intents), "generation": link.generation}
        for link in old
    ]
    _SAVE_INTENTS.run(connection, values)
    _number(connection, new)
    _INSERT.run(connection, [{"id": link.id, **bare_values_of(link), **_INTENDED} for link in new])
    return new


def save_copied(connection: Connection, side: SideName, rows: Iterable[Link]) -> None:
    """Write back what the copying of new links to `side` has changed, when it left nothing unsettled."""
    copied = _SAVE_COPIED[side]
    copied.run(connection, [{"link_id": link.id, **bare_values_of(link)} for link in rows])


def _apart(rows: Iterable[Link]) -> tuple[list[Link], list[Link]]:
    """Return new links and those that are stored already."""
    new: list[Link] = []
    old: list[Link] = []
    for link in rows:
        (old if link.id else new).append(link)
    return new, old


def _number(connection: Connection, rows: Sequence[Link]) -> None:
    """Give links ids of their own: a bulk insert does not tell which the database would have taken."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        numbers: Iterable[int] = connection.execute(_NEXT_IDS, {"n": len(rows)}).scalars()
    else:
        # Only one transaction writes at a time.
        numbers = count((connection.execute(_LAST_ID).scalar() or 0) + 1)
    number = iter(numbers)
    for link in rows:
        link.id = next(number)


def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Forget links of which nothing is left."""
    if ids:
        connection.execute(delete(links).where(links.c.id.in_(ids)))


def _page(account_id: int, after: int, now: datetime, limit: int) -> dict[str, Any]:
    return {"account": account_id, "after": after, "now": now, "n": limit}


_OF_ACCOUNT = links.c.account_id == bindparam("account")

_NOW_DIRTY = and_(
    links.c.dirty, or_(links.c.retry_at.is_(None), links.c.retry_at <= bindparam("now", type_=UtcDateTime()))
)
_WAITING = Question(
    select(
        exists().where(_OF_ACCOUNT, links.c.intents.is_not(None)),
        exists().where(_OF_ACCOUNT, _NOW_DIRTY),
        exists().where(_OF_ACCOUNT, links.c.wake_day <= bindparam("today", type_=Date())),
        exists().where(notices.c.account_id == bindparam("account")),
    )
)

_DIRTY: Select[Any] = (
    select(links)
    .where(_OF_ACCOUNT, _NOW_DIRTY, links.c.id > bindparam("after"))
    .order_by(links.c.id)
    .limit(bindparam("n"))
)

_UNFINISHED: Select[Any] = (
    select(links).where(_OF_ACCOUNT, links.c.intents.is_not(None)).order_by(links.c.id).limit(bindparam("n"))
)


def _lonely(side: SideName) -> Any:
    """Rows of one side only, numbered among those that look the same."""
    row = links.alias()
    number = func.row_number().over(partition_by=row.c.match, order_by=row.c.id).label("number")
    other = row.c[f"{side.other.value}_state"]
    query = select(row.c.id, row.c.match, number).where(
        row.c.account_id == bindparam("account"), row.c.match.is_not(None), other == Kind.NEVER
    )
    return query.where(row.c[f"{side.value}_state"] == Kind.CHANGED).subquery()


_google_only, _crm_only = _lonely(SideName.GOOGLE), _lonely(SideName.CRM)
_PAIRS = select(_google_only.c.id, _crm_only.c.id).join(
    _crm_only, and_(_google_only.c.match == _crm_only.c.match, _google_only.c.number == _crm_only.c.number)
)

_TYPES = {column.name: column.type for column in links.columns if column.name != "id"}
_ROW = {"link_id": links.c.id.type}
_OF_LINK = links.c.id == bindparam("link_id")
_SAVED = [name for name in _TYPES if name != "account_id"]
_INTENDED = {"google_seen": None, "crm_seen": None, "dirty": False, "match": None}
_NEXT_IDS = text("SELECT nextval(pg_get_serial_sequence('link', 'id')) FROM generate_series(1, :n)")
#: In SQLite, that of the last row ever: an id is not used again.
_LAST_ID = text("SELECT seq FROM sqlite_sequence WHERE name = 'link'")
_INSERT = Bulk(insert(links).inline(), {"id": links.c.id.type} | _TYPES)


def _saving(*names: str) -> Bulk:
    statement = update(links).where(_OF_LINK).values({name: bindparam(name) for name in names})
    return Bulk(statement, _ROW | {name: _TYPES[name] for name in names})


_SAVE = _saving(*_SAVED)
_SAVE_INTENTS = _saving("intents", "generation")
#: Columns that are in an index and did not move are left out: SQLite would write the index all the same.
_SAVE_COPIED = {
    side: _saving(
        *(f"{side.value}_{name}" for name in ("key", "version", "state", "modified")),
        *(f"{side.other.value}_state", "access", "base", "intents", "held"),
    )
    for side in SideName
}
