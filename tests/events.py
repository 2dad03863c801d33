"""Strategies for events in normal form, as hypothesis makes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as some

from calsync.model.event import Attendee, Event, Response, Visibility, clean_text, sort_attendees
from calsync.model.recurrence import occurrence_key

texts = some.text(max_size=30).map(clean_text)
instants = some.datetimes(datetime(1980, 1, 1), datetime(2080, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
days = some.dates(date(1980, 1, 1), date(2080, 1, 1))
zones = some.sampled_from(["", "Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"])
attendees = some.lists(
    some.builds(
        Attendee,
        some.emails().map(str.lower),
        texts.map(lambda name: name.replace("\n", " ")),
        some.sampled_from(Response),
    ),
    max_size=4,
).map(sort_attendees)
reminders = some.none() | some.lists(some.integers(0, 40_320), max_size=4, unique=True).map(
    lambda minutes: tuple(sorted(minutes))
)


@some.composite
def plain_events(draw, all_day=None):
    """One event without rule: timed, or all day."""
    if all_day is None:
        all_day = draw(some.booleans())
    start = draw(days if all_day else instants)
    length = (
        timedelta(days=draw(some.integers(1, 40)))
        if all_day
        else timedelta(seconds=draw(some.integers(0, 10**6)))
    )
    return Event(
        draw(texts).replace("\n", " "),
        start,
        start + length,
        "" if all_day else draw(zones),
        draw(texts),
        draw(texts),
        attendees=draw(attendees),
        reminders=draw(reminders),
        visibility=draw(some.sampled_from(Visibility)),
        redacted=draw(some.booleans()),
    )


@some.composite
def events(draw):
    """An event, or a daily series with exceptions: moved, changed and cancelled occurrences."""
    event = draw(plain_events())
    if not draw(some.booleans()):
        return event
    rules = ("RRULE:FREQ=DAILY;COUNT=10",)
    numbers = draw(some.lists(some.integers(0, 9), max_size=3, unique=True))
    keys = [occurrence_key(event.start + timedelta(days=number)) for number in numbers]
    moved = some.none() | plain_events(event.all_day)
    return replace(event, recurrence=rules, exceptions={key: draw(moved) for key in keys})
