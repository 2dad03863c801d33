"""Many organisations, in one process or several: the same seed finds the same with any number of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing import get_context

from plays import chance
from sweeps import Campaign

from organisations.district import District
from organisations.lives import Lived, live

#: How many organisations a process is given at once.
CHUNK = 10


@dataclass(slots=True)
class Report:
    """What a sweep did and found. `wrong`: scenario, CRM and sentence.

    `copies`: made at Google; `withdrawn`: of them gone again while their record lives; `returned`: made once more;
    `requests`: to Google, each read as it goes over the wire; `opencrm`: organisations with that CRM.
    """

    mode: str
    seed: int
    runs: int = 0
    opencrm: int = 0
    records: int = 0
    rounds: int = 0
    requests: int = 0
    copies: int = 0
    withdrawn: int = 0
    returned: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, number: int, lived: Lived) -> None:
        """Count one organisation."""
        self.runs += 1
        self.opencrm += lived.crm == "opencrm"
        for name in ("records", "rounds", "requests", "copies", "withdrawn", "returned"):
            setattr(self, name, getattr(self, name) + getattr(lived, name))
        self.wrong += [f"scenario {number}, {lived.crm}: {text}" for text in lived.wrong]


def sweep(campaign: Campaign, say: Callable[[str], None]) -> Report:
    """Let so many organisations live as there are runs."""
    began = time.monotonic()
    report = Report(campaign.mode, campaign.seed)
    with closing(_all(campaign)) as organisations:
        for number, lived in organisations:
            known = len(report.wrong)
            report.add(number, lived)
            for text in report.wrong[known:]:
                say(text)
            if report.runs % 500 == 0:
                say(f"{report.runs} organisations, {len(report.wrong)} wrong")
            if campaign.first and report.wrong:
                break
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _all(campaign: Campaign) -> Iterator[tuple[int, Lived]]:
    """Yield organisations in order."""
    numbers = range(1, campaign.runs + 1) if campaign.scenario is None else [campaign.scenario]
    lived = partial(_lived, campaign.seed)
    if campaign.workers == 1:
        yield from zip(numbers, map(lived, numbers), strict=True)
        return
    # Forked, so that a rule which was taken out of the engine is missing there too.
    pool = ProcessPoolExecutor(campaign.workers, get_context("fork"))
    try:
        yield from zip(numbers, pool.map(lived, numbers, chunksize=CHUNK), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _lived(seed: int, number: int) -> Lived:
    return live(_district(), f"{seed}/{number}")


@cache
def _district() -> District:
    """Return the district of this process."""
    with chance("district"):
        return District()
