"""events.list as the sync guide describes it: pages, sync tokens, filters, partial answers."""

import pytest

from tests.sandbox.times import all_day, guests, instance, timed, weekly


def titles(rows):
    return [row.get("summary") for row in rows]


@pytest.fixture
def five(ana):
    """Five events, one a day."""
    return [ana.insert(summary=f"E{n}", **timed(n)) for n in range(5)]


def test_a_listing_comes_in_pages_and_the_sync_token_with_the_last(ana, five):
    pages = ana.walk(maxResults=2)
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert ["nextPageToken" in page for page in pages] == [True, True, False]
    assert ["nextSyncToken" in page for page in pages] == [False, False, True]
    assert sorted(titles(row for page in pages for row in page["items"])) == ["E0", "E1", "E2", "E3", "E4"]


def test_what_is_made_while_somebody_pages_comes_with_the_next_sync(ana, five):
    request = ana.events.list(calendarId="primary", maxResults=3)
    first = request.execute()
    late = ana.insert(summary="late", **timed(9))
    last = ana.events.list_next(request, first).execute()
    assert "late" not in titles(first["items"] + last["items"])
    assert [row["id"] for row in ana.changes(last["nextSyncToken"])] == [late["id"]]


def test_a_sync_token_brings_changes_and_tombstones_once(ana, five):
    token = ana.token_now()
    ana.patch(five[1]["id"], summary="E1 moved")
    ana.delete(five[2]["id"])
    [page] = ana.walk(syncToken=token)
    assert [(row["id"], row["status"]) for row in page["items"]] == [
        (five[1]["id"], "confirmed"),
        (five[2]["id"], "cancelled"),
    ]
    assert "summary" not in page["items"][1]
    assert ana.changes(page["nextSyncToken"]) == []


def test_the_sync_token_of_an_empty_calendar_brings_what_was_made_and_deleted_since(ana):
    token = ana.token_now()
    made = ana.insert(summary="short", **timed())
    ana.delete(made["id"])
    assert [(row["id"], row["status"]) for row in ana.changes(token)] == [(made["id"], "cancelled")]


def test_changes_come_in_pages_with_the_same_sync_token(ana, five):
    token = ana.token_now()
    for event in five:
        ana.patch(event["id"], location="here")
    pages = ana.walk(syncToken=token, maxResults=2)
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert ana.changes(pages[-1]["nextSyncToken"]) == []


def test_pages_may_be_empty_short_and_in_any_order(google, ana, five):
    google.switch(empty_pages=True, short_pages=2, shuffle=True)
    pages = ana.walk()
    assert [titles(page["items"]) for page in pages] == [[], ["E1", "E0"], ["E3", "E2"], ["E4"]]


@pytest.mark.parametrize(
    "forbidden",
    [
        {"iCalUID": "x"},
        {"orderBy": "updated"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"q": "x"},
        {"timeMin": "2030-01-01T00:00:00Z"},
        {"timeMax": "2030-01-01T00:00:00Z"},
        {"updatedMin": "2030-01-01T00:00:00Z"},
        {"showDeleted": False},
    ],
    ids=lambda query: next(iter(query)),
)
def test_some_parameters_may_not_come_with_a_sync_token(ana, refused, forbidden):
    token = ana.token_now()
    assert refused(ana.walk, syncToken=token, **forbidden)[0] == 400


def test_an_expired_sync_token_is_answered_with_410(google, ana, refused):
    token = ana.token_now()
    google.control("POST", "expire", {"what": "sync_tokens", "email": ana.email})
    assert refused(ana.walk, syncToken=token) == (410, "fullSyncRequired")


def test_a_sync_token_is_good_for_its_person_and_its_kind_of_query_only(ana, bob, refused):
    token = ana.token_now()
    assert refused(bob.walk, syncToken=token) == (410, "fullSyncRequired")
    assert refused(ana.walk, syncToken=token, singleEvents=True) == (410, "fullSyncRequired")
    assert refused(ana.walk, syncToken="nonsense")[0] == 400
    assert refused(ana.walk, pageToken="nonsense")[0] == 400


def test_deleted_events_are_listed_only_when_asked_for(ana, five):
    ana.delete(five[0]["id"])
    assert five[0]["id"] not in [row["id"] for row in ana.list()]
    deleted = [row for row in ana.list(showDeleted=True) if row["status"] == "cancelled"]
    assert [row["id"] for row in deleted] == [five[0]["id"]]


def test_tombstones_disappear_after_a_while_but_the_id_stays_taken(google, ana, five, refused):
    ana.delete(five[0]["id"])
    google.control("POST", "expire", {"what": "tombstones"})
    assert len(ana.list(showDeleted=True)) == 4
    assert refused(ana.get, five[0]["id"]) == (404, "notFound")
    assert refused(ana.insert, id=five[0]["id"], **timed()) == (409, "duplicate")


def test_a_series_is_listed_as_master_with_changed_and_cancelled_occurrences(ana):
    series = ana.insert(summary="Weekly", **weekly())
    ana.patch(instance(series, 1), summary="Moved")
    ana.delete(instance(series, 2))
    rows = {row["id"]: row for row in ana.list()}
    assert set(rows) == {series["id"], instance(series, 1), instance(series, 2)}
    assert rows[instance(series, 2)]["status"] == "cancelled"
    assert rows[instance(series, 2)]["originalStartTime"]["dateTime"] == "2030-03-18T09:00:00Z"


def test_single_events_expands_series_and_hides_masters(ana):
    series = ana.insert(summary="Weekly", **weekly())
    ana.patch(instance(series, 1), summary="Moved")
    ana.delete(instance(series, 2))
    ana.insert(summary="Alone", **timed(1))
    found = ana.list(singleEvents=True, orderBy="startTime", timeMax="2031-01-01T00:00:00Z")
    assert titles(found) == ["Weekly", "Alone", "Moved", "Weekly"]
    shown = ana.list(singleEvents=True, showDeleted=True, timeMax="2031-01-01T00:00:00Z")
    assert [row["id"] for row in shown if row["status"] == "cancelled"] == [instance(series, 2)]


def test_expanded_listings_come_in_pages_and_have_sync_tokens(ana):
    series = ana.insert(summary="Weekly", **weekly(5))
    window = {"singleEvents": True, "timeMax": "2031-01-01T00:00:00Z"}
    pages = ana.walk(maxResults=2, **window)
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    ana.patch(instance(series, 3), summary="Moved")
    token = pages[-1]["nextSyncToken"]
    assert titles(ana.changes(token, singleEvents=True)) == ["Moved"]


def test_order_by_start_needs_single_events(ana, refused):
    assert refused(ana.walk, orderBy="startTime")[0] == 400


def test_a_window_bounds_ends_from_below_and_starts_from_above(ana, five):
    window = {"timeMin": "2030-03-05T10:00:00Z", "timeMax": "2030-03-07T09:00:00Z"}
    assert titles(ana.list(**window)) == ["E2"]


def test_a_series_is_in_every_window_that_it_reaches(ana):
    ana.insert(summary="Weekly", **weekly(4))
    assert titles(ana.list(timeMin="2030-03-20T00:00:00Z")) == ["Weekly"]
    assert ana.list(timeMin="2032-01-01T00:00:00Z") == []


@pytest.mark.parametrize("last", ["2030-03-04T00:00:00Z", "2030-03-03T00:00:00Z"])
def test_an_empty_window_is_refused(ana, refused, last):
    window = {"timeMin": "2030-03-04T00:00:00Z", "timeMax": last}
    assert refused(ana.walk, **window) == (400, "timeRangeEmpty")


def test_a_time_without_offset_is_refused(ana, refused):
    assert refused(ana.walk, timeMin="2030-03-04T00:00:00")[0] == 400


@pytest.mark.parametrize("frozen", [False, True])
def test_a_sync_token_keeps_the_window_only_when_windows_are_frozen(google, ana, frozen):
    google.switch(window_frozen=frozen)
    token = ana.token_now(timeMin="2030-03-04T00:00:00Z", timeMax="2030-03-10T00:00:00Z")
    ana.insert(summary="in", **timed(1))
    ana.insert(summary="out", **timed(40))
    assert titles(ana.changes(token)) == (["in"] if frozen else ["in", "out"])


def test_search_looks_into_texts_and_guests_and_gives_no_sync_token(ana):
    ana.insert(summary="Plan", location="Room 7", **timed())
    ana.insert(summary="Other", attendees=guests("zoe@other.test"), **timed())
    assert titles(ana.list(q="plan room")) == ["Plan"]
    assert titles(ana.list(q="zoe")) == ["Other"]
    assert ana.list(q="plan other") == []
    assert ana.list(q="calendar#event") == []
    assert "nextSyncToken" not in ana.walk(q="plan")[-1]


def test_events_are_found_by_ical_uid_type_and_properties(ana):
    marked = {"private": {"a": "1", "b": "2"}, "shared": {"c": "3"}}
    made = ana.insert(summary="Marked", extendedProperties=marked, **timed())
    ana.insert(summary="Half", extendedProperties={"private": {"a": "1"}}, **timed())
    ana.insert(summary="Focus", eventType="focusTime", **timed())
    assert titles(ana.list(iCalUID=made["iCalUID"])) == ["Marked"]
    assert titles(ana.list(privateExtendedProperty=["a=1", "b=2"])) == ["Marked"]
    assert titles(ana.list(privateExtendedProperty="a=1")) == ["Marked", "Half"]
    assert titles(ana.list(sharedExtendedProperty="c=3")) == ["Marked"]
    assert titles(ana.list(eventTypes=["focusTime", "outOfOffice"])) == ["Focus"]


def test_updated_min_includes_deletions_and_reaches_back_a_month_only(ana, five, refused):
    ana.delete(five[3]["id"])
    since = ana.get(five[2]["id"])["updated"]
    found = {row["id"]: row["status"] for row in ana.list(updatedMin=since)}
    assert found[five[3]["id"]] == "cancelled"
    assert refused(ana.walk, updatedMin="2001-01-01T00:00:00Z") == (410, "updatedMinTooLongAgo")


def test_order_by_updated(ana, five):
    ana.patch(five[0]["id"], summary="latest")
    assert titles(ana.list(orderBy="updated")) == ["E1", "E2", "E3", "E4", "latest"]


def test_a_mask_leaves_what_it_names_and_hides_tokens_it_does_not(ana, five):
    [page] = ana.walk(fields="items(id,start/dateTime)")
    assert set(page) == {"items"}
    assert page["items"][0] == {"id": five[0]["id"], "start": {"dateTime": "2030-03-04T09:00:00Z"}}
    assert set(ana.walk(fields="nextSyncToken")[0]) == {"nextSyncToken"}


@pytest.mark.parametrize("mask", ["items(nope)", "nope", "items(id", "items)id"])
def test_a_mask_that_names_nothing_is_refused(ana, refused, mask):
    assert refused(ana.walk, fields=mask) == (400, "invalidParameter")


def test_masks_work_on_every_call(ana, five):
    event_id = five[0]["id"]
    series = ana.insert(**weekly())
    only = {"calendarId": "primary", "fields": "id"}
    assert ana.insert(fields="id,etag", **timed()).keys() == {"id", "etag"}
    assert ana.events.get(eventId=event_id, **only).execute() == {"id": event_id}
    assert ana.events.patch(eventId=event_id, body={"summary": "x"}, **only).execute() == {"id": event_id}
    body = {"summary": "y", **timed()}
    assert ana.events.update(eventId=event_id, body=body, **only).execute() == {"id": event_id}
    request = ana.events.instances(calendarId="primary", eventId=series["id"], fields="items/id")
    assert request.execute()["items"][0] == {"id": instance(series, 0)}
    assert ana.calendar_list.list(fields="items(id)").execute() == {"items": [{"id": ana.email}]}
    assert ana.calendar_list.get(calendarId="primary", fields="id").execute() == {"id": ana.email}
    assert ana.calendars.get(calendarId="primary", fields="id").execute() == {"id": ana.email}


def test_times_are_shown_in_the_zone_asked_for(ana):
    made = ana.insert(**timed(zone="Europe/Berlin"))
    assert made["start"] == {"dateTime": "2030-03-04T09:00:00Z", "timeZone": "Europe/Berlin"}
    request = ana.events.get(calendarId="primary", eventId=made["id"], timeZone="Asia/Tokyo")
    assert request.execute()["start"]["dateTime"] == "2030-03-04T18:00:00+09:00"
    [page] = ana.walk(timeZone="Asia/Tokyo")
    assert page["items"][0]["start"]["dateTime"] == "2030-03-04T18:00:00+09:00"
    assert page["timeZone"] == "Asia/Tokyo"


def test_too_many_guests_are_omitted_on_request(ana):
    made = ana.insert(attendees=guests(ana, "x@other.test", "y@other.test"), **timed())
    request = ana.events.get(calendarId="primary", eventId=made["id"], maxAttendees=1)
    shown = request.execute()
    assert shown["attendeesOmitted"] is True
    assert [person["email"] for person in shown["attendees"]] == [ana.email]
    assert len(ana.get(made["id"])["attendees"]) == 3


def test_a_long_address_arrives_as_a_post_with_an_override(ana, five):
    # The client does this by itself above 2048 characters.
    assert len(ana.list(q="E", fields="items(" + "id," * 800 + "id)")) == 5


def test_all_day_events_keep_their_dates(ana):
    made = ana.insert(**all_day(length=2))
    assert (made["start"], made["end"]) == ({"date": "2030-03-04"}, {"date": "2030-03-06"})


def test_instances_come_in_pages_and_are_found_by_original_start(ana):
    series = ana.insert(summary="Weekly", **weekly(5))
    ana.patch(instance(series, 1), **timed(8))
    ana.delete(instance(series, 2))
    request = ana.events.instances(calendarId="primary", eventId=series["id"], maxResults=2)
    pages = []
    while request is not None:
        pages.append(request.execute())
        request = ana.events.instances_next(request, pages[-1])
    weeks = [0, 1, 3, 4]
    assert [row["id"] for page in pages for row in page["items"]] == [instance(series, n) for n in weeks]
    assert len(pages) == 2

    def found(**query):
        answer = ana.events.instances(calendarId="primary", eventId=series["id"], **query).execute()
        return [row["id"] for row in answer["items"]]

    assert found(originalStart="2030-03-11T10:00:00+01:00") == [instance(series, 1)]
    assert found(originalStart="2030-03-18T09:00:00Z") == []
    assert found(originalStart="2030-03-18T09:00:00Z", showDeleted=True) == [instance(series, 2)]
    assert found(timeMin="2030-03-25T09:00:00Z") == [instance(series, 3), instance(series, 4)]
    assert found(timeMax="2030-03-11T09:00:00Z") == [instance(series, 0)]


def test_an_occurrence_moved_out_of_a_window_is_not_in_it_and_one_moved_in_is(ana):
    series = ana.insert(summary="Weekly", **weekly(4))
    ana.patch(instance(series, 0), **timed(30))
    window = {"timeMin": "2030-04-01T00:00:00Z", "timeMax": "2030-04-10T00:00:00Z"}
    answer = ana.events.instances(calendarId="primary", eventId=series["id"], **window).execute()
    assert [row["id"] for row in answer["items"]] == [instance(series, 0)]
    early = {"timeMin": "2030-03-01T00:00:00Z", "timeMax": "2030-03-06T00:00:00Z"}
    assert ana.list(singleEvents=True, **early) == []
    ana.patch(instance(series, 3), **timed(1))
    answer = ana.events.instances(calendarId="primary", eventId=series["id"], **early).execute()
    assert [row["id"] for row in answer["items"]] == [instance(series, 3)]
