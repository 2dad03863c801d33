"""The built-in CRM as a side of the sync: what it shows one person, and what it does in that person's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import event as database_event
from sqlalchemy.exc import OperationalError

from calsync.model.errors import CursorExpired, Later, NotTried, Refused, Stale
from calsync.model.event import Attendee, Event, Response, Visibility
from calsync.model.permission import Level, Relation
from calsync.model.recurrence import occurrence_key
from calsync.model.side import Create, Delete, Patch, Update
from tests.crm.conftest import Office
from tests.events import events

NINE = datetime(2026, 5, 4, 9, tzinfo=UTC)
REVIEW = Event("Review", NINE, NINE + timedelta(hours=1), "Europe/London", "text", "Room 1")
TIMED = {"start": "2026-05-04T09:00:00Z", "end": "2026-05-04T10:00:00Z"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    made = Office(tmp_path_factory.mktemp("shared"))
    yield made
    made.close()


@pytest.fixture
def office(tmp_path):
    """An office of the test's own: what is in its feed is known."""
    made = Office(tmp_path)
    yield made
    made.close()


def side(office, login="ana"):
    return office.parts.crm.side(login)


def write(office, *batch, login="ana"):
    return list(side(office, login).write(batch))


def create(office, event=REVIEW, marker="m1", login="ana"):
    (item,) = write(office, Create(marker, event), login=login)
    return item


def observe(office, login="ana", cursor=None):
    """Return items by key, the new cursor and whether everything was listed."""
    pages = list(side(office, login).observe(cursor))
    assert [page.cursor for page in pages[:-1]] == [None] * (len(pages) - 1)
    items = {item.key: item for page in pages for item in page.items}
    return items, pages[-1].cursor, all(page.complete for page in pages)


# -- observing ---------------------------------------------------------------------------------------------


def test_the_first_look_lists_everything_of_the_person_and_says_so(office):
    mine, invited, team, strange = (
        office.crm_add("ana", title="mine", **TIMED),
        office.crm_add("cleo", title="invited", attendees=[{"email": "ana@example.com"}], **TIMED),
        office.crm_add("ben", title="team", **TIMED),
        office.crm_add("cleo", title="strange", **TIMED),
    )
    items, cursor, complete = observe(office)
    assert complete
    assert cursor
    assert set(items) == {mine["id"], invited["id"], team["id"]}
    assert strange["id"] not in items
    relations = {items[made["id"]].access.relations for made in (mine, invited, team)}
    assert relations == {
        frozenset({Relation.MINE, Relation.TEAM}),
        frozenset({Relation.INVITED}),
        frozenset({Relation.TEAM}),
    }


def test_a_later_look_shows_what_changed_and_no_more(office):
    kept, changed, deleted = (office.crm_add("ana", title=name, **TIMED) for name in "abc")
    _, cursor, _ = observe(office)
    assert observe(office, cursor=cursor) == ({}, cursor, False)
    office.crm_edit("ana", changed["id"], title="B")
    office.crm_delete("ana", deleted["id"])
    new = office.crm_add("ana", title="d", **TIMED)
    items, after, complete = observe(office, cursor=cursor)
    assert not complete
    assert after != cursor
    assert {key: item.gone for key, item in items.items()} == {
        changed["id"]: False,
        deleted["id"]: True,
        new["id"]: False,
    }
    assert items[changed["id"]].event.title == "B"
    assert kept["id"] not in items


def test_many_changes_come_in_pages_of_which_the_last_has_the_cursor(office):
    write(office, *[Create(f"m{number}", REVIEW) for number in range(1100)])
    items, cursor, complete = observe(office)
    assert (len(items), complete) == (1100, True)
    later, after, _ = observe(office, cursor="0")
    assert len(later) == 1100
    assert after == cursor


def test_a_cancelled_event_is_gone_and_comes_back_when_it_is_planned_again(office):
    made = office.crm_add("ana", **TIMED)
    office.crm_edit("ana", made["id"], status="cancelled")
    assert observe(office)[0][made["id"]].gone
    office.crm_edit("ana", made["id"], status="planned")
    assert not observe(office)[0][made["id"]].gone


def test_what_the_person_may_not_see_has_no_content(office):
    made = office.crm_add("ben", title="secret", description="secret", security="private", **TIMED)
    item = observe(office, cursor="0")[0][made["id"]]
    assert item.event is None
    assert item.access.level is Level.NONE
    assert "secret" not in str(item)
    assert "secret" not in str(side(office).read(made["id"]))


@pytest.mark.parametrize("cursor", ["x", "-1", "12345"])
def test_a_place_that_the_feed_does_not_have_leads_to_a_full_look(office, cursor):
    office.crm_add("ana", **TIMED)
    with pytest.raises(CursorExpired):
        observe(office, cursor=cursor)


def test_somebody_whom_the_crm_does_not_know_sees_nothing_and_writes_nothing(office):
    office.crm_add("ana", **TIMED)
    assert observe(office, "nobody")[0] == {}
    (outcome,) = write(office, Create("m", REVIEW), login="nobody")
    assert isinstance(outcome, Refused)


def test_a_damaged_record_is_a_problem_of_its_own(office):
    good, bad = office.crm_add("ana", **TIMED), office.crm_add("ana", **TIMED)
    with office.parts.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE crm_event SET start = 'x' WHERE id = ?", (bad["id"],))
    items, _, _ = observe(office)
    assert items[bad["id"]].problem
    assert not items[good["id"]].problem


# -- reading and finding -----------------------------------------------------------------------------------


def test_an_unknown_key_is_none_and_a_deleted_one_is_gone(office):
    item = create(office)
    assert side(office).read("nothing") is None
    office.crm_delete("ana", item.key)
    assert side(office).read(item.key).gone


def test_a_copy_is_found_by_its_original_also_when_somebody_else_has_it_by_now(office):
    item = create(office)
    assert side(office).find("m1").key == item.key
    assert side(office).find("m2") is None
    office.crm_edit("ana", item.key, owner="ben", security="private")
    found = side(office).find("m1")
    assert (found.key, found.event) == (item.key, None)
    assert create(office).key == item.key, "it is not made again"


def test_a_living_copy_is_found_before_a_deleted_one(office):
    first = create(office)
    office.crm_delete("ana", first.key)
    assert side(office).find("m1").gone
    second = create(office)
    assert second.key != first.key
    assert side(office).find("m1") == second


# -- writing -----------------------------------------------------------------------------------------------


def test_a_copy_that_is_made_twice_is_there_once(office):
    first = create(office)
    again = create(office, replace(REVIEW, title="never"))
    assert (again.key, again.version, again.event.title) == (first.key, "1", "Review")
    assert len(office.crm_events("ana")) == 1


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(events())
def test_what_a_write_answers_is_what_is_stored(shared, event):
    item = create(shared, event, marker="")
    read = side(shared).read(item.key)
    assert (item.version, item.modified, item.access) == (read.version, read.modified, read.access)
    assert item.event == read.event
    updated = Update(item.key, Patch(frozenset({"title"}), replace(event, title="new")), item.version)
    (after,) = write(shared, updated)
    assert after.before == read.event
    assert replace(after, before=None) == side(shared).read(item.key)


def test_an_update_changes_only_its_fields(office):
    item = create(office)
    office.crm_edit("ana", item.key, location="Room 2")
    patch = Patch(frozenset({"title"}), replace(REVIEW, title="New", description="never"))
    (after,) = write(office, Update(item.key, patch, "2"))
    assert (after.event.title, after.event.location, after.event.description) == ("New", "Room 2", "text")


def test_an_update_or_deletion_of_another_version_is_stale(office):
    item = create(office)
    office.crm_edit("ana", item.key, title="by hand")
    patch = Patch(frozenset({"title"}), replace(REVIEW, title="lost"))
    outcomes = write(office, Update(item.key, patch, item.version), Delete(item.key, item.version))
    assert [type(outcome) for outcome in outcomes] == [Stale, Stale]
    assert office.get("ana", item.key)["title"] == "by hand"


def test_an_update_of_a_deleted_record_is_stale_and_its_deletion_is_done(office):
    item = create(office)
    office.crm_delete("ana", item.key)
    outcomes = write(
        office, Update(item.key, Patch(frozenset(), REVIEW), "1"), Delete(item.key, "1"), Delete("none")
    )
    assert isinstance(outcomes[0], Stale)
    assert outcomes[1:] == [None, None]


def test_one_refusal_does_not_stop_the_others_of_a_batch(office):
    locked = office.crm_add("cleo", title="theirs", **TIMED)
    patch = Patch(frozenset({"title"}), replace(REVIEW, title="x"))
    outcomes = write(
        office, Update(locked["id"], patch, "1"), Create("m1", REVIEW), Update(locked["id"], patch, "9")
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Refused", "Item", "Stale"]
    assert "Refused" not in str(outcomes[0])
    assert office.get("cleo", locked["id"])["title"] == "theirs"


def test_a_batch_that_the_database_breaks_off_leaves_nothing_and_raises_nothing(office):
    def fail(_connection, _cursor, statement, *_):
        if statement.startswith("UPDATE crm_event"):
            raise OperationalError(statement, None, Exception("disk full"))

    item = create(office)
    database_event.listen(office.parts.engine, "before_cursor_execute", fail)
    patch = Patch(frozenset({"title"}), replace(REVIEW, title="x"))
    outcomes = write(office, Create("m2", REVIEW), Update(item.key, patch, "1"), Create("m3", REVIEW))
    database_event.remove(office.parts.engine, "before_cursor_execute", fail)
    assert [type(outcome) for outcome in outcomes] == [Later, NotTried, NotTried]
    assert "disk full" not in outcomes[0].reason
    assert [event["id"] for event in office.crm_events("ana")] == [item.key]


def test_who_may_delete_deletes_and_who_is_only_invited_declines(office):
    guests = [{"email": "ana@example.com", "response": "accepted"}, {"email": "fay@example.com"}]
    theirs = office.crm_add("cleo", security="private", attendees=guests, **TIMED)
    (outcome,) = write(office, Delete(theirs["id"], "1"))
    assert outcome.version == "2"
    assert Relation.INVITED not in outcome.access.relations
    answers = {guest["email"]: guest["response"] for guest in office.get("cleo", theirs["id"])["attendees"]}
    assert answers == {"ana@example.com": "declined", "fay@example.com": "needs_action"}
    mine = office.crm_add("ana", **TIMED)
    (outcome,) = write(office, Delete(mine["id"], "1"))
    assert outcome is None or outcome.gone
    office.refusal(404, "GET", f"events/{mine['id']}", "ana")


def test_who_may_neither_delete_nor_decline_is_refused(office):
    theirs = office.crm_add("ben", **TIMED)
    (outcome,) = write(office, Delete(theirs["id"], "1"))
    assert isinstance(outcome, Refused)
    assert office.get("ben", theirs["id"])["version"] == "1"


def test_a_role_that_is_read_only_writes_nothing(office):
    outcomes = write(office, Create("m1", REVIEW), login="eli")
    assert isinstance(outcomes[0], Refused)
    assert "read-only" in outcomes[0].reason
    assert office.crm_events("eli") == []


def test_a_private_event_makes_a_private_record(office):
    item = create(office, replace(REVIEW, visibility=Visibility.PRIVATE))
    assert office.get("ana", item.key)["security"] == "private"


def test_only_its_owner_makes_a_record_private(office):
    theirs = office.crm_add("ben", security="public_edit", **TIMED)
    patch = Patch(frozenset({"visibility", "title"}), replace(REVIEW, visibility=Visibility.PRIVATE))
    (outcome,) = write(office, Update(theirs["id"], patch, "1"))
    stored = office.get("cleo", theirs["id"])
    assert (stored["title"], stored["security"]) == ("Review", "public_edit")
    assert outcome.event.visibility is Visibility.DEFAULT


def test_exceptions_are_written_one_by_one(office):
    series = replace(REVIEW, recurrence=("RRULE:FREQ=DAILY;COUNT=5",))
    first, second = (occurrence_key(NINE + timedelta(days=number)) for number in (1, 2))
    moved = replace(REVIEW, start=NINE + timedelta(days=1, hours=3), end=NINE + timedelta(days=1, hours=4))
    item = create(office, replace(series, exceptions={first: None}))
    patch = Patch(frozenset({f"x:{second}"}), replace(series, exceptions={second: moved}))
    (after,) = write(office, Update(item.key, patch, "1"))
    assert set(after.event.exceptions) == {first, second}
    assert after.event.exceptions[first] is None
    assert after.event.exceptions[second].start == moved.start
    (back,) = write(office, Update(item.key, Patch(frozenset({f"x:{first}"}), series), "2"))
    assert set(back.event.exceptions) == {second}


# -- what moves the engine ---------------------------------------------------------------------------------


def test_the_version_of_access_moves_when_anybody_s_role_or_team_does(office):
    before = side(office).access_version()
    office.crm_add("ana", **TIMED)
    assert side(office).access_version() == before
    office.parts.crm.set_access("ben", "standard", ["service"])
    assert side(office).access_version() != before


def test_a_change_wakes_those_whom_it_concerns(office):
    crm = office.parts.crm
    nobody, cursor = crm.wakes("")
    assert nobody == frozenset()
    assert crm.wakes(cursor) == (frozenset(), cursor)
    made = office.crm_add("fay", security="private", attendees=[{"email": "cleo@example.com"}], **TIMED)
    woken, cursor = crm.wakes(cursor)
    assert woken == {"fay", "cleo"}
    office.crm_edit("fay", made["id"], attendees=[])
    assert crm.wakes(cursor)[0] == {"fay", "cleo"}


def test_who_lost_an_event_is_woken_even_when_it_has_changed_again_since(office):
    made = office.crm_add("fay", **TIMED)
    _, cursor = office.parts.crm.wakes("")
    office.crm_edit("fay", made["id"], owner="cleo")
    office.crm_edit("cleo", made["id"], title="mine now")
    assert office.parts.crm.wakes(cursor)[0] >= {"fay", "cleo"}


def test_a_teams_people_are_woken_by_what_is_theirs(office):
    _, cursor = office.parts.crm.wakes("")
    office.crm_add("fay", team="service", **TIMED)
    assert office.parts.crm.wakes(cursor)[0] == {"fay", "cleo"}


def test_no_wake_up_is_lost_when_there_are_very_many(office):
    _, cursor = office.parts.crm.wakes("")
    write(office, *[Create(f"m{number}", REVIEW) for number in range(1001)])
    office.crm_add("fay", **TIMED)
    woken = set()
    while True:
        logins, after = office.parts.crm.wakes(cursor)
        woken |= logins
        if after == cursor:
            break
        cursor = after
    assert {"ana", "fay"} <= woken


def test_an_answer_of_a_guest_is_a_change_like_any_other(office):
    guests = (Attendee("ben@example.com", "", Response.NEEDS_ACTION),)
    item = create(office, replace(REVIEW, attendees=guests))
    answered = replace(REVIEW, attendees=(replace(guests[0], response=Response.ACCEPTED),))
    (after,) = write(office, Update(item.key, Patch(frozenset({"attendees"}), answered), "1"))
    assert after.event.attendees[0].response is Response.ACCEPTED
