"""One edit of every kind on each side of calendars that people wrote; both sides then take place at the same times.

What takes place is computed from each side by recurring-ical-events. Nothing an edit did not touch may move.
Left out is the calendar whose occurrences that package does not count as Google does.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from calsync.model.recurrence import occurrence_key
from tests.calendars import crossing, expansion
from tests.calendars.test_real_calendars import ZONE, _cases


class Desk:
    """Ana's two calendars, with a file in Google, and the events that no edit has touched yet."""

    def __init__(self, house, text):
        self.house = house
        crossing.people(house, ZONE)
        crossing.carry(house, text)
        self.first = expansion.first_day(text, crossing.quarantine(house, "ana"))
        self.last = expansion.two_years_from(self.first)
        self.free = [one for one in self._linked() if one["status"] != "cancelled"]
        self.touched = set()

    def resources(self):
        """Return what Ana's Google calendar holds, but for what makes no sense and was set aside."""
        bad = {link.google.key for link in self.house.links("ana") if link.cause}
        found = crossing.resources(self.house, "ana")
        return [one for one in found if one.get("recurringEventId", one["id"]) not in bad]

    def _linked(self):
        records = {link.google.key: link.crm.key for link in self.house.links("ana")}
        masters = [one for one in self.resources() if "recurringEventId" not in one]
        return [one | {"record": records[one["id"]]} for one in masters if records.get(one["id"])]

    def take(self, series):
        """Return an event that nobody has edited yet, or None when there is none of that kind left."""
        found = next((one for one in self.free if bool(one.get("recurrence")) is series), None)
        if found is not None:
            self.free.remove(found)
            self.touched.add(found["id"])
        return found

    def occurrence(self, event):
        """Return the second occurrence of a series, or None."""
        until = datetime.fromisoformat(_text(event["start"])[:10]).date() + timedelta(days=1500)
        query = f"expand_from={_text(event['start'])[:10]}T00:00:00Z&expand_to={until}T00:00:00Z"
        shown = self.house.control("GET", f"accounts/ana@example.com/events?{query}")["events"]
        own = [one for one in shown if one.get("recurringEventId") == event["id"]]
        return own[1] if len(own) > 1 else None

    def occurrences(self):
        """Return what takes place on each side."""
        google = expansion.of_google(self.resources(), self.first, self.last, ZONE)
        records = [one for one in self.house.crm_events("ana") if one["owner"] == "ana"]
        return google, expansion.of_crm(records, self.first, self.last, ZONE)

    def untouched(self):
        """Return what takes place of events that were not edited, at Google."""
        rest = [one for one in self.resources() if one.get("recurringEventId", one["id"]) not in self.touched]
        return expansion.of_google(rest, self.first, self.last, ZONE)


def _text(moment):
    return moment.get("dateTime") or moment["date"]


def _later(moment, days=0, hours=0):
    if "date" in moment:
        return {"date": f"{date.fromisoformat(moment['date']) + timedelta(days=days or 1)}"}
    shifted = datetime.fromisoformat(moment["dateTime"]) + timedelta(days=days, hours=hours or 1)
    return moment | {"dateTime": shifted.isoformat()}


def _moved(event, **by):
    return {"start": _later(event["start"], **by), "end": _later(event["end"], **by)}


def edit_at_google(desk):
    """Make one edit of every kind on Google's page; return how many were possible."""
    house, done = desk.house, []
    edits = (
        (False, lambda one: {"summary": "renamed at Google"}),
        (False, lambda one: {"description": "new <b>text</b>", "location": "new place"}),
        (False, _moved),
        (
            False,
            lambda one: {
                "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 7}]}
            },
        ),
        (True, lambda one: {"summary": "series renamed at Google"}),
        (True, _moved),
        (True, lambda one: {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=6"]}),
    )
    for series, body in edits:
        event = desk.take(series)
        if event is not None:
            done.append(house.google_edit("ana", event["id"], **body(event)))
    for cancel in (True, False):
        event = desk.take(series=True)
        one = desk.occurrence(event) if event is not None else None
        if one is not None and cancel:
            done.append(house.google_delete("ana", one["id"]))
        elif one is not None:
            done.append(house.google_edit("ana", one["id"], summary="moved at Google", **_moved(one, days=1)))
    event = desk.take(series=False)
    if event is not None:
        done.append(house.google_delete("ana", event["id"]))
    event = desk.take(series=True)
    one = desk.occurrence(event) if event is not None else None
    if one is not None and "dateTime" in one["start"]:
        path = f"accounts/ana@example.com/events/{event['id']}/split"
        at = datetime.fromisoformat(one["originalStartTime"]["dateTime"]).isoformat()
        done.append(desk.house.control("POST", path, {"at": at, "patch": {"summary": "from here on"}}))
    body = {"summary": "made at Google", "start": {"date": f"{desk.first}"}}
    done.append(house.google_add("ana", **body, end={"date": f"{desk.first + timedelta(days=1)}"}))
    return len(done)


def _crm_moved(record):
    if record["all_day"]:
        days = (date.fromisoformat(record[name]) + timedelta(days=1) for name in ("start", "end"))
        return dict(zip(("start", "end"), map(str, days), strict=True))
    moments = (datetime.fromisoformat(record[name]) + timedelta(hours=1) for name in ("start", "end"))
    return {name: moment.isoformat() for name, moment in zip(("start", "end"), moments, strict=True)}


def edit_in_the_crm(desk):
    """Make one edit of every kind in the CRM; return how many were possible."""
    house, done = desk.house, []
    edits = (
        (False, lambda one: {"title": "renamed in the CRM"}),
        (False, lambda one: {"description": "1 < 2 & 3", "location": "new place"}),
        (False, _crm_moved),
        (False, lambda one: {"reminders_minutes": [9]}),
        (True, lambda one: {"title": "series renamed in the CRM"}),
        (True, _crm_moved),
        (True, lambda one: {"recurrence": ["RRULE:FREQ=DAILY;COUNT=4"]}),
    )
    for series, body in edits:
        event = desk.take(series)
        if event is not None:
            record = house.crm("GET", f"events/{event['record']}", "ana").json()
            done.append(house.crm_edit("ana", record["id"], **body(record)))
    for cancel in (True, False):
        event = desk.take(series=True)
        one = desk.occurrence(event) if event is not None else None
        if one is not None:
            part = {"original_start": _text(one["originalStartTime"])}
            part |= {"cancelled": True} if cancel else {"title": "changed in the CRM"}
            done.append(house.crm_edit("ana", event["record"], exceptions=[part]))
    event = desk.take(series=False)
    if event is not None:
        done.append(house.crm_delete("ana", event["record"]))
    day = {"start": f"{desk.first}", "end": f"{desk.first + timedelta(days=1)}"}
    done.append(house.crm_add("ana", title="made in the CRM", **day))
    return len(done)


@pytest.mark.parametrize("edit", [edit_at_google, edit_in_the_crm], ids=["at Google", "in the CRM"])
@pytest.mark.parametrize("calendar", [case for case in _cases() if case.values[0].expected is None])
def test_after_one_edit_of_every_kind_both_sides_take_place_at_the_same_times(build, calendar, edit):
    house = build(crossing.SYNC)
    desk = Desk(house, calendar.text)
    assert edit(desk) > 0
    # Editing has marked what it touched: the rest must be as it was before the round.
    before = desk.untouched()
    for _ in range(2):
        assert house.resync("ana")["outcome"] in ("ok", "partial")
        house.resync("bob")
    google, crm = desk.occurrences()
    assert google == crm
    assert [one for one in desk.untouched() if one.title != "made in the CRM"] == before
    titles = {one.title for one in crm}
    assert ("made at Google" if edit is edit_at_google else "made in the CRM") in titles
    assert crossing.rests(house)


def test_an_occurrence_has_the_same_key_on_both_sides(build):
    calendar = next(case.values[0] for case in _cases() if case.id == "series with exceptions")
    desk = Desk(build(crossing.SYNC), calendar.text)
    edit_at_google(desk)
    desk.house.resync("ana")
    for link in desk.house.links("ana"):
        record = desk.house.crm("GET", f"events/{link.crm.key}", "ana").json()
        for part in record.get("exceptions", []):
            moment = part["original_start"]
            original = date.fromisoformat(moment) if len(moment) == 10 else datetime.fromisoformat(moment)
            assert f"x:{occurrence_key(original)}" in (link.base.crm or {})
