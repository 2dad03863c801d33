"""Rectification (Art. 16 GDPR): what a person says is wrong is looked at on both sides now, and answered.

calsync's data come from the CRM and from Google, and are corrected there; here it is seen to that both say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from calsync.engine import run_account
from calsync.privacy import register
from calsync.privacy.register import Desk
from calsync.store import audit, requests
from calsync.store.audit import Act, Actor, By
from calsync.store.database import writing
from calsync.store.requests import Kind, Progress
from calsync.sync.round import Order
from calsync.sync.tally import Outcome, Tally
from calsync.wiring import Parts


@dataclass(frozen=True, slots=True)
class Rectified:
    """The request that was entered, what the round did, and the answer for the person."""

    request: int
    tally: Tally
    answer: str
    closed: bool


def rectify(parts: Parts, user: str, account_id: int, event: str | None, wrong: str, by: By) -> Rectified:
    """Enter a request, look at one event, or at everything anew, on both sides, and answer it when that went well.

    `wrong`: the person's words; they are kept sealed with the request.
    """
    with writing(parts.engine) as connection:
        desk = _desk(parts)
        number = register.receive(connection, desk, user, Kind.RECTIFICATION, by, note=wrong)
    tally = run_account(parts, account_id, Order(full=event is None, event=event))
    answer, answered = _answer(tally), tally.outcome is Outcome.OK
    with writing(parts.engine) as connection:
        desk = _desk(parts)
        if answered:
            register.close(connection, desk, number, answer, Actor.SYSTEM, Progress.DONE)
        else:
            requests.change(connection, number, outcome=answer[:200])
        audit.append(
            *(connection, parts.vault, Act.RECTIFIED, by, user, desk.now),
            request=number,
            outcome=tally.outcome.value,
            full=event is None,
        )
    return Rectified(number, tally, answer, answered)


def _desk(parts: Parts) -> Desk:
    return Desk(parts.vault, parts.clock(), parts.settings.privacy.zone)


def _answer(tally: Tally) -> str:
    if tally.outcome is not Outcome.OK:
        return f"could not be looked at yet: {tally.reason or tally.outcome.value}"
    counts = {side.value: sum(verbs.values()) for side, verbs in tally.writes.items()}
    if not any(counts.values()):
        return (
            "both sides say the same; what is wrong is wrong at its source: correct it there, and it follows"
        )
    return "corrected: " + ", ".join(f"{count} on {side}" for side, count in counts.items() if count)
