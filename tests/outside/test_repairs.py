"""`runs`, `undo`, `restore`, `explain`, `verify`: from outside, on a running installation."""

from __future__ import annotations

import pytest

from tests.house import at, crm_at, day


@pytest.fixture(scope="module")
def cleo(running):
    """A connected person with an event from each side in step; returns (stage, Google id, CRM id)."""
    email = running.add_person("cleo")
    made = running.control("POST", f"accounts/{email}/events", {"summary": "G", **at(day(1))})
    record = running.crm("POST", "events", "cleo", {"title": "C", **crm_at(day(2))}).json()
    running.connect("cleo")
    running.until(lambda: len(running.google_events(email)) == 2, "the first import")
    running.calsync("pause", "cleo")
    running.calsync("resume", "cleo")
    return running, made["id"], record["id"]


def test_runs_lists_what_was_written_on_each_side(cleo):
    stage, _, _ = cleo
    runs = stage.calsync("runs", "cleo")["runs"]
    written = [run for run in runs if run["google"]["created"]]
    assert written
    assert set(written[0]) >= {"run", "user", "began", "outcome", "google", "crm", "full", "undoes"}
    assert stage.run("runs").returncode == 0


def test_explain_answers_in_a_sentence_and_for_scripts(cleo):
    stage, google_id, _ = cleo
    document = stage.calsync("explain", "cleo", google_id)
    assert document["answer"] == "on both sides and in step"
    assert document["history"][0]["action"] == "create"
    words = stage.run("explain", "cleo", google_id).stdout
    assert "on both sides and in step" in words
    assert "no event" in words or "origin" in words


def test_verify_finds_nothing_while_both_agree_and_names_what_differs(cleo):
    stage, google_id, _ = cleo
    assert stage.calsync("verify", "cleo")["differences"] == []
    stage.calsync("pause", "cleo")
    stage.control("PATCH", f"accounts/cleo@example.com/events/{google_id}", {"summary": "G2"})
    paused = stage.run("verify", "cleo")
    assert paused.returncode == 3
    stage.stop("daemon")
    try:
        stage.calsync("resume", "cleo")
        document = stage.calsync("verify", "cleo", expect=1)
    finally:
        stage.start_daemon()
    (difference,) = document["differences"]
    assert (difference["side"], difference["what"], difference["fields"]) == ("crm", "differs", ["title"])
    stage.until(lambda: any(e["title"] == "G2" for e in stage.crm_events("cleo")), "the title to arrive")


def test_undo_puts_a_run_back_and_refuses_an_unknown_one(running):
    email = running.add_person("dora")
    running.control("POST", f"accounts/{email}/events", {"summary": "mine", **at(day(1))})
    running.connect("dora")
    running.until(lambda: any(e["title"] == "mine" for e in running.crm_events("dora")), "the import")
    run = running.calsync("runs", "dora")["runs"][0]["run"]
    document = running.calsync("undo", run)
    assert (document["undone"], document["refused"]) == (1, [])
    assert [e for e in running.crm_events("dora") if e["owner"] == "dora"] == []
    assert running.calsync("runs", "dora")["runs"][0]["undoes"] == run
    again = running.calsync("undo", run, expect=1)
    assert again["refused"][0]["why"] == "changed since"
    unknown = running.run("undo", "nosuchrun")
    assert unknown.returncode == 2
    assert "calsync runs" in unknown.stderr


def test_restore_of_an_unknown_conflict_says_where_to_look(running):
    unknown = running.run("restore", "999")
    assert unknown.returncode == 2
    assert "calsync conflicts" in unknown.stderr
