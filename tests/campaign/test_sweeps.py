"""A short fixed part of the sweeps; `scripts/campaign --mode crash|inter|...` runs them at length."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def sweep(mode, runs, seed=1, *more):
    """Run a sweep as its script would, and return its report."""
    command = [sys.executable, str(ROOT / "scripts" / "campaign.d"), "--mode", mode]
    done = subprocess.run(
        [*command, "--runs", str(runs), "--seed", str(seed), *more],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("mode", "runs"),
    [
        ("crash", 500),
        ("inter", 250),
        ("fault", 200),
        ("double", 120),
        ("loss", 120),
        ("rival", 60),
        ("versionless", 40),
    ],
)
def test_the_engine_loses_doubles_and_resurrects_nothing(mode, runs):
    report = sweep(mode, runs)
    assert report["wrong"] == []
    assert report["runs"] == runs
    assert report["conflicts"] > 0 or mode != "inter", "nobody ever met anybody"
    assert report["struck"] > 0 or mode in ("fault", "loss"), "nothing ever struck"
