"""Every answer is what Google's discovery document says; all other tests here check theirs too (see conftest)."""

from __future__ import annotations

import pytest

from tests.sandbox import discovery
from tests.sandbox.times import START, all_day, guests, instance, timed, weekly

#: An event with everything that the stand-in keeps.
FULL = {
    "summary": "Plan",
    "description": "<i>all</i>",
    "location": "Room",
    "colorId": "5",
    "visibility": "private",
    "transparency": "transparent",
    "attendees": [{"email": "x@other.test", "displayName": "X", "optional": True, "comment": "late"}],
    "reminders": {"useDefault": False, "overrides": [{"method": "email", "minutes": 30}]},
    "extendedProperties": {"private": {"a": "1"}, "shared": {"b": "2"}},
    "guestsCanModify": True,
    "source": {"title": "CRM", "url": "https://crm.test/1"},
    "focusTimeProperties": {"chatStatus": "doNotDisturb"},
}


def test_the_oracle_notices_wrong_types_and_unknown_names():
    discovery.check_answer("calendar.events.get", {"id": "a", "sequence": 1})
    for wrong in ({"id": 1}, {"color": "5"}, {"start": {"day": "x"}}, {"attendees": {}}):
        with pytest.raises(AssertionError):
            discovery.check_answer("calendar.events.get", wrong)


def test_every_operation_answers_as_the_discovery_document_says(google, ana, bob):
    made = ana.insert(**FULL, **timed())
    ana.get(made["id"])
    ana.patch(made["id"], summary="B", attendees=guests(bob))
    ana.update(made["id"], made)
    series = ana.insert(attendees=guests(bob), **weekly())
    ana.patch(instance(series, 1), summary="Moved")
    ana.delete(instance(series, 2))
    ana.events.instances(calendarId="primary", eventId=series["id"], showDeleted=True).execute()
    ana.events.import_(calendarId="primary", body=all_day(iCalUID="u@x.test")).execute()
    other = google.control("POST", "calendars", {"email": ana.email, "summary": "Team"})["id"]
    ana.events.move(calendarId="primary", eventId=made["id"], destination=other).execute()
    ana.list(showDeleted=True)
    ana.list(singleEvents=True, orderBy="startTime", timeMin=START.isoformat())
    bob.list(showDeleted=True)
    ana.calendar_list.list().execute()
    for calendar in (ana.email, other):
        ana.calendar_list.get(calendarId=calendar).execute()
        ana.calendars.get(calendarId=calendar).execute()


def test_seeded_calendars_answer_so_too(google, ana):
    google.control("POST", f"accounts/{ana.email}/seed", {"generate": {"n": 200, "seed": 3}})
    assert len(ana.list(showDeleted=True, maxResults=50)) == 200


@pytest.mark.parametrize(
    "scopes",
    [
        ("https://www.googleapis.com/auth/calendar.events",),
        ("https://www.googleapis.com/auth/calendar.readonly",),
        ("https://www.googleapis.com/auth/calendar.calendarlist.readonly",),
        ("https://www.googleapis.com/auth/calendar.app.created",),
        ("https://www.googleapis.com/auth/calendar.calendars.readonly",),
        ("openid", "email"),
    ],
    ids=lambda scopes: scopes[0].rsplit("/", 1)[-1],
)
def test_each_call_needs_one_of_the_scopes_that_the_discovery_document_lists(google, ana, refused, scopes):
    made = ana.insert(**timed())
    person = google.person("ana", scopes)
    other = google.control("POST", "calendars", {"email": ana.email})["id"]
    calls = {
        ("events", "list"): person.events.list(calendarId="primary"),
        ("events", "get"): person.events.get(calendarId="primary", eventId=made["id"]),
        ("events", "insert"): person.events.insert(calendarId="primary", body=timed()),
        ("events", "patch"): person.events.patch(calendarId="primary", eventId=made["id"], body={}),
        ("events", "move"): person.events.move(calendarId="primary", eventId=made["id"], destination=other),
        ("calendarList", "list"): person.calendar_list.list(),
        ("calendarList", "get"): person.calendar_list.get(calendarId="primary"),
        ("calendars", "get"): person.calendars.get(calendarId="primary"),
    }
    for (resource, method), request in calls.items():
        listed = discovery.document()["resources"][resource]["methods"][method]["scopes"]
        if set(listed) & set(scopes):
            request.execute()
        else:
            assert refused(request.execute) == (403, "insufficientPermissions")


def test_a_calendar_list_has_pages_a_sync_token_and_filters(google, ana, refused):
    for number in range(3):
        google.control("POST", "calendars", {"email": ana.email, "summary": f"C{number}"})
    request = ana.calendar_list.list(maxResults=2)
    pages = []
    while request is not None:
        pages.append(request.execute())
        request = ana.calendar_list.list_next(request, pages[-1])
    assert [len(page["items"]) for page in pages] == [2, 2]
    assert [entry.get("primary") for page in pages for entry in page["items"]] == [True, None, None, None]
    token = pages[-1]["nextSyncToken"]
    assert ana.calendar_list.list(syncToken=token).execute()["items"] == []
    google.control("POST", "calendars", {"email": ana.email, "summary": "new"})
    [entry] = ana.calendar_list.list(syncToken=token).execute()["items"]
    assert entry["summary"] == "new"
    filtered = ana.calendar_list.list(syncToken=token, minAccessRole="owner")
    assert refused(filtered.execute)[0] == 400
    unknown = ana.calendar_list.get(calendarId="stranger@example.com")
    assert refused(unknown.execute) == (404, "notFound")
