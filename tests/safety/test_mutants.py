"""The campaigns notice when a rule is taken out of the engine: some that are quick, and one with its own story."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import crm_at, day
from tests.safety.disasters import consent_anew, lose_database

CAMPAIGN = Path(__file__).parents[2] / "scripts" / "campaign.d"

#: Mutant, mode, runs that are enough with seed 1.
QUICK = [
    ("last-writer-wins", "inter", 5),
    ("no-content-hash", "crash", 150),
    ("random-unrecorded-id", "crash", 60),
    ("cursor-first", "crash", 90),
    ("no-if-match", "inter", 90),
]


@pytest.fixture
def planted(monkeypatch):
    """The function that takes a rule out."""
    monkeypatch.syspath_prepend(str(CAMPAIGN))
    import mutants

    return mutants.planted


@pytest.mark.parametrize(("mutant", "mode", "runs"), QUICK)
def test_a_campaign_without_a_rule_finds_damage(mutant, mode, runs):
    options = ["--mode", mode, "--runs", str(runs), "--seed", "1", "--mutant", mutant]
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), *options], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["wrong"]


def deleted_copy_after_a_loss(house):
    """Let a copy be deleted while the mapping is lost; return the titles that Google shows at the end."""
    house.crm_add("ana", title="C", **crm_at(day(1)))
    house.resync("ana")
    (ours,) = house.google_events("ana")
    lose_database(house)
    house.google_delete("ana", ours["id"])
    consent_anew(house, "ana")
    house.resync("ana")
    return house.google_titles("ana")


def test_a_tombstone_never_passes_for_a_copy(house):
    assert deleted_copy_after_a_loss(house) == ["C"]


def test_the_story_of_the_tombstone_notices_when_its_rule_is_gone(house, planted):
    with planted("tombstone-adopted"):
        assert deleted_copy_after_a_loss(house) == []
