"""Sweeps over random scenarios, in one process or several: the same seed finds the same with any number of them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from multiprocessing import get_context

from modes import MODES, Run
from plays import chance
from town import Town
from village import versionless

#: Scenarios that are played ahead of the one whose turn it is, for each process.
AHEAD = 3


@dataclass(frozen=True, slots=True)
class Campaign:
    """What to sweep. `scenario`: one alone; `first`: end at the first damage."""

    mode: str
    seed: int
    runs: int
    scenario: int | None = None
    first: bool = False
    workers: int = 1

    def numbers(self) -> Iterator[int]:
        """Return the scenarios in their order."""
        return count(1) if self.scenario is None else iter([self.scenario])


@dataclass(slots=True)
class Report:
    """What a sweep did and found. `wrong`: scenario, strike and sentence.

    `boundaries`: of all undisturbed scenarios; `struck`: at how many of them something struck; `set_aside`: events
    that were so at the end of a run; `too_late`: edits of occurrences in the moment before their series was deleted,
    which no client can see; `overtaken`: edits between an adapter's last look and its write, likewise, in a CRM that
    compares no versions; `most_passes`: until all was in step after the last deed.
    """

    mode: str
    seed: int
    runs: int = 0
    scenarios: int = 0
    boundaries: int = 0
    struck: int = 0
    conflicts: int = 0
    set_aside: int = 0
    too_late: int = 0
    overtaken: int = 0
    most_passes: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, number: int, run: Run) -> None:
        """Count one run of a scenario."""
        name, played = run
        self.runs += 1
        self.boundaries += played.boundaries if name == "undisturbed" else 0
        self.struck += played.struck
        self.conflicts += played.conflicts
        self.set_aside += played.set_aside
        self.too_late += played.too_late
        self.overtaken += played.overtaken
        self.most_passes = max(self.most_passes, played.passes)
        self.wrong += [f"scenario {number}, {name}: {text}" for text in played.wrong]


def sweep(campaign: Campaign, say: Callable[[str], None]) -> Report:
    """Play scenarios until there were enough runs."""
    began = time.monotonic()
    report = Report(campaign.mode, campaign.seed)
    with closing(_all(campaign)) as scenarios:
        for number, runs in scenarios:
            for run in runs:
                known = len(report.wrong)
                report.add(number, run)
                for text in report.wrong[known:]:
                    say(text)
                if _is_over(campaign, report):
                    break
            report.scenarios += 1
            if report.scenarios % 20 == 0:
                say(f"{report.runs} runs, {len(report.wrong)} wrong")
            if _is_over(campaign, report):
                break
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _is_over(campaign: Campaign, report: Report) -> bool:
    return report.runs >= campaign.runs or (campaign.first and bool(report.wrong))


def _all(campaign: Campaign) -> Iterator[tuple[int, Iterator[Run]]]:
    """Yield scenarios and their runs, in order."""
    if campaign.workers == 1:
        for number in campaign.numbers():
            yield number, _runs(campaign, number)
        return
    # Forked, so that a rule which was taken out of the engine is missing there too.
    pool = ProcessPoolExecutor(campaign.workers, get_context("fork"))
    waiting: deque[tuple[int, Future[list[Run]]]] = deque()
    try:
        for number in campaign.numbers():
            waiting.append((number, pool.submit(_played, campaign, number)))
            if len(waiting) >= AHEAD * campaign.workers:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    finally:
        pool.shutdown(cancel_futures=True)


def _next(waiting: deque[tuple[int, Future[list[Run]]]]) -> tuple[int, Iterator[Run]]:
    number, future = waiting.popleft()
    return number, iter(future.result())


def _played(campaign: Campaign, number: int) -> list[Run]:
    """Play a scenario in a process of its own, as far as it can be wanted."""
    played: list[Run] = []
    for run in _runs(campaign, number):
        played.append(run)
        if len(played) >= campaign.runs or (campaign.first and run[1].wrong):
            break
    return played


def _runs(campaign: Campaign, number: int) -> Iterator[Run]:
    seed = f"{campaign.seed}/{number}"
    return versionless(seed) if campaign.mode == "versionless" else MODES[campaign.mode](_town(), seed)


@cache
def _town() -> Town:
    """Return the town of this process."""
    with chance("town"):
        return Town()
