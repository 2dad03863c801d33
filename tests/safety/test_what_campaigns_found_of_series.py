"""Damage to series that the campaigns have found, each as the shortest story that showed it."""

from __future__ import annotations

import pytest

from calsync.crm.builtin.side import BuiltinSide
from calsync.google.side import GoogleSide
from calsync.sync import settle
from tests.house import at, crm_at, day, nothing_written
from tests.safety.campaigns import DAILY, guests, instance, lagging, only, other, shown, synced_series
from tests.safety.disasters import dies, lose_database, meanwhile


def test_an_edit_of_a_series_outlives_the_writing_of_its_exception(house):
    event, record = synced_series(house)
    house.google_edit("ana", event["id"], summary="by Google")
    house.crm_edit("ana", record["id"], exceptions=other(2, "x"))
    edit = lambda: house.crm_edit("ana", record["id"], title="by the CRM")  # noqa: E731
    with meanwhile(BuiltinSide, "write", edit):
        house.resync("ana")
    house.resync("ana")
    google, crm = shown(house)
    assert google == crm
    assert len(house.conflicts("ana")) == 1


def test_a_deleted_series_stays_deleted_when_its_exceptions_are_listed_after_it(house):
    house.control("POST", "switches", {"children_tombstones": True, "short_pages": 1})
    event, _ = synced_series(house, exceptions=other(2, "x"))
    house.google_delete("ana", event["id"])
    house.resync("ana")
    house.resync("ana")
    assert house.crm_titles("ana") == []


def test_our_own_write_to_a_series_is_no_edit_of_its_exceptions(house):
    event, record = synced_series(house, location="l1")
    house.google_edit("ana", instance(event, 2), summary="x")
    house.crm_edit("ana", record["id"], location="l2")
    house.resync("ana")
    house.crm_delete("ana", record["id"])
    house.resync("ana")
    house.resync("ana")
    assert shown(house) == ([], [])


def test_an_edit_of_an_occurrence_that_a_crash_kept_from_being_copied_is_a_clash(house):
    house.crm_add("ana", title="S", recurrence=DAILY, exceptions=other(2, "by the CRM"), **crm_at(day(1)))
    dies(house, "ana", GoogleSide, "_write_exception")
    event = only(house.google_events("ana"))
    house.google_edit("ana", instance(event, 2), summary="by Google")
    house.resync("ana")
    house.resync("ana")
    assert "by the CRM" in str(house.crm_events("ana")) or len(house.conflicts("ana")) == 1


def test_an_exception_of_a_series_with_guests_is_known_again_after_a_crash(house):
    record = house.crm_add("ana", title="S", recurrence=DAILY, attendees=guests("somebody"), **crm_at(day(1)))
    house.resync("ana")
    house.crm_edit("ana", record["id"], exceptions=other(2, "x"))
    dies(house, "ana", settle, "_record")
    house.crm_delete("ana", record["id"])
    house.resync("ana")
    house.resync("ana")
    assert shown(house) == ([], [])


def test_a_new_copy_of_a_series_gets_all_its_exceptions(house):
    event, record = synced_series(house, exceptions=other(2, "x"))
    house.google_delete("ana", event["id"])
    house.crm_edit("ana", record["id"], location="elsewhere")
    house.fault(operation="events.patch", when="before", status=412, reason="conditionNotMet", times=1)
    house.resync("ana", full=True)
    house.clock.advance(hours=1)
    house.resync("ana")
    event = only(house.google_events("ana"))
    assert house.google_get("ana", instance(event, 2))["summary"] == "x"


def test_an_invitation_does_not_bring_back_a_deleted_series(house):
    event, record = synced_series(house, exceptions=other(2, "x"))
    house.google_delete("ana", event["id"])
    house.crm_edit("ana", record["id"], attendees=guests("somebody"))
    house.resync("ana")
    # As without the exception: who is invited is not carried to Google.
    assert shown(house)[0] == []


def test_a_copy_is_known_again_when_its_exception_is_listed_before_it(house):
    event, _ = synced_series(house, exceptions=other(2))
    house.google_edit("ana", event["id"], location="elsewhere")
    house.resync("ana")
    lose_database(house)
    house.control("POST", "switches", {"short_pages": 1})
    house.connect("ana", "ana@example.com")
    assert nothing_written(house.resync("ana"))
    assert len(house.crm_events("ana")) == 1


def test_an_exception_that_a_listing_shows_before_its_series_is_still_there(house):
    house.control("POST", "switches", {"short_pages": 1})
    event, _ = synced_series(house, exceptions=other(2))
    house.google_edit("ana", event["id"], location="elsewhere")
    house.resync("ana", full=True)
    house.resync("ana")
    [record] = house.crm_events("ana")
    assert [part["cancelled"] for part in record["exceptions"]] == [True]
    assert record["location"] == "elsewhere"


def test_an_edit_of_an_occurrence_while_its_series_is_being_deleted_brings_it_back(house):
    event, record = synced_series(house)
    house.crm_delete("ana", record["id"])
    edit = lambda: house.google_edit("ana", instance(event, 2), summary="x")  # noqa: E731
    with meanwhile(GoogleSide, "_delete", edit):
        house.resync("ana")
    house.resync("ana")
    assert "x" in house.google_titles("ana")
    assert house.crm_titles("ana") == ["S"]


def test_an_edit_of_an_occurrence_made_while_we_write_another_to_it_is_not_overwritten_unseen(house):
    event, record = synced_series(house)
    house.crm_edit("ana", record["id"], exceptions=other(2, "by the CRM"))
    edit = lambda: house.google_edit("ana", instance(event, 2), summary="by Google")  # noqa: E731
    with meanwhile(GoogleSide, "_update", edit):
        house.resync("ana")
    house.resync("ana")
    google = [one["summary"] for one in house.google_events("ana") if "recurringEventId" in one]
    (record,) = house.crm_events("ana")
    assert google == [part["title"] for part in record["exceptions"]]
    assert google == ["by Google"] or len(house.conflicts("ana")) == 1


@pytest.mark.parametrize(
    "ours", [{}, {"title": "T"}, {"recurrence": ["RRULE:FREQ=DAILY;COUNT=9"]}], ids=["alone", "title", "rule"]
)
@pytest.mark.parametrize("theirs", ["by Google", ""], ids=["renamed", "cancelled"])
@pytest.mark.parametrize("moment", ["_as_expected", "_body"])
def test_what_happens_to_an_occurrence_between_the_last_look_and_our_writing_is_kept(
    house, ours, theirs, moment
):
    event, record = synced_series(house)
    house.crm_edit("ana", record["id"], exceptions=other(2, "by the CRM"), **ours)
    key = instance(event, 2)

    def change():
        if theirs:
            house.google_edit("ana", key, summary=theirs)
        else:
            house.google_delete("ana", key)

    with meanwhile(GoogleSide, moment, change, after=True):
        house.resync("ana")
    house.resync("ana")
    there = house.google_get("ana", key)
    stands = there["summary"] == theirs if theirs else there["status"] == "cancelled"
    assert stands or len(house.conflicts("ana")) == 1
    assert nothing_written(house.resync("ana", full=True))


def test_an_occurrence_that_was_taken_back_follows_its_series_again(house):
    event, record = synced_series(house, exceptions=other(2, "x"))
    house.crm_edit("ana", record["id"], exceptions=[{"original_start": day(2).isoformat(), "restored": True}])
    house.resync("ana")
    for change in (
        lambda: house.crm_edit("ana", record["id"], title="by the CRM"),
        lambda: house.google_edit("ana", event["id"], summary="by Google"),
    ):
        change()
        house.resync("ana")
        house.resync("ana")
        assert len({one["summary"] for one in house.google_events("ana")}) == 1
        assert nothing_written(house.resync("ana", full=True))


@pytest.mark.parametrize("after", [False, True])
def test_an_occurrence_cancelled_while_its_series_is_deleted_unseen_brings_it_back(house, after):
    event, record = synced_series(house)
    house.crm_edit("ana", record["id"], exceptions=other(2))
    delete = lambda: house.google_delete("ana", event["id"])  # noqa: E731
    with meanwhile(GoogleSide, "_occurrence", delete, after):
        house.resync("ana")
    house.resync("ana")
    assert shown(house) == (["S"], ["S"])


def test_a_copy_of_a_series_that_is_deleted_while_it_is_made_stays_deleted(house):
    house.crm_add("ana", title="S", recurrence=DAILY, exceptions=other(2), **crm_at(day(1)))
    delete = lambda: house.google_delete("ana", only(house.google_events("ana"))["id"])  # noqa: E731
    with meanwhile(GoogleSide, "_write_exception", delete, after=True):
        house.resync("ana")
    house.resync("ana")
    assert shown(house) == ([], [])


@pytest.mark.parametrize("title", ["x", ""])
@pytest.mark.parametrize("after", [False, True])
def test_a_copy_that_is_deleted_before_it_shows_an_exception_is_made_anew(house, title, after):
    house.crm_add("ana", title="S", recurrence=DAILY, exceptions=other(2, title), **crm_at(day(1)))
    delete = lambda: house.google_delete("ana", only(house.google_events("ana"))["id"])  # noqa: E731
    with meanwhile(GoogleSide, "_occurrence", delete, after):
        house.resync("ana")
    house.resync("ana")
    assert shown(house) == (["S"], ["S"])
    there = house.google_get("ana", instance(only(house.google_events("ana")), 2))
    assert there["summary"] == "x" if title else there["status"] == "cancelled"


def test_a_copy_that_a_crash_kept_from_showing_an_exception_is_made_anew_when_it_is_deleted(house):
    house.crm_add("ana", title="S", recurrence=DAILY, exceptions=other(2, "x"), **crm_at(day(1)))
    dies(house, "ana", GoogleSide, "_write_exception")
    house.google_delete("ana", only(house.google_events("ana"))["id"])
    house.resync("ana")
    house.resync("ana")
    assert sorted(house.google_titles("ana")) == ["S", "x"]
    assert house.crm_titles("ana") == ["S"]


def test_a_record_of_a_series_that_is_deleted_after_a_crash_stays_deleted(house):
    event = house.google_add("ana", summary="S", recurrence=DAILY, **at(day(1)))
    house.google_edit("ana", instance(event, 2), summary="x")
    dies(house, "ana", settle, "_record")
    (record,) = house.crm_events("ana")
    house.crm_delete("ana", record["id"])
    house.resync("ana")
    house.resync("ana")
    assert shown(house) == ([], [])


def test_a_copy_whose_exceptions_were_not_written_goes_with_its_original(house):
    record = house.crm_add("ana", title="S", recurrence=DAILY, exceptions=other(2, "x"), **crm_at(day(1)))
    house.fault(operation="events.patch", status=412, reason="conditionNotMet", times=1)
    house.resync("ana")
    house.crm_delete("ana", record["id"])
    house.resync("ana")
    assert shown(house) == ([], [])


def test_exceptions_that_were_not_written_with_their_series_are_written_next(house):
    house.crm_add("ana", title="S", recurrence=DAILY, exceptions=other(2, "x"), **crm_at(day(1)))
    house.fault(operation="events.patch", status=412, reason="conditionNotMet", times=1)
    house.resync("ana")
    house.resync("ana")
    assert sorted(house.google_titles("ana")) == ["S", "x"]


def test_a_series_whose_exception_was_refused_goes_with_its_record(house):
    record = house.crm_add("ana", title="S", recurrence=DAILY, exceptions=other(2, "x"), **crm_at(day(1)))
    house.fault(operation="events.patch", status=400, reason="invalid", times=1)
    house.resync("ana")
    house.crm_delete("ana", record["id"])
    house.resync("ana")
    assert house.google_events("ana") == house.crm_events("ana") == []


def test_an_answer_from_before_the_deletion_of_a_series_does_not_bring_it_back(house):
    event, _ = synced_series(house)
    house.clock.advance(minutes=1)
    with lagging(house, event["id"]):
        house.google_delete("ana", event["id"])
        house.resync("ana")
    house.clock.advance(hours=1)
    house.resync("ana")
    assert shown(house) == ([], [])


def test_what_was_held_of_an_occurrence_crosses_with_the_next_edit_of_its_series(house):
    event = house.google_add("ana", summary="S", recurrence=DAILY, **at(day(1)))
    house.resync("ana")
    house.parts.crm.set_access("ana", "read_only", [])
    house.google_delete("ana", instance(event, 2))
    house.resync("ana")
    house.parts.crm.set_access("ana", "standard", [])
    house.google_edit("ana", event["id"], location="B")
    house.resync("ana")
    (record,) = house.crm_events("ana")
    assert record["location"] == "B"
    assert [part["cancelled"] for part in record["exceptions"]] == [True]


def test_an_occurrence_that_is_changed_right_after_its_series_was_copied_keeps_that(house):
    house.crm_add("ana", title="S", recurrence=DAILY, exceptions=other(2, "ours"), **crm_at(day(1)))

    def rename():
        (series,) = house.google_events("ana")
        house.google_edit("ana", instance(series, 2), summary="theirs")

    with meanwhile(GoogleSide, "_insert", rename, after=True):
        house.resync("ana")
    house.resync("ana")
    house.resync("ana")
    lost = {conflict.field: conflict for _, conflict in house.conflicts("ana")}
    titles = [one["summary"] for one in house.google_events("ana") if "recurringEventId" in one]
    assert len(lost) == 1
    assert titles in (["ours"], ["theirs"])


def test_what_was_written_of_a_series_before_google_refused_an_occurrence_is_no_edit_of_a_person(house):
    _, record = synced_series(house)
    house.crm_edit("ana", record["id"], location="B", exceptions=other(2, "x"))
    house.fault(operation="events.patch", status=400, reason="invalid", times=9, skip=1)
    assert house.resync("ana")["quarantined"] == 1
    assert only(house.google_events("ana"))["location"] == "B"
    house.control("DELETE", "faults")
    house.crm_delete("ana", record["id"])
    house.resync("ana")
    assert shown(house) == ([], [])


def test_an_occurrence_put_back_while_its_series_is_renamed_follows_it_all_the_same(house):
    house.person("bo")
    record = house.crm_add("ana", title="S", attendees=guests("bo"), recurrence=DAILY, **crm_at(day(1)))
    house.resync("bo")
    event = only(house.google_events("bo"))
    house.google_edit("bo", instance(event, 2), summary="x")
    house.google_edit("bo", event["id"], summary="y")
    rename = lambda: house.google_edit("bo", event["id"], summary="z")  # noqa: E731
    with meanwhile(GoogleSide, "_occurrence", rename):
        house.resync("bo")
    house.resync("bo")
    # Google keeps the title of the occurrence as its own now, though it is that of the series.
    assert set(house.google_titles("bo")) == {"S"}
    house.crm_edit("ana", record["id"], title="by ana")
    house.resync("bo")
    house.resync("bo")
    assert set(house.google_titles("bo")) == {"by ana"}
    assert nothing_written(house.resync("bo", full=True))


def test_a_copy_that_one_404_denies_keeps_what_people_have_edited_of_it(house):
    record = house.crm_add("ana", title="S", recurrence=DAILY, **crm_at(day(1)))
    house.fault(operation="events.insert", when="after", status=504, times=1)
    house.fault(operation="events.get", status=503, times=99)
    house.resync("ana")
    house.control("DELETE", "faults")
    event = only(house.google_events("ana"))
    house.google_edit("ana", instance(event, 2), summary="by Google")
    house.crm_delete("ana", record["id"])
    house.fault(operation="events.get", status=404, reason="notFound", times=1)
    for _ in range(2):
        house.clock.advance(hours=1)
        house.resync("ana")
    there = only(house.crm_events("ana"))
    assert [part["title"] for part in there["exceptions"]] == ["by Google"]
