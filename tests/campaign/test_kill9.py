"""A tenth of the campaign that kills the process; `scripts/campaign --mode kill9` runs it whole."""

from __future__ import annotations

import pytest

from calsync.sandbox.campaign.backends import BACKENDS
from calsync.sandbox.campaign.kill9 import campaign


@pytest.mark.timeout(900)
def test_a_process_killed_twenty_times_in_first_imports_loses_doubles_and_resurrects_nothing():
    report = campaign(kills=20, seed=11)
    assert report.wrong == []
    assert report.kills == 20
    assert report.amid_writes > 0, "no kill struck while something was being written"


@pytest.mark.timeout(600)
def test_neither_does_one_between_google_and_a_crm_that_knows_neither_versions_nor_deletions():
    report = campaign(kills=4, seed=7, events=60, workplace=BACKENDS["opencrm-quirky"])
    assert report.wrong == []
    assert (report.kills, report.imports) == (4, 1)
