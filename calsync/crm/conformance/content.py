"""Checks of what an entry can hold: days, zones, texts of all kinds, series."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from calsync.crm.conformance.trial import (
    NotApplicable,
    Trial,
    differences,
    expect,
    expect_same,
    told,
)
from calsync.crm.port import ALL_DAY, WIDE, Recurrence
from calsync.model.errors import Refused
from calsync.model.event import Event
from calsync.model.recurrence import known_zone, occurrence_key
from calsync.model.side import Create, Outcome, Patch, Update

#: Titles that have broken a query, a page, a mail or a table somewhere.
HOSTILE = (
    "' OR '1'='1",
    "Robert'); DROP TABLE events;--",
    'say "hi" \\ back\\slash\\',
    "100% _under_ %41",
    "<b>bold</b> & <script>alert(1)</script>",
    "&amp; &lt; &#39; stay",
    "a;b,c:d\\n,e",
    "BEGIN:VEVENT",
    "{{ 7*7 }} ${7*7} #{7*7}",
    "null",
    "0",
    "-1",
    "select * from Events;",
)
SPOKEN = (
    "Größe überprüfen, naïve façade",
    "Встреча",
    "会議の予定",
    "اجتماع",
    "פגישה",
    "Ελληνικά «quotes» — dash",
)


def texts_come_back(trial: Trial) -> None:
    """Titles and descriptions come back letter by letter, whatever they look like, in any script."""
    for text in HOSTILE + SPOKEN:
        _round_trip(trial, trial.event(text, description=f"{text}\n\n{text}", location=text[:60]), text)


def characters_of_all_planes_come_back(trial: Trial) -> None:
    """Characters above U+FFFF come back, or are at least the same at every look."""
    event = trial.event("party 🎉 𠮷", description="🎉")
    made = trial.create(event)
    shown = trial.there(made.key).content
    expect(made.content == shown, "what is stored is not what the answer said")
    if WIDE in trial.able.keeps:
        expect_same(trial.able, event, shown, "an event with characters above U+FFFF")


def titles_of_all_lengths_are_stable(trial: Trial) -> None:
    """An event without a title, and long texts, are stored, or cut once and for all."""
    for event in (
        trial.event(title=""),
        replace(trial.event(), title=""),
        trial.event("long" * 100, description="many words " * 700 + "end", location="far away " * 60 + "end"),
    ):
        made = trial.create(event)
        expect(made.content == trial.there(made.key).content, "what is stored is not what the answer said")


def whole_days_stay_days(trial: Trial) -> None:
    """An event of one day, and of several, has the same days for everybody; its end is exclusive."""
    if ALL_DAY not in trial.able.keeps:
        raise NotApplicable("the CRM knows no whole days")
    first = trial.start.date()
    for length in (1, 3):
        days = trial.event("days", start=first, end=first + timedelta(days=length), zone="")
        _round_trip(trial, days, f"an event of {length} days")
    made = trial.create(trial.event("hours"))
    days = trial.event("hours", start=first, end=first + timedelta(days=1), zone="")
    trial.update(made, days, "start", "end")
    expect_same(trial.able, days, trial.there(made.key).content, "an event that was made all-day")
    trial.update(trial.there(made.key), trial.event("hours"), "start", "end")
    expect_same(
        trial.able, trial.event("hours"), trial.there(made.key).content, "an event that got hours again"
    )


def instants_stay_instants(trial: Trial) -> None:
    """Times are the same instants in every zone, on both sides of a change of clocks, and over midnight."""
    for zone in ("Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"):
        for start in _odd_hours(trial, zone):
            event = trial.event("hours", start=start, end=start + timedelta(minutes=50), zone=zone)
            _round_trip(trial, event, f"an event in {zone}")
    night = trial.start.replace(hour=22)
    _round_trip(
        trial, trial.event("night", start=night, end=night + timedelta(hours=50)), "an event of two nights"
    )


def _odd_hours(trial: Trial, zone: str) -> list[datetime]:
    """Return instants of the year ahead around which the clocks of a zone change, or a plain one."""
    home, hour = known_zone(zone) or UTC, timedelta(hours=1)
    first = trial.start
    hours = (first + hour * number for number in range(24 * 366))
    changes = [
        at for at in hours if at.astimezone(home).utcoffset() != (at + hour).astimezone(home).utcoffset()
    ]
    return [at + hour * shift for at in changes[:2] for shift in (0, 1)] or [first]


def moments_without_length_are_stable(trial: Trial) -> None:
    """An event that ends when it starts is stored, or refused; it does not become another one on the way."""
    event = trial.event("moment", end=trial.start)
    outcome = trial.do(Create(trial.marker(), event))
    if isinstance(outcome, Refused):
        return
    made = trial.create(event)
    shown = trial.there(made.key).content
    expect(made.content == shown, "what is stored is not what the answer said")
    expect(shown is not None and shown.start == event.start, "an event without length starts at another time")


def _round_trip(trial: Trial, event: Event, what: str) -> None:
    made = trial.create(event)
    expect_same(trial.able, event, made.content, f"the answer about {what}")
    expect_same(trial.able, event, trial.there(made.key).content, what)


# -- series ------------------------------------------------------------------------------------------------


def _series(trial: Trial, **changes: object) -> Event:
    rules = ("RRULE:FREQ=DAILY;COUNT=6",)
    return replace(trial.event("series"), recurrence=rules, **changes)  # type: ignore[arg-type]


def _need_rules(trial: Trial) -> None:
    if trial.able.recurrence is not Recurrence.RULES:
        raise NotApplicable("a record of the CRM is one occurrence")


def series_are_refused_where_there_are_no_rules(trial: Trial) -> None:
    """A CRM without rules refuses a series: a single event in its place would be a wrong one."""
    if trial.able.recurrence is Recurrence.RULES:
        raise NotApplicable("the CRM keeps series")
    outcome = trial.do(Create(trial.marker(), _series(trial)))
    expect(isinstance(outcome, Refused), f"a series was answered with {told(outcome)}")
    made = trial.create()
    patch = trial.event(recurrence=("RRULE:FREQ=DAILY;COUNT=6",))
    names = differences(trial.able, trial.event(), trial.there(made.key).content)
    outcome = _try_update(trial, made.key, patch)
    expect(isinstance(outcome, Refused), f"turning an event into a series was answered with {told(outcome)}")
    after = differences(trial.able, trial.event(), trial.there(made.key).content)
    expect(names == after, "a refused change has changed something")


def _try_update(trial: Trial, key: str, event: Event) -> Outcome:
    item = trial.there(key)
    return trial.do(Update(key, Patch(frozenset({"recurrence"}), event), item.version, item.access))


def series_come_back_whole(trial: Trial) -> None:
    """A series keeps its rule, its zone and its exceptions: moved, renamed and cancelled occurrences."""
    _need_rules(trial)
    series = _with_exceptions(trial)
    made = trial.create(series)
    for name, shown in {
        "the answer": made.content,
        "a read": trial.there(made.key).content,
        "a look": trial.look().items[made.key].content,
    }.items():
        expect_same(trial.able, series, shown, f"a series in {name}")
        _expect_exceptions(series, shown, name)


def _with_exceptions(trial: Trial) -> Event:
    series = _series(trial)
    moved = _occurrence(series, 1, start=series.start + timedelta(days=1, hours=3))
    renamed = replace(_occurrence(series, 2), title=f"{trial.word} renamed")
    return series.with_exceptions({_key(series, 1): moved, _key(series, 2): renamed, _key(series, 3): None})


def _key(series: Event, number: int) -> str:
    return occurrence_key(series.start + timedelta(days=number))


def _occurrence(series: Event, number: int, start: date | datetime | None = None) -> Event:
    start = start or series.start + timedelta(days=number)
    return replace(series, start=start, end=start + timedelta(hours=1), recurrence=(), exceptions={})


def _expect_exceptions(wanted: Event, shown: Event | None, where: str) -> None:
    found = shown.exceptions if shown else {}
    expect(found.keys() == wanted.exceptions.keys(), f"{where} has other exceptions than the series")
    for key, moved in wanted.exceptions.items():
        there = found[key]
        same = (moved is None and there is None) or (
            moved is not None
            and there is not None
            and (moved.title, moved.start, moved.end) == (there.title, there.start, there.end)
        )
        expect(same, f"{where} shows an exception otherwise than it was sent")


def exceptions_are_written_one_by_one(trial: Trial) -> None:
    """A patch of one exception leaves the series and the others alone; one that is taken back is gone."""
    _need_rules(trial)
    series = _with_exceptions(trial)
    item = trial.create(series)
    moved = _occurrence(series, 4, start=series.start + timedelta(days=4, hours=5))
    more = series.with_exceptions({_key(series, 4): moved})
    trial.update(item, replace(more, title="not asked for"), f"x:{_key(series, 4)}")
    item = trial.there(item.key)
    wanted = series.with_exceptions({**series.exceptions, _key(series, 4): moved})
    expect_same(
        trial.able, series.with_exceptions({}), _bare(item.content), "a series with one more exception"
    )
    _expect_exceptions(wanted, item.content, "the series")
    trial.update(item, series.with_exceptions({}), f"x:{_key(series, 3)}")
    fewer = {key: event for key, event in wanted.exceptions.items() if key != _key(series, 3)}
    _expect_exceptions(series.with_exceptions(fewer), trial.there(item.key).content, "the series")


def _bare(event: Event | None) -> Event | None:
    return event.with_exceptions({}) if event else None


def series_of_days_come_back(trial: Trial) -> None:
    """A series of whole days keeps its days, its rule and a cancelled day."""
    _need_rules(trial)
    if ALL_DAY not in trial.able.keeps:
        raise NotApplicable("the CRM knows no whole days")
    first = trial.start.date()
    series = _series(trial, start=first, end=first + timedelta(days=1), zone="")
    series = series.with_exceptions({occurrence_key(first + timedelta(days=2)): None})
    made = trial.create(series)
    shown = trial.there(made.key).content
    expect_same(trial.able, series, shown, "a series of days")
    _expect_exceptions(series, shown, "a series of days")


def series_keep_the_clock_of_their_zone(trial: Trial) -> None:
    """A series over a change of clocks starts at the same wall time: its zone is kept."""
    _need_rules(trial)
    home = known_zone("America/New_York") or UTC
    start = datetime.combine(trial.start.date(), time(9), home).astimezone(UTC)
    rules = ("RRULE:FREQ=MONTHLY;COUNT=12",)
    series = trial.event("clocks", start=start, zone="America/New_York", recurrence=rules)
    made = trial.create(series)
    shown = trial.there(made.key).content
    expect_same(trial.able, series, shown, "a series in New York")
    expect(shown is not None and shown.zone == series.zone, "a series has lost its zone")


def rules_can_change_and_end(trial: Trial) -> None:
    """An event becomes a series, its rule changes, and it becomes an event again."""
    _need_rules(trial)
    item = trial.create()
    for rules in (("RRULE:FREQ=DAILY;COUNT=6",), ("RRULE:FREQ=WEEKLY;COUNT=3",), ()):
        event = trial.event(recurrence=rules)
        trial.update(item, event, "recurrence")
        item = trial.there(item.key)
        expect_same(trial.able, event, item.content, "an event whose rule has changed")


CHECKS = (
    texts_come_back,
    characters_of_all_planes_come_back,
    titles_of_all_lengths_are_stable,
    whole_days_stay_days,
    instants_stay_instants,
    moments_without_length_are_stable,
    series_are_refused_where_there_are_no_rules,
    series_come_back_whole,
    exceptions_are_written_one_by_one,
    series_of_days_come_back,
    series_keep_the_clock_of_their_zone,
    rules_can_change_and_end,
)
