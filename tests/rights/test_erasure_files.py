"""Erasure reaches every byte: the files of SQLite, the tables and dumps of PostgreSQL, and restored backups."""

from __future__ import annotations

import shutil

import pytest

from calsync.rights.erasure import Copies, erase
from calsync.store.audit import COMMAND_LINE
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
