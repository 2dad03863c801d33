"""The adapter for vtiger from inside: sessions, errors, mapping, options, what it asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from calsync.crm.port import CrmContext, Misconfigured, load
from calsync.crm.vtiger import mapping
from calsync.crm.vtiger.mapping import Shape
from calsync.crm.vtiger.queries import compare
from calsync.model.errors import CalendarLost, CursorExpired, Later, Refused
from calsync.model.event import FIELDS, Event, Visibility
from calsync.model.permission import Level
from calsync.model.push import Nature
from calsync.model.side import Create, Delete, Patch, Revive, Update
from calsync.sandbox.stage import free_port
from tests.events import plain_events
from tests.house import Clock, day


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def backend(vtiger, clock):
    return opened(vtiger, clock)


def opened(vtiger, clock, **options):
    section = {"base_url": vtiger.server.url, "users_file": "vtiger.users"} | options
    return load("vtiger", CrmContext(section, None, clock, secret=lambda key: vtiger.users_file()))


def event(title="E", **changes):
    return replace(Event(title, day(5), day(5, 10), "Europe/London"), **changes)


def written(backend, *batch, login="ana"):
    return list(backend.side(login).write(batch))


def listed(backend, cursor=None, login="ana"):
    pages = list(backend.side(login).observe(cursor))
    return {item.key: item for page in pages for item in page.items}, pages[-1].cursor


# -- sessions and errors -----------------------------------------------------------------------------------


def test_a_session_is_kept_and_renewed_when_it_is_over(vtiger, backend):
    listed(backend)
    listed(backend)
    assert vtiger.requests()["login"] == 1
    vtiger.control("POST", "expire", {"what": "sessions"})
    (item,) = written(backend, Create("m", event()))
    assert item.event.title == "E"
    assert vtiger.requests()["login"] == 2
    assert len(vtiger.events("ana")) == 1


def test_a_wrong_access_key_stops_the_account_and_says_what_to_do(vtiger, backend):
    vtiger.control("POST", "rights", {"login": "ana", "access_key": "renewed"})
    with pytest.raises(CalendarLost, match=r"crm\.vtiger\.users_file"):
        listed(backend)


def test_a_key_that_is_renewed_in_the_file_works_without_a_restart(vtiger, backend):
    vtiger.control("POST", "rights", {"login": "ana", "access_key": "renewed"})
    vtiger.keys["ana"] = "renewed"
    assert listed(backend)[0] == {}
    vtiger.hire("cleo")
    assert [person.login for person in backend.people()] == ["ana", "ben", "cleo"]
    del vtiger.keys["ana"]
    assert backend.person("ana") is None
    with pytest.raises(CalendarLost):
        backend.side("ana")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html"},
        {"kind": "status", "status": 503},
        {"kind": "reset"},
        {"kind": "reset", "when": "after"},
    ],
)
@pytest.mark.parametrize("operation", ["getchallenge", "login", "describe", "query"])
def test_what_is_no_answer_is_tried_again_later(vtiger, backend, operation, fault):
    vtiger.add("ana", "C", day(1))
    vtiger.fault(operation=operation, **fault)
    with pytest.raises(Later):
        listed(backend)
    assert len(listed(backend)[0]) == 1


def test_a_server_that_is_away_is_waited_for(vtiger, clock):
    backend = opened(vtiger, clock, base_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Later):
        backend.check()
    outcomes = written(backend, Create("m", event()), Delete("18x5"))
    assert isinstance(outcomes[0], Later)


def test_what_the_service_refuses_is_refused_with_its_own_code(vtiger, backend):
    vtiger.control("POST", "rights", {"login": "ana", "may_write": False})
    (outcome,) = written(backend, Create("m", event("secret-title")))
    assert isinstance(outcome, Refused)
    assert outcome.reason == "vtiger create: ACCESS_DENIED"


def test_who_may_only_read_has_read_access_and_access_moves_with_rights_and_zone(vtiger, backend, clock):
    key = vtiger.add("ana", "C", day(1))
    before = backend.side("ana").access_version()
    assert listed(backend)[0][key].access.level is Level.DELETE
    vtiger.control("POST", "rights", {"login": "ana", "may_write": False, "zone": "Asia/Kolkata"})
    clock.advance(minutes=11)
    assert backend.side("ana").access_version() != before
    item = listed(backend)[0][key]
    assert item.access.level is Level.READ
    outcomes = written(
        backend, Update(key, Patch(frozenset({"title"}), event()), item.version), Delete(key, item.version)
    )
    assert [type(outcome) for outcome in outcomes] == [Refused, Refused]


def test_a_failure_repeats_nothing_that_the_server_says_but_its_code(vtiger, clock):
    backend = opened(vtiger, clock, marker_field="cf_1")
    (outcome,) = written(backend, Create("m", event("secret-title")))
    assert isinstance(outcome, Later)
    assert "crm.vtiger.marker_field" in outcome.reason
    assert "secret" not in outcome.reason


# -- observing ---------------------------------------------------------------------------------------------


def test_a_change_within_the_second_of_the_last_look_is_seen(vtiger, backend):
    key = vtiger.add("ana", "a", day(1))
    for title in ("b", "c", "d"):
        before, cursor = listed(backend)
        vtiger.edit("ana", key, subject=title)
        after, _ = listed(backend, cursor)
        assert after[key].event.title == title
        assert after[key].version != before[key].version


def test_an_event_says_of_what_type_and_status_it_is_and_knows_no_category(backend):
    (made,) = written(backend, Create("m", event()))
    items, _ = listed(backend)
    assert items[made.key].nature == made.nature == Nature("Meeting", "Planned", None)


def test_what_others_keep_private_comes_without_content(vtiger, backend):
    vtiger.switch(query_shows_private=True)
    vtiger.add("ana", "mine", day(1))
    _, cursor = listed(backend)
    key = vtiger.add("ben", "secret-title", day(1), visibility="Private")
    item = listed(backend, cursor)[0][key]
    assert (item.event, item.access.level) == (None, Level.NONE)
    assert backend.side("ana").read(key).access.level is Level.NONE
    assert "secret" not in repr(item)


def test_everything_is_listed_once_in_a_while(vtiger, clock):
    backend = opened(vtiger, clock, relist_minutes=30)
    vtiger.add("ana", "a", day(1))
    _, cursor = listed(backend)
    listed(backend, cursor)
    for minutes in (31, -60):
        clock.advance(minutes=minutes)
        with pytest.raises(CursorExpired):
            listed(backend, cursor)


def test_sync_is_left_alone_for_a_while_where_it_fails(vtiger, backend, clock):
    vtiger.add("ana", "a", day(1))
    _, cursor = listed(backend)
    vtiger.switch(sync="broken")
    for _ in range(3):
        with pytest.raises(CursorExpired):
            listed(backend, cursor)
    assert vtiger.requests()["sync"] == 3
    vtiger.switch(sync="works")
    clock.advance(minutes=61)
    _, cursor = listed(backend)
    listed(backend, cursor)


def test_tombstones_come_in_batches(vtiger, backend):
    keys = [vtiger.add("ana", f"e{number}", day(1)) for number in range(9)]
    _, cursor = listed(backend)
    vtiger.switch(page_size=3)
    for number, key in enumerate(keys):
        # A server whose seconds pass: five of them for each edit.
        vtiger.switch(clock_ahead_seconds=5 * number)
        vtiger.edit("ana", key, location="x")
    vtiger.delete("ana", keys[0])
    assert listed(backend, cursor)[0][keys[0]].gone


def test_a_batch_that_ends_within_a_second_loses_no_tombstone(vtiger, backend):
    keys = [vtiger.add("ana", f"e{number}", day(1)) for number in range(9)]
    _, cursor = listed(backend)
    vtiger.switch(page_size=3)
    for key in keys:
        vtiger.edit("ana", key, location="x")
    vtiger.delete("ana", keys[0])
    try:
        items, _ = listed(backend, cursor)
    except CursorExpired:
        return
    assert items[keys[0]].gone


def test_a_record_without_usable_times_is_a_problem_of_its_own(vtiger, backend):
    broken = vtiger.add("ana", "broken", day(1), time_start="soon")
    reversed_times = vtiger.add("ana", "reversed", day(1), due_date=f"{day(0):%Y-%m-%d}", duration_hours="-1")
    fine = vtiger.add("ana", "fine", day(1))
    items, _ = listed(backend)
    assert items[broken].problem
    assert "ends before" in items[reversed_times].problem
    assert items[fine].event.title == "fine"


def test_the_server_s_clock_is_taken_out_of_times_of_change(vtiger, backend):
    vtiger.switch(clock_ahead_seconds=7200)
    key = vtiger.add("ana", "a", day(1))
    modified = listed(backend)[0][key].modified
    assert abs(modified - datetime.now(UTC)) < timedelta(minutes=1)


# -- writing -----------------------------------------------------------------------------------------------


def test_a_name_that_no_query_can_hold_names_nothing(vtiger, backend):
    for marker in ("it's", "a%b", "a\\b", "a]b"):
        assert backend.side("ana").find(marker) is None
    with pytest.raises(ValueError):
        compare("subject", "=", "' OR '1'='1")


def test_the_line_that_names_the_original_is_not_part_of_the_description(vtiger, backend):
    (item,) = written(backend, Create("google:1:a", event(description="text")))
    record = vtiger.events("ana")["E"]
    assert record["description"] == "text\n[calsync google:1:a]"
    assert item.event.description == "text"
    patch = Patch(frozenset({"description"}), event(description="other"))
    (item,) = written(backend, Update(item.key, patch, item.version))
    assert (item.marker, item.event.description) == ("google:1:a", "other")
    vtiger.edit("ana", item.key, description="a person's own words")
    read = backend.side("ana").read(item.key)
    assert (read.marker, read.event.description) == ("", "a person's own words")


def test_what_has_no_place_there_is_not_written(vtiger, backend):
    (item,) = written(backend, Create("m", event()))
    vtiger.control("POST", "counters")
    (outcome,) = written(
        backend, Update(item.key, Patch(frozenset({"reminders"}), event(reminders=(5,))), item.version)
    )
    assert outcome.version == item.version
    assert "revise" not in vtiger.requests()


def test_what_is_brought_back_is_a_new_record(vtiger, backend):
    (item,) = written(backend, Create("m", event("back")))
    (gone,) = written(backend, Delete(item.key, item.version))
    assert gone.gone
    assert gone.before.title == "back"
    (again,) = written(backend, Revive(item.key, gone.before))
    assert again.key != item.key
    assert again.event.title == "back"
    (refused,) = written(backend, Revive(item.key))
    assert isinstance(refused, Refused)


def test_an_event_without_title_gets_one_once(vtiger, backend):
    (item,) = written(backend, Create("m", event("")))
    assert item.event.title == mapping.UNTITLED
    assert backend.side("ana").read(item.key).version == item.version


# -- mapping, without a server -----------------------------------------------------------------------------

ZONES = some.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Africa/Cairo"]).map(
    ZoneInfo
)


@given(plain_events(), ZONES, some.sampled_from(["", "cf_852"]))
def test_what_is_written_is_read_again(event, zone, field):
    shape = Shape(zone, field, 255)
    event = replace(event, title=event.title or "x", redacted=False)
    row = mapping.values_of(event, frozenset(FIELDS), "google:1:a", shape)
    row |= {field: "google:1:a"} if field else {}
    read = mapping.to_event(row, shape)
    assert (read.title, read.description, read.location) == (event.title, event.description, event.location)
    assert mapping.marker_of(row, shape) == "google:1:a"
    assert (read.visibility is Visibility.PRIVATE) == (event.visibility is Visibility.PRIVATE)
    if event.all_day or not read.all_day:
        assert (read.start, read.end) == (event.start, event.end)
    assert mapping.values_of(read, frozenset({"start", "end"}), "", shape) == {
        name: row[name] for name in mapping.values_of(event, frozenset({"start"}), "", shape)
    }


def test_a_day_whose_midnight_the_clocks_skip_is_a_day(vtiger):
    shape = Shape(ZoneInfo("Africa/Cairo"))
    whole = Event("x", date(2026, 4, 24), date(2026, 4, 25))
    assert mapping.to_event(mapping.values_of(whole, frozenset(FIELDS), "", shape), shape) == whole


# -- options -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": ""}, "base_url: must be the address"),
        ({"base_url": "http://crm.example.com"}, "base_url: must be https"),
        ({"marker_feild": "cf_1"}, "marker_feild: unknown key; did you mean marker_field?"),
        ({"marker_field": "cf_1' OR"}, "marker_field: must be the name"),
        ({"relist_minutes": "often"}, "relist_minutes: must be a whole number"),
        ({"relist_minutes": 0}, "must be at least 1"),
        ({"hidden_means_deleted": "perhaps"}, "hidden_means_deleted: must be true or false"),
        ({"cancelled_status": 7}, "cancelled_status: must be text"),
    ],
)
def test_a_mistake_in_the_section_is_named(vtiger, clock, options, words):
    with pytest.raises(Misconfigured, match=words.replace("?", r"\?")):
        opened(vtiger, clock, **options)


@pytest.mark.parametrize("line", ["ana key", "ana ana.example.com key", "ana a@b key\nana a@b key"])
def test_a_mistake_in_the_users_file_is_named_by_its_line(clock, line):
    context = CrmContext(
        {"base_url": "https://crm.example.com", "users_file": "x"}, None, clock, secret=lambda key: line
    )
    with pytest.raises(Misconfigured, match=r"users_file: line \d is not") as caught:
        load("vtiger", context)
    assert "key" not in str(caught.value).replace("ACCESSKEY", "")


def test_options_from_the_environment_are_text(vtiger, clock):
    assert opened(vtiger, clock, relist_minutes="5", hidden_means_deleted="true").person("ana")
