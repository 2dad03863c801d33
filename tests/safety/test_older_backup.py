"""The engine's tables are put back as they were yesterday; both calendars have gone on since."""

from __future__ import annotations

from calsync.model.recurrence import occurrence_key
from tests.house import at, crm_at, day, nothing_written
from tests.safety.disasters import back_up, put_back


def titles(house):
    return house.google_titles("ana"), house.crm_titles("ana")


def test_what_was_made_since_is_not_made_again(house):
    house.google_add("ana", summary="old", **at(day(1)))
    house.resync("ana")
    yesterday = back_up(house)
    for n in range(20):
        house.google_add("ana", summary=f"G{n}", **at(day(1 + n)))
        house.crm_add("ana", title=f"C{n}", **crm_at(day(1 + n)))
    house.resync("ana")
    before = titles(house)
    put_back(house, yesterday)
    run = house.resync("ana")
    assert nothing_written(run)
    assert run["conflicts"] == 0
    assert titles(house) == before
    assert nothing_written(house.resync("ana", full=True))


def test_what_was_deleted_since_stays_deleted(house):
    made = house.google_add("ana", summary="G", **at(day(1)))
    record = house.crm_add("ana", title="C", **crm_at(day(1)))
    house.resync("ana")
    yesterday = back_up(house)
    house.google_delete("ana", made["id"])
    house.crm_delete("ana", record["id"])
    house.resync("ana")
    assert titles(house) == ([], [])
    put_back(house, yesterday)
    house.resync("ana")
    house.resync("ana", full=True)
    assert titles(house) == ([], [])


def test_what_was_edited_since_stays_as_it_is(house):
    made = house.google_add("ana", summary="G", location="here", **at(day(1)))
    record = house.crm_add("ana", title="C", **crm_at(day(1)))
    series = house.google_add("ana", summary="S", recurrence=["RRULE:FREQ=DAILY;COUNT=4"], **at(day(1)))
    house.resync("ana")
    yesterday = back_up(house)
    house.google_edit("ana", made["id"], summary="G2")
    house.crm_edit("ana", record["id"], title="C2")
    house.google_edit("ana", f"{series['id']}_{occurrence_key(day(2))}", summary="S moved")
    house.resync("ana")
    before = house.google_events("ana"), house.crm_events("ana")
    put_back(house, yesterday)
    run = house.resync("ana")
    assert nothing_written(run)
    assert run["conflicts"] == 0
    assert (house.google_events("ana"), house.crm_events("ana")) == before


def test_edits_that_had_not_crossed_yet_cross(house):
    made = house.google_add("ana", summary="G", location="here", **at(day(1)))
    house.resync("ana")
    (record,) = house.crm_events("ana")
    yesterday = back_up(house)
    house.google_edit("ana", made["id"], summary="G2")
    house.resync("ana")
    house.google_edit("ana", made["id"], location="there")
    house.crm_edit("ana", record["id"], description="notes")
    put_back(house, yesterday)
    house.resync("ana")
    (record,) = house.crm_events("ana")
    stored = house.google_get("ana", made["id"])
    assert (record["title"], record["location"], record["description"]) == ("G2", "there", "notes")
    assert (stored["summary"], stored["location"], stored["description"]) == ("G2", "there", "notes")


def test_a_copy_that_was_made_anew_since_is_taken_up(house):
    record = house.crm_add("ana", title="C", **crm_at(day(1)))
    made = house.google_add("ana", summary="G", **at(day(1)))
    house.resync("ana")
    yesterday = back_up(house)
    ours = next(event for event in house.google_events("ana") if event["summary"] == "C")
    copy = next(event for event in house.crm_events("ana") if event["title"] == "G")
    house.google_delete("ana", ours["id"])
    house.crm_edit("ana", record["id"], title="C2")
    house.crm_delete("ana", copy["id"])
    house.google_edit("ana", made["id"], summary="G2")
    house.resync("ana")
    assert titles(house) == (["C2", "G2"], ["C2", "G2"])
    put_back(house, yesterday)
    run = house.resync("ana")
    assert run["google"]["created"] == run["crm"]["created"] == 0
    assert titles(house) == (["C2", "G2"], ["C2", "G2"])
    assert nothing_written(house.resync("ana", full=True))


def test_a_deleted_copy_that_a_person_brings_back_beside_the_new_one_is_an_event_of_its_own(house):
    record = house.crm_add("ana", title="C", **crm_at(day(1)))
    house.resync("ana")
    (first,) = house.google_events("ana")
    house.google_delete("ana", first["id"])
    house.crm_edit("ana", record["id"], title="C2")
    house.resync("ana")
    house.google_edit("ana", first["id"], status="confirmed", summary="C", **at(day(1)))
    run = house.resync("ana")
    assert run["outcome"] == "ok"
    assert titles(house) == (["C", "C2"], ["C", "C2"])
    assert nothing_written(house.resync("ana"))
