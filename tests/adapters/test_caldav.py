"""A plug-in that somebody wrote in under 200 lines, between Google and a real CalDAV server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calsync.crm.conformance import Verdict, examine
from calsync.crm.port import CrmContext, Misconfigured, load
from calsync.model.errors import CalendarLost, Later
from calsync.sandbox.stage import free_port
from tests.adapters.radicale import PACKAGE, Phone
from tests.house import at, day, nothing_written


def test_the_adapter_is_as_short_as_the_readme_says():
    lines = sum(len(module.read_text().splitlines()) for module in PACKAGE.glob("*.py"))
    assert lines < 200


def test_the_adapter_passes_the_kit(dav_house):
    results = list(examine(dav_house.parts.crm, "ana", "ben", dav_house.clock()))
    assert {each.check: each.cause for each in results if each.verdict is Verdict.FAILED} == {}
    skipped = [each.check for each in results if each.verdict is Verdict.SKIPPED]
    assert skipped == ["series_are_refused_where_there_are_no_rules"]


def test_events_cross_both_ways(dav_house, dav):
    house, phone = dav_house, Phone(dav, "ana")
    house.connect("ana", "ana@example.com")
    made = house.google_add("ana", summary="G", description="two\nlines", **at(day(1)))
    house.google_add("ana", summary="S", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"], **at(day(2)))
    phone.put("c.ics", "C", day(3), "X-FOREIGN:stays")
    assert house.resync("ana")["outcome"] == "ok"
    assert set(phone.entries()) == {"G", "S", "C"}
    assert house.google_titles("ana") == ["C", "G", "S"]
    assert "RRULE:FREQ=WEEKLY;COUNT=4" in phone.entries()["S"][1]
    assert "DTSTART;TZID=Europe/London:" in phone.entries()["S"][1]
    assert nothing_written(house.resync("ana"))

    house.google_edit("ana", made["id"], location="Hall")
    phone.edit("C", "SUMMARY:C", "SUMMARY:C2")
    run = house.resync("ana")
    assert (run["crm"]["updated"], run["google"]["updated"]) == (1, 1)
    assert "LOCATION:Hall" in phone.entries()["G"][1]
    assert house.google_titles("ana") == ["C2", "G", "S"]
    (copy,) = [event for event in house.google_events("ana") if event["summary"] == "C2"]
    house.google_edit("ana", copy["id"], location="Yard")
    house.resync("ana")
    assert "X-FOREIGN:stays" in phone.entries()["C2"][1]

    house.google_delete("ana", made["id"])
    phone.send("DELETE", phone.entries()["C2"][0])
    run = house.resync("ana")
    assert (run["crm"]["deleted"], run["google"]["deleted"]) == (1, 1)
    assert nothing_written(house.resync("ana"))
    assert nothing_written(house.resync("ana", full=True))
    phone.send("DELETE", phone.entries()["S"][0])
    house.resync("ana")
    assert house.google_titles("ana") == []


def test_exceptions_of_a_series_cross_both_ways(dav_house, dav):
    house, phone = dav_house, Phone(dav, "ben")
    house.connect("ben", "ben@example.com")
    series = house.google_add("ben", summary="daily", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **at(day(4)))
    house.resync("ben")
    second, third, fourth = (day(4 + number) for number in (1, 2, 3))
    house.google_edit("ben", f"{series['id']}_{second:%Y%m%dT%H%M%SZ}", **at(second + timedelta(hours=2)))
    house.google_delete("ben", f"{series['id']}_{third:%Y%m%dT%H%M%SZ}")
    assert house.resync("ben")["outcome"] == "ok"
    text = phone.entries()["daily"][1]
    assert text.count("RECURRENCE-ID") == 2
    assert text.count("STATUS:CANCELLED") == 1
    phone.edit("daily", "RRULE:FREQ=DAILY", f"EXDATE:{fourth:%Y%m%dT%H%M%SZ}\r\nRRULE:FREQ=DAILY")
    house.resync("ben")
    starts = house.control(
        "GET",
        f"accounts/ben@example.com/events?expand_from={day(0):%Y-%m-%dT00:00:00Z}&expand_to={day(20):%Y-%m-%dT00:00:00Z}",
    )["events"]
    assert len(starts) == 3
    assert nothing_written(house.resync("ben"))
    assert nothing_written(house.resync("ben", full=True))


def test_failures_say_what_they_are(dav_house):
    house = dav_house
    options = house.parts.settings.crm.options()
    context = CrmContext(options, None, house.clock, secret=lambda key: "ana:wrong")
    with pytest.raises(CalendarLost, match="check url, login and password"):
        list(load("caldav", context).side("ana").observe(None))
    nobody = CrmContext(
        {**options, "url": f"http://127.0.0.1:{free_port()}/"}, None, house.clock, secret=context.secret
    )
    with pytest.raises(Later):
        load("caldav", nobody).check()
    with pytest.raises(Misconfigured):
        load("caldav", CrmContext(options, None, house.clock))


def test_what_cannot_be_understood_is_set_aside_alone(dav_house, dav):
    house, phone = dav_house, Phone(dav, "ana")
    house.connect("ana", "ana@example.com")
    phone.put("floating.ics", "floating", day(5))
    phone.edit("floating", f"DTSTART:{day(5):%Y%m%dT%H%M%SZ}", f"DTSTART:{day(5):%Y%m%dT%H%M%S}")
    phone.put("fine.ics", "fine", day(5))
    run = house.resync("ana")
    assert run["quarantined"] == 1
    assert "fine" in house.google_titles("ana")
    item = house.parts.crm.side("ana").read("floating.ics")
    assert item.problem
