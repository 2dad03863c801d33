"""`calsync crm conformance`, as somebody who writes an adapter runs it."""

from tests.outside.paper import paper_stage


def test_the_built_in_crm_passes(stage):
    for user in ("ana", "ben"):
        stage.add_person(user)
    document = stage.calsync("crm", "conformance", "--backend", "builtin")
    assert (document["backend"], document["user"], document["other"]) == ("builtin", "ana", "ben")
    assert document["failed"] == 0
    assert document["passed"] > 30
    assert set(document["checks"][0]) == {"check", "promise", "verdict", "cause"}


def test_people_who_are_connected_are_left_alone(stage):
    stage.start_daemon("web")
    for user in ("ana", "ben"):
        stage.add_person(user)
    stage.connect("ana")
    refused = stage.run("crm", "conformance", "--user", "ana")
    assert refused.returncode == 2
    assert "--user: ana is connected" in refused.stderr
    assert (
        "--other: the CRM has no user 'nobody'" in stage.run("crm", "conformance", "--other", "nobody").stderr
    )
    assert stage.calsync("crm", "conformance")["user"] == "ben"
    assert stage.google_events("ana@example.com") == []


def test_a_plug_in_with_faults_is_told_about_them(tmp_path):
    with paper_stage(tmp_path) as (stage, crm):
        crm.add_person("ana", "ana@example.com", "Ana")
        done = stage.run("crm", "conformance", "--backend", "paper")
        assert done.returncode == 1
        (line,) = [line for line in done.stdout.splitlines() if "observe_knows_when_a_cursor" in line]
        assert line.startswith("failed")
        assert "raised ValueError, which is no SideError" in line
        assert crm.events("ana") == {}


def test_without_anybody_there_is_nothing_to_write_to(stage):
    done = stage.run("crm", "conformance")
    assert done.returncode == 2
    assert "no user who is not connected" in done.stderr
    assert "calsync crm" in stage.run("crm", "conformance", "--help").stdout
