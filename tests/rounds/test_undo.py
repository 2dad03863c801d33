"""Taking back what a run wrote: both sides are as before, and people's later edits stay."""

from __future__ import annotations

import pytest

from calsync.model.recurrence import occurrence_key
from tests.house import at, crm_at, day, nothing_written

OWNED = ("summary", "description", "location", "start", "end", "recurrence", "visibility", "reminders")


def google_content(house):
    return {e["id"]: {name: e.get(name) for name in OWNED} for e in house.google_events("ana")}


def crm_content(house):
    return {
        e["id"]: {k: v for k, v in e.items() if k not in ("version", "modified")}
        for e in house.crm_events("ana")
    }


@pytest.fixture
def furnished(house):
    """Events on both sides, some of them the same; nothing synced yet."""
    for n in range(3):
        house.google_add("ana", summary=f"G{n}", description="text", **at(day(1 + n)))
        house.crm_add("ana", title=f"C{n}", location="room", **crm_at(day(1 + n)))
    house.google_add("ana", summary="both", description="from Google", **at(day(5)))
    house.crm_add("ana", title="both", location="from the CRM", **crm_at(day(5)))
    series = house.google_add("ana", summary="S", recurrence=["RRULE:FREQ=DAILY;COUNT=4"], **at(day(2)))
    house.google_edit("ana", f"{series['id']}_{occurrence_key(day(3))}", summary="special")
    moved = [{"original_start": day(4).isoformat(), "title": "moved"}]
    house.crm_add(
        "ana", title="T", recurrence=["RRULE:FREQ=DAILY;COUNT=4"], exceptions=moved, **crm_at(day(3))
    )
    return house


def test_undoing_a_first_import_leaves_both_sides_as_they_were(furnished):
    house = furnished
    google, crm = google_content(house), crm_content(house)
    run = house.resync("ana")
    assert google_content(house) != google
    _, undone = house.undo(run["run"])
    assert undone.refused == []
    assert google_content(house) == google
    assert crm_content(house) == crm
    assert house.counters()["mails"] == 0


def test_what_was_undone_is_not_synced_again_until_somebody_changes_it(furnished):
    house = furnished
    run = house.resync("ana")
    house.undo(run["run"])
    assert nothing_written(house.resync("ana"))
    assert nothing_written(house.resync("ana", full=True))
    assert house.resync("ana", full=True, dry_run=True)["plan"] == []
    first = next(event for event in house.google_events("ana") if event["summary"] == "G0")
    house.google_edit("ana", first["id"], location="now wanted")
    run = house.resync("ana")
    assert run["crm"] == {"created": 1, "updated": 0, "deleted": 0}
    assert nothing_written(house.resync("ana"))


def test_what_people_have_changed_since_stays_and_is_named(furnished):
    house = furnished
    run = house.resync("ana")
    copy = next(event for event in house.google_events("ana") if event["summary"] == "C1")
    house.google_edit("ana", copy["id"], description="my notes")
    _, undone = house.undo(run["run"])
    assert [(one.side, one.key) for one in undone.refused] == [("google", copy["id"])]
    assert "C1" in house.google_titles("ana")
    assert "C0" not in house.google_titles("ana")
    house.resync("ana")
    record = next(event for event in house.crm_events("ana") if event["title"] == "C1")
    assert record["description"] == "my notes"


def test_an_edit_that_was_synced_later_keeps_the_copy(furnished):
    house = furnished
    run = house.resync("ana")
    record = next(event for event in house.crm_events("ana") if event["title"] == "C1")
    house.crm_edit("ana", record["id"], title="C1 later")
    house.resync("ana")
    _, undone = house.undo(run["run"])
    assert len(undone.refused) == 1
    assert "C1 later" in house.google_titles("ana")


@pytest.mark.parametrize("side", ["google", "crm"])
def test_undoing_an_update_puts_the_values_back_on_that_side_only(house, side):
    made = house.google_add("ana", summary="A", location="room", **at(day(1)))
    house.resync("ana")
    record = house.crm_events("ana")[0]
    if side == "google":
        house.crm_edit("ana", record["id"], title="B")
    else:
        house.google_edit("ana", made["id"], summary="B")
    run = house.resync("ana")
    house.undo(run["run"])
    google, crm = house.google_titles("ana"), house.crm_titles("ana")
    assert (google, crm) == ((["A"], ["B"]) if side == "google" else (["B"], ["A"]))
    assert nothing_written(house.resync("ana"))
    house.crm_edit("ana", record["id"], title="C")
    house.resync("ana")
    assert house.google_titles("ana") == house.crm_titles("ana") == ["C"]


@pytest.mark.parametrize("side", ["google", "crm"])
def test_undoing_a_deletion_brings_the_event_back_on_that_side(house, side):
    made = house.google_add("ana", summary="A", description="text", **at(day(1)))
    house.resync("ana")
    record = house.crm_events("ana")[0]
    if side == "google":
        house.crm_delete("ana", record["id"])
    else:
        house.google_delete("ana", made["id"])
    run = house.resync("ana")
    _, undone = house.undo(run["run"])
    assert undone.refused == []
    events = house.google_events("ana") if side == "google" else house.crm_events("ana")
    other = house.crm_events("ana") if side == "google" else house.google_events("ana")
    assert [event["description"] for event in events] == ["text"]
    assert other == []
    assert nothing_written(house.resync("ana"))
    assert nothing_written(house.resync("ana", full=True))


def test_an_undo_can_be_undone(furnished):
    house = furnished
    run = house.resync("ana")
    google, crm = house.google_titles("ana"), house.crm_titles("ana")
    undoing, _ = house.undo(run["run"])
    assert house.google_titles("ana") != google
    _, undone = house.undo(undoing["run"])
    assert undone.refused == []
    assert house.google_titles("ana") == google
    assert house.crm_titles("ana") == crm


def test_an_update_of_an_event_known_for_long_costs_one_look_for_the_journal(house):
    made = house.google_add("ana", summary="A", **at(day(1)))
    house.resync("ana")
    with house.parts.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM journal")
    house.crm_edit("ana", house.crm_events("ana")[0]["id"], title="B")
    run = house.resync("ana")
    assert run["google_calls"] == 3
    house.undo(run["run"])
    assert house.google_get("ana", made["id"])["summary"] == "A"
