"""Fixtures: an installation in this process, and one made of processes."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from calsync.sandbox.stage import Stage
from tests.house import House

settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], max_examples=200
)
settings.load_profile("suite")


#: Files of which each takes long: begun first, so that none of them is alone at the end while others wait.
LONGEST = (
    "test_kill9",
    "test_readme",
    "test_bench",
    "test_mutants",
    "test_sweeps",
    "test_weather",
    "crm_opencrm",
    "outside_docs",
    "scenarios",
    "outside",
)


def pytest_addoption(parser):
    parser.addoption(
        "--scenarios",
        default="tenth",
        metavar="WHICH",
        help="which pairs of scenario and CRM: a seeded tenth and the embedded CRM, all, or those of the CRM so named",
    )


def pytest_collection_modifyitems(items):
    """Run the longest files first; the order within a file stays."""

    def place(item):
        file = item.nodeid.partition("::")[0]
        return next((n for n, name in enumerate(LONGEST) if name in file), len(LONGEST))

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """Commands run in this process set up logging to a stderr that ends with their test."""
    root, excepthook, configuration = logging.getLogger(), threading.excepthook, structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], threading.excepthook = handlers, excepthook
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.configure(**configuration)


@pytest.fixture
def build(tmp_path):
    """Return a function that makes houses; they are closed at the end."""
    houses = []

    def make(sync=None, backend="builtin"):
        directory = tmp_path / f"house{len(houses)}"
        directory.mkdir()
        houses.append(House(directory, sync, backend))
        return houses[-1]

    yield make
    for house in houses:
        house.close()


@pytest.fixture
def house(build):
    """An installation with one connected person, ana."""
    made = build()
    made.person("ana")
    return made


@pytest.fixture
def stage(tmp_path):
    """An installation of processes: stand-in and daemon are started by the test."""
    with Stage(tmp_path, {"poll_seconds": 2}) as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """An installation of processes with a running daemon, shared by the tests of a module."""
    with Stage(tmp_path_factory.mktemp("stage"), {"poll_seconds": 2}) as made:
        made.start_daemon()
        yield made


@pytest.fixture(scope="session")
def fixtures_directory():
    """The directory with calendars of real people, or None."""
    path = Path(os.environ.get("CALSYNC_FIXTURES", ""))
    return path if os.environ.get("CALSYNC_FIXTURES") and (path / "calendars").is_dir() else None
