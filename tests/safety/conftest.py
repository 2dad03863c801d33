"""Fixtures: installations whose CRM compares no versions."""

from __future__ import annotations

import pytest

from calsync.sandbox.vtiger.server import start as start_vtiger
from tests.adapters.vtiger import Vtiger, vtiger_section
from tests.crm_opencrm.firm import Firm
from tests.house import House


@pytest.fixture
def firm(tmp_path):
    """An installation with one connected person, ana, in a tenant of OpenCRM."""
    made = Firm(tmp_path)
    made.person("ana")
    yield made
    made.close()


@pytest.fixture
def shop(tmp_path):
    """An installation with one connected person, ana, whose CRM is vtiger; and vtiger."""
    with start_vtiger() as server:
        vtiger = Vtiger(server)
        vtiger.hire("ana")
        house = House(tmp_path, backend="vtiger", options=vtiger_section(vtiger, tmp_path))
        house.connect("ana", "ana@example.com")
        yield house, vtiger
        house.close()
