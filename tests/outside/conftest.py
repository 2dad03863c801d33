"""Fixtures of tests that see calsync from outside."""

import pytest

from tests.outside.walk import Office


@pytest.fixture(scope="module")
def office(running):
    """The desk of the running installation."""
    made = Office(running)
    yield made
    made.close()
