"""Break an installation at random, many times; a ledger of what people wrote decides whether it held.

kill9   the real process is killed with SIGKILL in first imports (--runs: kills), with any CRM (--backend)
scenarios   the scenarios of the suite with every CRM, or with one (--backend), each on a daemon of its own
crash   the engine dies at every boundary of random scenarios; boundaries at which that leaves the same behind are
        one run
inter   a person does something at every boundary
fault   Google and the databases fail in random ways
double  the engine dies twice
rival   a second process begins a round of the same account at every boundary
versionless   people edit between any two requests, in an OpenCRM tenant, which compares no versions; what they write
        between the adapter's last look and its write is counted as overtaken
loss    the database is lost, or an older one is put back
permission   random organisations (--runs: how many), whose people change records, and who may see them; every request
        to Google is read for what its person may not know

--mutant takes one rule out of the engine: the campaign should then find something wrong, and stops when it does.
--mutants does that with all rules, one after the other, each in the mode that can show it; with --mode only with those
of that mode.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import structlog
from crms import ROOT, workplaces
from mutants import MUTANTS, planted
from sweeps import Campaign

MODES = (
    "kill9",
    "scenarios",
    "crash",
    "inter",
    "fault",
    "double",
    "rival",
    "versionless",
    "loss",
    "permission",
)
KILLS, RUNS, ORGANISATIONS = 200, 30_000, 20_000
#: A rule that is missing must show within so many runs.
ENOUGH = 33_000


def main() -> int:
    """Return 0 when nothing was wrong, 1 otherwise."""
    options = _options()
    if options.mode != "kill9" or options.mutants:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if options.mutants:
        return _all_mutants(options)
    if options.mode == "scenarios":
        return _scenarios(options.backend)
    with planted(options.mutant) if options.mutant else nullcontext():
        report = _report(options)
    print(json.dumps(dataclasses.asdict(report), indent=2))
    return 1 if report.wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/campaign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mode", choices=MODES, default=None, help="default: kill9")
    parser.add_argument(
        "--runs",
        type=int,
        default=None,
        help=f"how many (kill9: {KILLS} kills; permission: {ORGANISATIONS} organisations; others: {RUNS} runs)",
    )
    parser.add_argument("--seed", type=int, default=None, help="repeat a campaign (default: a random one)")
    parser.add_argument("--scenario", type=int, default=None, help="repeat one scenario of a seed alone")
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        help="processes (default 1); the seed finds the same with any number",
    )
    parser.add_argument(
        "--backend", choices=tuple(workplaces()), default=None, help="the CRM, in modes kill9 and scenarios"
    )
    parser.add_argument(
        "--mutant", choices=sorted(MUTANTS), default=None, help="take a rule out of the engine"
    )
    parser.add_argument("--mutants", action="store_true", help="take out each rule in turn")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = 1 if options.mutants else secrets.randbelow(2**31)
    if options.mode is None and not options.mutants:
        options.mode = "kill9"
    return options


def _report(options: argparse.Namespace) -> Any:
    if options.mode == "kill9":
        from calsync.sandbox.campaign.kill9 import campaign

        workplace = workplaces()[options.backend or "builtin"]
        return campaign(options.runs or KILLS, options.seed, say=_say, workplace=workplace)
    usual = ORGANISATIONS if options.mode == "permission" else RUNS
    first, runs = options.mutant is not None, options.runs or usual
    wanted = Campaign(options.mode, options.seed, runs, options.scenario, first, options.workers)
    return _swept(wanted, _say)


def _swept(wanted: Campaign, say: Callable[[str], None]) -> Any:
    if wanted.mode == "permission":
        from organisations.sweep import sweep as sweep_organisations

        return sweep_organisations(wanted, say)
    from sweeps import sweep

    return sweep(wanted, say)


def _scenarios(backend: str | None) -> int:
    """Let pytest run them, and return its exit code: 0 when all that apply have passed."""
    which = ["--scenarios", backend or "all"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "tests/scenarios", *which], cwd=ROOT, check=False
    ).returncode


def _all_mutants(options: argparse.Namespace) -> int:
    """Plant each mutant in its mode, or those of the mode that is wanted, until it shows; return 1 when one does not."""
    alive = []
    for name, mutant in MUTANTS.items():
        if not mutant.mode or options.mode not in (None, mutant.mode):
            continue
        wanted = Campaign(mutant.mode, options.seed, options.runs or ENOUGH, None, True, options.workers)
        with planted(name):
            report = _swept(wanted, lambda _text: None)
        found = {"rule": mutant.rule, "mutant": name, "mode": mutant.mode, "runs": report.runs}
        found |= {"seconds": report.seconds, "shows": report.wrong[0] if report.wrong else None}
        print(json.dumps(found), flush=True)
        if not report.wrong:
            alive.append(name)
    return 1 if alive else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
