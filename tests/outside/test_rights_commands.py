"""People's rights from the command line: exit codes, JSON as documented, and files that can be trusted."""

import json
import sqlite3
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from calsync.cli import cli
from tests.house import crm_at, day


@pytest.fixture
def command(running):
    """Return a function that runs a command in this process: code, document, stderr."""

    def run(*arguments):
        done = CliRunner().invoke(
            cli, ["--config", str(running.config), "--json", *arguments], prog_name="calsync"
        )
        return done.exit_code, json.loads(done.stdout) if done.stdout else None, done.stderr

    return run


@pytest.fixture
def words(running):
    """Return a function that runs a command in this process and returns what people read."""

    def run(*arguments):
        done = CliRunner().invoke(cli, ["--config", str(running.config), *arguments], prog_name="calsync")
        return done.stdout

    return run


@pytest.fixture(scope="module")
def people(running):
    """Add people as tests need them; each has an event that has crossed."""
    known = set()

    def add(user):
        if user not in known:
            known.add(user)
            running.add_person(user)
            assert running.connect(user).url.endswith("/me")
            running.crm("POST", "events", user, {"title": "Lunch", **crm_at(day(1))})
            running.resync(user)
        return user

    return add


def test_export_writes_a_private_file_and_closes_the_request(command, people, tmp_path):
    user, out = people("exa"), tmp_path / "exa.zip"
    _, entered, _ = command("requests", "add", user, "access")
    code, document, _ = command("export", user, "--out", str(out))
    assert code == 0
    assert document["requests_closed"] == [entered["id"]]
    assert document["counts"]["links"] == 1
    assert out.stat().st_mode & 0o777 == 0o600
    assert "calendar.ics" in zipfile.ZipFile(out).namelist()
    code, _, err = command("export", user, "--out", str(out))
    assert (code, "exists" in err) == (2, True)


def test_export_of_nobody_and_into_nowhere_are_exit_code_2(command, people, tmp_path):
    assert command("export", "nobody", "--out", str(tmp_path / "x.zip"))[0] == 2
    code, _, err = command("export", people("exa"), "--out", str(tmp_path / "none" / "x.zip"))
    assert (code, "cannot be written" in err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_erase_prints_a_receipt_that_can_be_checked(command, words, people, tmp_path):
    user = people("era")
    code, document, _ = command("erase", user, "--crm-copies", "remove", "--yes")
    assert (code, document["erased"], document["receipt"]["withdrawn_at_google"]) == (0, True, 1)
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(document))
    assert command("privacy", "receipt", str(file))[:2] == (0, {"genuine": True})
    document["receipt"]["keys_destroyed"] = 9
    file.write_text(json.dumps(document))
    assert command("privacy", "receipt", str(file))[:2] == (1, {"genuine": False})
    file.write_text("no receipt")
    assert command("privacy", "receipt", str(file))[0] == 2
    code, document, _ = command("erase", user)
    assert (code, document["receipt"]) == (0, None), "nothing is held any more"
    assert command("erase", "nobody")[0] == 2


def test_erase_tells_people_what_was_removed_and_what_remains(words, people):
    said = words("erase", people("erb"))
    assert "REMOVED" in said
    assert "google copies" in said
    assert "signature:" in said


def test_a_hold_makes_erasure_wait_with_exit_code_3(command, people):
    user = people("hol")
    assert command("hold", user)[0] == 2
    assert command("hold", user, "--reason", "claim 17")[1] == {"user": user, "held": True}
    assert command("hold")[1]["holds"][0]["reason"] == "claim 17"
    code, document, _ = command("erase", user)
    assert (code, document["erased"]) == (3, False)
    assert command("hold", user, "--release")[1]["held"] is False
    assert command("hold", user, "--release")[0] == 2
    code, document, _ = command("erase", user)
    assert code == 0


def test_the_register_counts_days_and_ends_with_3_while_a_request_is_overdue(command, people):
    user = people("req")
    long_ago = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    _, entered, _ = command("requests", "add", user, "rectification", "--received", long_ago)
    assert (entered["overdue"], entered["age_days"]) == (True, 40)
    assert datetime.fromisoformat(entered["due"]).date() < datetime.now(UTC).date()
    code, document, _ = command("requests", "list")
    assert (code, document["requests"][0]["id"]) == (3, entered["id"])
    assert command("requests")[0] == 3
    code, document, err = command("status")
    assert (code, document["requests"]["overdue"]) == (3, 1)
    assert "overdue" in err
    assert command("requests", "identified", str(entered["id"]))[1]["identity_checked"]
    code, document, _ = command("requests", "done", str(entered["id"]), "--outcome", "corrected")
    assert (code, document["state"], document["outcome"]) == (0, "done", "corrected")
    assert command("status")[0] == 0
    assert command("requests", "done", str(entered["id"]))[0] == 2
    assert command("requests", "add", user, "gossip")[0] == 2
    assert command("requests", "add", "nobody", "access")[0] == 2
    assert command("requests", "add", user, "access", "--received", "someday")[0] == 2


def test_an_answer_is_put_off_with_a_reason(command, people):
    _, entered, _ = command("requests", "add", people("ext"), "access")
    code, document, _ = command(
        "requests", "extend", str(entered["id"]), "--days", "30", "--reason", "many entries"
    )
    assert (code, document["state"]) == (0, "extended")
    assert command("requests", "extend", str(entered["id"]), "--reason", "again")[0] == 2


def test_the_audit_trail_names_what_was_done_to_whom(command, people, running):
    user = people("aud")
    for words in (["pause", user], ["resume", user]):
        assert command(*words)[0] == 0
    acts = [entry["act"] for entry in command("audit", "--user", user)[1]["entries"]]
    assert acts == ["consent.invited", "consent.given", "paused", "resumed"]
    assert command("audit", "--user", "nobody")[0] == 2
    assert command("audit")[1]["entries"]
    assert command("audit", "verify")[1]["intact"] is True


def test_consent_is_proven_with_the_scopes_and_the_words_that_were_shown(command, people):
    entries = command("audit", "--user", people("aud"))[1]["entries"]
    (given,) = [entry for entry in entries if entry["act"] == "consent.given"]
    assert given["actor"] == "person"
    assert "calendar.events" in given["detail"]["scopes"]
    assert len(given["detail"]["text"]) == 16


def test_tampering_with_the_audit_trail_is_exit_code_1(command, people, running):
    people("aud")
    with sqlite3.connect(running.directory / "calsync.db", timeout=30) as db:
        (mac,) = db.execute("SELECT mac FROM audit WHERE seq = 1").fetchone()
        db.execute("UPDATE audit SET mac = 'x' WHERE seq = 1")
    try:
        code, document, _ = command("audit", "verify")
        assert (code, document["intact"]) == (1, False)
        assert "entry 1 was changed" in document["faults"][0]["what"]
    finally:
        with sqlite3.connect(running.directory / "calsync.db", timeout=30) as db:
            db.execute("UPDATE audit SET mac = ? WHERE seq = 1", (mac,))


def test_keys_rotate_while_the_daemon_runs(command, people, running):
    user = people("key")
    code, document, _ = command("keys", "rotate")
    assert code == 0
    newest, *others = document["keys"]
    assert newest["newest"]
    assert all(one["uses"] == 0 or one["key"] == newest["key"] for one in document["keys"])
    made = running.crm("POST", "events", user, {"title": "after", **crm_at(day(2))})
    assert made.status_code == 201
    running.until(
        lambda: "after" in [event["summary"] for event in running.google_events(f"{user}@example.com")],
        "the daemon to go on with the new key",
    )
    old = others[0]["key"]
    assert command("keys", "remove", old)[1]["removed"] == old
    assert command("keys", "remove", newest["key"])[0] == 2
    assert running.resync(user)["outcome"] == "ok"


def test_a_backup_is_whole_private_and_without_keys(command, people, running, tmp_path):
    people("aud")
    file = tmp_path / "backup.db"
    code, document, _ = command("backup", str(file))
    assert (code, document["bytes"]) == (0, file.stat().st_size)
    assert file.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT count(*) FROM account").fetchone()[0] >= 1
    secret = (running.directory / "calsync.keys").read_text().split(":")[1].strip()
    assert secret.encode() not in file.read_bytes()
    assert command("backup", str(file))[0] == 2
    assert command("backup", str(tmp_path / "none" / "b.db"))[0] == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["backup.db"]


def test_on_postgresql_backup_names_the_tool_that_does_it(tmp_path, monkeypatch, running):
    from tests.postgres import KINDS, Server

    if "postgresql" not in KINDS:
        pytest.skip("PostgreSQL is not installed")
    server = Server()
    try:
        monkeypatch.setenv("CALSYNC_DATABASE__URL", server.new_database())
        done = CliRunner().invoke(cli, ["--config", str(running.config), "backup", str(tmp_path / "b")])
    finally:
        server.close()
    assert done.exit_code == 2
    assert "pg_dump" in done.stderr


def test_a_sweep_reports_counts_and_a_dry_run_changes_nothing(command, people):
    people("aud")
    code, document, _ = command("retention", "--dry-run")
    assert (code, document["dry_run"]) == (0, True)
    assert {"what", "older_than_days", "count", "held"} == set(document["lines"][0])
    assert command("retention")[1]["lines"] == document["lines"]


def test_the_record_of_processing_is_made_from_the_tables(command, words):
    code, document, _ = command("privacy", "record")
    assert code == 0
    assert {"account", "link", "crm_event"} <= {table["table"] for table in document["tables"]}
    assert words("privacy", "record").startswith("# Record of processing")


def test_a_participant_is_searched_and_the_search_is_noted(command, people):
    people("aud")
    assert command("privacy", "search", "stranger@other.test")[:2] == (0, {"found": []})
    assert command("privacy", "search", "stranger")[0] == 2
    assert command("audit")[1]["entries"][-1]["act"] == "participant.searched"


def test_the_scope_of_an_incident_can_be_narrowed(command, people):
    user = people("aud")
    code, document, _ = command("privacy", "incident", "--since", "2020-01-01")
    assert code == 0
    assert user in {one["user"] for one in document["affected"]}
    assert command("privacy", "incident", "--key", "k99")[1] == {"affected": []}
    assert command("privacy", "incident", "--since", "someday")[0] == 2


def test_rectification_answers_and_is_registered(command, people):
    user = people("rec")
    code, document, _ = command("rectify", user, "--wrong", "the time")
    assert (code, document["closed"]) == (0, True)
    assert any(
        one["kind"] == "rectification" and one["user"] == user
        for one in command("requests", "list")[1]["requests"]
    )


def test_at_the_end_all_consents_are_withdrawn_at_once(command, people, running):
    user = people("rev")
    code, document, _ = command("revoke-all", "--yes")
    assert (code, document["left"]) == (0, 0)
    assert document["revoked"] >= 1
    assert running.control("GET", f"grants/{user}@example.com")["live"] == 0
    assert {one["state"] for one in command("status")[1]["accounts"]} <= {"reconnect", "disconnected"}
