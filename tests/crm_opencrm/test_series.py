"""Series for a CRM without rules: one activity for each occurrence within reach."""

from __future__ import annotations

from tests.crm_opencrm.firm import crm_at, day
from tests.house import at, nothing_written

DAILY = ["RRULE:FREQ=DAILY;COUNT=5"]


def occurrence(made, days):
    return f"{made['id']}_{day(days):%Y%m%dT%H%M%SZ}"


def test_each_occurrence_is_an_activity_of_its_own(firm):
    firm.google_add("ana", summary="Stand-up", recurrence=DAILY, **at(day(1)))
    assert firm.resync("ana")["crm"]["created"] == 5
    firm.rounds("ana")
    days = sorted(each["date_start"] for each in firm.crm_events("ana"))
    assert days == [f"{day(n):%Y-%m-%d}" for n in range(1, 6)]


def test_an_occurrence_that_is_edited_in_the_crm_becomes_an_exception(rich):
    made = rich.google_add("ana", summary="Stand-up", recurrence=DAILY, **at(day(1)))
    rich.rounds("ana")
    record = next(each for each in rich.crm_events("ana") if each["date_start"] == f"{day(3):%Y-%m-%d}")
    rich.crm_edit("ana", record["id"], subject="Retrospective", **crm_at(day(3, 15)))
    run = rich.resync("ana")
    assert (run["outcome"], run["google"]["updated"]) == ("ok", 1)
    moved = rich.google_get("ana", occurrence(made, 3))
    assert moved["summary"] == "Retrospective"
    assert moved["start"]["dateTime"][:16] == f"{day(3, 15):%Y-%m-%dT%H:%M}"
    rich.rounds("ana")
    assert rich.crm_titles("ana") == ["Retrospective", *["Stand-up"] * 4]


def test_an_occurrence_that_is_deleted_on_either_side_is_gone_on_both(rich):
    made = rich.google_add("ana", summary="Stand-up", recurrence=DAILY, **at(day(1)))
    rich.rounds("ana")
    records = {each["date_start"]: each["id"] for each in rich.crm_events("ana")}
    rich.crm_delete("ana", records[f"{day(2):%Y-%m-%d}"])
    rich.google_delete("ana", occurrence(made, 4))
    rich.rounds("ana")
    assert rich.google_get("ana", occurrence(made, 2))["status"] == "cancelled"
    left = sorted(each["date_start"] for each in rich.crm_events("ana"))
    assert left == [f"{day(n):%Y-%m-%d}" for n in (1, 3, 5)]


def test_a_series_that_gets_another_rule_takes_its_activities_along(rich):
    made = rich.google_add("ana", summary="Stand-up", recurrence=DAILY, **at(day(1)))
    rich.rounds("ana")
    rich.google_edit("ana", made["id"], recurrence=["RRULE:FREQ=DAILY;COUNT=2"], summary="Shorter")
    rich.rounds("ana")
    assert rich.crm_titles("ana") == ["Shorter", "Shorter"]
    rich.google_delete("ana", made["id"])
    rich.rounds("ana")
    assert rich.crm_titles("ana") == []


def test_an_exception_alone_crosses_without_a_full_listing(rich):
    made = rich.google_add("ana", summary="Stand-up", recurrence=DAILY, **at(day(1)))
    rich.rounds("ana")
    rich.google_edit("ana", occurrence(made, 2), summary="Elsewhere")
    rich.rounds("ana")
    assert rich.crm_titles("ana") == ["Elsewhere", *["Stand-up"] * 4]


def test_what_is_further_ahead_comes_within_reach_day_by_day(found):
    firm = found("rich", crm={"occurrence_days": 10})
    firm.person("ana")
    firm.google_add("ana", summary="Daily", recurrence=["RRULE:FREQ=DAILY"], **at(day(1)))
    firm.rounds("ana")
    before = len(firm.crm_events("ana"))
    assert 9 <= before <= 11
    firm.clock.advance(days=3)
    firm.rounds("ana")
    assert len(firm.crm_events("ana")) == before + 3


def test_private_occurrences_say_no_more_than_busy(firm):
    firm.google_add("ana", summary="Doctor", visibility="private", recurrence=DAILY, **at(day(1)))
    firm.rounds("ana")
    assert set(firm.crm_titles("ana")) == {"Busy"}
    assert {each["permission"] for each in firm.crm_events("ana")} == {"3"}


def test_occurrences_that_another_sync_has_left_are_paired_not_doubled(firm):
    if firm.profile == "bare":
        # No times of day: nobody can tell that they are the same.
        return
    for days in range(1, 6):
        firm.crm_add("ana", subject="Stand-up", **crm_at(day(days)))
    firm.google_add("ana", summary="Stand-up", recurrence=DAILY, **at(day(1)))
    firm.rounds("ana")
    assert firm.crm_titles("ana") == ["Stand-up"] * 5
    assert firm.written() == []
    (master,) = [event for event in firm.google_events("ana") if "recurrence" in event]
    assert [event["id"] for event in firm.google_events("ana") if event["id"] != master["id"]] == []


def test_a_series_is_explained_by_its_occurrences(rich):
    made = rich.google_add("ana", summary="S", recurrence=["RRULE:FREQ=DAILY;COUNT=3"], **at(day(1)))
    rich.rounds("ana")
    found = rich.explain("ana", made["id"])
    assert "3 of its occurrences are events of their own" in found.answer
    assert {crm for _, crm in found.occurrences} == {each["id"] for each in rich.crm_events("ana")}
    google, crm = found.occurrences[0]
    assert (rich.explain("ana", google).crm_id, google.startswith(made["id"])) == (crm, True)


def test_a_series_that_google_reports_as_cancelled_while_it_lives_stays_and_ends_no_round(rich):
    made = rich.google_add("ana", summary="S", recurrence=DAILY, **at(day(1)))
    rich.rounds("ana")
    before = rich.crm_events("ana")
    rich.control("POST", "switches", {"ghosts": [made["id"]]})
    rich.google_edit("ana", made["id"], colorId="3")
    assert nothing_written(rich.rounds("ana", most=1))
    assert rich.crm_events("ana") == before
    rich.control("POST", "switches", {"ghosts": []})
    rich.google_delete("ana", made["id"])
    rich.rounds("ana")
    assert rich.crm_events("ana") == []
