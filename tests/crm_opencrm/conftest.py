"""Fixtures: firms whose CRM is the stand-in."""

from __future__ import annotations

import pytest

from tests.crm_opencrm.firm import PROFILES, Firm


@pytest.fixture
def found(tmp_path):
    """Return a function that makes firms; they are closed at the end."""
    firms = []

    def make(profile="rich", crm=None, sync=None):
        directory = tmp_path / f"firm{len(firms)}"
        directory.mkdir()
        firms.append(Firm(directory, profile, crm, sync))
        return firms[-1]

    yield make
    for firm in firms:
        firm.close()


@pytest.fixture(params=PROFILES)
def firm(request, found):
    """A firm with one connected person, ana, in a tenant of each profile."""
    made = found(request.param)
    made.person("ana")
    return made


@pytest.fixture
def rich(found):
    """A firm with ana in a tenant that has everything."""
    made = found("rich")
    made.person("ana")
    return made
