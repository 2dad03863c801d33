"""The campaigns notice when a rule is taken out of the engine: those that show it soon; `scripts/campaign --mutants`
runs all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).parents[2] / "scripts" / "campaign.d"

#: Mutants that show after few runs.
QUICK = (
    "id-not-recorded",
    "no-reference-in-crm",
    "cursor-first",
    "losers-later",
    "losers-forgotten",
    "deletion-beats-edit",
    "orphan-agrees",
    "version-decides",
    "no-look-before-write",
    "permission-ignored",
    "undecided-accepted",
    "no-lock",
)


@pytest.fixture
def mutants(monkeypatch):
    """The table of mutants."""
    monkeypatch.syspath_prepend(str(CAMPAIGN))
    import mutants

    return mutants.MUTANTS


@pytest.mark.parametrize("name", QUICK)
def test_a_campaign_without_a_rule_finds_damage(mutants, name):
    mutant = mutants[name]
    options = ["--mode", mutant.mode, "--runs", str(2 * mutant.runs + 100), "--seed", "1", "--mutant", name]
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), *options], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["wrong"]
