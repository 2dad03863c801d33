"""Times keep their instant, their zone and their day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calsync.sandbox.workplace import Trait
from tests.house import at, crm_at, day


@pytest.mark.needs(Trait.ZONES)
def test_an_event_in_a_named_zone_keeps_its_instant_and_its_zone_on_a_server_elsewhere(person):
    gita = person("gita", zone="Asia/Kolkata")
    zone = "Asia/Kolkata"
    gita.google_add(summary="chai", **at(day(3), zone=zone))
    gita.google_add(summary="every day", recurrence=["RRULE:FREQ=DAILY"], **at(day(3), zone=zone))
    gita.crm_add(title="call", time_zone=zone, **crm_at(day(4)))
    gita.connect()
    gita.shows("chai", "every day", "call")
    for title in ("chai", "every day"):
        record = gita.crm_by(title)
        assert datetime.fromisoformat(record["start"]) == day(3)
        assert record["time_zone"] == zone
    stored = gita.google_by("call")["start"]
    assert datetime.fromisoformat(stored["dateTime"]) == day(4)
    assert stored["timeZone"] == zone


def test_a_person_who_travels_and_changes_the_zone_of_the_calendar_causes_no_write(person):
    hugo = person("hugo", zone="Europe/London")
    hugo.google_add(summary="timed", **at(day(3)))
    hugo.google_add(summary="series", recurrence=["RRULE:FREQ=WEEKLY"], **at(day(3)))
    hugo.google_add(
        summary="days",
        start={"date": f"{day(3):%Y-%m-%d}"},
        end={"date": f"{day(5):%Y-%m-%d}"},
    )
    hugo.crm_add(title="ours", **crm_at(day(4)))
    hugo.connect()
    hugo.shows("timed", "series", "days", "ours")
    hugo.stage.control("PATCH", "calendars", {"email": hugo.email, "time_zone": "Pacific/Auckland"})
    hugo.stays_silent()
    hugo.expire("sync_tokens")
    hugo.stays_silent()
    hugo.shows("timed", "series", "days", "ours")


@pytest.mark.needs(Trait.DAYS)
def test_an_all_day_event_on_the_first_day_of_the_window_is_there_west_of_greenwich(person):
    iris = person("iris", zone="America/Los_Angeles")
    first = datetime.now(UTC).date() - timedelta(days=60)
    times = {"start": {"date": f"{first}"}, "end": {"date": f"{first + timedelta(days=1)}"}}
    iris.google_add(summary="first day", **times)
    iris.crm_add(title="ours", start=f"{first}", end=f"{first + timedelta(days=1)}", all_day=True)
    iris.connect()
    iris.shows("first day", "ours")
    for record in iris.crm_events():
        assert (record["start"], record["all_day"]) == (f"{first}", True)
    assert iris.google_by("ours")["start"] == {"date": f"{first}"}
