"""Erasure reaches every byte: the files of SQLite, the tables and dumps of PostgreSQL, and restored backups."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from calsync.rights.erasure import Copies, erase, go_on_with_all
from calsync.store.audit import COMMAND_LINE
from calsync.store.erasures import Step
from tests.house import House, at, day
from tests.marks import MARK, files_of, hits
from tests.outside.paper import PaperCrm, add_person, paper_stage
from tests.postgres import KINDS, Server

LOGIN, ADDRESS = f"{MARK.lower()}ana", f"{MARK.lower()}-ana@example.com"
MARKS = [MARK, MARK.lower()]


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server."""
    server = Server()
    yield server
    server.close()


def furnished(directory, database):
    """Return a house whose CRM is elsewhere, with somebody whose every name and text is marked."""
    directory.mkdir()
    house = House(
        directory, backend="paper", options={"file": str(directory.parent / "paper.db")}, database=database
    )
    PaperCrm(str(directory.parent / "paper.db")).add_person(LOGIN, ADDRESS, f"{MARK} name")
    house.connect(LOGIN, ADDRESS)
    for number in range(30):
        body = {"summary": f"{MARK} title {number}", "description": f"{MARK} text " * 50, **at(day(number))}
        made = house.control("POST", f"accounts/{ADDRESS}/events", body)
    assert house.resync(LOGIN)["outcome"] == "ok"
    house.control("PATCH", f"accounts/{ADDRESS}/events/{made['id']}", {"summary": f"{MARK} other"})
    assert house.resync(LOGIN)["outcome"] == "ok"
    return house


def test_no_byte_of_the_state_directory_names_the_person(tmp_path):
    house = furnished(tmp_path / "house", "sqlite:///calsync.db")
    try:
        keys = [link.google.key for link in house.links(LOGIN)]
        before = b"".join(files_of(house.directory).values())
        assert set(hits(before, [LOGIN, *keys])) == {LOGIN, *keys}, "the search works"
        assert erase(house.parts, LOGIN, Copies(), COMMAND_LINE).receipt is not None
        for name, data in files_of(house.directory).items():
            assert hits(data, [*MARKS, *keys]) == [], name
    finally:
        house.close()


@pytest.fixture
def large(tmp_path, monkeypatch, request):
    """A house whose database passes for one that cannot be written anew by day, at noon."""
    kind = request.param
    url = "sqlite:///calsync.db" if kind == "sqlite" else request.getfixturevalue("postgres").new_database()
    made = furnished(tmp_path / "house", url)
    monkeypatch.setattr("calsync.privacy.scrub.LARGEST_BYTES", 1)
    made.clock.advance(hours=(12 - local(made).hour) % 24)
    yield made
    made.close()


def local(house):
    return house.clock().astimezone(house.parts.settings.privacy.zone)


def free_pages(house):
    with sqlite3.connect(house.directory / "calsync.db") as db:
        return db.execute("PRAGMA freelist_count").fetchone()[0]


on_each = pytest.mark.parametrize("large", KINDS, indirect=True)


@on_each
def test_a_large_database_is_written_anew_by_night_and_the_receipt_waits_for_it(large):
    done = erase(large.parts, LOGIN, Copies(), COMMAND_LINE)
    assert (done.receipt, done.step) == (None, Step.WRITE_ANEW)
    assert "night" in done.waits_for
    large.clock.advance(hours=12)
    assert [one.receipt for one in go_on_with_all(large.parts)] == [None], "midnight is not late enough"
    large.clock.advance(hours=2)
    (done,) = go_on_with_all(large.parts)
    assert "vacuum" in done.receipt["files"]
    assert go_on_with_all(large.parts) == []


@pytest.mark.parametrize("large", ["sqlite"], indirect=True)
def test_what_was_deleted_from_a_large_file_is_overwritten_at_once_and_its_pages_go_by_night(large):
    keys = [link.google.key for link in large.links(LOGIN)]
    assert erase(large.parts, LOGIN, Copies(), COMMAND_LINE).receipt is None
    for name, data in files_of(large.directory).items():
        assert hits(data, [*MARKS, *keys]) == [], name
    assert free_pages(large) > 0
    large.clock.advance(hours=14)
    assert go_on_with_all(large.parts)[0].receipt is not None
    assert free_pages(large) == 0


@on_each
def test_a_large_database_waits_a_day_at_most(large):
    assert erase(large.parts, LOGIN, Copies(), COMMAND_LINE).receipt is None
    large.clock.advance(hours=24)
    assert local(large).hour >= 11
    assert go_on_with_all(large.parts)[0].receipt is not None


@pytest.mark.skipif("postgresql" not in KINDS, reason="PostgreSQL is not installed")
def test_neither_dump_nor_table_files_of_postgresql_name_the_person(tmp_path, postgres):
    url = postgres.new_database()
    house = furnished(tmp_path / "house", url)
    try:
        keys = [link.google.key for link in house.links(LOGIN)]
        assert set(hits(postgres.dump(url), [LOGIN, *keys])) == {LOGIN, *keys}, "the search works"
        done = erase(house.parts, LOGIN, Copies(), COMMAND_LINE)
        assert "expire with the backups" in done.receipt["files"]
        assert hits(postgres.dump(url), [*MARKS, *keys]) == []
        for name, data in postgres.files().items():
            assert hits(data, [*MARKS, *keys]) == [], name
    finally:
        house.close()


def test_an_older_backup_erases_the_person_again_before_anything_else_is_done(tmp_path):
    with paper_stage(tmp_path) as (stage, crm):
        stage.start_daemon("web")
        add_person(stage, crm, LOGIN, ADDRESS)
        add_person(stage, crm, "ben", "ben@example.com")
        stage.resync(LOGIN)
        stage.stop()
        backup = tmp_path / "backup.db"
        shutil.copy(stage.directory / "calsync.db", backup)
        assert stage.calsync("erase", LOGIN)["erased"]
        shutil.copy(backup, stage.directory / "calsync.db")
        assert LOGIN.encode() in (stage.directory / "calsync.db").read_bytes(), "the backup knows them"
        done = stage.run("--json", "status")
        assert "erased again" in done.stderr
        assert [one["user"] for one in stage.calsync("status")["accounts"]] == ["ben"]
        for name, data in files_of(stage.directory).items():
            if name != "google.state" and not name.endswith(".log"):
                assert hits(data, MARKS) == [], name


def test_the_daemon_erases_again_before_it_serves(tmp_path):
    with paper_stage(tmp_path) as (stage, crm):
        stage.start_daemon("web")
        add_person(stage, crm, "ana", "ana@example.com")
        stage.stop()
        backup = tmp_path / "backup.db"
        shutil.copy(stage.directory / "calsync.db", backup)
        assert stage.calsync("erase", "ana")["erased"]
        shutil.copy(backup, stage.directory / "calsync.db")
        stage.control("POST", "counters/reset")
        stage.start_daemon()
        assert stage.calsync("status")["accounts"] == []
        assert not stage.control("GET", "counters")["requests"], "no round was run for them"


def test_who_comes_back_of_their_own_will_stays(tmp_path):
    with paper_stage(tmp_path) as (stage, crm):
        stage.start_daemon("web")
        add_person(stage, crm, "ana", "ana@example.com")
        assert stage.calsync("erase", "ana")["erased"]
        stage.calsync("link", "ana")
        assert stage.calsync("status")["accounts"] == []
        assert stage.connect("ana").url.endswith("/me")
        assert [one["state"] for one in stage.calsync("status")["accounts"]] == ["active"]
        assert stage.resync("ana")["outcome"] == "ok"
