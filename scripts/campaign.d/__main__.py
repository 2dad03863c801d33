"""Break an installation at random, many times; a ledger of what people wrote decides whether it held.

kill9   the real process is killed with SIGKILL in first imports (--runs: kills)
crash   the engine dies at every boundary of random scenarios (--runs: runs)
inter   a person edits at every boundary
fault   Google fails in random ways
double  the engine dies twice
rival   a second process begins a round of the same account at every boundary

--mutant takes one rule out of the engine: the campaign should then find something wrong, and stops when it does.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import secrets
import sys
from contextlib import nullcontext
from typing import Any

import structlog
from mutants import MUTANTS, planted

MODES = ("kill9", "crash", "inter", "fault", "double", "rival")


def main() -> int:
    """Return 0 when nothing was wrong, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="scripts/campaign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mode", choices=MODES, default="kill9")
    parser.add_argument(
        "--runs", type=int, default=None, help="how many (kill9: 200 kills; others: 30000 runs)"
    )
    parser.add_argument("--seed", type=int, default=None, help="repeat a campaign (default: a random one)")
    parser.add_argument("--scenario", type=int, default=None, help="repeat one scenario of a seed alone")
    parser.add_argument(
        "--mutant", choices=sorted(MUTANTS), default=None, help="take a rule out of the engine"
    )
    options = parser.parse_args()
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    with planted(options.mutant) if options.mutant else nullcontext():
        report = _report(options, seed)
    print(json.dumps(dataclasses.asdict(report), indent=2))
    return 1 if report.wrong else 0


def _report(options: argparse.Namespace, seed: int) -> Any:
    if options.mode == "kill9":
        from calsync.sandbox.campaign.kill9 import campaign

        return campaign(options.runs or 200, seed, say=_say)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    from sweeps import sweep

    runs = options.runs or 30_000
    return sweep(options.mode, runs, seed, _say, options.scenario, first=options.mutant is not None)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
