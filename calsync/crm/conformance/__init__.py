"""The kit that every adapter passes: checks of a live backend, through the port and the six verbs alone.

The checks write events a month ahead into one person's calendar (and private ones into a second person's), and take
all of them away again. Nobody is mailed who would not be mailed by the CRM itself for an event without guests that
exist: their addresses are of example.com.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from calsync.crm.conformance import content, observing, people, writing
from calsync.crm.conformance.trial import Failed, NotApplicable, Trial
from calsync.crm.port import CrmBackend
from calsync.model.errors import SideError

Check = Callable[[Trial], None]

CHECKS: tuple[Check, ...] = (
    *people.CHECKS,
    *writing.CHECKS,
    *observing.CHECKS,
    *content.CHECKS,
    *people.LAST,
)


class Verdict(StrEnum):
    """How a check ended; `SKIPPED`: the adapter declares that it cannot, or there is no second person."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One check: its name, the promise it is about, how it ended, and why."""

    check: str
    promise: str
    verdict: Verdict
    cause: str = ""


def examine(
    backend: CrmBackend, login: str, other: str | None, now: datetime, only: frozenset[str] = frozenset()
) -> Iterator[Result]:
    """Yield the result of each check, in order; of `only` these names when there are any.

    `login` and `other` are people of the CRM; `now` is aware. Never raises: an adapter that does has failed a check.
    """
    trial = Trial(backend, login, other, now, f"calsync check {secrets.token_hex(3)}")
    for check in CHECKS:
        if not only or check.__name__ in only:
            yield _tried(check, trial)


def _tried(check: Check, trial: Trial) -> Result:
    verdict, cause = Verdict.PASSED, ""
    try:
        check(trial)
    except Failed as failure:
        verdict, cause = Verdict.FAILED, str(failure)
    except NotApplicable as reason:
        verdict, cause = Verdict.SKIPPED, str(reason)
    except SideError as error:
        verdict, cause = Verdict.FAILED, f"{type(error).__name__}: {error.reason}"
    except Exception as error:  # noqa: BLE001 - an adapter may raise anything, and must raise nothing else
        verdict, cause = Verdict.FAILED, f"raised {type(error).__name__}, which is no SideError"
    finally:
        # What is left behind shows in the last check.
        with suppress(Exception):
            trial.sweep()
    return Result(check.__name__, " ".join((check.__doc__ or "").split()), verdict, cause)
