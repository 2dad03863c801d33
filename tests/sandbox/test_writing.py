"""Writing events: what Google takes, changes silently, and refuses."""

import pytest

from tests.sandbox.times import all_day, guests, instance, timed, weekly


def test_an_event_comes_back_with_all_that_google_adds(ana):
    made = ana.insert(summary="Plan", description="<b>bold</b>", **timed())
    assert made["iCalUID"] == f"{made['id']}@google.com"
    assert (made["status"], made["sequence"], made["eventType"]) == ("confirmed", 0, "default")
    assert made["creator"] == made["organizer"] == {"email": ana.email, "self": True}
    assert made["description"] == "<b>bold</b>"
    assert int(made["etag"].strip('"')) % 2 == 0
    assert ana.get(made["id"]) == made
    assert "visibility" not in made
    assert "transparency" not in made


def test_a_chosen_id_is_kept(ana):
    assert ana.insert(id="abcdef0123456789v", **timed())["id"] == "abcdef0123456789v"


@pytest.mark.parametrize("bad", ["abcw1", "abc-1", "ABCDE", "abcd", "ab_cd"])
def test_an_id_outside_base32hex_is_refused(ana, refused, bad):
    assert refused(ana.insert, id=bad, **timed()) == (400, "invalid")


def test_an_id_is_taken_for_ever_also_by_a_deleted_event(ana, refused):
    ana.insert(id="abcde", **timed())
    assert refused(ana.insert, id="abcde", **timed()) == (409, "duplicate")
    ana.delete("abcde")
    assert refused(ana.insert, id="abcde", **timed()) == (409, "duplicate")


def test_the_same_id_is_free_on_another_calendar(ana, bob):
    ana.insert(id="abcde", **timed())
    assert bob.insert(id="abcde", **timed())["id"] == "abcde"


def test_an_ical_uid_is_taken_too(ana, refused):
    ana.insert(iCalUID="u@x.test", **timed())
    assert refused(ana.insert, iCalUID="u@x.test", **timed()) == (409, "duplicate")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "required"),
        ({"start": timed()["start"]}, "required"),
        ({**timed(), "end": all_day()["end"]}, "invalid"),
        (timed(hours=-1), "timeRangeEmpty"),
        (all_day(length=0), "timeRangeEmpty"),
        (timed(zone="Europe/Nowhere"), "invalid"),
        ({"start": {"dateTime": "2030-01-01T09:00:00"}, "end": timed()["end"]}, "required"),
        ({**timed(), "start": {"dateTime": "2030-13-01T09:00:00Z"}}, "invalid"),
        (timed(recurrence=["RRULE:FREQ=SOMETIMES"]), "invalid"),
        (timed(recurrence=["DTSTART:20300101T090000Z"]), "invalid"),
        (timed(description="x" * 8193), "invalid"),
        (timed(attendees=[{"displayName": "Nobody"}]), "required"),
        (timed(attendees=[{"email": "a@x.test", "responseStatus": "perhaps"}]), "invalid"),
        (timed(reminders={"overrides": [{"method": "popup", "minutes": n} for n in range(6)]}), "invalid"),
        (timed(reminders={"overrides": [{"method": "popup", "minutes": 40321}]}), "invalid"),
        (timed(eventType="fromGmail"), "invalidEventType"),
        (timed(eventType="birthday"), "eventTypeRestriction"),
        (timed(eventType="workingLocation"), "malformedWorkingLocationEvent"),
    ],
)
def test_a_bad_body_is_refused_with_a_reason_and_stores_nothing(ana, refused, body, reason):
    assert refused(ana.insert, **body) == (400, reason)
    assert ana.list() == []


def test_a_recurring_event_needs_its_zone(ana, refused):
    body = weekly()
    del body["start"]["timeZone"]
    assert refused(ana.insert, **body) == (400, "required")


def test_zones_that_google_does_not_know_can_be_ordered_and_others_that_it_does(google, ana, refused):
    google.switch(refused_zones=["Europe/Kyiv"], odd_zones=["Mars/Olympus"])
    assert refused(ana.insert, **timed(zone="Europe/Kyiv")) == (400, "invalid")
    made = ana.insert(**timed(zone="Mars/Olympus"))
    assert made["start"]["timeZone"] == "Mars/Olympus"
    google.switch(odd_zones=[])
    assert refused(ana.patch, made["id"], summary="A", start=timed(zone="Mars/Olympus")["start"]) == (
        400,
        "invalid",
    )


def test_patch_changes_what_it_names_and_null_clears(ana):
    made = ana.insert(summary="A", location="Room", extendedProperties={"private": {"a": "1"}}, **timed())
    changed = ana.patch(made["id"], location=None, extendedProperties={"private": {"b": "2"}})
    assert (changed["summary"], "location" in changed) == ("A", False)
    assert changed["extendedProperties"] == {"private": {"a": "1", "b": "2"}}
    assert changed["etag"] != made["etag"]


def test_put_replaces_everything(ana):
    made = ana.insert(summary="A", location="Room", attendees=guests("x@other.test"), **timed())
    changed = ana.update(made["id"], {"summary": "B", **timed()})
    assert changed["summary"] == "B"
    assert not {"location", "attendees"} & changed.keys()


def test_a_write_to_another_version_than_expected_is_refused(ana, refused):
    made = ana.insert(summary="A", **timed())
    newer = ana.patch(made["id"], summary="B")
    for call in (ana.patch, ana.delete):
        assert refused(call, made["id"], match=made["etag"]) == (412, "conditionNotMet")
    assert refused(ana.update, made["id"], timed(), match=made["etag"]) == (412, "conditionNotMet")
    assert ana.get(made["id"]) == newer
    ana.patch(made["id"], match=newer["etag"], summary="C")
    ana.patch(made["id"], match="*", summary="D")
    assert ana.get(made["id"])["summary"] == "D"


def test_an_unchanged_event_is_not_sent_again(google, ana):
    made = ana.insert(**timed())
    url = f"{google.url}/calendar/v3/calendars/primary/events/{made['id']}"
    headers = {"Authorization": f"Bearer {ana.token}", "If-None-Match": made["etag"]}
    answer = google.http.get(url, headers=headers, timeout=10)
    assert (answer.status_code, answer.content) == (304, b"")
    ana.patch(made["id"], summary="new")
    assert google.http.get(url, headers=headers, timeout=10).status_code == 200


def test_deleting_is_soft_and_the_second_time_410(ana, refused):
    made = ana.insert(summary="A", **timed())
    ana.delete(made["id"])
    assert ana.get(made["id"])["status"] == "cancelled"
    assert refused(ana.delete, made["id"]) == (410, "deleted")


def test_what_never_existed_is_404_on_every_call(ana, refused):
    for call in (ana.get, ana.patch, ana.delete):
        assert refused(call, "neverwas") == (404, "notFound")
    assert refused(ana.update, "neverwas", timed()) == (404, "notFound")
    request = ana.events.list(calendarId="stranger@example.com")
    assert refused(request.execute) == (404, "notFound")


def test_a_deleted_event_lives_again_only_when_its_status_says_so(google, ana, refused):
    made = ana.insert(summary="A", **timed())
    ana.delete(made["id"])
    assert refused(ana.patch, made["id"], summary="B") == (403, "forbidden")
    assert refused(ana.update, made["id"], timed()) == (403, "forbidden")
    assert ana.patch(made["id"], status="confirmed")["summary"] == "A"
    ana.delete(made["id"])
    google.switch(put_revives=False)
    body = {"status": "confirmed", **timed()}
    assert refused(ana.update, made["id"], body) == (403, "forbidden")
    google.switch(put_revives=True)
    assert ana.update(made["id"], body)["status"] == "confirmed"


def test_status_cancelled_deletes(ana):
    made = ana.insert(**timed())
    ana.patch(made["id"], status="cancelled")
    assert ana.list() == []


def test_sequence_counts_times_rules_and_places_and_never_goes_back(ana, refused):
    made = ana.insert(summary="A", **timed())
    assert ana.patch(made["id"], summary="B")["sequence"] == 0
    assert ana.patch(made["id"], location="there")["sequence"] == 1
    assert ana.patch(made["id"], **timed(1))["sequence"] == 2
    assert refused(ana.update, made["id"], {"sequence": 1, **timed(1)}) == (400, "invalid")
    assert refused(ana.patch, made["id"], sequence=1) == (400, "invalid")
    assert ana.update(made["id"], {"sequence": 2, **timed(1)})["sequence"] == 3  # it dropped the place


def test_an_exception_counts_its_own_revisions_from_its_series_on(ana):
    series = ana.insert(**weekly())
    ana.patch(series["id"], location="there")
    assert ana.patch(instance(series, 1), **timed(8))["sequence"] == 2
    assert ana.get(series["id"])["sequence"] == 1


def test_long_properties_are_dropped_or_cut_without_a_word(ana):
    private = {"k" * 44: "v" * 1025, "k" * 45: "v"}
    made = ana.insert(extendedProperties={"private": private}, **timed())
    assert made["extendedProperties"]["private"] == {"k" * 44: "v" * 1024}


def test_too_many_properties_are_refused(ana, refused):
    many = {f"k{n}": "v" for n in range(301)}
    assert refused(ana.insert, extendedProperties={"private": many}, **timed()) == (400, "invalid")
    heavy = {f"k{n}": "v" * 1024 for n in range(33)}
    assert refused(ana.insert, extendedProperties={"shared": heavy}, **timed()) == (400, "invalid")


def test_googles_own_conference_text_does_not_come_back(ana):
    block = "-::~:~::~:~\nJoin by video\n:~:~::~:~::-"
    made = ana.insert(description=f"Agenda\n{block}", **timed())
    assert made["description"] == "Agenda\n"


@pytest.mark.parametrize("switch", [False, True])
def test_line_ends_become_html_when_switched_on(google, ana, switch):
    google.switch(html_normalise=switch)
    made = ana.insert(description="one\ntwo", **timed())
    assert made["description"] == ("one<br>two" if switch else "one\ntwo")


def test_a_conference_is_only_written_by_callers_who_know_of_it(ana):
    data = {"conferenceId": "abc", "conferenceSolution": {"name": "Meet"}}
    assert "conferenceData" not in ana.insert(conferenceData=data, **timed())
    request = ana.events.insert(
        calendarId="primary", body={"conferenceData": data, **timed()}, conferenceDataVersion=1
    )
    made = request.execute()
    assert made["conferenceData"] == data
    assert ana.patch(made["id"], conferenceData=None)["conferenceData"] == data
    assert ana.update(made["id"], timed())["conferenceData"] == data


def test_reminders_are_ones_own_and_do_not_move_updated(google, ana):
    made = ana.insert(**timed())
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}
    changed = ana.patch(made["id"], reminders=reminders)
    assert changed["reminders"] == reminders
    assert changed["updated"] == made["updated"]
    assert changed["etag"] != made["etag"]
    google.switch(reminders_move_etag=False)
    again = ana.patch(made["id"], reminders={"useDefault": True, "overrides": []})
    assert again["etag"] == changed["etag"]
    assert again["reminders"]["useDefault"] is True


@pytest.mark.parametrize("switch", [True, False])
def test_a_write_that_changes_nothing_is_a_change_or_not(google, ana, switch):
    google.switch(noop_moves_etag=switch)
    made = ana.insert(summary="A", **timed())
    token = ana.token_now()
    assert (ana.patch(made["id"], summary="A")["etag"] != made["etag"]) is switch
    assert len(ana.changes(token)) == int(switch)


def test_the_type_of_an_event_stays_and_a_birthday_bears_no_mark(ana, refused):
    made = ana.insert(**timed())
    assert refused(ana.patch, made["id"], eventType="focusTime") == (400, "eventTypeRestriction")
    body = all_day(
        eventType="birthday",
        visibility="private",
        transparency="transparent",
        recurrence=["RRULE:FREQ=YEARLY"],
    )
    birthday = ana.insert(summary="Zoe", **body)
    marked = {"private": {"a": "1"}}
    assert refused(ana.patch, birthday["id"], extendedProperties=marked) == (400, "eventTypeRestriction")
    assert refused(ana.patch, birthday["id"], location="home") == (400, "badRequest")
    assert ana.patch(birthday["id"], summary="Zoe's day")["summary"] == "Zoe's day"


def test_import_keeps_uid_and_organiser_and_mails_nobody(google, ana, refused):
    body = timed(iCalUID="u@x.test", organizer={"email": "boss@x.test"}, attendees=guests(ana), sequence=4)
    made = ana.events.import_(calendarId="primary", body=body).execute()
    assert (made["iCalUID"], made["sequence"]) == ("u@x.test", 4)
    assert made["organizer"] == {"email": "boss@x.test"}
    again = ana.events.import_(calendarId="primary", body=body)
    assert refused(again.execute) == (409, "duplicate")
    nameless = ana.events.import_(calendarId="primary", body=timed())
    assert refused(nameless.execute) == (400, "required")
    assert google.mails() == []


def test_a_body_that_is_not_json_is_refused(google, ana):
    url = f"{google.url}/calendar/v3/calendars/primary/events"
    headers = {"Authorization": f"Bearer {ana.token}"}
    answer = google.http.post(url, data=b"{", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "parseError")
