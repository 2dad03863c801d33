"""How a scenario is disturbed: a play for each place at which something can strike, after one without."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from plays import Checkpoint, Play, Played, chance
from story import Habits
from strikes import Boundaries, Strike, die
from town import Moment, Town
from troubles import KINDS, Weather

#: What was done to a scenario, and what became of it.
Run = tuple[str, Played]

FAULT_RUNS, DOUBLE_RUNS = 20, 20
#: Rounds in bad weather: each of them costs many requests more than others.
FAULT_ROUNDS = 3


@dataclass(slots=True)
class Grave:
    """A place at which a process can die; `numbers` of the boundaries at which that leaves the same behind."""

    numbers: list[int]
    checkpoint: Checkpoint


class Gravedigger:
    """Watches a play for what a death would leave behind, at each of its boundaries.

    That is what is durable: what a process does between two commits or effects makes no difference, so that
    boundaries with nothing durable between them share a grave.
    """

    def __init__(self, play: Play) -> None:
        self._play, self._town = play, play.town
        self.graves: list[Grave] = []
        self._round: Checkpoint | None = None
        self._left: dict[str, bytes] = {}
        self._marks: tuple[object, ...] = ()
        play.on_round = self._begin
        play.suffer(Boundaries(watch=self._pass))
        self._town.begun = self._keep

    def _begin(self, checkpoint: Checkpoint) -> None:
        self._round = checkpoint
        self._left = {"store": checkpoint.moment.store, "books": checkpoint.moment.books}

    def _keep(self, database: str) -> None:
        """Keep a database as its last commit has left it; a transaction may have begun, but done nothing."""
        if database not in self._left:
            self._left[database] = self._town.database(database)

    def _pass(self, kind: str) -> None:
        for database in ("store", "books"):
            if not self._town.in_transaction(database):
                self._keep(database)
        self._bury()
        if kind.endswith("commit"):
            # From now on it is something else.
            self._left.pop("store" if kind == "store commit" else "books")

    def _bury(self) -> None:
        assert self._round is not None
        number, left = self._play.town.boundaries.count, dict(self._left)
        marks = (self._round, *left.values(), self._town.written())
        if self.graves and marks == self._marks:
            self.graves[-1].numbers.append(number)
            return
        self._marks = marks
        moment = Moment(left["store"], left["books"], pickle.dumps(self._town.world), self._town.clock.now())
        self.graves.append(Grave([number], replace(self._round, moment=moment)))


def undisturbed(
    town: Town, seed: str, watch: Callable[[Play], object], habits: Habits | None = None
) -> Played:
    """Play a scenario as it comes; `watch` is given the play before it begins."""
    with chance(seed):
        play = Play(town, seed, habits=habits)
        watch(play)
        return play.finish()


def crashes(town: Town, seed: str) -> Iterator[Run]:
    """Let the process die at every boundary."""
    diggers: list[Gravedigger] = []
    yield "undisturbed", undisturbed(town, seed, lambda play: diggers.append(Gravedigger(play)))
    for grave in diggers[0].graves:
        with chance(f"{seed}/{grave.numbers[0]}"):
            played = Play(town, seed, grave.checkpoint).die_and_go_on()
            played.struck = len(grave.numbers)
            yield f"death at {_span(grave.numbers)}", played


def _span(numbers: list[int]) -> str:
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def double_crashes(town: Town, seed: str) -> Iterator[Run]:
    """Let the process die twice: somewhere, and again while it recovers or later."""
    diggers: list[Gravedigger] = []
    plain = undisturbed(town, seed, lambda play: diggers.append(Gravedigger(play)))
    yield "undisturbed", plain
    dice = random.Random(f"{seed}/double")
    graves = diggers[0].graves
    for grave in dice.sample(graves, min(DOUBLE_RUNS, len(graves))):
        # Mostly soon after: what is half done is what a second death can spoil.
        second = dice.randrange(dice.choice([12, 30, 60]))
        with chance(f"{seed}/{grave.numbers[0]}/{second}"):
            play = Play(town, seed, grave.checkpoint)
            play.suffer(Boundaries({second: die}))
            yield f"deaths at {_span(grave.numbers)} and {second} further", play.die_and_go_on()


def interleavings(town: Town, seed: str) -> Iterator[Run]:
    """Let somebody do something at every boundary of the rounds."""
    return _struck(town, seed, "deed", lambda play: lambda kind: _disturb(play, kind))


def rivalries(town: Town, seed: str) -> Iterator[Run]:
    """Let another process begin a round of the same account, and run one of another account, at every boundary."""
    return _struck(town, seed, "rival", lambda play: lambda kind: _rival(play, kind))


def _struck(town: Town, seed: str, name: str, strike: Callable[[Play], Strike]) -> Iterator[Run]:
    """Play a scenario with a strike at every boundary of its rounds, each from the beginning of its round."""
    rounds: list[Checkpoint] = []

    def watch(play: Play) -> None:
        play.on_round = rounds.append
        play.suffer(Boundaries())

    plain = undisturbed(town, seed, watch)
    yield "undisturbed", plain
    ends = [checkpoint.passed for checkpoint in rounds[1:]] + [plain.boundaries]
    for checkpoint, end in zip(rounds, ends, strict=True):
        for number in range(checkpoint.passed, end):
            with chance(f"{seed}/{number}"):
                play = Play(town, seed, checkpoint)
                play.story.dice.seed(f"{seed}/{number}")
                play.suffer(Boundaries({number - checkpoint.passed: strike(play)}))
                yield f"{name} at {number}", play.go_on()


def _disturb(play: Play, kind: str) -> None:
    """Let somebody do something; not in the CRM while its one connection is in a transaction."""
    if kind != "crm commit":
        play.folk.act(amid=True)


def _rival(play: Play, kind: str) -> None:
    """Let a second process begin a round of the same account; it has to leave while the first one runs."""
    if not kind.endswith("commit"):
        # At a commit the one connection to the database in memory is in use.
        [login] = play.story.pending
        play.town.sync(login)


def faults(town: Town, seed: str) -> Iterator[Run]:
    """Let Google and the databases fail in random ways, all the time but at the end.

    No twins: while Google keeps silent about one of them, the other is an event of its own.
    """
    rounds: list[Checkpoint] = []
    habits = Habits(twins=False)
    plain = undisturbed(town, seed, lambda play: setattr(play, "on_round", rounds.append), habits)
    yield "undisturbed", plain
    for number in range(FAULT_RUNS):
        with chance(f"{seed}/{number}"):
            dice = random.Random(f"{seed}/weather {number}")
            weather = Weather(dice, dice.uniform(0, 0.3), tuple(dice.sample(KINDS, dice.randint(1, 6))))
            play = Play(town, seed, rounds[0])
            play.end = FAULT_ROUNDS
            play.suffer(Boundaries(), weather)
            yield f"faults {number} ({', '.join(weather.kinds)})", play.go_on()


def losses(town: Town, seed: str) -> Iterator[Run]:
    """Let the engine's database be lost, or put back as it was at the beginning of an earlier round.

    Nobody loses a right meanwhile, since what was taken from somebody is not told from their own afterwards; and no
    twins and no meetings, which nothing joins but our memory once they differ.
    """
    rounds: list[Checkpoint] = []
    habits = Habits(share=False, twins=False, meet=False)
    plain = undisturbed(town, seed, lambda play: setattr(play, "on_round", rounds.append), habits)
    yield "undisturbed", plain
    for place, checkpoint in enumerate(rounds[1:], 1):
        backups = {"nothing": town.morning.store}
        backups |= {f"round {number}": rounds[number].moment.store for number in range(1, place)}
        for name, store in backups.items():
            with chance(f"{seed}/{place}/{name}"):
                play = Play(town, seed, checkpoint)
                play.lose(store)
                yield f"database of {name} in round {place}", play.go_on()


MODES: dict[str, Callable[[Town, str], Iterator[Run]]] = {
    "crash": crashes,
    "inter": interleavings,
    "fault": faults,
    "double": double_crashes,
    "rival": rivalries,
    "loss": losses,
}
