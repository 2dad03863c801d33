"""Change without a change feed: scans, memory, modification times, and what lies outside of the window."""

from __future__ import annotations

import pytest

from tests.crm_opencrm.firm import PROFILES, crm_at, day
from tests.house import at, nothing_written


def requests_of(firm, user):
    firm.in_crm("POST", "counters/reset")
    run = firm.resync(user)
    counts = firm.in_crm("GET", "counters")
    assert run["crm_calls"] <= counts["total"]
    return run, counts["requests"]


def test_a_quiet_round_tells_the_engine_nothing(firm):
    for n in range(5):
        firm.crm_add("ana", subject=f"A{n}", **crm_at(day(1 + n)))
    firm.rounds("ana")
    run = firm.resync("ana")
    assert (run["outcome"], run["unchanged"], nothing_written(run)) == ("ok", 0, True)


def test_a_quiet_round_costs_three_requests_and_large_calendars_go_by_years(found):
    firm = found("rich", {"page_size": 10, "users_seconds": 3600})
    firm.person("ana")
    for n in range(8):
        firm.crm_add("ana", subject=f"A{n}", **crm_at(day(1 + n)))
    firm.rounds("ana")
    _, requests = requests_of(firm, "ana")
    # Counted, listed, counted.
    assert requests == {"get_activity_list_count": 2, "get_activity_list_full": 1}
    for n in range(30):
        firm.crm_add("ana", subject=f"Old {n}", **crm_at(day(-1500)))
    firm.rounds("ana")
    _, requests = requests_of(firm, "ana")
    assert requests["get_activity_list_full"] <= 3


def test_our_own_writes_are_no_news(firm):
    firm.google_add("ana", summary="A", **at(day(1)))
    firm.resync("ana")
    pages = list(firm.parts.crm.side("ana").observe(firm.account("ana").crm_cursor))
    assert [page.items for page in pages] == [[]]


def test_what_a_round_could_not_take_in_comes_again(firm):
    firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    cursor = firm.account("ana").crm_cursor
    made = firm.crm_add("ana", subject="B", **crm_at(day(2)))
    gone = firm.crm_add("ana", subject="C", **crm_at(day(2)))
    list(firm.parts.crm.side("ana").observe(cursor))
    firm.crm_delete("ana", gone["id"])
    list(firm.parts.crm.side("ana").observe(cursor))
    (page,) = firm.parts.crm.side("ana").observe(cursor)
    assert {item.key: item.gone for item in page.items} == {made["id"]: False, gone["id"]: True}


@pytest.mark.parametrize("cursor", ["x", "", "99 1", "1", "-1 5", "1 x"])
def test_a_cursor_that_is_not_ours_lists_everything_again(rich, cursor):
    rich.crm_add("ana", subject="A", **crm_at(day(1)))
    rich.rounds("ana")
    rich.set_account("ana", crm_cursor=cursor)
    run = rich.resync("ana")
    assert (run["outcome"], nothing_written(run)) == ("ok", True)


def test_a_lost_database_copies_nothing_twice(found):
    """Copies carry the key of their original, and are known again by it."""
    firm = found("rich")
    firm.person("ana")
    firm.google_add("ana", summary="G", **at(day(1)))
    firm.crm_add("ana", subject="C", **crm_at(day(2)))
    firm.rounds("ana")
    from calsync.store.database import writing

    with writing(firm.parts.engine) as connection:
        for table in ("link", "opencrm_seen"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    firm.set_account("ana", google_cursor=None, crm_cursor=None)
    firm.rounds("ana", 6)
    assert firm.crm_titles("ana") == firm.google_titles("ana") == ["C", "G"]


def test_old_activities_stay_out_and_disturb_nothing(firm):
    for n in range(5):
        firm.crm_add("ana", subject=f"Old {n}", **crm_at(day(-900 - n)))
    firm.crm_add("ana", subject="New", **crm_at(day(1)))
    firm.rounds("ana")
    for full in (True, False):
        assert firm.resync("ana", full=full)["outcome"] == "ok"
    assert firm.google_titles("ana") == ["New"]


def test_what_ages_out_of_the_window_stays_where_it_is(firm):
    for n in range(5):
        firm.crm_add("ana", subject=f"A{n}", **crm_at(day(1 + n)))
    firm.rounds("ana")
    firm.clock.advance(days=800)
    for full in (False, True, False):
        run = firm.resync("ana", full=full)
        assert (run["outcome"], nothing_written(run)) == ("ok", True)
    assert len(firm.google_titles("ana")) == len(firm.crm_titles("ana")) == 5


@pytest.mark.parametrize("days", [-900, 900])
def test_what_is_moved_out_of_the_window_is_no_deletion(firm, days):
    made = [firm.crm_add("ana", subject=f"A{n}", **crm_at(day(1 + n))) for n in range(5)]
    firm.rounds("ana")
    for each in made:
        firm.crm_edit("ana", each["id"], **crm_at(day(days)))
    for full in (False, True, False):
        run = firm.resync("ana", full=full)
        assert (run["outcome"], nothing_written(run)) == ("ok", True)
    assert len(firm.google_titles("ana")) == 5
    for each in made:
        firm.crm_edit("ana", each["id"], **crm_at(day(3)))
    firm.rounds("ana")
    starts = [event["start"] for event in firm.google_events("ana")]
    assert {start.get("dateTime", start.get("date"))[:10] for start in starts} == {f"{day(3):%Y-%m-%d}"}


def test_what_cannot_be_read_is_set_aside_and_comes_back_when_it_can(rich):
    made = rich.crm_add("ana", subject="A", **crm_at(day(1)))
    rich.crm_add("ana", subject="B", **crm_at(day(1)))
    rich.rounds("ana")
    rich.crm_edit("ana", made["id"], date_start="next week")
    run = rich.resync("ana")
    assert run["outcome"] == "partial"
    assert rich.google_titles("ana") == ["A", "B"]
    rich.crm_edit("ana", made["id"], **crm_at(day(4)))
    rich.rounds("ana")
    (event,) = [each for each in rich.google_events("ana") if each["summary"] == "A"]
    assert event["start"]["dateTime"][:10] == f"{day(4):%Y-%m-%d}"


def test_a_field_that_is_not_shown_any_more_is_not_one_that_was_blanked(rich):
    rich.crm_add("ana", subject="A", description="text", location="Room 1", **crm_at(day(1)))
    rich.rounds("ana")
    for name in ("subject", "smownerid", "date_start", "location", "description", "time_start", "taskstatus"):
        rich.switch(absent=[name])
        run = rich.resync("ana")
        assert (run["outcome"], nothing_written(run)) == ("partial", True)
        assert name in rich.account("ana").reason
    (event,) = rich.google_events("ana")
    assert (event["summary"], event["location"], event["description"]) == ("A", "Room 1", "text")
    rich.switch(absent=[])
    rich.rounds("ana")


# -- modification times ------------------------------------------------------------------------------------

QUICK = {"scan_seconds": 900}


@pytest.mark.parametrize("profile", ["rich", "quirky"])
def test_between_scans_modification_times_are_enough(found, profile):
    firm = found(profile, QUICK)
    firm.person("ana")
    made = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    firm.crm_edit("ana", made["id"], subject="B")
    run, requests = requests_of(firm, "ana")
    assert run["google"]["updated"] == 1
    assert "get_activity_list_count" not in requests
    fresh = firm.crm_add("ana", subject="C", **crm_at(day(1)))
    assert firm.resync("ana")["google"]["created"] == 1
    firm.crm_edit("ana", fresh["id"], owner="zoe")
    assert firm.resync("ana")["google"]["deleted"] == 1
    firm.rounds("ana")
    assert firm.google_titles("ana") == ["B"]


def test_a_deletion_is_found_by_the_next_scan(found):
    firm = found("rich", QUICK)
    firm.person("ana")
    made = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    firm.crm_delete("ana", made["id"])
    assert nothing_written(firm.resync("ana"))
    firm.clock.advance(minutes=16)
    assert firm.resync("ana")["google"]["deleted"] == 1


def test_a_filter_on_modification_times_that_is_passed_over_is_not_used(found):
    firm = found("rich", QUICK)
    firm.person("ana")
    firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.in_crm("POST", "switches", {"clock_offset_seconds": -5 * 86400})
    firm.crm_add("ana", subject="Older", **crm_at(day(1)))
    firm.in_crm("POST", "switches", {"clock_offset_seconds": 0, "ignored_filters": ["modifiedtime"]})
    firm.rounds("ana")
    made = firm.crm_add("ana", subject="B", **crm_at(day(1)))
    run, requests = requests_of(firm, "ana")
    assert run["google"]["created"] == 1
    assert requests["get_activity_list_count"] > 0
    assert made["id"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_year_goes_by(found, profile):
    """Activities come into the window with the days, on both sides."""
    firm = found(profile, sync={"future_days": 30})
    firm.person("ana")
    firm.google_add("ana", summary="G", **at(day(50)))
    firm.crm_add("ana", subject="C", **crm_at(day(60)))
    firm.rounds("ana")
    assert (firm.crm_titles("ana"), firm.google_titles("ana")) == (["C"], ["G"])
    firm.clock.advance(days=40)
    firm.rounds("ana")
    assert firm.crm_titles("ana") == firm.google_titles("ana") == ["C", "G"]


def test_asking_why_does_not_take_the_news_away(rich):
    made = rich.crm_add("ana", subject="A", **crm_at(day(1)))
    rich.rounds("ana")
    rich.crm_delete("ana", made["id"])
    rich.explain("ana", made["id"])
    rich.explain("ana", made["id"])
    assert rich.resync("ana")["google"]["deleted"] == 1


def test_a_rehearsal_takes_no_news_away_and_writes_nothing(firm):
    made = firm.crm_add("ana", subject="A", **crm_at(day(1)))
    firm.rounds("ana")
    firm.crm_edit("ana", made["id"], subject="B")
    firm.crm_add("ana", subject="C", **crm_at(day(1)))
    firm.google_add("ana", summary="G", **at(day(1)))
    for _ in range(2):
        run = firm.resync("ana", dry_run=True)
        assert sorted((step["side"], step["action"]) for step in run["plan"]) == [
            ("crm", "create"),
            ("google", "create"),
            ("google", "update"),
        ]
    assert firm.written() == []
    firm.rounds("ana")
    assert firm.google_titles("ana") == firm.crm_titles("ana") == ["B", "C", "G"]
