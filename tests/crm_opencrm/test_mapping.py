"""Activities and events become each other without loss, as far as the tenant has fields for it; times above all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.crm.opencrm.activity import Note, parse, parse_token
from calsync.crm.opencrm.mapping import Shape
from calsync.crm.opencrm.options import NEVER_SENT, FieldNames, OpenCrmOptions
from calsync.crm.opencrm.times import parse_clock, parse_day, to_instant, to_local
from calsync.model.errors import Unmappable
from calsync.model.event import Event, Visibility
from tests.crm_opencrm.firm import PROFILES, section

ZONES = ("Europe/London", "America/St_Johns", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu")


def shape(profile="rich", **more):
    return Shape(options(profile, **more))


def options(profile="rich", **more):
    return OpenCrmOptions.model_validate(section(profile, "http://127.0.0.1:1", **more))


def stored(made, form):
    """Return what a tenant would show of a form, by our own reading."""
    names = made.fields
    row = {"crmid": 1, names.owner: 10}
    for name, value in form.items():
        if name == "note":
            row[made.token_field] = f"m1{value}"
        else:
            row[getattr(names, name)] = value
    return parse(row, made)


instants = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC, second=0, microsecond=0)
)
timed = st.builds(
    lambda start, minutes: Event("A", start, start + timedelta(minutes=minutes)),
    instants,
    st.integers(0, 60 * 24 * 20),
)
whole_days = st.builds(
    lambda start, days: Event("A", start, start + timedelta(days=days)),
    st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    st.integers(1, 40),
)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("profile", PROFILES)
@given(event=timed | whole_days)
def test_times_come_back_as_they_were_written(profile, zone, event):
    made = options(profile, timezone=zone)
    try:
        form = Shape(made).form_of(event)
    except Unmappable:
        home = ZoneInfo(zone)
        assert event.start.astimezone(home).fold or event.end.astimezone(home).fold
        return
    shown = Shape(made).event_of(stored(made, form))
    assert (shown.start, shown.end) == (event.start, event.end)


@pytest.mark.parametrize("zone", ZONES)
@given(moment=instants)
def test_an_instant_is_written_exactly_or_not_at_all(zone, moment):
    home = ZoneInfo(zone)
    try:
        local = to_local(moment, home)
    except Unmappable:
        assert moment.astimezone(home).fold == 1
        return
    assert to_instant(local.date(), local.time(), home) == moment


def test_the_hour_that_occurs_twice():
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert shape().form_of(Event("A", first, first + timedelta(minutes=10)))["start_time"] == "01:30"
    second = first + timedelta(hours=1)
    with pytest.raises(Unmappable, match="twice"):
        shape().form_of(Event("A", second, second + timedelta(minutes=10)))


def test_the_hour_that_is_skipped_is_taken_by_the_offset_before_it():
    skipped = to_instant(date(2026, 3, 29), parse_clock("01:30"), ZoneInfo("Europe/London"))
    assert skipped == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day", "clock"),
    [
        ("2026-05-04", (2026, 5, 4), None),
        ("2026-05-04 09:30", (2026, 5, 4), (9, 30)),
        ("2026-05-04T9:30:15", (2026, 5, 4), (9, 30, 15)),
        ("", None, None),
        ("0000-00-00", None, None),
        ("0000-00-00 00:00:00", None, None),
    ],
)
def test_dates_in_any_writing(text, day, clock):
    found_day, found_clock = parse_day(text)
    assert found_day == (date(*day) if day else None)
    assert (found_clock.isoformat() if found_clock else None) == (
        datetime(2026, 1, 1, *clock).time().isoformat() if clock else None
    )


@pytest.mark.parametrize(
    "text", ["04-05-2026", "2026-13-01", "2026-05-04 25:00", "tomorrow", "2026-05-04 9am"]
)
def test_dates_that_nobody_can_read_set_the_activity_aside(text):
    activity = parse({"crmid": 1, "smownerid": 10, "date_start": text}, options("quirky"))
    assert activity.problem
    with pytest.raises(Unmappable):
        shape("quirky").event_of(activity)


@pytest.mark.parametrize(
    ("fields", "minutes"),
    [
        ({"duration_hours": "2"}, 120),
        ({"duration_hours": "1.5"}, 90),
        ({"duration_hours": "1:30"}, 90),
        ({"duration_hours": 1, "duration_minutes": 30}, 90),
        ({"duration_hours": "", "duration_minutes": "30"}, 30),
        ({"duration_hours": "long"}, None),
        ({"duration_hours": "-2"}, None),
        ({}, None),
    ],
)
def test_lengths_in_any_writing(fields, minutes):
    assert parse({"crmid": 1, **fields}, options("rich")).minutes == minutes


def test_an_end_without_a_time_of_its_own_follows_from_the_length():
    made = options("rich", fields={"end_time": ""})
    start = datetime(2026, 5, 4, 22, 30, tzinfo=UTC)
    event = Event("A", start, start + timedelta(minutes=95))
    form = Shape(made).form_of(event)
    assert (form["duration_hours"], form["duration_minutes"]) == ("1", "35")
    assert Shape(made).event_of(stored(made, form)).end == event.end


def test_a_fraction_of_an_hour_is_exact():
    made = options("rich", fields={"end_time": "", "duration_minutes": ""})
    start = datetime(2026, 5, 4, 9, tzinfo=UTC)
    for minutes in range(600):
        form = Shape(made).form_of(Event("A", start, start + timedelta(minutes=minutes)))
        assert stored(made, form).minutes == minutes


@given(
    text=st.text(max_size=30),
    clock=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    minutes=st.integers(0, 9_999_999),
)
def test_notes_behind_the_marker(text, clock, minutes):
    parse_token(text)
    assert parse_token(f"m{Note(all_day=True)}") == ("m", Note(all_day=True))
    assert parse_token(f"m{Note(clock=clock, minutes=minutes)}") == ("m", Note(clock=clock, minutes=minutes))
    assert parse_token(f"m{Note()}") == ("m", Note())


@pytest.mark.parametrize("profile", PROFILES)
@given(
    event=timed | whole_days,
    title=st.text(max_size=150),
    place=st.text(max_size=200),
    private=st.booleans(),
)
def test_what_is_written_is_foreseen(profile, event, title, place, private):
    """`as_written` is what reading shows, so that a crash leaves no doubt about who wrote what."""
    from calsync.model.event import clean_text

    plain = clean_text(title).replace("\n", " ")
    visibility = Visibility.PRIVATE if private else Visibility.DEFAULT
    event = replace(event, title=plain, location=clean_text(place).replace("\n", " "), visibility=visibility)
    made = options(profile)
    try:
        form = Shape(made).form_of(event)
    except Unmappable:
        return
    assert Shape(made).event_of(stored(made, form)) == Shape(made).as_written(event)


def test_a_record_that_ends_before_it_starts_is_set_aside():
    row = {
        "crmid": 1,
        "date_start": "2026-05-04",
        "time_start": "10:00",
        "due_date": "2026-05-04",
        "time_end": "09:00",
    }
    with pytest.raises(Unmappable, match="ends before"):
        shape().event_of(parse(row, options()))


def test_series_are_never_written():
    start = datetime(2026, 5, 4, 9, tzinfo=UTC)
    with pytest.raises(Unmappable, match="no series"):
        shape().form_of(Event("A", start, start, recurrence=("RRULE:FREQ=DAILY",)))


@pytest.mark.parametrize("name", sorted(NEVER_SENT))
def test_fields_that_reach_customers_cannot_be_configured(name):
    with pytest.raises(ValueError, match="reaches customers"):
        FieldNames(description=name)
    with pytest.raises(ValueError, match="custom field"):
        OpenCrmOptions(token_field=name)


@pytest.mark.parametrize("name", ["owner", "title", "start_date", "end_date"])
def test_fields_that_a_calendar_needs_are_asked_for(name):
    with pytest.raises(ValueError, match="cannot do without"):
        FieldNames(**{name: ""})
