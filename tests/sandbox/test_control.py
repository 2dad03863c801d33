"""The control API: seeding, what a person does on Google's page, faults, limits, counters."""

from __future__ import annotations

import pytest
from googleapiclient.errors import HttpError

from tests.sandbox.times import guests, instance, timed, weekly

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VEVENT
UID:one@x.test
SUMMARY:Lunch
DTSTART;TZID=Europe/Berlin:20300304T120000
DTEND;TZID=Europe/Berlin:20300304T130000
CLASS:PRIVATE
END:VEVENT
BEGIN:VEVENT
UID:series@x.test
SUMMARY:Weekly
DTSTART;VALUE=DATE:20300305
RRULE:FREQ=WEEKLY;COUNT=3
END:VEVENT
BEGIN:VEVENT
UID:series@x.test
RECURRENCE-ID;VALUE=DATE:20300312
SUMMARY:Moved
DTSTART;VALUE=DATE:20300313
END:VEVENT
BEGIN:VEVENT
UID:bad@x.test
SUMMARY:Never
DTSTART:20300304T120000Z
RRULE:FREQ=SOMETIMES
END:VEVENT
END:VCALENDAR
"""


def events_of(person, suffix=""):
    return f"accounts/{person.email}/events{suffix}"


def test_a_calendar_is_seeded_from_a_file_and_says_what_google_would_refuse(google, ana):
    told = google.control("POST", f"accounts/{ana.email}/seed", {"ics": ICS.replace("\n", "\r\n")})
    assert told["events"] == 4
    assert [bad["uid"] for bad in told["bad"]] == ["bad@x.test"]
    rows = {row["summary"]: row for row in ana.list(iCalUID="one@x.test") + ana.list(iCalUID="series@x.test")}
    assert set(rows) == {"Lunch", "Weekly", "Moved"}
    assert rows["Lunch"]["visibility"] == "private"
    assert rows["Moved"]["recurringEventId"] == rows["Weekly"]["id"]
    assert rows["Moved"]["originalStartTime"] == {"date": "2030-03-12"}


def test_a_generated_calendar_is_the_same_for_the_same_seed(google, ana, bob):
    for person in (ana, bob):
        order = {"generate": {"n": 60, "seed": 5, "start": "2030-01-01"}}
        assert google.control("POST", f"accounts/{person.email}/seed", order)["events"] == 60

    def shown(person):
        return [(row["id"], row.get("summary"), row.get("start")) for row in person.list(showDeleted=True)]

    assert shown(ana) == shown(bob)


def test_what_a_person_does_on_googles_page_is_seen_by_clients(google, ana, bob):
    made = google.control("POST", events_of(ana), {"summary": "A", "attendees": guests(bob), **timed()})
    token = ana.token_now()
    google.control("PATCH", events_of(ana, f"/{made['id']}"), {"summary": "B"})
    assert [row["summary"] for row in ana.changes(token)] == ["B"]
    assert bob.get(made["id"])["summary"] == "B"
    assert google.control("GET", events_of(ana, f"/{made['id']}")) == ana.get(made["id"])
    google.control("DELETE", events_of(bob, f"/{made['id']}"))
    assert ana.get(made["id"])["attendees"][0]["responseStatus"] == "declined"
    google.control("DELETE", events_of(ana, f"/{made['id']}"))
    assert google.control("GET", events_of(ana)) == {"events": []}
    assert len(google.control("GET", events_of(ana, "?deleted=1"))["events"]) == 1
    assert google.mails() == []


def test_a_person_may_let_google_mail_the_guests(google, ana):
    google.control("POST", events_of(ana, "?sendUpdates=all"), timed(attendees=guests("x@other.test")))
    assert google.mails() == [("x@other.test", "invitation")]


def test_an_edit_may_name_the_version_it_was_made_on(google, ana):
    made = ana.insert(summary="A", **timed())
    ana.patch(made["id"], summary="B")
    url = f"{google.url}/control/{events_of(ana, '/' + made['id'])}"
    stale = {"if_match": made["etag"]}
    assert google.http.patch(url, json={"summary": "C"}, params=stale, timeout=10).status_code == 412
    assert google.http.delete(url, params=stale, timeout=10).status_code == 412
    assert ana.get(made["id"])["summary"] == "B"


def test_a_persons_second_calendar_can_be_edited_too(google, ana):
    other = google.control("POST", "calendars", {"email": ana.email, "summary": "Team"})["id"]
    google.control("POST", events_of(ana, f"?calendar={other}"), {"summary": "A", **timed()})
    [row] = ana.events.list(calendarId=other).execute()["items"]
    assert row["summary"] == "A"
    assert ana.list() == []


def test_the_days_between_two_dates_can_be_asked_for(google, ana):
    series = ana.insert(summary="Weekly", **weekly())
    ana.delete(instance(series, 1))
    span = "?expand_from=2030-03-01T00:00:00Z&expand_to=2030-03-20T00:00:00Z"
    shown = google.control("GET", events_of(ana, span))["events"]
    assert [row["id"] for row in shown] == [instance(series, 0), instance(series, 2)]


def test_the_accounts_are_apart(ana, bob, refused):
    made = ana.insert(**timed())
    assert bob.list() == []
    assert refused(bob.get, made["id"]) == (404, "notFound")
    other = bob.events.list(calendarId=ana.email)
    assert refused(other.execute) == (404, "notFound")


def test_requests_are_counted_by_kind_and_person(google, ana, bob):
    ana.insert(**timed())
    ana.list()
    bob.list()
    told = google.control("GET", "counters")
    assert told["requests"] == {"events.insert": 1, "events.list": 2}
    assert told["by_account"][bob.email] == {"events.list": 1}
    assert (told["writes"], told["mails"]) == (1, 0)
    google.control("POST", "counters/reset")
    assert google.control("GET", "counters")["requests"] == {}


def test_the_clock_can_be_wrong(google, ana):
    google.control("POST", "switches", {"clock_offset_seconds": 86400 * 400})
    made, now = ana.insert(**timed()), ana.walk()[0]["updated"]
    assert made["updated"] == now
    assert int(made["updated"][:4]) >= 2027


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("switches", {"nope": True}),
        ("expire", {"what": "patience"}),
        ("faults", {"kind": "flood"}),
        ("faults", {"when": "meanwhile"}),
        ("faults", {"colour": "red"}),
        ("nowhere", {}),
    ],
)
def test_an_order_that_means_nothing_is_refused(google, path, body):
    answer = google.http.post(f"{google.url}/control/{path}", json=body, timeout=10)
    assert answer.status_code in (400, 404)


# -- faults ------------------------------------------------------------------------------------------------


def insert_raw(person, title):
    """Insert without the client's second tries; return the status, or what broke."""
    google = person.google
    url, headers = (
        f"{google.url}/calendar/v3/calendars/primary/events",
        {"Authorization": f"Bearer {person.token}"},
    )
    with google.http.__class__() as fresh:
        try:
            answer = fresh.post(url, json={"summary": title, **timed()}, headers=headers, timeout=10)
            answer.json()
        except ValueError:
            return "not JSON"
        except OSError:
            return "broken off"
        return answer.status_code


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("status", 500),
        ("reset", "broken off"),
        ("truncate", "broken off"),
        ("html", "not JSON"),
        ("delay", 200),
    ],
)
def test_a_fault_strikes_before_or_after_the_effect(google, ana, kind, seen, when):
    google.fault(operation="events.insert", when=when, kind=kind)
    assert insert_raw(ana, "struck") == seen
    assert insert_raw(ana, "spared") == 200
    took_effect = when == "after" or kind == "delay"
    assert sorted(row["summary"] for row in ana.list()) == ["spared", *(["struck"] if took_effect else [])]


def test_a_fault_can_wait_repeat_and_choose_whom_it_strikes(google, ana, bob):
    google.fault(operation="events.list", email=ana.email, skip=1, times=2, status=503)
    seen = []
    for _ in range(5):
        bob.list()
        try:
            seen.append(len(ana.list()))
        except HttpError as error:
            seen.append(error.status_code)
    assert seen == [0, 503, 503, 0, 0]
    assert google.control("GET", "faults")["faults"][0]["hits"] == 2


def test_faults_can_be_aimed_at_one_event_and_taken_back(google, ana, refused):
    first, second = ana.insert(**timed()), ana.insert(**timed())
    google.fault(path=f"/{first['id']}$", status=404, reason="notFound", times=99)
    assert refused(ana.get, first["id"]) == (404, "notFound")
    ana.get(second["id"])
    google.control("DELETE", "faults")
    ana.get(first["id"])


@pytest.mark.parametrize(
    ("status", "reason", "domain"),
    [
        (403, "quotaExceeded", "usageLimits"),
        (403, "userRateLimitExceeded", "usageLimits"),
        (429, "rateLimitExceeded", "usageLimits"),
        (500, "backendError", "global"),
        (410, "fullSyncRequired", "calendar"),
    ],
)
def test_faults_come_in_googles_own_words(google, ana, status, reason, domain):
    google.fault(operation="events.list", status=status, reason=reason)
    headers = {"Authorization": f"Bearer {ana.token}"}
    answer = google.http.get(
        f"{google.url}/calendar/v3/calendars/primary/events", headers=headers, timeout=10
    )
    [error] = answer.json()["error"]["errors"]
    assert (answer.status_code, error["reason"], error["domain"]) == (status, reason, domain)
    assert error["message"] != reason


def test_a_full_listing_can_come_up_empty(google, ana):
    token = ana.token_now()
    ana.insert(summary="A", **timed())
    google.switch(empty_full_listing=True)
    assert ana.list() == []
    assert [row["summary"] for row in ana.changes(token)] == ["A"]


# -- limits ------------------------------------------------------------------------------------------------


def test_too_many_requests_a_minute_are_refused_for_that_person(google, ana, bob, refused):
    made = ana.insert(**timed())
    google.switch(user_per_minute=5)
    ana.patch(made["id"], summary="three units")
    ana.get(made["id"])
    ana.get(made["id"])
    assert refused(ana.get, made["id"]) == (403, "userRateLimitExceeded")
    bob.list()
    google.switch(limit_status=429)
    assert refused(ana.get, made["id"]) == (429, "rateLimitExceeded")


def test_a_limit_counts_the_last_minute_only(google, ana, refused):
    now = 1000.0
    google.server.gate.limits.clock = lambda: now
    google.switch(user_per_minute=2)
    ana.list()
    ana.list()
    assert refused(ana.list)[0] == 403
    now += 61
    assert ana.list() == []


def test_the_project_has_a_limit_too_and_quota_user_says_who_pays(google, ana, bob, refused):
    google.switch(user_per_minute=1)
    for payer in ("a", "b"):
        assert ana.events.list(calendarId="primary", quotaUser=payer).execute()["items"] == []
    again = ana.events.list(calendarId="primary", quotaUser="a")
    assert refused(again.execute) == (403, "userRateLimitExceeded")
    google.switch(user_per_minute=0, project_per_minute=1)
    ana.list()
    assert refused(bob.list) == (403, "rateLimitExceeded")


def test_large_answers_are_compressed_for_those_who_ask(google, ana):
    for number in range(5):
        ana.insert(summary=f"E{number}", **timed())
    url = f"{google.url}/calendar/v3/calendars/primary/events?access_token={ana.token}"
    packed = google.http.get(url, timeout=10)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.json()["items"]) == 5
