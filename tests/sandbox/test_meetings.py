"""Organiser and guests: who has a copy of what, and who may change it."""

import pytest

from tests.sandbox.times import guests, instance, timed, weekly


@pytest.fixture
def cho(google):
    return google.person("cho")


@pytest.fixture
def meeting(ana, bob, cho):
    """Ana's meeting with Bob, Cho and somebody outside."""
    people = guests(ana, bob, cho, "x@other.test", ana="accepted")
    return ana.insert(summary="Plan", location="Room", attendees=people, **timed())


def answer_of(event, person):
    return next(one["responseStatus"] for one in event["attendees"] if one["email"] == person.email)


def answering(event, person, answer):
    """Return the guest list with one changed answer."""
    return [
        one | ({"responseStatus": answer} if one["email"] == person.email else {})
        for one in event["attendees"]
    ]


def test_every_guest_with_an_account_here_gets_a_copy(ana, bob, meeting):
    [copy] = bob.list()
    assert (copy["id"], copy["iCalUID"]) == (meeting["id"], meeting["iCalUID"])
    assert copy["organizer"] == copy["creator"] == {"email": ana.email}
    own = {one["email"] for one in copy["attendees"] if one.get("self")}
    assert own == {bob.email}
    assert next(one for one in copy["attendees"] if one["email"] == ana.email)["organizer"] is True
    assert meeting["organizer"] == {"email": ana.email, "self": True}
    assert (copy["summary"], copy["location"]) == ("Plan", "Room")


def test_the_organisers_changes_reach_the_copies(ana, bob, meeting):
    token = bob.token_now()
    ana.patch(meeting["id"], summary="Plan B", location=None)
    [change] = bob.changes(token)
    assert (change["summary"], "location" in change) == ("Plan B", False)
    assert change["sequence"] == 1


def test_what_is_ones_own_stays_ones_own(ana, bob, meeting):
    mine = {
        "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 3}]},
        "colorId": "5",
        "transparency": "transparent",
        "visibility": "private",
        "extendedProperties": {"private": {"a": "1"}},
    }
    bob.patch(meeting["id"], **mine)
    assert not mine.keys() & ana.get(meeting["id"]).keys() - {"reminders"}
    assert ana.get(meeting["id"])["reminders"] == {"useDefault": True}
    ana.patch(
        meeting["id"], summary="Plan B", extendedProperties={"shared": {"s": "1"}, "private": {"b": "2"}}
    )
    copy = bob.get(meeting["id"])
    assert copy["summary"] == "Plan B"
    assert {name: copy[name] for name in mine.keys() - {"extendedProperties"}} == {
        name: mine[name] for name in mine.keys() - {"extendedProperties"}
    }
    assert copy["extendedProperties"] == {"shared": {"s": "1"}, "private": {"a": "1"}}


def test_ones_own_changes_disturb_nobody_else(ana, bob, cho, meeting):
    tokens = {person: person.token_now() for person in (ana, cho)}
    assert bob.patch(meeting["id"], colorId="5")["etag"] != meeting["etag"]
    assert ana.get(meeting["id"])["etag"] == meeting["etag"]
    assert [person.changes(token) for person, token in tokens.items()] == [[], []]


def test_an_answer_reaches_the_organiser_and_all_copies(ana, bob, cho, meeting):
    tokens = {person: person.token_now() for person in (ana, cho)}
    answered = bob.patch(meeting["id"], attendees=answering(meeting, bob, "accepted"))
    assert answer_of(answered, bob) == "accepted"
    for person, token in tokens.items():
        [change] = person.changes(token)
        assert answer_of(change, bob) == "accepted"
        assert answer_of(change, cho) == "needsAction"


def test_an_answer_alone_is_enough_when_the_others_are_omitted(ana, bob, meeting):
    own = [{"email": bob.email, "responseStatus": "tentative"}]
    bob.patch(meeting["id"], attendees=own, attendeesOmitted=True)
    shown = ana.get(meeting["id"])
    assert (answer_of(shown, bob), len(shown["attendees"])) == ("tentative", 4)


def test_a_guest_cannot_leave_by_dropping_out_of_the_list(bob, ana, meeting, refused):
    status = refused(bob.patch, meeting["id"], attendees=guests(ana))
    assert status == (400, "participantIsNeitherOrganizerNorAttendee")


def test_guests_cannot_remove_others_but_may_bring_some(ana, bob, meeting):
    bob.patch(meeting["id"], attendees=guests(bob, "new@other.test"))
    emails = [one["email"] for one in ana.get(meeting["id"])["attendees"]]
    assert emails == [one["email"] for one in meeting["attendees"]] + ["new@other.test"]


def test_guests_bring_nobody_when_the_organiser_said_no(ana, bob, meeting):
    ana.patch(meeting["id"], guestsCanInviteOthers=False)
    bob.patch(meeting["id"], attendees=[*bob.get(meeting["id"])["attendees"], {"email": "new@other.test"}])
    assert len(ana.get(meeting["id"])["attendees"]) == 4


def test_a_guest_who_deletes_declines(ana, bob, cho, meeting):
    bob.delete(meeting["id"])
    assert bob.get(meeting["id"])["status"] == "cancelled"
    assert answer_of(ana.get(meeting["id"]), bob) == "declined"
    assert answer_of(cho.get(meeting["id"]), bob) == "declined"


def test_a_copy_that_was_deleted_stays_away_and_cannot_be_revived_by_its_guest(ana, bob, meeting, refused):
    bob.delete(meeting["id"])
    ana.patch(meeting["id"], summary="Plan B")
    assert bob.list() == []
    assert refused(bob.patch, meeting["id"], status="confirmed") == (403, "forbidden")


def test_a_guest_who_is_asked_again_gets_the_copy_back(ana, bob, meeting):
    bob.delete(meeting["id"])
    ana.patch(meeting["id"], attendees=answering(ana.get(meeting["id"]), bob, "needsAction"))
    assert [row["summary"] for row in bob.list()] == ["Plan"]


def test_the_organisers_deletion_takes_all_copies_away(ana, bob, cho, meeting):
    tokens = {person: person.token_now() for person in (bob, cho)}
    ana.delete(meeting["id"])
    for person, token in tokens.items():
        assert [(row["id"], row["status"]) for row in person.changes(token)] == [(meeting["id"], "cancelled")]


def test_a_guest_who_is_taken_off_the_list_loses_the_copy_and_gets_it_back_when_invited_again(
    ana, bob, meeting
):
    ana.patch(meeting["id"], attendees=[one for one in meeting["attendees"] if one["email"] != bob.email])
    assert bob.get(meeting["id"])["status"] == "cancelled"
    ana.patch(meeting["id"], attendees=meeting["attendees"])
    assert bob.get(meeting["id"])["status"] == "confirmed"


def test_inviting_later_is_inviting(ana, bob):
    made = ana.insert(summary="Alone", **timed())
    assert bob.list() == []
    ana.patch(made["id"], attendees=guests(bob))
    assert [row["summary"] for row in bob.list()] == ["Alone"]


@pytest.mark.parametrize(
    "change",
    [{"summary": "Mine"}, timed(1), {"location": None}, {"guestsCanModify": True}],
    ids=["text", "time", "clearing", "rights"],
)
def test_a_guest_may_not_change_what_is_the_organisers(ana, bob, meeting, refused, change):
    before = bob.get(meeting["id"])
    assert refused(bob.patch, meeting["id"], **change) == (403, "forbiddenForNonOrganizer")
    assert bob.get(meeting["id"]) == before


def test_sending_the_same_back_is_no_change_of_the_organisers(bob, meeting):
    copy = bob.get(meeting["id"])
    assert bob.update(meeting["id"], copy | {"colorId": "7"})["colorId"] == "7"


@pytest.mark.parametrize("what_happens", ["ignore", "keep"])
def test_a_guests_edit_can_also_be_ignored_or_kept_until_the_organisers_next(
    google, ana, bob, meeting, what_happens
):
    google.switch(guest_edits=what_happens)
    shown = bob.patch(meeting["id"], summary="Mine", colorId="5")
    assert shown["summary"] == ("Plan" if what_happens == "ignore" else "Mine")
    assert shown["colorId"] == "5"
    assert ana.get(meeting["id"])["summary"] == "Plan"
    ana.patch(meeting["id"], location="Hall")
    assert bob.get(meeting["id"])["summary"] == "Plan"


def test_put_that_leaves_out_what_the_organiser_set_is_an_edit_of_it(google, ana, bob, meeting, refused):
    google.switch(guest_edits="ignore")
    ana.patch(meeting["id"], guestsCanInviteOthers=False)
    copy = bob.get(meeting["id"])
    del copy["guestsCanInviteOthers"]
    assert refused(bob.update, meeting["id"], copy) == (403, "forbiddenForNonOrganizer")


def test_private_properties_of_a_guest_can_be_refused(google, bob, meeting, refused):
    google.switch(guest_properties="refuse")
    marked = {"private": {"a": "1"}}
    assert refused(bob.patch, meeting["id"], extendedProperties=marked) == (403, "forbiddenForNonOrganizer")
    bob.patch(meeting["id"], colorId="5")


def test_guests_who_may_modify_change_the_meeting_for_all(ana, bob, cho, meeting):
    ana.patch(meeting["id"], guestsCanModify=True)
    bob.patch(meeting["id"], summary="Ours", location=None, **timed(1))
    for person in (ana, bob, cho):
        shown = person.get(meeting["id"])
        assert (shown["summary"], "location" in shown) == ("Ours", False)
        assert shown["start"]["dateTime"] == "2030-03-05T09:00:00Z"


def test_a_hidden_guest_list_shows_oneself_only(ana, bob, meeting):
    ana.patch(meeting["id"], guestsCanSeeOtherGuests=False)
    shown = bob.get(meeting["id"])
    assert [one["email"] for one in shown["attendees"]] == [bob.email]
    assert shown["attendeesOmitted"] is True
    assert len(ana.get(meeting["id"])["attendees"]) == 4


def test_copies_of_a_series_have_its_exceptions(ana, bob):
    series = ana.insert(summary="Weekly", attendees=guests(bob), **weekly())
    ana.patch(instance(series, 1), summary="Moved", **timed(8))
    ana.delete(instance(series, 2))
    rows = {row["id"]: row for row in bob.list()}
    assert rows[instance(series, 1)]["summary"] == "Moved"
    assert rows[instance(series, 2)]["status"] == "cancelled"
    assert rows[series["id"]]["recurrence"] == series["recurrence"]


def test_who_is_invited_to_a_series_later_gets_its_exceptions_too(ana, bob):
    series = ana.insert(summary="Weekly", **weekly())
    ana.patch(instance(series, 1), summary="Moved")
    ana.delete(instance(series, 2))
    ana.patch(series["id"], attendees=guests(bob))
    rows = {row["id"]: row for row in bob.list()}
    assert rows[instance(series, 1)]["summary"] == "Moved"
    assert rows[instance(series, 2)]["status"] == "cancelled"


def test_an_answer_for_one_occurrence_is_an_exception_on_both_sides(ana, bob):
    series = ana.insert(summary="Weekly", attendees=guests(bob), **weekly())
    bob.patch(instance(series, 1), attendees=guests(bob, bob="accepted"))
    assert answer_of(ana.get(instance(series, 1)), bob) == "accepted"
    assert answer_of(ana.get(series["id"]), bob) == "needsAction"
    bob.delete(instance(series, 2))
    assert answer_of(ana.get(instance(series, 2)), bob) == "declined"
    assert bob.get(instance(series, 2))["status"] == "cancelled"
    assert bob.get(series["id"])["status"] == "confirmed"


def test_a_guest_of_one_occurrence_gets_it_without_its_series(ana, bob, refused):
    series = ana.insert(summary="Weekly", **weekly())
    ana.patch(instance(series, 1), attendees=guests(bob))
    [row] = bob.list()
    assert (row["id"], row["recurringEventId"]) == (instance(series, 1), series["id"])
    assert row["start"]["dateTime"] == "2030-03-11T09:00:00Z"
    assert row["originalStartTime"]["dateTime"] == "2030-03-11T09:00:00Z"
    assert refused(bob.get, series["id"]) == (404, "notFound")


def test_a_guest_taken_off_one_occurrence_loses_that_one(ana, bob):
    series = ana.insert(attendees=guests(bob, "x@other.test"), **weekly())
    ana.patch(instance(series, 1), attendees=guests("x@other.test"))
    assert bob.get(instance(series, 1))["status"] == "cancelled"
    assert bob.get(instance(series, 2))["status"] == "confirmed"


def test_deleting_a_series_takes_its_copies_away(ana, bob):
    series = ana.insert(attendees=guests(bob), **weekly())
    ana.patch(instance(series, 1), summary="Moved")
    ana.delete(series["id"])
    assert bob.list() == []


def test_this_and_following_splits_the_copies_too(google, ana, bob):
    series = ana.insert(summary="Weekly", attendees=guests(bob), **weekly())
    path = f"accounts/{ana.email}/events/{series['id']}/split"
    google.control("POST", path, {"at": "2030-03-18T09:00:00+00:00"})
    assert [row["id"] for row in bob.list()] == [series["id"], f"{series['id']}_R20300318T090000"]


def test_an_import_invites_nobody(ana, bob):
    ana.events.import_(calendarId="primary", body=timed(iCalUID="u@x.test", attendees=guests(bob))).execute()
    assert bob.list() == []


def test_a_calendar_of_its_own_is_the_organiser_of_its_events(google, ana):
    other = google.control("POST", "calendars", {"email": ana.email, "summary": "Team"})["id"]
    made = ana.events.insert(calendarId=other, body=timed(attendees=guests(ana))).execute()
    assert made["organizer"] == {"email": other, "displayName": "Team", "self": True}
    assert made["creator"] == {"email": ana.email}
    [copy] = ana.list()
    assert (copy["id"], copy["organizer"]["email"]) == (made["id"], other)


# -- moving ------------------------------------------------------------------------------------------------


@pytest.fixture
def other(google, ana):
    """Ana's second calendar."""
    return google.control("POST", "calendars", {"email": ana.email, "summary": "Team"})["id"]


def move(person, event_id, destination):
    return person.events.move(calendarId="primary", eventId=event_id, destination=destination).execute()


def test_moving_keeps_the_id_changes_the_organiser_and_leaves_a_tombstone(ana, bob, other):
    made = ana.insert(summary="Plan", attendees=guests(bob), **timed())
    token = ana.token_now()
    moved = move(ana, made["id"], other)
    assert (moved["id"], moved["organizer"]["email"]) == (made["id"], other)
    assert [(row["id"], row["status"]) for row in ana.changes(token)] == [(made["id"], "cancelled")]
    assert bob.get(made["id"])["organizer"]["email"] == other
    ana.events.patch(calendarId=other, eventId=made["id"], body={"summary": "B"}).execute()
    assert bob.get(made["id"])["summary"] == "B"


def test_a_series_moves_with_its_exceptions(ana, other):
    series = ana.insert(summary="Weekly", **weekly())
    ana.patch(instance(series, 1), summary="Moved")
    move(ana, series["id"], other)
    rows = ana.events.list(calendarId=other).execute()["items"]
    assert sorted(row["summary"] for row in rows) == ["Moved", "Weekly"]


def test_what_cannot_be_moved(ana, bob, other, refused):
    series = ana.insert(attendees=guests(bob), **weekly())
    assert refused(move, ana, instance(series, 1), other) == (400, "cannotChangeOrganizerOfInstance")
    assert refused(move, bob, series["id"], bob.email) == (400, "cannotChangeOrganizer")
    focus = ana.insert(eventType="focusTime", **timed())
    assert refused(move, ana, focus["id"], other) == (400, "eventTypeRestriction")
    assert refused(move, ana, series["id"], "nowhere@x.test") == (404, "notFound")


# -- mails -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("send", "mailed"),
    [
        ("all", {"bob@example.com", "x@other.test"}),
        ("externalOnly", {"x@other.test"}),
        ("none", set()),
        ("", set()),
    ],
)
def test_whom_an_invitation_is_mailed_to(google, ana, bob, send, mailed):
    options = {"sendUpdates": send} if send else {}
    ana.insert(attendees=guests(ana, bob, "x@other.test"), **timed(), **options)
    assert google.mails() == [(email, "invitation") for email in sorted(mailed)]


def test_guests_learn_of_changes_and_cancellations_and_organisers_of_answers(google, ana, bob, meeting):
    left = [one for one in meeting["attendees"] if one["email"] != bob.email]
    ana.patch(meeting["id"], send="all", attendees=left)
    assert google.mails() == [
        (bob.email, "cancellation"),
        ("cho@example.com", "update"),
        ("x@other.test", "update"),
    ]
    ana.patch(meeting["id"], attendees=meeting["attendees"])
    bob.patch(meeting["id"], send="all", colorId="5")
    assert google.mails() == []
    bob.patch(meeting["id"], send="all", attendees=answering(meeting, bob, "accepted"))
    assert google.mails() == [(ana.email, "response")]
    bob.delete(meeting["id"], send="all")
    assert google.mails() == [(ana.email, "response")]
    ana.delete(meeting["id"], send="externalOnly")
    assert google.mails() == [("x@other.test", "cancellation")]


@pytest.mark.parametrize("send", ["", "none"])
def test_some_mails_go_out_unasked_when_switched_on_and_nothing_was_said(google, ana, send):
    google.switch(unasked_mails=True)
    options = {"sendUpdates": send} if send else {}
    ana.insert(attendees=guests("x@other.test"), **timed(), **options)
    assert google.mails() == ([] if send else [("x@other.test", "invitation")])
