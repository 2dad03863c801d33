"""Each safety rule of the engine has a story that comes out right with it, and wrong without it."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

import pytest

from tests.safety.stories import STORIES

CAMPAIGN = Path(__file__).parents[2] / "scripts" / "campaign.d"

BY_NAME = [pytest.param(mutant, story, id=story.__name__) for mutant, story in STORIES.items()]


@pytest.fixture(autouse=True)
def _campaign_within_reach(monkeypatch):
    monkeypatch.syspath_prepend(str(CAMPAIGN))


@pytest.fixture
def place(request, story):
    """What the story names: where it takes place."""
    return request.getfixturevalue(*signature(story).parameters)


@pytest.mark.parametrize("story", dict.fromkeys(STORIES.values()), ids=lambda story: story.__name__)
def test_the_story_comes_out_right(place, story):
    story(place)


@pytest.mark.parametrize(("mutant", "story"), BY_NAME)
def test_the_story_notices_when_its_rule_is_gone(place, mutant, story):
    from mutants import planted

    with planted(mutant), pytest.raises(AssertionError):
        story(place)


def test_every_rule_of_the_engine_has_a_story():
    from mutants import MUTANTS

    rules = {MUTANTS[mutant].rule for mutant in STORIES}
    planted = {mutant.rule for mutant in MUTANTS.values() if mutant.mode != "permission"}
    assert rules == planted == {f"R{n}" for n in range(1, 13)}
