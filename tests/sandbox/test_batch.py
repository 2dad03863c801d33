"""Batches, by Google's own client."""

import pytest
from googleapiclient.errors import HttpError

from tests.sandbox.times import timed


def run(person, *requests):
    """Execute requests as one batch; return answers and errors in the order of the requests."""
    batch = person.service.new_batch_http_request()
    batch._batch_uri = f"{person.google.url}/batch/calendar/v3"
    answers = {}
    for request in requests:
        batch.add(request, callback=lambda name, answer, error: answers.update({name: error or answer}))
    batch.execute(http=person.events._http)
    return [answers[name] for name in sorted(answers, key=int)]


def shown(answers):
    """Return what became of each request: a title, or a status."""
    return [
        answer.status_code if isinstance(answer, HttpError) else (answer or {}).get("summary", "")
        for answer in answers
    ]


@pytest.mark.parametrize("shuffled", [False, True])
def test_each_request_of_a_batch_is_answered_and_counted_alone(google, ana, shuffled):
    google.switch(shuffle=shuffled)
    kept = ana.insert(summary="kept", **timed())
    doomed = ana.insert(summary="doomed", **timed())
    google.control("POST", "counters/reset")
    events = ana.events
    stale = events.patch(calendarId="primary", eventId=kept["id"], body={"summary": "x"})
    stale.headers["If-Match"] = '"1"'
    answers = run(
        ana,
        events.insert(calendarId="primary", body={"summary": "new", **timed()}),
        events.get(calendarId="primary", eventId=kept["id"]),
        events.get(calendarId="primary", eventId="neverwas"),
        stale,
        events.delete(calendarId="primary", eventId=doomed["id"]),
    )
    assert shown(answers) == ["new", "kept", 404, 412, ""]
    assert google.control("GET", "counters")["requests"] == {
        "events.insert": 1,
        "events.get": 2,
        "events.patch": 1,
        "events.delete": 1,
    }
    assert sorted(row["summary"] for row in ana.list()) == ["kept", "new"]


def test_two_writes_to_one_event_in_one_batch_conflict(ana):
    made = ana.insert(summary="A", **timed())
    writes = [
        ana.events.patch(calendarId="primary", eventId=made["id"], body={"summary": title}) for title in "BC"
    ]
    assert shown(run(ana, *writes)) == ["B", 409]
    assert ana.get(made["id"])["summary"] == "B"


def test_a_batch_holds_fifty_requests_unless_more_are_allowed(google, ana):
    def many():
        return [ana.events.get(calendarId="primary", eventId="neverwas") for _ in range(51)]

    with pytest.raises(HttpError) as caught:
        run(ana, *many())
    assert caught.value.status_code == 400
    google.switch(batch_limit=1000)
    assert shown(run(ana, *many())) == [404] * 51


def test_a_fault_strikes_one_request_of_a_batch(google, ana):
    google.fault(operation="events.insert", skip=1, status=403, reason="rateLimitExceeded")
    bodies = [{"summary": title, **timed()} for title in "ABC"]
    answers = run(ana, *(ana.events.insert(calendarId="primary", body=body) for body in bodies))
    assert shown(answers) == ["A", 403, "C"]
