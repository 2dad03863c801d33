"""Properties of series: our expansion is that of others, identities hold, and no rule runs away."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from calsync.model.errors import Unmappable
from calsync.model.occurrences import is_occurrence, occurrences, overlaps
from calsync.model.recurrence import FOREVER, clean_rules, last_day, occurrence_key, occurrence_start

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Pacific/Auckland",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
)
YEAR = timedelta(days=366)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

zones = st.sampled_from(ZONES)
locals_ = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)


def _list(values, most=3):
    return st.lists(values, min_size=1, max_size=most, unique=True).map(
        lambda found: ",".join(map(str, found))
    )


_signed = st.integers(1, 31).flatmap(lambda day: st.sampled_from((day, -day)))
_nth = st.tuples(st.sampled_from(("", "1", "2", "4", "-1", "-2")), st.sampled_from(WEEKDAYS)).map("".join)


@st.composite
def rules(draw, until=True):
    """A rule that people could have made, with its end in UTC."""
    frequency = draw(st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    parts = [f"FREQ={frequency}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 5))}")
    if frequency == "WEEKLY":
        parts += draw(st.sampled_from(([], ["WKST=SU"], ["WKST=MO"])))
        parts += [f"BYDAY={draw(_list(st.sampled_from(WEEKDAYS), 4))}"] if draw(st.booleans()) else []
    elif frequency == "DAILY":
        parts += [f"BYDAY={draw(_list(st.sampled_from(WEEKDAYS), 4))}"] if draw(st.booleans()) else []
    else:
        shape = draw(st.sampled_from(("plain", "days", "weekdays", "positions")))
        if frequency == "YEARLY" and shape != "plain":
            parts.append(f"BYMONTH={draw(_list(st.integers(1, 12)))}")
        if shape == "days":
            parts.append(f"BYMONTHDAY={draw(_list(_signed))}")
        elif shape == "weekdays":
            parts.append(f"BYDAY={draw(_list(_nth))}")
        elif shape == "positions":
            parts.append(f"BYDAY={draw(_list(st.sampled_from(WEEKDAYS), 5))}")
            parts.append(f"BYSETPOS={draw(st.sampled_from((1, 2, -1)))}")
    end = draw(st.sampled_from(("", "COUNT", "UNTIL") if until else ("", "COUNT")))
    if end == "COUNT":
        parts.append(f"COUNT={draw(st.integers(1, 60))}")
    elif end == "UNTIL":
        parts.append(f"UNTIL={draw(locals_):%Y%m%dT%H%M%S}Z")
    return ";".join(parts)


def _exists_once(local, zone):
    """Whether a wall clock shows a time exactly once."""
    aware = local.replace(tzinfo=ZoneInfo(zone))
    there = aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    return there and aware.utcoffset() == aware.replace(fold=1).utcoffset()


def _independent(start, zone, lines, last):
    """What recurring-ical-events makes of a series."""
    moment = (
        f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}" if zone != "UTC" else f"DTSTART:{start:%Y%m%dT%H%M%SZ}"
    )
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", moment, *lines]
    calendar = Calendar.from_ical("\r\n".join([*text, "END:VEVENT", "END:VCALENDAR"]))
    found = recurring_ical_events.of(calendar).between(
        start.date() - timedelta(days=2), last.date() + timedelta(days=2)
    )
    starts = {event["DTSTART"].dt.astimezone(UTC) for event in found}
    return sorted(moment for moment in starts if moment < last)


@settings(max_examples=60)
@given(locals_, zones, rules(), st.lists(st.integers(0, 30), max_size=3), st.booleans())
def test_a_series_takes_place_when_others_say_so(local, zone, rule, gaps, add):
    local = local if _exists_once(local, zone) else local.replace(hour=12)
    start = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    last = start + 2 * YEAR
    plain = list(islice(occurrences(start, [f"RRULE:{rule}"], zone, last), 40))
    lines = [f"RRULE:{rule}"]
    lines += [f"EXDATE:{plain[gap]:%Y%m%dT%H%M%SZ}" for gap in gaps if gap < len(plain)]
    lines += [f"RDATE:{start + timedelta(days=100, minutes=7):%Y%m%dT%H%M%SZ}"] if add else []
    ours = [moment for moment in occurrences(start, clean_rules(lines), zone, last) if moment < last]
    assert ours == _independent(local, zone, lines, last)


@settings(max_examples=60)
@given(st.dates(date(2010, 1, 1), date(2030, 1, 1)), rules(until=False))
def test_an_all_day_series_takes_place_on_the_days_that_dateutil_names(start, rule):
    last = start + 2 * YEAR
    first = datetime(start.year, start.month, start.day)
    theirs = {
        moment.date() for moment in rrulestr(rule, dtstart=first).between(first, first + 2 * YEAR, inc=True)
    }
    ours = list(occurrences(start, clean_rules([f"RRULE:{rule}"]), "", last))
    assert ours == sorted(theirs | {start})


@settings(max_examples=40)
@given(locals_, zones, rules())
def test_every_occurrence_is_found_by_its_key_and_none_lies_after_the_last_day(local, zone, rule):
    start = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    lines = clean_rules([f"RRULE:{rule}"])
    found = list(islice(occurrences(start, lines, zone, start + 12 * YEAR), 40))
    assert len({occurrence_key(one) for one in found}) == len(found)
    for one in (*found[:3], *found[-1:]):
        assert occurrence_start(occurrence_key(one)) == one
        assert is_occurrence(start, lines, zone, one)
        assert not is_occurrence(start, lines, zone, one + timedelta(minutes=1))
    assert all(one.date() <= last_day(start, lines) for one in found)


@given(
    st.dates(date(1000, 1, 1), date(9000, 1, 1)) | st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1))
)
def test_a_key_names_one_original_start(moment):
    if isinstance(moment, datetime):
        moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert occurrence_start(occurrence_key(moment)) == moment


@given(st.lists(rules().map("RRULE:{}".format) | st.just("EXDATE;VALUE=DATE:20240101,20240102"), max_size=3))
def test_clean_rules_stay_as_they_are(lines):
    clean = clean_rules(lines)
    assert clean_rules(clean) == clean
    assert clean_rules([line.lower().replace("rrule:", "rrule: ") for line in lines]) is not None


_noise = st.text("FREQ=DAILYSCONTUBM;,:0123456789-+Z\n /T", max_size=60)


@given(
    st.lists(
        st.sampled_from(("RRULE:", "EXRULE:", "RDATE:", "EXDATE;TZID=X:", "")).flatmap(
            lambda name: _noise.map(lambda text: name + text)
        ),
        max_size=3,
    )
)
@settings(max_examples=150)
def test_no_text_breaks_the_reading_of_rules(lines):
    try:
        clean = clean_rules(lines)
    except Unmappable:
        return
    assert clean_rules(clean) == clean
    start = datetime(2024, 3, 30, 1, 30, tzinfo=UTC)
    assert start.date() <= last_day(start, clean) <= FOREVER


_RUNAWAYS = (
    "FREQ=SECONDLY",
    "FREQ=SECONDLY;INTERVAL=99999999",
    "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31",
    "FREQ=MINUTELY;BYSETPOS=400",
    "FREQ=HOURLY;BYHOUR=3;INTERVAL=24",
    "FREQ=DAILY;INTERVAL=0",
    "FREQ=DAILY;INTERVAL=99999999",
    "FREQ=DAILY;COUNT=99999999",
    "FREQ=DAILY;UNTIL=99991231T235959Z",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
    "FREQ=DAILY;BYSETPOS=2",
    "FREQ=WEEKLY;BYMONTH=4;BYMONTHDAY=31",
    "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=-3",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2",
    "FREQ=MONTHLY;BYDAY=FR;BYSETPOS=6",
    "FREQ=MONTHLY;BYWEEKNO=1",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYDAY=MO;BYSETPOS=366",
    "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
    "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
    "FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8;BYMINUTE=1,2,3,4,5,6;BYSECOND=1,2,3,4,5",
)
_STARTS = (
    datetime(1000, 1, 1, tzinfo=UTC),
    date(2024, 2, 29),
)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("start", _STARTS, ids=str)
@pytest.mark.parametrize("rule", _RUNAWAYS)
def test_no_rule_keeps_a_round_busy(rule, start):
    """It is refused when it comes in, or every question about it has an answer."""
    try:
        lines = clean_rules([f"RRULE:{rule}", f"EXRULE:{rule}"])
        plain = clean_rules([f"RRULE:{rule}"])
    except Unmappable:
        return
    late = start.replace(year=8999, day=28)
    last_day(start, plain)
    for asked in (lines, plain):
        try:
            is_occurrence(start, asked, "Pacific/Auckland", late)
            overlaps(start, timedelta(days=1), asked, "America/New_York", late, late + timedelta(days=1))
        except Unmappable:
            continue


def test_an_occurrence_too_far_down_a_series_is_not_called_missing():
    """Else an exception of it would be dropped."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    with pytest.raises(Unmappable):
        is_occurrence(start, ["RRULE:FREQ=SECONDLY"], "UTC", start + timedelta(days=30))


def test_the_first_occurrence_is_the_start_even_in_the_hour_that_clocks_show_twice():
    start = datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
    found = list(occurrences(start, ["RRULE:FREQ=DAILY;COUNT=2"], "Europe/London", start + YEAR))
    assert found == [start, datetime(2024, 10, 28, 1, 30, tzinfo=UTC)]


def test_an_exdate_that_is_a_date_takes_out_its_whole_day():
    start = datetime(2024, 1, 1, 23, 30, tzinfo=UTC)
    lines = ["RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20240102"]
    found = list(occurrences(start, lines, "Europe/Berlin", start + YEAR))
    assert [one.day for one in found] == [2, 3]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=1;BYMONTHDAY=1;COUNT=5",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=9",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU;COUNT=3",
        "FREQ=WEEKLY;BYMONTH=12;COUNT=30",
        "FREQ=YEARLY;BYWEEKNO=53;COUNT=4",
    ],
)
def test_a_counted_series_is_never_thought_to_be_over_before_its_last_occurrence(rule):
    start = datetime(2024, 3, 1, 9, tzinfo=UTC)
    *_, last = occurrences(start, clean_rules([f"RRULE:{rule}"]), "UTC", start + 150 * YEAR)
    assert last.date() <= last_day(start, (f"RRULE:{rule}",)) < FOREVER
