"""A CRM that somebody else wrote: found by its entry point, synced through the port."""

from dataclasses import replace

import pytest

from calsync.model.event import Event
from tests.house import at, day, nothing_written
from tests.outside.paper import add_person, paper_stage


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    with paper_stage(tmp_path_factory.mktemp("paper")) as (stage, crm):
        stage.start_daemon("web")
        add_person(stage, crm, "ana", "ana@example.com")
        yield stage, crm


def test_a_plug_in_is_synced_both_ways(paper):
    stage, crm = paper
    made = stage.control("POST", "accounts/ana@example.com/events", {"summary": "G", **at(day(1))})
    weekly = {"summary": "S", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"], **at(day(2))}
    stage.control("POST", "accounts/ana@example.com/events", weekly)
    row = crm.put("ana", Event("C", day(3), day(3, 10), description="text"))
    assert stage.resync("ana")["outcome"] == "ok"
    titles = {event.title: key for key, event in crm.events("ana").items()}
    assert set(titles) == {"G", "S", "C"}
    google = {event["summary"]: event for event in stage.google_events("ana@example.com")}
    assert set(google) == {"G", "S", "C"}
    assert google["C"]["description"] == "text"
    assert crm.events("ana")[titles["S"]].recurrence == ("RRULE:FREQ=WEEKLY;COUNT=4",)

    stage.control("PATCH", f"accounts/ana@example.com/events/{made['id']}", {"location": "Hall"})
    event = crm.events("ana")[str(row["id"])]
    crm.put("ana", replace(event, title="C2"), row["id"])
    run = stage.resync("ana")
    assert (run["crm"]["updated"], run["google"]["updated"]) == (1, 1)
    assert crm.events("ana")[titles["G"]].location == "Hall"

    stage.control("DELETE", f"accounts/ana@example.com/events/{made['id']}")
    crm.remove(row["id"])
    run = stage.resync("ana")
    assert (run["crm"]["deleted"], run["google"]["deleted"]) == (1, 1)
    assert nothing_written(stage.resync("ana"))
    assert nothing_written(stage.resync("ana", "--full"))


def test_commands_of_the_built_in_crm_say_that_it_is_not_in_use(paper):
    stage, _ = paper
    done = stage.run("crm", "users", "list")
    assert done.returncode == 2
    assert "crm.backend" in done.stderr
    assert stage.calsync("users")["users"] == [{"user": "ana", "name": "ana", "state": "active"}]
