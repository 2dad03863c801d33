"""Meetings of several connected people: links of different accounts that lead to one CRM record.

Rows of other accounts are read here and never written, since only the holder of an account's lock may do that. What
concerns them is left as a notice, which their next round takes up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Table,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    text,
)

from calsync.annotation import about
from calsync.model.link import Kind
from calsync.model.side import SideName
from calsync.store.accounts import RUNNING, accounts
from calsync.store.database import metadata
from calsync.store.link_rows import Link, links

notices = Table(
    "notice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("link_id", Integer, nullable=False),
    Column("withdrawn", Boolean, nullable=False, default=False),
    Index("notice_account", "account_id"),
    info=about(
        owner="account_id",
        why="to let one person's next round look at a meeting that another's has changed",
        life="until the next round",
        technical="id account_id link_id withdrawn",
    ),
)


@dataclass(frozen=True, slots=True)
class Partner:
    """The link of somebody else who takes part: `record` is the CRM's key, None while it is being made.

    `hides`: their copy is private. `meets_at`: when, as their copy was last seen (see `model.side.Item`).
    `running`: rounds of their account take place. `hosts`: theirs is the copy of the record that invites the others.
    `looked_at`: when their rounds have last looked at the CRM.
    """

    user: str
    account_id: int
    link_id: int
    record: str | None
    hides: bool
    running: bool
    meets_at: int | None = None
    hosts: bool = False
    looked_at: datetime | None = None


_TURN = text("SELECT pg_advisory_xact_lock(:meeting)")
_OTHERS = select(exists().where(accounts.c.id != bindparam("of")))
_PARTNERS = (
    select(
        accounts.c.user,
        links.c.account_id,
        links.c.id,
        links.c.crm_key,
        links.c.hides,
        accounts.c.state,
        links.c.meets_at,
        links.c.origin,
        accounts.c.crm_looked,
        links.c.meeting,
    )
    .join(accounts, accounts.c.id == links.c.account_id)
    .where(
        links.c.google_key.is_not(None),
        links.c.google_state.not_in([Kind.GONE, Kind.NEVER]),
        or_(links.c.crm_key.is_not(None), links.c.intents.is_not(None)),
    )
    .order_by(links.c.id)
)


def partners(
    connection: Connection, account_id: int, meetings: Collection[int], turn: bool = False
) -> dict[int, list[Partner]]:
    """Return, by meeting, the links of other accounts whose Google event lives, oldest first.

    `turn`: until this transaction ends nobody else gets an answer about these meetings, so that two rounds cannot
    both find that nobody has made the record. On SQLite only one transaction writes at a time as it is.
    """
    if not meetings or not connection.execute(_OTHERS, {"of": account_id}).scalar():
        return {}
    if turn and connection.dialect.name == "postgresql":
        for meeting in sorted(meetings):
            connection.execute(_TURN, {"meeting": meeting})
    found: dict[int, list[Partner]] = defaultdict(list)
    numbers = list(meetings)
    for start in range(0, len(numbers), 500):
        query = _PARTNERS.where(
            links.c.meeting.in_(numbers[start : start + 500]), links.c.account_id != account_id
        )
        for row in connection.execute(query):
            user, account, link, record, hides, state, meets_at, origin, looked_at, meeting = row
            runs, hosts = state in RUNNING, origin == SideName.CRM
            partner = Partner(user, account, link, record, hides, runs, meets_at, hosts, looked_at)
            found[meeting].append(partner)
    return found


def of_record(connection: Connection, link: Link) -> list[Partner]:
    """Return the partners of a link that lead to the same CRM record."""
    if link.meeting is None or link.crm.key is None:
        return []
    found = partners(connection, link.account_id, [link.meeting]).get(link.meeting, [])
    return [partner for partner in found if partner.record == link.crm.key]


def rouse(connection: Connection, account_id: int, meetings: Collection[int]) -> None:
    """Let the next rounds of others look anew at meetings for which they could make no record: there is one now."""
    if not meetings or not connection.execute(_OTHERS, {"of": account_id}).scalar():
        return
    query = select(links.c.account_id, links.c.id).where(
        links.c.meeting.in_(sorted(meetings)),
        links.c.account_id != account_id,
        links.c.crm_key.is_(None),
        links.c.cause_since.is_not(None),
    )
    stuck = [
        {"account_id": of, "link_id": link, "withdrawn": False} for of, link in connection.execute(query)
    ]
    if stuck:
        connection.execute(insert(notices), stuck)


def notify(connection: Connection, told: Iterable[Partner]) -> None:
    """Let the next rounds of partners look at their links anew."""
    _tell(connection, told, withdrawn=False)


def announce_withdrawal(connection: Connection, told: Iterable[Partner]) -> None:
    """Let partners know that their invitations vanish by our own doing; before the host's copy is deleted."""
    _tell(connection, told, withdrawn=True)


def _tell(connection: Connection, told: Iterable[Partner], **columns: object) -> None:
    rows = [{"account_id": partner.account_id, "link_id": partner.link_id} | columns for partner in told]
    if rows:
        connection.execute(insert(notices), rows)


def noticed(connection: Connection, account_id: int) -> Sequence[int]:
    """Return the links of an account whose partners' copies have become private, or public."""
    return _told(connection, account_id, withdrawn=False)


def uninvited(connection: Connection, account_id: int) -> Sequence[int]:
    """Return the links of an account whose invitations vanish, or have vanished, by our own doing."""
    return _told(connection, account_id, withdrawn=True)


def _told(connection: Connection, account_id: int, withdrawn: bool) -> Sequence[int]:
    query = select(notices.c.link_id).where(
        notices.c.account_id == account_id, notices.c.withdrawn.is_(withdrawn)
    )
    return connection.execute(query).scalars().all()


def forget_notices(connection: Connection, account_id: int, link_ids: Collection[int]) -> None:
    """Forget notices that were taken up."""
    connection.execute(
        delete(notices).where(notices.c.account_id == account_id, notices.c.link_id.in_(link_ids))
    )
