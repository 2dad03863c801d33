"""Where somebody from outside occurs: a participant asks what is held about them (Art. 15 GDPR).

No table of participants is kept. A guest of a linked entry is found by the digest of their address, which differs from
person to person; conflicts and the journal are opened and looked through. Ids and counts are all that comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Text, func, or_, select
from sqlalchemy import cast as sql_cast

from calsync.store import conflicts, journal
from calsync.store.accounts import Account
from calsync.store.link_rows import links
from calsync.store.vault import Cipher


@dataclass(frozen=True, slots=True)
class Found:
    """Where an address occurs in what is held for one CRM user: numbers of links, conflicts and journal entries."""

    user: str
    links: tuple[int, ...]
    conflicts: tuple[int, ...]
    journal: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.links or self.conflicts or self.journal)


def search(connection: Connection, account: Account, address: str) -> Found:
    """Look for an address in everything that is held for an account; its case does not matter."""
    wanted = address.strip().lower()
    return Found(
        account.user,
        tuple(_links(connection, account, wanted)),
        tuple(_conflicts(connection, account, wanted)),
        tuple(_journal(connection, account, wanted)),
    )


def _links(connection: Connection, account: Account, address: str) -> Iterator[int]:
    """Find linked entries of which the address is a guest, and unsettled ones that name it."""
    name = account.cipher.fingerprints.guest(address)
    columns = (links.c.base, links.c.intents)
    named = or_(*(func.instr(column, name) > 0 for column in columns))
    if connection.dialect.name == "postgresql":
        named = or_(*(func.strpos(sql_cast(column, Text), name) > 0 for column in columns))
    query = select(links.c.id).where(links.c.account_id == account.id)
    found = set(connection.execute(query.where(named)).scalars())
    waiting = select(links.c.id, links.c.google_seen, links.c.crm_seen, links.c.google_key, links.c.crm_key)
    waiting = waiting.where(
        links.c.account_id == account.id,
        or_(links.c.google_seen.is_not(None), links.c.crm_seen.is_not(None)),
    )
    for row in connection.execute(waiting):
        sealed = (
            (f"link.google_seen|{row.google_key}", row.google_seen),
            (f"link.crm_seen|{row.crm_key}", row.crm_seen),
        )
        if any(_holds(account.cipher, place, data, address) for place, data in sealed):
            found.add(row.id)
    yield from sorted(found)


def _conflicts(connection: Connection, account: Account, address: str) -> Iterator[int]:
    for number, lost in conflicts.of_account(connection, account.id):
        values = (("kept", lost.kept), ("lost", lost.lost))
        if any(_holds(account.cipher, lost.place(which), data, address) for which, data in values):
            yield number


def _journal(connection: Connection, account: Account, address: str) -> Iterator[int]:
    for entry in journal.everything_of(connection, account.id):
        values = (("before", entry.before), ("after", entry.after))
        if any(_holds(account.cipher, entry.place(which), data, address) for which, data in values):
            yield entry.id


def _holds(cipher: Cipher, place: str, sealed: bytes | None, address: str) -> bool:
    if sealed is None:
        return False
    # As a word of its own: an address may be the end of another.
    alone = rb"(?<![\w.+-])" + re.escape(address.encode()) + rb"(?![\w.-]*\w)"
    return re.search(alone, cipher.open(place, sealed).lower()) is not None
