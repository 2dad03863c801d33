"""An event given to Google comes back as the same event, field by field."""

from datetime import UTC, date, datetime, timedelta

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from calsync.google.mapping import (
    MAX_DESCRIPTION,
    body_of,
    from_text,
    to_event,
    to_item,
    to_text,
    without_nulls,
)
from calsync.model.event import FIELDS, Attendee, Event, Response, Visibility, clean_text, sort_attendees
from calsync.sandbox.server import start as start_google

ZONES = (
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "UTC",
)

#: Nights on which clocks change, north and south: skipped and doubled hours lie within a day of them.
_CHANGES = (
    datetime(2024, 3, 31, 1, tzinfo=UTC),
    datetime(2024, 10, 27, 1, tzinfo=UTC),
    datetime(2024, 11, 3, 6, tzinfo=UTC),
    datetime(2024, 4, 6, 15, tzinfo=UTC),
    datetime(2024, 12, 31, 23, 59, tzinfo=UTC),
    datetime(1000, 1, 2, tzinfo=UTC),
    datetime(8999, 12, 30, tzinfo=UTC),
)

_words = st.text(st.characters(codec="utf-8"), max_size=30) | st.text("<b>&amp;copy#65 /p\n\t", max_size=40)
#: Google takes its own conference blocks out of whatever people write, so they are nobody's text.
_words = _words.filter(lambda text: "-::~" not in text)
_titles = _words.map(lambda text: clean_text(clean_text(text).replace("\n", " ")))
_texts = _words.map(clean_text)
_moments = st.tuples(st.sampled_from(_CHANGES), st.integers(-86_400, 86_400)).map(
    lambda pair: pair[0] + timedelta(seconds=pair[1])
)
_days = st.dates(date(1000, 1, 1), date(8900, 1, 1))
_lengths = st.integers(0, 3 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
_people = st.lists(
    st.builds(
        Attendee, st.sampled_from(("a@x.test", "b@x.test", "c@x.test")), _titles, st.sampled_from(Response)
    ),
    max_size=3,
).map(sort_attendees)
_reminders = st.none() | st.sets(st.integers(0, 40_320), max_size=5).map(lambda found: tuple(sorted(found)))


@st.composite
def events(draw):
    """Any event that both calendars can say."""
    if draw(st.booleans()):
        start = draw(_days)
        end = start + timedelta(days=draw(st.integers(1, 40)))
        zone, rules = "", ("RRULE:FREQ=WEEKLY;UNTIL=20300101",)
    else:
        start = draw(_moments)
        end = start + draw(_lengths)
        zone = draw(st.sampled_from(ZONES))
        rules = ("RRULE:FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20300101T090000Z", "EXDATE:20250131T090000Z")
    return Event(
        draw(_titles),
        start,
        end,
        zone,
        draw(_texts),
        draw(_texts),
        rules if draw(st.booleans()) else (),
        draw(_people),
        draw(_reminders),
        draw(st.sampled_from(Visibility)),
    )


@pytest.fixture(scope="module")
def insert():
    """Return a function that gives Google an event over HTTP and returns what it stored."""
    google = start_google()
    with requests.Session() as http:
        account = {"email": "ana@example.com", "time_zone": "Pacific/Auckland"}
        assert http.post(f"{google.url}/control/accounts", json=account).ok

        def give(event):
            body = without_nulls(body_of(event, frozenset(FIELDS), guests=True))
            answer = http.post(f"{google.url}/control/accounts/ana@example.com/events", json=body)
            assert answer.ok, answer.text
            return answer.json()

        yield give
    google.close()


@settings(max_examples=150)
@given(event=events())
def test_an_event_given_to_google_comes_back_the_same(insert, event):
    assert to_event(insert(event)) == event


@given(_texts)
def test_a_text_comes_back_from_googles_html_as_it_was(text):
    assert to_text(from_text(text)) == text


@settings(max_examples=30)
@given(st.text("<b>&amp; x", min_size=5, max_size=30), st.integers(8000, 20_000))
def test_a_long_text_is_cut_to_what_google_takes(piece, length):
    cut = from_text((piece * length)[:length])
    assert len(cut) <= MAX_DESCRIPTION
    assert len(cut) > 4000


_odd = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
_times = st.dictionaries(
    st.sampled_from(("date", "dateTime", "timeZone")), st.text("0123456789-:TZ+.", max_size=25)
)
_resources = st.fixed_dictionaries(
    {"id": st.just("event1")},
    optional={
        "start": _times,
        "end": _times,
        "originalStartTime": _times,
        "recurringEventId": st.just("series"),
        "status": st.sampled_from(("confirmed", "cancelled", "tentative")),
        "recurrence": st.lists(st.text("RRULE:FQ=DAILY;", max_size=20), max_size=2) | _odd,
        "attendees": st.lists(st.dictionaries(st.sampled_from(("email", "displayName")), _odd), max_size=2)
        | _odd,
        "reminders": st.dictionaries(st.sampled_from(("useDefault", "overrides")), _odd) | _odd,
        "summary": _odd,
        "updated": _odd,
        "extendedProperties": st.dictionaries(st.just("private"), _odd) | _odd,
    },
)


@settings(max_examples=300)
@given(_resources)
def test_whatever_google_sends_becomes_an_item_or_a_problem_with_a_cause(resource):
    item = to_item(resource, whole=True)
    assert item.event is not None or item.exceptions or item.gone or item.problem
