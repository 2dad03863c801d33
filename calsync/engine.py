"""Where rounds execute: one account under its lock, from the daemon and from commands alike."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from calsync.model.errors import CalendarLost, ConsentLost, SideError
from calsync.model.side import CalendarSide, SideName
from calsync.poll import next_interval
from calsync.store import accounts, audit, consent, journal, tidings
from calsync.store.accounts import RUNNING, Account, State
from calsync.store.audit import COMMAND_LINE, Act, Actor, By
from calsync.store.database import reading, writing
from calsync.store.locks import Held, holding
from calsync.store.quiet import COLUMNS, QuietRounds
from calsync.sync import round as rounds
from calsync.sync.rehearsal import rehearse
from calsync.sync.resume import finish_open
from calsync.sync.retract import remove_copies
from calsync.sync.round import Order
from calsync.sync.settle import Work
from calsync.sync.tally import Outcome, Tally
from calsync.wiring import Parts

log = structlog.get_logger()

#: A first import yields to others after this long, and goes on in its next turn.
SLICE_SECONDS = 30.0
_LONGEST_PAUSE = timedelta(hours=6)
#: With anything else there before or after it, a round has news.
_AS_BEFORE = {"failures": 0, "reason": ""}


def run_account(
    parts: Parts,
    account_id: int,
    order: Order,
    dry_run: bool = False,
    wait: float = -1,
    quiet: QuietRounds | None = None,
) -> Tally:
    """Run a round for an account and record how it went; a busy account gives outcome BUSY after `wait` s.

    `quiet`: where a round that found nothing is noted instead, for whoever writes many of them at once.
    Raises nothing expected: problems are in the tally and in the account's row.
    """
    tally = Tally(secrets.token_hex(8), "", order.full, dry_run)
    try:
        with holding(parts.state_dir / "locks", f"account-{account_id}", wait):
            _locked(parts, account_id, order, tally, quiet)
    except Held:
        tally.outcome, tally.reason = Outcome.BUSY, "another round holds this account"
        account = accounts.look(parts.engine, parts.vault, account_id)
        tally.user = account.user if account else ""
    return tally


def _locked(parts: Parts, account_id: int, order: Order, tally: Tally, quiet: QuietRounds | None) -> None:
    account = accounts.look(parts.engine, parts.vault, account_id)
    if account is None:
        tally.outcome, tally.reason = Outcome.ATTENTION, "no such account"
        return
    tally.user = account.user
    if parts.interlock and not tally.dry_run:
        tally.outcome, tally.reason = Outcome.ATTENTION, parts.interlock
        return
    if account.state not in RUNNING:
        tally.outcome, tally.reason = Outcome.ATTENTION, f"account is {account.state.value}"
        return
    now = parts.clock()
    try:
        sides = _sides(parts, account)
    except SideError as error:
        _finish(parts, account, tally, _lost(error, tally), now)
        return
    if tally.dry_run:
        rehearse(parts.engine, account, sides, parts.policy.closer(account.private_events), now, order, tally)
        return
    order = replace(order, enough=_either(parts.stopping.is_set, order.enough))
    columns = rounds.run(
        parts.engine, account, sides, parts.policy.closer(account.private_events), now, order, tally
    )
    _finish(parts, account, tally, columns, now, quiet)


def intervene(parts: Parts, account_id: int, act: Callable[[Work], None], undoes: str | None = None) -> Tally:
    """Let `act` work on an account under its lock, outside of rounds, as a run of its own.

    `undoes`: the run that it takes back. Raises nothing expected: problems are in the tally.
    """
    tally = Tally(secrets.token_hex(8), "")
    with holding(parts.state_dir / "locks", f"account-{account_id}", -1):
        account = accounts.look(parts.engine, parts.vault, account_id)
        if parts.interlock:
            tally.outcome, tally.reason = Outcome.ATTENTION, parts.interlock
            return tally
        if account is None or account.state not in (*RUNNING, State.PAUSED):
            state = account.state.value if account else "gone"
            tally.outcome, tally.reason = Outcome.ATTENTION, f"account is {state}"
            return tally
        tally.user, now = account.user, parts.clock()
        try:
            sides = _sides(parts, account)
        except SideError as error:
            _finish(parts, account, tally, _lost(error, tally), now)
            return tally
        work = rounds.prepare(
            parts.engine, account, sides, parts.policy.closer(account.private_events), now, tally
        )
        work.undoes = undoes
        rounds.conduct(work, lambda: _after_open(work, act))
        _finish(parts, account, tally, work.columns, now)
        return tally


def examine(parts: Parts, account_id: int, act: Callable[[Work], None]) -> Tally:
    """Let `act` look at an account, without a lock and without a trace; it must write nothing.

    Raises nothing expected: problems are in the tally.
    """
    tally = Tally("", "")
    account = accounts.look(parts.engine, parts.vault, account_id)
    if account is None:
        tally.outcome, tally.reason = Outcome.ATTENTION, "no such account"
        return tally
    try:
        sides = _sides(parts, account)
    except SideError as error:
        _lost(error, tally)
        return tally
    work = rounds.prepare(
        parts.engine, account, sides, parts.policy.closer(account.private_events), parts.clock(), tally
    )
    rounds.conduct(work, lambda: act(work))
    return tally


def _after_open(work: Work, act: Callable[[Work], None]) -> None:
    finish_open(work)
    act(work)


def turn() -> Order:
    """Return the order for one turn of the daemon: a long first import yields to others after a while."""
    began = time.monotonic()
    return Order(enough=lambda: time.monotonic() - began > SLICE_SECONDS)


def _either(one: Callable[[], bool], other: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: one() or other()


def _sides(parts: Parts, account: Account) -> dict[SideName, CalendarSide]:
    return {SideName.GOOGLE: parts.google_side(account), SideName.CRM: parts.crm.side(account.user)}


def _lost(error: SideError, tally: Tally) -> dict[str, Any]:
    tally.outcome, tally.reason = Outcome.ATTENTION, error.reason
    state = State.RECONNECT if isinstance(error, ConsentLost) else State.LOST
    return {"state": state, "reason": error.reason}


def _finish(
    parts: Parts,
    account: Account,
    tally: Tally,
    columns: dict[str, Any],
    now: datetime,
    quiet: QuietRounds | None = None,
) -> None:
    """Record when the account is due again, and what became of its round, in one commit."""
    values = _values(parts, account, tally, columns, now)
    if quiet is not None and not tally.written and (found := _only_quiet(account, values)):
        quiet.keep(account, found)
        return
    with writing(parts.engine) as connection:
        _give_way(connection, account, values, parts.clock())
        if tally.held_back and accounts.is_approved(connection, account.id):
            # The word came while the round was braking: the next one is to act on it now.
            values["due_at"] = parts.clock()
        if tally.changed or tally.written:
            values["accessed_at"] = now
        if values.get("state") is State.RECONNECT:
            # Who takes access away at Google withdraws consent: the token must not outlive that.
            values |= {"refresh_token": None, "ended_at": now}
            audit.append(connection, parts.vault, Act.CONSENT_LOST, Actor.SYSTEM, account.user, now)
        accounts.change(connection, account.id, **values)
        if tally.written:
            journal.finish(connection, tally.run, tally.outcome, tally.reason, tally.document())
    _log_round(account, tally)


def _only_quiet(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    """Return what a round that found nothing has left; nothing when it has left more than that."""
    news = {name: value for name, value in values.items() if name not in _AS_BEFORE}
    same = all(values.get(name, was) == getattr(account, name) == was for name, was in _AS_BEFORE.items())
    return news if same and news.keys() == set(COLUMNS) else {}


def _give_way(connection: Connection, account: Account, values: dict[str, Any], now: datetime) -> None:
    """Take back what somebody has said otherwise while the round ran: that word stands."""
    found = accounts.place(connection, account.id)
    if found is None or found.state not in RUNNING:
        withdrawn: tuple[str, ...] = ("state", "reason", "due_at")
    elif found.due_at != account.due_at and found.due_at <= now:
        # Woken, perhaps after the round had looked.
        withdrawn = ("due_at", "interval_seconds")
    else:
        return
    for name in withdrawn:
        values.pop(name, None)


def _values(
    parts: Parts, account: Account, tally: Tally, columns: dict[str, Any], now: datetime
) -> dict[str, Any]:
    retry_after = columns.pop("retry_after", None)
    go_on = columns.pop("go_on", False)
    failed = tally.outcome is Outcome.PARTIAL and bool(tally.reason)
    interval = next_interval(account.interval_seconds, bool(tally.changed or tally.written), parts)
    pause = timedelta(seconds=0 if go_on else interval)
    failures = 0
    if failed:
        failures = account.failures + 1
        pause = min(timedelta(seconds=5) * 2 ** min(failures, 12), _LONGEST_PAUSE)
        pause = max(pause, timedelta(seconds=retry_after or 0))
        pause = min(
            pause,
            max(timedelta(seconds=parts.settings.sync.poll_seconds), timedelta(seconds=retry_after or 0)),
        )
    values = {"due_at": parts.clock() + pause, "interval_seconds": interval, "failures": failures} | columns
    if tally.outcome in (Outcome.OK, Outcome.PARTIAL) and not failed:
        values["last_success"] = now
        values.setdefault("reason", "")
    elif failed:
        values["reason"] = tally.reason
    return values


def _log_round(account: Account, tally: Tally) -> None:
    if tally.outcome is Outcome.OK and not tally.written:
        return
    log.info(
        "round",
        user=account.user,
        run=tally.run,
        outcome=tally.outcome.value,
        reason=tally.reason,
        **{
            f"{side.value}_{verb}": count
            for side, counts in tally.writes.items()
            for verb, count in counts.items()
            if count
        },
        conflicts=tally.conflicts,
        quarantined=tally.quarantined,
        held_back=tally.held_back,
        calls=tally.google_calls,
        seconds=round(tally.seconds, 3),
    )


@dataclass(frozen=True, slots=True)
class Disconnected:
    """How far a disconnection got."""

    state: State
    revoked: bool
    removed: int


def begin_disconnect(parts: Parts, account_id: int, google_copies: str, crm_copies: str, by: By) -> None:
    """Stop syncing and close the person's sessions; the daemon, or `disconnect`, does the remote part.

    `google_copies` and `crm_copies`: "keep" or "remove"; originals are never touched. `by`: who wants it.
    """
    with writing(parts.engine) as connection:
        account = accounts.load(connection, parts.vault, account_id)
        if account is not None:
            copies, now = f"{google_copies} {crm_copies}", parts.clock()
            accounts.change(connection, account_id, state=State.FINISHING, copies=copies, due_at=now)
            consent.end_sessions(connection, account.user)
            tidings.note(connection, account.user, tidings.Kind.DISCONNECTED, tidings.Reader.PERSON, now)
            audit.append(
                *(connection, parts.vault, Act.CONSENT_WITHDRAWN, by, account.user, now),
                google_copies=google_copies,
                crm_copies=crm_copies,
            )


def disconnect(
    parts: Parts, account_id: int, google_copies: str, crm_copies: str, by: By = COMMAND_LINE
) -> Disconnected:
    """End consent: stop syncing, remove copies where wished, revoke at Google, delete the tokens."""
    begin_disconnect(parts, account_id, google_copies, crm_copies, by)
    with holding(parts.state_dir / "locks", f"account-{account_id}", -1):
        account = accounts.look(parts.engine, parts.vault, account_id)
        if account is None:
            return Disconnected(State.DISCONNECTED, True, 0)
        return finish_disconnect(parts, account, google_copies, crm_copies)


def finish_disconnect(parts: Parts, account: Account, google_copies: str, crm_copies: str) -> Disconnected:
    """Do the remote part of a disconnection; the account stays FINISHING when a side cannot answer now."""
    wanted = {SideName.GOOGLE: google_copies == "remove", SideName.CRM: crm_copies == "remove"}
    removed = 0
    for side in SideName:
        try:
            removed += _take_back(parts, account, side) if wanted[side] else 0
        except (ConsentLost, CalendarLost) as error:
            log.info("disconnect", user=account.user, side=side.value, reason=error.reason)
        except SideError as error:
            log.warning("disconnect", user=account.user, reason=error.reason)
            return Disconnected(State.FINISHING, False, removed)
    with reading(parts.engine) as connection:
        token = accounts.refresh_token(connection, account)
    if token is not None and not parts.oauth.revoke(token):
        return Disconnected(State.FINISHING, False, removed)
    parts.credentials.pop(account.id, None)
    now = parts.clock()
    with writing(parts.engine) as connection:
        accounts.end_consent(connection, account.id, State.DISCONNECTED, "disconnected", now)
        if removed or token is not None or account.state is not State.DISCONNECTED:
            audit.append(
                *(connection, parts.vault, Act.CONSENT_ENDED, Actor.SYSTEM, account.user, now),
                revoked=token is not None,
                removed=removed,
            )
    return Disconnected(State.DISCONNECTED, True, removed)


def _take_back(parts: Parts, account: Account, side: SideName) -> int:
    """Remove our copies on one side; ConsentLost or CalendarLost when nothing there is in reach any more."""
    calendar = parts.google_side(account) if side is SideName.GOOGLE else parts.crm.side(account.user)
    return remove_copies(parts.engine, account, {side: calendar})


def withdraw(parts: Parts, subject: str, token: str) -> bool:
    """Withdraw a grant that did not become a connection; False when Google cannot be reached now.

    Google ends everything a person has granted when one of their tokens is revoked. So while a live
    account is served by the same Google account, the token is only forgotten.
    """
    with reading(parts.engine) as connection:
        serves = bool(subject) and accounts.serves(connection, parts.vault, subject)
    return True if serves else parts.oauth.revoke(token)
