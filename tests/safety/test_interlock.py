"""A copied, restored or moved database writes nothing until an operator says that it is the one."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from calsync.cli import cli
from calsync.store import instance
from calsync.store.database import open_database
from calsync.store.instance import FILE_NAME, NotAdopted
from calsync.store.migrations import upgrade
from calsync.wiring import open_parts
from tests.house import at, day
from tests.postgres import KINDS, Server
from tests.safety.disasters import lose_database

WRITING = [
    ("resync", "ana"),
    ("link", "ana"),
    ("pause", "ana"),
    ("resume", "ana"),
    ("disconnect", "ana"),
    ("undo", "RUN"),
]


@pytest.fixture
def copied(house, tmp_path):
    """A house with an event that has not crossed yet, and the same installation opened from a copy."""
    house.google_add("ana", summary="first", **at(day(1)))
    house.resync("ana")
    house.google_add("ana", summary="second", **at(day(1)))
    target = tmp_path / "copy"
    shutil.copytree(house.directory, target)
    settings = house.parts.settings.model_copy(update={"path": target / "calsync.toml"})
    opened = []

    def open_copy():
        opened.append(open_parts(settings, house.clock))
        return opened[-1]

    yield house, target, open_copy
    for parts in opened:
        parts.close()


def run(parts, dry_run=False):
    from calsync.engine import run_account
    from calsync.sync.round import Order

    return run_account(parts, 1, Order(), dry_run, wait=0).document()


def test_a_copied_installation_writes_nothing_until_it_is_adopted(copied):
    house, _, open_copy = copied
    parts = open_copy()
    refused = run(parts)
    assert refused["outcome"] == "attention"
    assert "calsync db adopt" in refused["reason"]
    assert refused["google_calls"] == 0
    instance.adopt(parts.engine, parts.state_dir, parts.clock())
    assert run(open_copy())["crm"]["created"] == 1
    assert house.resync("ana")["outcome"] == "ok"


def test_a_dry_run_of_a_copy_shows_what_it_would_do(copied):
    _, _, open_copy = copied
    assert run(open_copy(), dry_run=True)["crm"]["created"] == 1


def test_a_copy_of_the_database_alone_is_explained(copied):
    _, target, open_copy = copied
    (target / FILE_NAME).unlink()
    assert f"{FILE_NAME} is missing there" in open_copy().interlock


def test_a_lost_state_file_stops_the_installation_and_says_how_to_go_on(house):
    house.resync("ana")
    (house.directory / FILE_NAME).unlink()
    house.parts.check_interlock()
    assert "was used before" in house.parts.interlock
    assert "The state directory was emptied" in house.parts.interlock
    assert house.resync("ana")["outcome"] == "attention"
    instance.adopt(house.parts.engine, house.parts.state_dir, house.clock())
    house.parts.check_interlock()
    assert house.resync("ana")["outcome"] == "ok"


def test_a_database_that_was_lost_altogether_needs_no_word(house):
    lose_database(house)
    house.parts.check_interlock()
    assert house.parts.interlock == ""


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server."""
    server = Server()
    yield server
    server.close()


@pytest.fixture(params=KINDS)
def database(request, tmp_path):
    """An open database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'calsync.db'}"
    else:
        url = request.getfixturevalue("postgres").new_database()
    engine = open_database(url)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def places(tmp_path):
    """Two state directories."""
    made = [tmp_path / "one", tmp_path / "two"]
    for place in made:
        place.mkdir()
    return made


def refused(engine, place, clock):
    try:
        instance.check(engine, place, clock())
    except NotAdopted:
        return True
    return False


@pytest.fixture
def clock():
    """The time."""
    from calsync.wiring import utc_now

    return utc_now


def test_the_first_state_directory_is_the_one_that_may_write(database, places, clock):
    assert [refused(database, place, clock) for place in places] == [False, True]
    assert [refused(database, place, clock) for place in places] == [False, True]


def test_whoever_adopts_takes_the_right_from_the_other(database, places, clock):
    refused(database, places[0], clock)
    instance.adopt(database, places[1], clock())
    assert [refused(database, place, clock) for place in places] == [True, False]


def test_machines_that_share_a_database_can_be_let_in_side_by_side(database, places, clock):
    refused(database, places[0], clock)
    for _ in range(2):
        instance.adopt(database, places[1], clock(), beside_others=True)
    assert [refused(database, place, clock) for place in places] == [False, False]


def test_the_id_can_be_read_by_its_owner_only(database, places, clock):
    refused(database, places[0], clock)
    assert (places[0] / FILE_NAME).stat().st_mode & 0o777 == 0o600
    with database.connect() as connection:
        stored = str(connection.execute(text("SELECT * FROM instance")).all())
    assert (places[0] / FILE_NAME).read_text().strip() not in stored


def test_commands_of_a_copy_exit_3_and_the_daemon_exits_2_until_it_is_adopted(stage):
    stage.calsync("crm", "users", "add", "ana", "--email", "ana@example.com")
    (stage.directory / FILE_NAME).unlink()
    done = stage.run("link", "ana")
    assert (done.returncode, done.stdout) == (3, "")
    assert "calsync db adopt" in done.stderr
    done = stage.run("run")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "calsync db adopt" in done.stderr
    assert "calsync db adopt" in stage.calsync("status")["interlock"]
    assert stage.calsync("db", "adopt")["adopted"] is True
    stage.start_daemon()


def test_every_writing_command_of_a_copy_is_refused_and_a_look_is_not(copied):
    house, target, _ = copied
    google = house.parts.settings.google
    lines = [f'{name} = "{getattr(google, name)}"' for name in ("client_id", "api_root", "token_uri")]
    config = target / "calsync.toml"
    config.write_text("[google]\n" + "\n".join(lines))
    for command in WRITING:
        done = CliRunner().invoke(cli, ["--config", str(config), *command])
        assert done.exit_code == 3, (command, done.output)
        assert "calsync db adopt" in done.output
    for command in (("status",), ("runs",), ("resync", "ana", "--dry-run")):
        assert CliRunner().invoke(cli, ["--config", str(config), *command]).exit_code == 0
