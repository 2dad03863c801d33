"""Erasing a person: a job of durable steps that goes on where it was interrupted, and a receipt at its end.

Stop and withdraw consent, remove copies as chosen, enter the person into the list beside the keys, let the CRM's
adapter forget, delete the rows and with them the keys, clean the files, write them anew,
certify. Whatever step the process dies in, the next run or tick of the daemon does it again; each is safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, func, select

from calsync.crm.port import forget
from calsync.engine import finish_disconnect, withdraw
from calsync.model.errors import SideError
from calsync.privacy import erasure_list, inventory, receipt, register
from calsync.privacy.register import Desk
from calsync.privacy.retention import LAST_MOMENT
from calsync.privacy.scrub import NotNow, scrub, write_anew
from calsync.store import accounts, audit, consent, erasures, holds, links, requests, subjects
from calsync.store.accounts import Account, State
from calsync.store.audit import Act, Actor, By, trail
from calsync.store.database import reading, writing
from calsync.store.erasures import Cause, Erasure, Step
from calsync.store.links import Link
from calsync.store.locks import Held, holding
from calsync.store.requests import Kind
from calsync.wiring import Parts

log = structlog.get_logger()

_LOCK_SECONDS = 60.0
#: Hours, in the controller's zone, in which hardly anybody edits; whoever runs no daemon then waits a day at most.
_NIGHT = range(1, 5)
_LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Copies:
    """What happens to copies on each side: "keep" or "remove"; originals always stay."""

    google: str = "keep"
    crm: str = "keep"


@dataclass(frozen=True, slots=True)
class Erased:
    """How far an erasure got: `receipt` when it is done, else `waits_for` says what for."""

    erasure: int
    step: Step
    receipt: Mapping[str, Any] | None = None
    waits_for: str = ""


class _Waits(Exception):
    """A step cannot be done now; the text says what it waits for."""


def is_known(parts: Parts, user: str) -> bool:
    """Return whether anything is held about a CRM user, or an erasure of theirs is under way."""
    listed = erasure_list.listed_as(parts.vault, user)
    with reading(parts.engine) as connection:
        return bool(inventory.count_rows(connection, user) or erasures.unfinished(connection, listed))


def erase(
    parts: Parts,
    user: str,
    copies: Copies,
    by: By,
    cause: Cause = Cause.REQUEST,
    reached: Callable[[Step], None] = lambda step: None,
) -> Erased:
    """Erase a person as far as possible now; go on with an erasure that was begun.

    `reached` is told each step before it is done.
    """
    return go_on(parts, begin(parts, user, copies, by, cause), reached)


def begin(parts: Parts, user: str, copies: Copies, by: By, cause: Cause = Cause.REQUEST) -> int:
    """Note that somebody is to be erased, and stop everything that concerns them; return the erasure's number.

    Nothing remote is done: a page that calls this need not wait, the daemon does the rest within seconds.
    """
    now, listed = parts.clock(), erasure_list.listed_as(parts.vault, user)
    with writing(parts.engine) as connection:
        for known in erasures.unfinished(connection, listed):
            return known.id
        subject = subjects.pseudonym(connection, parts.vault, user, now)
        begun = Erasure(user, subject, listed, cause, copies.google, copies.crm, Step.WITHDRAW, {}, now)
        number = erasures.add(connection, begun)
        for account in _accounts(connection, parts, user):
            if account.state is not State.DISCONNECTED:
                values = {"state": State.FINISHING, "copies": f"{copies.google} {copies.crm}"}
                accounts.change(connection, account.id, due_at=now, **values)
        consent.end_everything(connection, user, now)
        audit.append_about(
            *(connection, parts.vault, Act.ERASURE_BEGAN, by, subject, now),
            erasure=number,
            cause=cause.value,
            google_copies=copies.google,
            crm_copies=copies.crm,
        )
        return number


def go_on_with_all(parts: Parts) -> list[Erased]:
    """Go on with every erasure that is not done: at the start, and regularly by the daemon."""
    with reading(parts.engine) as connection:
        waiting = [erasure.id for erasure in erasures.unfinished(connection)]
    return [go_on(parts, number) for number in waiting]


def go_on(parts: Parts, number: int, reached: Callable[[Step], None] = lambda step: None) -> Erased:
    """Do the steps that are left of an erasure, until it is done or has to wait."""
    try:
        with holding(parts.state_dir / "locks", f"erasure-{number}", _LOCK_SECONDS):
            return _steps(parts, number, reached)
    except Held:
        return Erased(number, Step.WITHDRAW, waits_for="another process that is at it")


def _steps(parts: Parts, number: int, reached: Callable[[Step], None]) -> Erased:
    while True:
        with reading(parts.engine) as connection:
            erasure = erasures.find(connection, number)
        if erasure is None or erasure.step is Step.DONE:
            return Erased(number, Step.DONE, erasure.receipt if erasure else None)
        reached(erasure.step)
        try:
            _STEPS[erasure.step](parts, erasure)
        except _Waits as reason:
            log.debug("erasure waits", erasure=number, step=erasure.step.value, reason=str(reason))
            return Erased(number, erasure.step, waits_for=str(reason))


def _withdraw(parts: Parts, erasure: Erasure) -> None:
    """Give back every grant, and remove copies where that was chosen."""
    with reading(parts.engine) as connection:
        known = _accounts(connection, parts, erasure.user)
        grants = consent.grants_of(connection, parts.vault, erasure.user)
    for account in known:
        _part_with(parts, erasure, account)
    for grant in grants:
        if not withdraw(parts, grant.subject, grant.refresh_token):
            raise _Waits("Google, which cannot be reached")
        with writing(parts.engine) as connection:
            consent.end_flow(connection, grant.flow_id)
    _advance(parts, erasure, Step.ENLIST, erasure.counts)


def _part_with(parts: Parts, erasure: Erasure, account: Account) -> None:
    """End one account, live or retired; _Waits."""
    try:
        with holding(parts.state_dir / "locks", f"account-{account.id}", _LOCK_SECONDS):
            current = accounts.look(parts.engine, parts.vault, account.id) or account
            done = finish_disconnect(parts, current, erasure.google_copies, erasure.crm_copies)
    except Held:
        raise _Waits("a round of theirs that is still running") from None
    if done.state is not State.DISCONNECTED and not _is_last_moment(parts, erasure, account):
        raise _Waits("Google or the CRM, which cannot be reached")


def _is_last_moment(parts: Parts, erasure: Erasure, account: Account) -> bool:
    """Return whether the two years after the last access end before anybody may answer (trust.md 3.7)."""
    return erasure.cause is Cause.RETENTION and parts.clock() - account.last_access >= LAST_MOMENT


def _enlist(parts: Parts, erasure: Erasure) -> None:
    """Enter the person into the list beside the keys, from here on a restored backup erases them again."""
    with reading(parts.engine) as connection:
        held = holds.is_held(connection, erasure.user)
    if held:
        raise _Waits("the end of a legal hold (`calsync hold USER --release`)")
    erasure_list.enlist(parts.settings.erasure_lists(), erasure.listed, parts.clock())
    _advance(parts, erasure, Step.FORGET, erasure.counts)


def _forget(parts: Parts, erasure: Erasure) -> None:
    """Let the CRM's adapter forget what it remembers of the person, if it remembers anything."""
    count = forget(parts.crm, erasure.user)
    removed = dict(erasure.counts.get("removed", {}))
    if count:
        removed["adapter memory"] = removed.get("adapter memory", 0) + count
    _advance(parts, erasure, Step.DELETE, {**erasure.counts, "removed": removed})


def _delete(parts: Parts, erasure: Erasure) -> None:
    """Delete the person's rows and keys, and their name in what stays, in one transaction."""
    known = _knows(parts, erasure.user)
    with writing(parts.engine) as connection:
        remains, before = _left_with_others(connection, parts, erasure), _so_far(connection, parts, erasure)
        rows = inventory.delete_rows(connection, erasure.user)
        requests.depersonalise(connection, erasure.user)
        keys = rows.get("account", 0) + rows.get("subject", 0)
        removed = {**erasure.counts.get("removed", {}), **before.pop("removed"), **rows}
        counts = {
            **erasure.counts,
            **before,
            "removed": removed,
            "keys": keys,
            "remains": {**remains, "crm user": int(known)},
        }
        erasures.advance(connection, erasure.id, Step.SCRUB, counts, user="")


def _knows(parts: Parts, user: str) -> bool:
    """Return whether the CRM has a record of the person, as far as it can tell now."""
    try:
        return parts.crm.person(user) is not None
    except SideError:
        return False


def _so_far(connection: Connection, parts: Parts, erasure: Erasure) -> dict[str, Any]:
    """Count what was done at Google and the CRM, as the audit trail tells, over all interruptions."""
    ended = [
        entry.detail
        for entry in audit.entries(connection, erasure.subject)
        if entry.act == Act.CONSENT_ENDED and entry.at >= erasure.began_at
    ]
    copies = sum(detail["removed"] for detail in ended)
    left = [one for one in _accounts(connection, parts, erasure.user) if one.sealed_refresh_token]
    return {
        "withdrawn": sum(bool(detail["revoked"]) for detail in ended),
        "not_withdrawn": len(left),
        "removed": {"copies": copies} if copies else {},
    }


def _left_with_others(connection: Connection, parts: Parts, erasure: Erasure) -> dict[str, int]:
    """Count what stays on the two calendars, while it can still be told."""
    found = [
        link for one in _accounts(connection, parts, erasure.user) for link in _links(connection, one.id)
    ]
    originals = [link for link in found if link.half(link.origin).key]
    copies = [link for link in found if link.half(link.origin.other).key]
    reached = "google copies" if erasure.google_copies == "keep" else "google copies out of reach"
    return {
        "google originals": sum(link.origin.value == "google" for link in originals),
        reached: sum(link.origin.value == "crm" for link in copies),
        "crm originals": sum(link.origin.value == "crm" for link in originals),
        "crm copies": sum(link.origin.value == "google" for link in copies),
    }


def _links(connection: Connection, account_id: int) -> list[Link]:
    return links.after(connection, account_id, 0, links.newest(connection))


def _scrub(parts: Parts, erasure: Erasure) -> None:
    try:
        scrub(parts.engine)
    except NotNow as reason:
        raise _Waits(str(reason)) from None
    _advance(parts, erasure, Step.WRITE_ANEW, erasure.counts)


def _write_anew(parts: Parts, erasure: Erasure) -> None:
    """Write the files anew, for which a large database waits until the night, and the receipt with it."""
    try:
        words = write_anew(parts.engine, _may_take_long(parts, erasure))
    except NotNow as reason:
        raise _Waits(str(reason)) from None
    _advance(parts, erasure, Step.CERTIFY, {**erasure.counts, "files": words})


def _may_take_long(parts: Parts, erasure: Erasure) -> bool:
    """Return whether rounds may wait while a large database is written anew: at night, or when a day went by without."""
    now = parts.clock()
    at_night = now.astimezone(parts.settings.privacy.zone).hour in _NIGHT
    return at_night or now - erasure.began_at >= _LONGEST_WAIT


def _certify(parts: Parts, erasure: Erasure) -> None:
    """Sign the receipt, close the requests that this has answered, and note it all under the pseudonym."""
    now = parts.clock()
    with writing(parts.engine) as connection:
        desk = Desk(parts.vault, now, parts.settings.privacy.zone)
        remains = dict(erasure.counts.get("remains", {}))
        about = trail.c.subject == erasure.subject
        remains["audit"] = connection.execute(select(func.count()).where(about)).scalar_one() + 1
        remains["request"] = len(requests.of_subject(connection, erasure.subject))
        document = receipt.make(parts.vault, erasure, remains, str(erasure.counts.get("files", "")), now)
        kinds = (Kind.ERASURE, Kind.OBJECTION, Kind.WITHDRAWAL)
        closed = register.close_fitting(
            connection, desk, erasure.subject, kinds, "erased", Actor.SYSTEM, document["signature"]
        )
        audit.append_about(
            *(connection, parts.vault, Act.ERASED, Actor.SYSTEM, erasure.subject, now),
            erasure=erasure.id,
            receipt=document["signature"],
            requests=closed,
        )
        erasures.finish(connection, erasure.id, document, now)
    log.info("erased", erasure=erasure.id)


_STEPS: Mapping[Step, Callable[[Parts, Erasure], None]] = {
    Step.WITHDRAW: _withdraw,
    Step.ENLIST: _enlist,
    Step.FORGET: _forget,
    Step.DELETE: _delete,
    Step.SCRUB: _scrub,
    Step.WRITE_ANEW: _write_anew,
    Step.CERTIFY: _certify,
}


def _advance(parts: Parts, erasure: Erasure, step: Step, counts: Mapping[str, Any]) -> None:
    with writing(parts.engine) as connection:
        erasures.advance(connection, erasure.id, step, counts)


def _accounts(connection: Connection, parts: Parts, user: str) -> list[Account]:
    return [one for one in accounts.everyone(connection, parts.vault) if one.user == user]
