"""The process is killed, as by a power cut, at random moments of a first import with edits going on."""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from calsync.sandbox.campaign.people import Busybody
from calsync.sandbox.stage import Stage, StageError
from calsync.sandbox.workplace import Embedded, Workplace

EVENTS = 300
KILLS_PER_IMPORT = 5
DELETIONS = 4
#: Rounds from the command line that must bring everything into step once nobody kills and edits any more.
ROUNDS = 8


@dataclass(slots=True)
class Report:
    """What a campaign did and found."""

    seed: int
    kills: int = 0
    #: Kills that struck between an intent and the record of its outcome.
    amid_writes: int = 0
    imports: int = 0
    events: int = 0
    edits: int = 0
    conflicts: int = 0
    #: Edits in the CRM that fell between the last look of any client and its write: lost, where no versions are compared.
    overtaken: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def campaign(
    kills: int,
    seed: int,
    events: int = EVENTS,
    say: Callable[[str], None] = print,
    workplace: Callable[[], Workplace] = Embedded,
) -> Report:
    """Kill the daemon `kills` times, a few times in each import of `events` events, and judge each import.

    `workplace` makes the CRM.
    """
    began = time.monotonic()
    report = Report(seed)
    with (
        tempfile.TemporaryDirectory(prefix="calsync-kill9-") as directory,
        Stage(Path(directory), {"poll_seconds": 2}, workplace()) as stage,
    ):
        stage.start_daemon("web", "web")
        for name in ("events.insert", "events.patch"):
            # A network takes its time: without any, few kills would strike between a write and its answer.
            for when in ("before", "after"):
                order = {"operation": name, "kind": "delay", "when": when, "seconds": 0.003, "times": 10**9}
                stage.control("POST", "faults", order)
        while report.kills < kills:
            count = min(KILLS_PER_IMPORT, kills - report.kills)
            wrong = _one_import(stage, report, count, events)
            report.wrong += [f"import {report.imports}: {text}" for text in wrong]
            say(f"import {report.imports}: {report.kills} kills so far, {len(wrong)} wrong")
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _one_import(stage: Stage, report: Report, kills: int, events: int) -> list[str]:
    report.imports += 1
    dice = random.Random(f"{report.seed}/{report.imports}")
    user = stage.workplace.login(f"p{report.imports}")
    stage.add_person(user)
    person = Busybody(stage, user, dice.randrange(2**32))
    try:
        for _ in range(events // 2):
            person.make("google")
            person.make("crm")
        stage.connect(user)
        worker = person.work(0.03)
        for number in range(kills):
            _start(stage)
            _wait(stage, dice)
            stage.kill_daemon()
            report.kills += 1
            report.amid_writes += _has_open_intents(stage)
            if number < DELETIONS:
                person.delete(dice.choice(("google", "crm")))
        person.rest(worker)
        unsettled = _settle(stage, user)
        found, overtaken = person.judge()
        wrong = unsettled + found
        report.overtaken += overtaken
    finally:
        person.close()
    report.events += len(person.ledger.lives)
    report.edits += sum(len(life.written) for life in person.ledger.lives.values())
    report.conflicts += len(stage.calsync("conflicts", user)["conflicts"])
    return wrong


def _start(stage: Stage) -> None:
    """Start the process that syncs, and wait until it says that it runs."""
    log = stage.directory / "daemon.log"
    before = log.stat().st_size if log.exists() else 0
    stage.start_daemon("worker")
    stage.until(lambda: b'"running"' in log.read_bytes()[before:], "the daemon to run", 60)


def _wait(stage: Stage, dice: random.Random) -> None:
    """Wait for the moment of a kill: some time after the start, or, every other time, amid writes.

    An import takes some seconds, more where the CRM is slow; the next ones go on with what the kill has left.
    """
    if dice.random() < 0.5:
        time.sleep(dice.uniform(0, 2.0))
        return
    with suppress(StageError):
        stage.until(lambda: _has_open_intents(stage), "something to be written", 10)
    time.sleep(dice.uniform(0, 0.3))


def _has_open_intents(stage: Stage) -> bool:
    database = sqlite3.connect(stage.directory / "calsync.db")
    try:
        return bool(database.execute("SELECT count(*) FROM link WHERE intents IS NOT NULL").fetchone()[0])
    finally:
        database.close()


def _settle(stage: Stage, user: str) -> list[str]:
    """Run rounds until one writes nothing; say so when that takes too long."""
    for _ in range(ROUNDS):
        run = stage.resync(user, expect=None)
        quiet = not any(run["google"].values()) and not any(run["crm"].values())
        if quiet and run["outcome"] == "ok":
            return []
    return [f"{user}: still {run['outcome']} after {ROUNDS} rounds ({run.get('reason', '')})"]
