"""One running installation with each CRM for all scenarios; each test has people of its own.

A scenario that says `needs` of a CRM is skipped, with the reason, where that is missing. All of them run with the
embedded CRM; of the other pairs of CRM and scenario a tenth, so that each file meets one other CRM. With the option
`--scenarios all` every scenario meets every CRM, with that of a CRM this one alone: see `scripts/campaign`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest

from calsync.sandbox.campaign.backends import BACKENDS
from calsync.sandbox.stage import Stage
from calsync.sandbox.workplace import Trait
from tests.adapters.workplace import Dav
from tests.outside.walk import Office
from tests.scenarios.people import Person

HERE = Path(__file__).parent

EVERY = BACKENDS | {"caldav": Dav}

#: Chooses which scenarios meet another CRM than the embedded one; one in so many pairs does.
SEED, SHARE = 4, 10

#: Switches of the stand-in that scenarios set, as they are otherwise.
USUAL = {
    "short_pages": 0,
    "empty_full_listing": False,
    "html_normalise": False,
    "unasked_mails": False,
    "ghosts": [],
}


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(*traits): what of `Trait` the CRM of a scenario must have")


def pytest_collection_modifyitems(config, items):
    traits = {name: make().traits for name, make in EVERY.items()}
    for item in items:
        marks = item.iter_markers("needs")
        missing = [
            trait for mark in marks for trait in mark.args if trait not in traits.get(_crm(item), Trait)
        ]
        if missing:
            reason = f"{_crm(item)}: not so that {' and '.join(trait.value for trait in missing)}"
            item.add_marker(pytest.mark.skip(reason=reason))
    which = config.getoption("scenarios")
    if which != "all":
        chosen = {"", "builtin" if which == "tenth" else which}
        share = _share(items) if which == "tenth" else set()
        left = [item for item in items if _crm(item) in chosen or item.nodeid in share]
        config.hook.pytest_deselected(items=[item for item in items if item not in left])
        items[:] = left


def _crm(item):
    """Return the name of the CRM that a scenario meets; "" for other tests."""
    call = getattr(item, "callspec", None)
    return call.params.get("crm", "") if call is not None and HERE in item.path.parents else ""


def _share(items):
    """Return ids of a seeded share of the pairs: from each file those of one CRM, so that few installations are made."""
    files = defaultdict(lambda: defaultdict(list))
    for item in items:
        if _crm(item) not in ("", "builtin") and not any(item.iter_markers("skip")):
            files[item.path.name][_crm(item)].append(item.nodeid)
    dice, turns = random.Random(SEED), cycle(name for name in EVERY if name != "builtin")
    chosen = set()
    for _, pairs in sorted(files.items()):
        there = pairs[next(name for name in turns if name in pairs)]
        count = sum(map(len, pairs.values())) / SHARE
        chosen.update(dice.sample(sorted(there), min(len(there), round(count) or 1)))
    return chosen


@pytest.fixture(scope="session")
def installations(tmp_path_factory):
    """Return a function that returns the running installation with a CRM, and its desk."""
    made = {}
    with ExitStack() as ending:

        def of(crm):
            if crm not in made:
                made[crm] = _start(ending, tmp_path_factory.mktemp(f"stage-{crm}"), crm)
            return made[crm]

        yield of


def _start(ending, directory, crm):
    """Return a new installation with its desk; both end with `ending`, also when it does not come up."""
    stage = ending.enter_context(Stage(directory, {"poll_seconds": 2}, EVERY[crm]()))
    office = Office(stage)
    ending.callback(office.close)
    stage.start_daemon()
    return stage, office


@pytest.fixture(params=EVERY)
def crm(request):
    """The name of the CRM in which people work."""
    return request.param


@pytest.fixture
def running(installations, crm):
    """An installation of processes with a running daemon."""
    return installations(crm)[0]


@pytest.fixture
def office(installations, crm, running):
    """The desk of the running installation."""
    return installations(crm)[1]


@pytest.fixture
def person(office):
    """Return a function that makes people; they rest after the test, and Google is as usual again."""
    made = []

    def make(name, zone="Europe/London"):
        made.append(Person(office, name, zone))
        return made[-1]

    yield make
    office.stage.control("DELETE", "faults")
    office.stage.control("POST", "switches", USUAL)
    if not office.stage.is_running():
        office.stage.start_daemon()
    for one in made:
        one.rest()
