"""Everything that is held about a person, in clear, as documents for them (Art. 15 and 20 GDPR).

What a document looks like is published in `export.schema.json`, which goes with every export.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from calsync.model.event import Event, whole_name
from calsync.model.side import SideName
from calsync.privacy import clock
from calsync.privacy.event_document import document_of, moment, value_of
from calsync.store import (
    accounts,
    audit,
    conflicts,
    holds,
    journal,
    links,
    requests,
    security_audit,
    subjects,
)
from calsync.store.accounts import Account
from calsync.store.codes import codes
from calsync.store.consent import sessions, tickets
from calsync.store.contents import load_value
from calsync.store.links import Link
from calsync.store.tidings import tidings
from calsync.store.vault import Cipher, Vault
from calsync.store.visits import visits

#: Of the form of exports; a reader that knows it can read every export that has it.
VERSION = 1

Contents = Mapping[SideName, Mapping[str, Event]]


@dataclass(slots=True)
class Dossier:
    """The documents of one person: `account` is one, the others are lists, by the name of their file."""

    account: dict[str, Any]
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: What stands in the calendar file: for each linked event, what names it, and its content.
    events: list[tuple[str, Event]] = field(default_factory=list)


def accounts_of(connection: Connection, vault: Vault, user: str) -> list[Account]:
    """Return a person's accounts, live and retired."""
    return [one for one in accounts.everyone(connection, vault) if one.user == user]


def collect(connection: Connection, vault: Vault, user: str, contents: Mapping[int, Contents]) -> Dossier:
    """Return everything about a person; `contents`: by account and side, what the calendars hold now, by id."""
    found = accounts_of(connection, vault, user)
    dossier = Dossier(_account(connection, vault, user, found))
    subject = subjects.find(connection, vault, user) or ""
    trail = [_entry(one) for one in audit.entries(connection, subject)] if subject else []
    rows = {one.id: links.after(connection, one.id, 0, links.newest(connection)) for one in found}
    both = [_events(link, contents.get(one.id, {})) for one in found for link in rows[one.id]]
    dossier.events = [(f"link-{link.id}", event) for link, event in map(_shown, both) if event is not None]
    dossier.lists = {
        "consents": [one for one in trail if one["act"].startswith("consent.")],
        "links": [_link(link) for one in found for link in rows[one.id]],
        "events": [_both(sides) for sides in both],
        "quarantine": [_parked(link) for one in found for link in rows[one.id] if link.cause],
        "conflicts": [row for one in found for row in _conflicts(connection, one)],
        "runs": [row for one in found for row in _runs(connection, one)],
        "journal": [row for one in found for row in _journal(connection, one)],
        "requests": [
            _request(connection, vault, user, one) for one in requests.of_subject(connection, subject)
        ],
        "audit": trail,
    }
    return dossier


def _account(connection: Connection, vault: Vault, user: str, found: Sequence[Account]) -> dict[str, Any]:
    held = [hold for hold in holds.everything(connection, vault) if hold.user == user]
    invited = connection.execute(select(tickets).where(tickets.c.user == user)).mappings()
    visited = connection.execute(select(sessions).where(sessions.c.user == user)).mappings()
    shared = vault.shared_cipher()
    return {
        "user": user,
        "accounts": [_connection(connection, account) for account in found],
        "invitations": [
            {
                "google_account": shared.open_text("ticket.expected", row["expected"]),
                "expires": _stamp(row["expires_at"]),
                "used": _stamp(row["used_at"]),
            }
            for row in invited
        ],
        "sessions": [{"seen": _stamp(row["seen_at"]), "ends": _stamp(row["ends_at"])} for row in visited],
        "network_addresses": [
            {"at": _stamp(one.at), "act": one.act, "address": one.address}
            for one in security_audit.everything(connection, vault, user)
        ],
        **_of_the_web(connection, user),
        "legal_holds": [{"since": _stamp(hold.since), "reason": hold.reason} for hold in held],
    }


def _of_the_web(connection: Connection, user: str) -> dict[str, Any]:
    """Return what the web pages keep of a person beside their sessions: nothing of it holds for long."""
    told, proofs, sent = (
        connection.execute(select(table).where(table.c.user == user)).mappings()
        for table in (tidings, codes, visits)
    )
    return {
        "notices": [
            {
                "at": _stamp(row["at"]),
                "about": row["kind"],
                "for": row["reader"],
                "sent": _stamp(row["sent_at"]),
            }
            for row in told
        ],
        "identity_codes": [
            {"made": _stamp(row["made_at"]), "proven": _stamp(row["proven_at"])} for row in proofs
        ],
        "visits": [{"expires": _stamp(row["expires_at"]), "used": _stamp(row["used_at"])} for row in sent],
    }


def _connection(connection: Connection, account: Account) -> dict[str, Any]:
    scopes = connection.execute(
        select(accounts.accounts.c.scopes).where(accounts.accounts.c.id == account.id)
    ).scalar_one()
    return {
        "state": account.state.value,
        "reason": account.reason,
        "google_account": account.address,
        "calendar": account.calendar,
        "direction": account.direction,
        "private_events": account.private_events,
        "scopes": scopes.split(),
        "token_held": account.sealed_refresh_token is not None,
        "connected": _stamp(account.connected_at),
        "ended": _stamp(account.ended_at),
        "last_access": _stamp(account.last_access),
        "last_success": _stamp(account.last_success),
        "deletions_held_back": account.held_back,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "link": link.id,
        "origin": link.origin.value,
        "google_id": link.google.key,
        "crm_id": link.crm.key,
        "google_state": link.google.state.value,
        "crm_state": link.crm.state.value,
        "permission": link.access.because if link.access is not None else None,
        "private": link.hides,
    }


def _parked(link: Link) -> dict[str, Any]:
    side = link.cause_side or link.origin
    return {
        "link": link.id,
        "side": side.value,
        "id": link.half(side).key or link.half(side.other).key,
        "cause": link.cause,
        "since": _stamp(link.cause_since),
    }


_Both = tuple[Link, Mapping[SideName, Event | None]]


def _events(link: Link, contents: Contents) -> _Both:
    found = {side: contents.get(side, {}).get(link.half(side).key or "") for side in SideName}
    return link, found


def _both(sides: _Both) -> dict[str, Any]:
    link, events = sides
    return {"link": link.id} | {
        side.value: document_of(event) if event is not None else None for side, event in events.items()
    }


def _shown(sides: _Both) -> tuple[Link, Event | None]:
    """Return the content of the original where it is known, else that of the copy."""
    link, events = sides
    return link, events[link.origin] or events[link.origin.other]


def _conflicts(connection: Connection, account: Account) -> Iterator[dict[str, Any]]:
    for number, lost in conflicts.of_account(connection, account.id):
        yield {
            "id": number,
            "google_id": lost.google_key,
            "crm_id": lost.crm_key,
            "field": whole_name(lost.field),
            "kept": value_of(load_value(account.cipher.open(lost.place("kept"), lost.kept))),
            "lost": value_of(load_value(account.cipher.open(lost.place("lost"), lost.lost))),
            "kept_side": lost.kept_side,
            "at": _stamp(lost.at),
        }


def _runs(connection: Connection, account: Account) -> Iterator[dict[str, Any]]:
    for run in journal.of_account(connection, account.id, limit=None):
        yield {
            "run": run.id,
            "began": _stamp(run.began),
            "outcome": run.outcome,
            "reason": run.reason,
            "full": run.is_full,
            "undoes": run.undoes,
        }


def _journal(connection: Connection, account: Account) -> Iterator[dict[str, Any]]:
    for entry in journal.everything_of(connection, account.id):
        yield {
            "run": entry.run_id,
            "at": _stamp(entry.at),
            "side": entry.side.value,
            "action": entry.verb.value,
            "google_id": entry.google_key,
            "crm_id": entry.crm_key,
            "before": _opened(account.cipher, entry.place("before"), entry.before),
            "after": _opened(account.cipher, entry.place("after"), entry.after),
        }


def _opened(cipher: Cipher, place: str, sealed: bytes | None) -> Any:
    return value_of(load_value(cipher.open(place, sealed))) if sealed is not None else None


def _request(connection: Connection, vault: Vault, user: str, one: requests.Request) -> dict[str, Any]:
    cipher = subjects.known_cipher(connection, vault, user)
    return {
        "request": one.id,
        "kind": one.kind.value,
        "channel": one.channel,
        "received": _stamp(one.received_at),
        "due": moment(one.due_on),
        "days": clock.DAYS,
        "state": one.state.value,
        "closed": _stamp(one.closed_at),
        "outcome": one.outcome or None,
        "note": cipher.open_text("request.note", one.note) if one.note else None,
    }


def _entry(entry: audit.Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": _stamp(entry.at),
        "act": entry.act,
        "actor": entry.actor,
        "detail": dict(entry.detail),
    }


def _stamp(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at is not None else None
