"""Zone names that one side has and the other does not take: no event is lost or moved for it, nothing written twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from calsync.model.zones import iana_name, other_names, same_zone
from tests.calendars.crossing import quarantine
from tests.house import at, crm_at, day, nothing_written
from tests.safety.disasters import consent_anew, lose_database

DAILY = ["RRULE:FREQ=DAILY;COUNT=6"]
NEW, OLD = "Europe/Kyiv", "Europe/Kiev"
#: A zone without other names.
ONLY = "America/Ciudad_Juarez"
NOBODYS = "Mars/Olympus"


def google_refuses(house, *zones):
    house.control("POST", "switches", {"refused_zones": list(zones)})


def google_takes(house, *zones):
    house.control("POST", "switches", {"odd_zones": list(zones)})


def google_event(house, title):
    [found] = [event for event in house.google_events("ana") if event.get("summary") == title]
    return found


def google_start(house, title):
    """Return the instant and the zone that Google has."""
    start = google_event(house, title)["start"]
    return datetime.fromisoformat(start["dateTime"]).astimezone(UTC), start.get("timeZone")


def crm_event(house, title):
    [found] = [event for event in house.crm_events("ana") if event["title"] == title]
    return found


def crm_start(house, title):
    record = crm_event(house, title)
    return datetime.fromisoformat(record["start"]).astimezone(UTC), record["time_zone"]


def is_at_rest(house):
    return all(nothing_written(house.resync("ana", full=full)) for full in (False, True, False))


# -- names that Google refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [None, DAILY], ids=["single", "series"])
def test_a_zone_that_google_does_not_know_goes_there_under_its_older_name(house, rule):
    google_refuses(house, NEW)
    house.crm_add("ana", title="call", time_zone=NEW, recurrence=rule, **crm_at(day(2)))
    run = house.resync("ana")
    assert (run["outcome"], run["google"]["created"], run["quarantined"]) == ("ok", 1, 0)
    assert google_start(house, "call") == (day(2), OLD)
    assert crm_start(house, "call") == (day(2), NEW)
    assert is_at_rest(house)


def test_later_edits_of_such_a_series_and_its_occurrences_cross_both_ways(house):
    google_refuses(house, NEW)
    record = house.crm_add("ana", title="call", time_zone=NEW, recurrence=DAILY, **crm_at(day(2)))
    house.resync("ana")
    house.crm_edit("ana", record["id"], **crm_at(day(2, 10)))
    assert house.resync("ana")["quarantined"] == 0
    moved = {"original_start": day(3, 10).isoformat(), **crm_at(day(3, 15))}
    house.crm_edit("ana", record["id"], location="Room 1", exceptions=[moved])
    assert house.resync("ana")["outcome"] == "ok"
    master = next(event for event in house.google_events("ana") if "recurrence" in event)
    assert datetime.fromisoformat(master["start"]["dateTime"]) == day(2, 10)
    assert (master["start"]["timeZone"], master["location"]) == (OLD, "Room 1")
    [exception] = [event for event in house.google_events("ana") if "recurringEventId" in event]
    assert datetime.fromisoformat(exception["start"]["dateTime"]) == day(3, 15)
    house.google_edit("ana", master["id"], summary="called")
    house.resync("ana")
    assert crm_start(house, "called") == (day(2, 10), NEW)
    assert is_at_rest(house)


def test_the_other_name_is_found_once_in_a_round_and_the_log_says_so(house):
    google_refuses(house, NEW)
    for number in range(5):
        house.crm_add("ana", title=f"secret {number}", time_zone=NEW, **crm_at(day(2 + number)))
    house.reset_counters()
    with capture_logs() as logged:
        house.resync("ana")
    assert house.counters()["requests"]["events.insert"] == 6
    [warning] = [entry for entry in logged if entry["log_level"] == "warning"]
    assert set(warning) == {"event", "log_level", "reason"}
    assert NEW in warning["reason"]
    assert OLD in warning["reason"]
    assert "secret" not in str(warning)


@pytest.mark.parametrize("refused", [(ONLY,), (NEW, OLD)], ids=["no other name", "the other one neither"])
def test_a_single_event_goes_there_without_a_zone_when_google_knows_none_of_its_names(house, refused):
    google_refuses(house, *refused)
    record = house.crm_add("ana", title="call", time_zone=refused[0], **crm_at(day(2)))
    assert house.resync("ana")["quarantined"] == 0
    assert google_start(house, "call") == (day(2), None)
    house.crm_edit("ana", record["id"], **crm_at(day(4)))
    assert house.resync("ana")["quarantined"] == 0
    assert google_start(house, "call") == (day(4), None)
    assert crm_start(house, "call") == (day(4), refused[0])
    assert is_at_rest(house)


def test_a_series_in_such_a_zone_is_set_aside_with_the_zone_as_cause_until_google_knows_it(house):
    google_refuses(house, ONLY)
    record = house.crm_add("ana", title="secret", time_zone=ONLY, recurrence=DAILY, **crm_at(day(2)))
    house.crm_add("ana", title="other", **crm_at(day(2)))
    run = house.resync("ana")
    assert (run["outcome"], run["quarantined"], run["google"]["created"]) == ("partial", 1, 1)
    [cause] = quarantine(house, "ana").values()
    assert "time zone" in cause
    assert "secret" not in cause
    google_refuses(house)
    house.crm_edit("ana", record["id"], location="Room 1")
    assert house.resync("ana")["google"]["created"] == 1
    assert google_start(house, "secret") == (day(2), ONLY)
    assert quarantine(house, "ana") == {}


def test_calendars_that_name_a_zone_differently_are_joined_again_after_a_loss_without_a_write(house):
    google_refuses(house, NEW, ONLY)
    house.crm_add("ana", title="one", time_zone=NEW, **crm_at(day(2)))
    house.crm_add("ana", title="many", time_zone=NEW, recurrence=DAILY, **crm_at(day(2)))
    house.crm_add("ana", title="none", time_zone=ONLY, **crm_at(day(2)))
    house.resync("ana")
    lose_database(house)
    run = consent_anew(house, "ana")
    assert nothing_written(run)
    assert run["conflicts"] == 0
    assert is_at_rest(house)


# -- names that nobody knows -------------------------------------------------------------------------------


def test_an_event_in_an_unknown_zone_keeps_its_instant_and_its_name_and_causes_no_write(house):
    google_takes(house, NOBODYS)
    house.google_add("ana", summary="landing", **at(day(2), zone=NOBODYS))
    assert house.resync("ana")["crm"]["created"] == 1
    assert crm_start(house, "landing") == (day(2), NOBODYS)
    assert is_at_rest(house)
    house.google_edit("ana", google_event(house, "landing")["id"], location="crater")
    house.resync("ana")
    assert crm_start(house, "landing") == (day(2), NOBODYS)
    assert is_at_rest(house)


def test_edits_of_such_an_event_in_the_crm_reach_google_though_it_refuses_the_zone(house):
    google_takes(house, NOBODYS)
    house.google_add("ana", summary="landing", **at(day(2), zone=NOBODYS))
    house.resync("ana")
    google_takes(house)
    record = crm_event(house, "landing")
    as_read = {name: record[name] for name in ("time_zone", "location", "all_day")}
    house.crm_edit("ana", record["id"], **as_read, **crm_at(day(3)))
    assert house.resync("ana")["outcome"] == "ok"
    assert google_start(house, "landing")[0] == day(3)
    assert crm_start(house, "landing") == (day(3), NOBODYS)
    assert is_at_rest(house)


def test_a_copy_that_is_made_anew_does_without_the_unknown_zone(house):
    google_takes(house, NOBODYS)
    made = house.google_add("ana", summary="landing", **at(day(2), zone=NOBODYS))
    house.resync("ana")
    google_takes(house)
    house.google_delete("ana", made["id"])
    house.crm_edit("ana", crm_event(house, "landing")["id"], location="crater")
    assert house.resync("ana")["google"]["created"] == 1
    assert google_start(house, "landing") == (day(2), None)
    assert is_at_rest(house)


def test_a_series_in_an_unknown_zone_is_set_aside_with_its_cause(house):
    google_takes(house, NOBODYS)
    house.google_add("ana", summary="landings", recurrence=DAILY, **at(day(2), zone=NOBODYS))
    assert house.resync("ana")["quarantined"] == 1
    [cause] = quarantine(house, "ana").values()
    assert "time zone" in cause
    assert house.crm_events("ana") == []


def test_an_event_in_an_unknown_zone_cannot_become_a_series_in_the_crm(house):
    google_takes(house, NOBODYS)
    house.google_add("ana", summary="landing", **at(day(2), zone=NOBODYS))
    house.resync("ana")
    record = crm_event(house, "landing")
    answer = house.crm("PATCH", f"events/{record['id']}", "ana", {"recurrence": DAILY})
    assert answer.status_code == 400
    assert "time_zone" in answer.text
    house.crm_edit("ana", record["id"], recurrence=DAILY, time_zone="Europe/London")


# -- names of Windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("windows", "zone"),
    [("W. Europe Standard Time", "Europe/Berlin"), ("AUS Eastern Standard Time", "Australia/Sydney")],
)
def test_a_series_under_a_name_of_windows_repeats_in_the_zone_that_it_means(house, windows, zone):
    google_takes(house, windows)
    made = house.google_add("ana", summary="S", recurrence=DAILY, **at(day(2), zone=windows))
    assert house.resync("ana")["quarantined"] == 0
    assert crm_start(house, "S") == (day(2), zone)
    assert is_at_rest(house)
    google_takes(house)
    house.crm_edit("ana", crm_event(house, "S")["id"], **crm_at(day(2, 10)))
    assert house.resync("ana")["outcome"] == "ok"
    assert datetime.fromisoformat(house.google_get("ana", made["id"])["start"]["dateTime"]) == day(2, 10)
    assert is_at_rest(house)


def test_the_crm_takes_a_name_of_windows_for_the_zone_that_it_means(house):
    house.crm_add("ana", title="call", time_zone="W. Europe Standard Time", **crm_at(day(2)))
    assert crm_start(house, "call") == (day(2), "Europe/Berlin")


# -- the names themselves ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("US/Pacific-New", "America/Los_Angeles"),
        (NOBODYS, NOBODYS),
        ("", ""),
        ("x" * 65, ""),
        ("a\x00b", ""),
    ],
)
def test_a_name_means_a_zone_of_the_database_or_stays_as_it_is(name, means):
    assert iana_name(name) == means


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (NEW, OLD),
        (OLD, NEW),
        ("America/Nuuk", "America/Godthab"),
        ("Asia/Yangon", "Asia/Rangoon"),
        ("Asia/Ho_Chi_Minh", "Asia/Saigon"),
        ("Pacific/Kanton", "Pacific/Enderbury"),
        ("Europe/Zaporozhye", NEW),
    ],
)
def test_the_first_other_name_of_a_zone_is_its_former_or_its_main_one(name, other):
    assert other_names(name)[0] == other
    assert same_zone(name, other)


def test_a_zone_with_one_name_has_no_others_and_is_no_other_zone():
    assert other_names(ONLY) == other_names(NOBODYS) == []
    assert not same_zone("Europe/Berlin", "Europe/London")
    assert not same_zone(NOBODYS, ONLY)
