"""The cases: what is measured, at which sizes, how often, and what is hoped for."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samples import Order
from standin import Google, Person

WHO = ("floor", "calsync")
MEMORY_GOAL_MIB = 20.0
SAME_AT_ALL_SIZES = 1.25


@dataclass(frozen=True, slots=True)
class Case:
    """A job at one size. `goal`: the most that its CPU time may be, in floors; None while none is set.

    Figures are given per `unit`: an event of `size`, or one of `times` repetitions.
    """

    job: str
    size: int
    goal: float | None
    unit: str
    times: int = 1
    repetitions: int = 5

    @property
    def name(self) -> str:
        return f"{self.job} {self.size}"

    @property
    def units(self) -> int:
        return self.size if self.unit == "event" else self.times


CASES = (
    Case("pull", 10_000, 4.0, "event"),
    Case("pull", 50_000, 4.0, "event", repetitions=3),
    Case("unchanged", 1_000, 2.0, "pass", times=300),
    Case("unchanged", 50_000, 2.0, "pass", times=300),
    Case("push", 1_000, 4.0, "event"),
    Case("change", 1_000, None, "pass", times=100),
)
QUICK = (
    Case("pull", 200, 4.0, "event", repetitions=1),
    Case("pull", 600, 4.0, "event", repetitions=1),
    Case("unchanged", 50, 2.0, "pass", times=5, repetitions=1),
    Case("unchanged", 200, 2.0, "pass", times=5, repetitions=1),
    Case("push", 40, 4.0, "event", repetitions=1),
    Case("change", 50, None, "pass", times=5, repetitions=1),
)


class Bench:
    """Runs cases against one stand-in; every sample is a fresh process, floor and calsync take turns."""

    def __init__(self, google: Google, directory: Path) -> None:
        self._google, self._directory = google, directory
        self._people: dict[str, Person] = {}
        self._prepared: dict[int, Order] = {}

    def run(self, case: Case, say: Callable[[str], None]) -> dict[str, Any]:
        taken: dict[str, list[dict[str, Any]]] = {who: [] for who in WHO}
        if case.job == "pull":
            # The stand-in renders each event once; that is no part of the comparison.
            self._sample(self._order(case, "floor", 0))
        for number in range(case.repetitions):
            for who in WHO:
                taken[who].append(self._sample(self._order(case, who, number)))
                say(f"{case.name}: {who} {number + 1}/{case.repetitions}")
        return _summary(case, {who: _medians(case, samples) for who, samples in taken.items()})

    def _order(self, case: Case, who: str, number: int) -> Order:
        if case.job == "unchanged":
            return replace(self._settled(case.size), job=case.job, who=who, times=case.times)
        # A pull leaves Google as it was; the others need a calendar of their own each time.
        own = case.job if case.job == "pull" else f"{case.job}-{who}-{number}"
        person = self._person(f"{own}-{case.size}", 0 if case.job == "push" else case.size)
        return Order(case.job, who, self._google.url, person, Path(), case.size, case.times)

    def _person(self, name: str, events: int) -> Person:
        if name not in self._people:
            self._people[name] = self._google.person(name, events)
        return self._people[name]

    def _settled(self, size: int) -> Order:
        """Return an order with an installation in which `size` events are linked."""
        if size not in self._prepared:
            directory = self._directory / f"settled-{size}"
            directory.mkdir()
            person = self._person(f"pull-{size}", size)
            order = Order("prepare", "calsync", self._google.url, person, directory, size)
            self._prepared[size] = replace(order, token=_child(order)["token"])
        return self._prepared[size]

    def _sample(self, order: Order) -> dict[str, Any]:
        if order.directory != Path():
            return _child(order)
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        try:
            return _child(replace(order, directory=directory))
        finally:
            shutil.rmtree(directory)


def _child(order: Order) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).parent), "--sample", order.dump()]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _medians(case: Case, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return figures per unit: medians of the repetitions, with the least and the most of CPU."""
    cpu = sorted(1e6 * sample["cpu"] / case.units for sample in samples)
    middle = {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}
    return {
        "cpu_us": round(statistics.median(cpu), 2),
        "cpu_us_range": [round(cpu[0], 2), round(cpu[-1], 2)],
        "wall_us": round(1e6 * middle["wall"] / case.units, 2),
        "peak_mib": round(middle["peak_kib"] / 1024, 1),
        "google_calls": round(middle["calls"]),
        "sql_statements": round(middle["statements"] / case.units, 3),
        "sql_rows": round(middle["rows"] / case.units, 3),
    }


def _summary(case: Case, figures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    floor, calsync = figures["floor"], figures["calsync"]
    ratio = {name: round(calsync[f"{name}_us"] / floor[f"{name}_us"], 2) for name in ("cpu", "wall")}
    return {
        "case": case.name,
        "job": case.job,
        "size": case.size,
        "unit": case.unit,
        "units": case.units,
        "repetitions": case.repetitions,
        "floor": {name: value for name, value in floor.items() if not name.startswith("sql")},
        "calsync": calsync,
        "ratio": ratio,
        "goal": case.goal,
        "met": None if case.goal is None else ratio["cpu"] <= case.goal,
    }


def comparisons(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what only two sizes together show: growth of memory, and of the cost of finding nothing."""
    found = []
    for job, quantity, goal, compare in (
        ("pull", "memory_growth_mib", MEMORY_GOAL_MIB, _memory_growth),
        ("unchanged", "cpu_growth_ratio", SAME_AT_ALL_SIZES, _cpu_growth),
    ):
        of_job = sorted((one for one in results if one["job"] == job), key=lambda one: one["size"])
        if len(of_job) > 1:
            value = compare(of_job[0]["calsync"], of_job[-1]["calsync"])
            sizes = [of_job[0]["size"], of_job[-1]["size"]]
            found.append(
                {
                    "job": job,
                    "sizes": sizes,
                    "quantity": quantity,
                    "value": value,
                    "goal": goal,
                    "met": value <= goal,
                }
            )
    return found


def _memory_growth(small: dict[str, Any], large: dict[str, Any]) -> float:
    return round(large["peak_mib"] - small["peak_mib"], 1)


def _cpu_growth(small: dict[str, Any], large: dict[str, Any]) -> float:
    return round(large["cpu_us"] / small["cpu_us"], 2)
