"""One run of a scenario: mornings of deeds, each followed by somebody's round, then silence and the verdict."""

from __future__ import annotations

import os
import pickle
import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from deeds import Folk
from inspection import Inspector
from looks import CRM
from oracle import LONGEST_WAIT_HOURS, after_round, lost, too_late, unsettled, verdict
from sqlalchemy.exc import OperationalError
from story import Habits, Story
from strikes import Boundaries, Death
from town import RESIDENTS, Moment, Town
from troubles import EMPTY_LISTING, Weather

ROUNDS, ACTS = 5, 4
#: Rounds that follow the one in which something struck, with deeds before each, until all is left to settle.
AFTERMATH = 1
#: Passes after the last deed within which everything must be in step and silent.
PASSES = 8

#: The share of rounds that list everything anew.
FULL = 0.1

_SKEWS = [timedelta(0)] * 3 + [timedelta(minutes=m) for m in (-3, 3, -60, 60, 24 * 60)]


@dataclass(slots=True)
class Played:
    """How one run of a scenario ended."""

    boundaries: int = 0
    struck: int = 0
    passes: int = 0
    conflicts: int = 0
    set_aside: int = 0
    too_late: int = 0
    overtaken: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place in a scenario from which it can be played on: the beginning of somebody's round.

    `passed`: boundaries that lie behind it.
    """

    number: int
    calming: bool
    login: str
    full: bool
    moment: Moment
    story: bytes
    passed: int


class Play:
    """A run of a scenario; use it inside of `chance`."""

    def __init__(
        self, town: Town, seed: str, checkpoint: Checkpoint | None = None, habits: Habits | None = None
    ) -> None:
        """Begin with the first morning, or stand at a checkpoint, for `go_on` or `die`."""
        self.town = town
        self.number, self.end, self.calming = 0, ROUNDS, False
        self.passes = 0
        #: Told of every round before it begins.
        self.on_round: Callable[[Checkpoint], object] = lambda _checkpoint: None
        self._checkpoint = checkpoint
        self._survivor, self._tried, self._lied = "", False, False
        if checkpoint is None:
            town.restore(town.morning)
            self.story = Story(random.Random(seed), habits=habits or Habits())
            self._begin_day()
        else:
            town.restore(checkpoint.moment)
            self.story = pickle.loads(checkpoint.story)
            self.number, self.calming = checkpoint.number, checkpoint.calming
        self.folk = Folk(town, self.story)
        town.look = Inspector(self.story)

    def _begin_day(self) -> None:
        """Let Google be one that lists its events in this way or that, by a clock of its own."""
        dice, switches = self.story.dice, self.town.world.switches
        self.town.clock.google_ahead = dice.choice(_SKEWS)
        switches.short_pages = dice.choice([0, 0, 2, 3])
        switches.empty_pages = dice.random() < 0.2
        switches.shuffle = dice.random() < 0.3
        switches.children_tombstones = dice.random() < 0.5
        switches.tombstone_details = dice.random() < 0.5

    def suffer(self, boundaries: Boundaries, weather: Weather | None = None) -> None:
        """Let these boundaries be passed from now on, in this weather."""
        self.town.boundaries, self.town.weather = boundaries, weather or Weather()
        self.town.restart()

    def finish(self) -> Played:
        """Play to the end and judge."""
        while self.number < self.end:
            for _ in range(ACTS):
                self.folk.act()
            dice = self.story.dice
            login, full = dice.choice(RESIDENTS).login, dice.random() < FULL
            self._round(self._survivor or login, full)
            self.number += 1
        if not self.calming:
            self._come_to_rest()
        wrong = self._calm()
        boundaries, story = self.town.boundaries, self.story
        found, set_aside = verdict(self.town, story)
        wrong += story.wrong + found
        conflicts = len(lost(self.town) | story.lost)
        late = too_late(story)
        return Played(
            boundaries.count, boundaries.struck, self.passes, conflicts, set_aside, late, wrong=wrong
        )

    def go_on(self) -> Played:
        """Play the round of the checkpoint, and then to the end."""
        assert self._checkpoint is not None
        self._run(self._checkpoint.login, self._checkpoint.full)
        self.number += 1
        return self.finish()

    def die(self) -> None:
        """Let the process end in this round, and people go on while it is down."""
        story = self.story
        [self._survivor] = story.pending
        story.interrupted()
        self._shorten()
        self.folk.act(amid=True)
        self.town.restart()

    def die_and_go_on(self) -> Played:
        """Let the process end in the round of the checkpoint, and play to the end."""
        self.die()
        self.number += 1
        return self.finish()

    def lose(self, store: bytes) -> None:
        """Let the engine's database be what it once was; people who see that will not wonder what comes back."""
        self.story.lose(lost(self.town))
        self._shorten()
        self.town.replace_store(store)

    # -- rounds ----------------------------------------------------------------------------------------

    def _round(self, login: str, full: bool = False) -> dict[str, Any]:
        """Run somebody's round and return its report."""
        story = self.story
        story.pending = {login: {side: self._values(side) for side in (CRM, f"google:{login}")}}
        story.rights.begin(login)
        self.on_round(self._here(login, full))
        return self._run(login, full)

    def _run(self, login: str, full: bool) -> dict[str, Any]:
        struck = self.town.boundaries.struck
        try:
            report = self.town.round(login, full)
        except Death:
            self.die()
            return {"outcome": "died"}
        except OperationalError as error:
            report = {"outcome": "broke down", "reason": str(error.orig)}
        except Exception as error:  # noqa: BLE001 - whatever a round raises is a finding
            report = {"outcome": "broke down", "reason": type(error).__name__}
            self.story.wrong.append(f"a round of {login} broke down: {type(error).__name__}: {error!s:.60}")
        self._survivor = ""
        self.story.survey(self.town)
        if self.town.boundaries.struck != struck:
            self._shorten()
        after_round(self.town, self.story, login, report)
        self.town.reactivate(login)
        return report

    def _here(self, login: str, full: bool) -> Checkpoint:
        passed = self.town.boundaries.count
        story = pickle.dumps(self.story)
        return Checkpoint(self.number, self.calming, login, full, self.town.moment(), story, passed)

    def _shorten(self) -> None:
        self.end = min(self.end, self.number + 1 + AFTERMATH)

    def _values(self, side: str) -> frozenset[str]:
        return frozenset(value for entry in self.story.on(self.town, side) for value in entry.shown.values())

    # -- the end ---------------------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        self.calming = True
        # What an empty listing has kept silent about, only another complete one shows.
        self._lied = EMPTY_LISTING in self.town.weather.kinds
        self.town.weather.clear()
        if self.story.dice.random() < 0.5:
            self.folk.restore_roles()

    def _calm(self) -> list[str]:
        """Run rounds of all until they write nothing any more; say so when that takes too long."""
        report: dict[str, Any] = {}
        for self.passes in range(PASSES):
            self.town.clock.advance(minutes=20)
            struck, silent = self.town.boundaries.struck, True
            for person in RESIDENTS:
                report = self._round(person.login, full=self._lied and self.passes == 0)
                silent &= report["outcome"] == "ok" and not _writes(report)
            self._tried = self._tried and silent
            if silent and self.town.boundaries.struck == struck and not self._try_again():
                return []
        return [f"not in step after {PASSES} passes ({report['outcome']} {report.get('reason', '')})"]

    def _try_again(self) -> bool:
        """Do what operators do when all is silent: try what was set aside by hand, and wait; once until there is news.

        Returns False when there was nothing to do.
        """
        if self._tried:
            return False
        self._tried = True
        left = [(p.login, link) for p in RESIDENTS for link in unsettled(self.town, self.story, p.login)]
        for login, link in left:
            if link.cause:
                self.town.sync(login, event=link.key)
        if any(link.waits for _, link in left):
            self.town.clock.advance(hours=LONGEST_WAIT_HOURS)
        return any(link.cause or link.waits for _, link in left)


def _writes(report: dict[str, Any]) -> int:
    """Return how much a round has written."""
    return sum(report["google"].values()) + sum(report["crm"].values())


@contextmanager
def chance(seed: str) -> Iterator[None]:
    """Let the machine's own dice fall as the seed says, so that a run can be repeated."""
    dice = random.Random(f"{seed}/machine")
    with ExitStack() as stack:
        stack.enter_context(patch.object(os, "urandom", dice.randbytes))
        stack.enter_context(patch.object(secrets, "_sysrand", dice))
        random.seed(f"{seed}/library")
        yield
