"""What the stories of the campaigns begin with."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from calsync.google.side import GoogleSide
from calsync.model.recurrence import occurrence_key
from tests.house import crm_at, day

DAILY = ["RRULE:FREQ=DAILY;COUNT=5"]


def other(days, title=""):
    """Return an exception of a series as the CRM takes it: renamed, or cancelled."""
    part = {"original_start": day(days).isoformat()}
    return [part | ({"title": title} if title else {"cancelled": True})]


def instance(event, days):
    return f"{event['id']}_{occurrence_key(day(days))}"


def guests(*users):
    return [{"email": f"{user}@example.com"} for user in users]


def only(found):
    """Return the only one, exceptions of series aside."""
    (one,) = [one for one in found if "recurringEventId" not in one]
    return one


def shown(house, user="ana"):
    """Return the titles on both sides of a person, exceptions of series aside."""
    google = [one["summary"] for one in house.google_events(user) if "recurringEventId" not in one]
    return google, house.crm_titles(user)


def synced_series(house, **more):
    """Let ana have a series on both sides that was born in the CRM; return (Google event, record)."""
    record = house.crm_add("ana", title="S", recurrence=DAILY, **crm_at(day(1)), **more)
    house.resync("ana")
    return only(house.google_events("ana")), record


def synced_guest(house, user="bo", **more):
    """Let ana's record be on the Google calendars of ana and of a guest; return the record's id."""
    house.person(user)
    record = house.crm_add("ana", title="A", attendees=guests(user), **crm_at(day(1)), **more)
    for one in ("ana", user):
        house.resync(one)
    assert house.google_titles(user) == ["A"]
    return record["id"]


@contextmanager
def lagging(house, event_id):
    """Let Google answer reads with what an event was hours ago, whatever is done to it meanwhile."""
    earlier = house.google_get("ana", event_id)
    hours_ago = datetime.fromisoformat(earlier["updated"]) - timedelta(hours=2)
    earlier["updated"] = hours_ago.isoformat()
    with patch.object(GoogleSide, "_get", lambda _side, _key: earlier):
        yield
