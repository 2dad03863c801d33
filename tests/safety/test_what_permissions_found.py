"""Faults that the campaign of random organisations has found, each as the shortest story that shows it."""

from __future__ import annotations

import pytest

from tests.crm_opencrm.firm import Firm, crm_at, day


@pytest.fixture
def firm(tmp_path):
    """A firm that uses OpenCRM; ana is connected."""
    made = Firm(tmp_path)
    made.person("ana")
    yield made
    made.close()


def test_an_activity_that_comes_back_after_a_complete_listing_without_it_is_brought_back(firm):
    made = firm.crm_add("ana", subject="handed over", **crm_at(day(1)))
    firm.resync("ana")
    firm.crm_edit("ana", made["id"], owner="zoe")
    firm.resync("ana", full=True)
    assert firm.google_titles("ana") == []
    firm.crm_edit("ana", made["id"], owner="ana")
    firm.resync("ana")
    assert firm.google_titles("ana") == ["handed over"]
