"""Crash, interleaving, fault and double-crash sweeps over random scenarios, replayable by seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google_wire import TROUBLES
from strikes import Boundaries, Death, die
from town import Town
from townspeople import Person

from calsync.model.policy import Policy

ROUNDS, ACTS = 3, 6
#: Passes after the last edit within which everything must be in step and silent.
PASSES = 8


@dataclass(slots=True)
class Report:
    """What a sweep did and found. `wrong`: scenario, strike and sentence."""

    mode: str
    seed: int
    runs: int = 0
    scenarios: int = 0
    boundaries: int = 0
    struck: int = 0
    conflicts: int = 0
    most_passes: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Played:
    """How one run of a scenario ended."""

    boundaries: int
    struck: int
    passes: int
    conflicts: int
    wrong: list[str]


def sweep(
    mode: str,
    runs: int,
    seed: int,
    say: Callable[[str], None],
    scenario: int | None = None,
    first: bool = False,
) -> Report:
    """Run scenarios until there were `runs` runs; `scenario` repeats one alone, `first` ends at the first damage."""
    began = time.monotonic()
    report = Report(mode, seed)
    town = Town(Policy())
    try:
        for number in _numbers() if scenario is None else [scenario]:
            for strike, played in _runs(town, mode, f"{seed}/{number}"):
                report.runs += 1
                report.boundaries += played.boundaries
                report.struck += played.struck
                report.conflicts += played.conflicts
                report.most_passes = max(report.most_passes, played.passes)
                report.wrong += [f"scenario {number}, {strike}: {text}" for text in played.wrong]
                if report.runs >= runs or (first and report.wrong):
                    break
            report.scenarios += 1
            if report.scenarios % 20 == 0:
                say(f"{report.runs} runs, {len(report.wrong)} wrong")
            if report.runs >= runs or (first and report.wrong):
                break
    finally:
        town.close()
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


def _runs(town: Town, mode: str, seed: str) -> Iterator[tuple[str, Played]]:
    """Play one scenario with every strike of a mode, the plain one first."""
    plain = play(town, seed, {})
    yield "undisturbed", plain
    if mode == "fault":
        for number in range(20):
            yield f"faults {number}", play(town, seed, {}, faults=random.Random(f"{seed}/{number}"))
    elif mode == "double":
        dice = random.Random(f"{seed}/double")
        for _ in range(20):
            pair = sorted(dice.sample(range(plain.boundaries), 2))
            yield f"deaths at {pair}", play(town, seed, dict.fromkeys(pair, die))
    else:
        for number in range(plain.boundaries):
            strikes = {number: die if mode == "crash" else "rival" if mode == "rival" else "edit"}
            yield f"{mode} at {number}", play(town, seed, strikes)


def play(town: Town, seed: str, strikes: Mapping[int, Any], faults: random.Random | None = None) -> Played:
    """Play a scenario from the first morning: rounds of edits, each followed by a sync, then silence."""
    dice = random.Random(seed)
    town.restore(Boundaries({}))
    person = Person(town, dice)
    disturber = random.Random(f"{seed}/disturb")

    def edit(_kind: str) -> None:
        kept, person.dice = person.dice, disturber
        if not _kind.endswith("commit") or _kind == "store commit":
            person.act()
        person.dice = kept

    named = {"edit": edit, "rival": town.rival}
    boundaries = Boundaries({at: named.get(strike, strike) for at, strike in strikes.items()})
    town.boundaries = boundaries
    town.restart()
    if faults is not None:
        rate, kinds = faults.uniform(0, 0.3), faults.sample(sorted(TROUBLES), faults.randint(1, 6))
        town.trouble.next = lambda: faults.choice(kinds) if faults.random() < rate else ""
    for _ in range(ROUNDS):
        for _ in range(ACTS):
            person.act()
        _round(town, person)
    town.trouble.next = lambda: ""
    passes, wrong = _calm(town)
    return Played(boundaries.count, boundaries.struck, passes, len(person.lost()), wrong + person.judge())


def _round(town: Town, person: Person) -> None:
    try:
        town.round()
    except Death:
        # People go on while the process is down.
        person.act()
        town.restart()
    _reconnect(town)


def _reconnect(town: Town) -> None:
    """Undo what a simulated 404 or 401 of the whole calendar has done to the account."""
    from calsync.store import accounts
    from calsync.store.accounts import State
    from calsync.store.database import writing

    with writing(town.store) as connection:
        accounts.change(connection, town.account_id, state=State.ACTIVE)


def _calm(town: Town) -> tuple[int, list[str]]:
    """Run rounds until two in a row write nothing; say so when that takes too long."""
    quiet = 0
    for number in range(1, PASSES + 1):
        town.clock.advance(minutes=20)
        struck = town.boundaries.struck
        try:
            run = town.round()
        except Death:
            town.restart()
            continue
        _reconnect(town)
        writes = sum(run["google"].values()) + sum(run["crm"].values())
        silent = run["outcome"] == "ok" and not writes and town.boundaries.struck == struck
        quiet = quiet + 1 if silent else 0
        if quiet == 2:
            return number - 2, []
    return PASSES, [f"not in step after {PASSES} passes ({run['outcome']} {run.get('reason', '')})"]
