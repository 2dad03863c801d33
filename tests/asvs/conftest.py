"""Fixtures: one installation for all stories, with passwords that are quick to check."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from calsync.store import passwords
from tests.web.premises import Premises


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A served installation."""
    with pytest.MonkeyPatch.context() as patches:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patches.setattr(passwords, "_hasher", lambda: quick)
        made = Premises(tmp_path_factory.mktemp("asvs"))
        yield made
        made.close()


@pytest.fixture(autouse=True)
def _as_it_was(web):
    """Let Google tell the truth again after a story, and the clock go as it does."""
    yield
    web.liar.lie = None
    web.clock.ahead *= 0
