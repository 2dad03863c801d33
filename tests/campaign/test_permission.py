"""A short fixed part of `scripts/campaign --mode permission`, and that it notices when a rule about permissions is
missing.
"""

from __future__ import annotations

import json
import subprocess
import sys

from tests.campaign.test_sweeps import ROOT, sweep

#: Organisations; a full campaign has 20,000.
SOME = 250


def test_google_is_told_nothing_that_its_person_may_not_know():
    report = sweep("permission", SOME, seed=2026)
    assert report["wrong"] == []
    assert report["runs"] == SOME
    assert report["withdrawn"] > SOME / 4, "hardly anybody lost a right"
    assert report["returned"] > SOME / 40, "hardly anybody got it back"
    assert SOME / 5 < report["opencrm"] < SOME / 2


def test_a_seed_finds_the_same_with_any_number_of_processes():
    one, two = (sweep("permission", 12, 3, "--workers", number) for number in "12")
    assert one | {"seconds": 0} == two | {"seconds": 0}


def test_every_rule_about_permissions_is_missed_when_it_is_gone():
    command = [sys.executable, str(ROOT / "scripts" / "campaign.d"), "--mutants", "--mode", "permission"]
    done = subprocess.run(
        [*command, "--runs", "400"], capture_output=True, text=True, cwd=ROOT, timeout=280, check=False
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) > 10, done.stderr
    assert [one["mutant"] for one in found if not one["shows"]] == []
