"""Create, edit and delete on each side cross over, and nothing is written twice."""

from tests.house import at, crm_at, day, nothing_written


def test_an_event_made_in_google_appears_in_the_crm(house):
    house.google_add("ana", summary="Dentist", description="bring card", location="Room 1", **at(day(1)))
    run = house.resync("ana")
    assert run["outcome"] == "ok"
    assert run["crm"]["created"] == 1
    (event,) = house.crm_events("ana")
    assert (event["title"], event["description"], event["location"]) == ("Dentist", "bring card", "Room 1")
    assert event["owner"] == "ana"


def test_an_event_made_in_the_crm_appears_in_google_without_mail(house):
    house.crm_add("ana", title="Call", attendees=[{"email": "x@other.test"}], **crm_at(day(1)))
    run = house.resync("ana")
    assert run["google"]["created"] == 1
    (event,) = house.google_events("ana")
    assert event["summary"] == "Call"
    assert "attendees" not in event
    assert house.counters()["mails"] == 0


def test_edits_and_deletions_cross_both_ways(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    record = house.crm_add("ana", title="B", **crm_at(day(2)))
    house.resync("ana")
    copy = next(event for event in house.crm_events("ana") if event["title"] == "A")
    house.google_edit("ana", made["id"], summary="A2")
    house.crm_edit("ana", record["id"], title="B2")
    house.resync("ana")
    assert house.crm_titles("ana") == house.google_titles("ana") == ["A2", "B2"]
    house.google_delete("ana", made["id"])
    house.crm_delete("ana", record["id"])
    run = house.resync("ana")
    assert house.crm_titles("ana") == house.google_titles("ana") == []
    assert run["google"]["deleted"] == run["crm"]["deleted"] == 1
    assert copy["id"]


def test_five_further_runs_write_nothing_and_cost_one_call(house):
    house.google_add("ana", summary="A", **at(day(1)))
    house.google_add("ana", summary="S", recurrence=["RRULE:FREQ=WEEKLY"], **at(day(1)))
    house.crm_add("ana", title="B", **crm_at(day(2)))
    house.resync("ana")
    house.resync("ana")
    for _ in range(5):
        run = house.resync("ana")
        assert nothing_written(run)
        assert run["google_calls"] == 1
