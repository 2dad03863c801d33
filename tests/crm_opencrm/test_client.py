"""Requests to a tenant: who gets in, what is tried again, how fast, and how many."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests

from calsync.crm.opencrm.answers import Rejected, edited_id, parse, retry_after, rows_of
from calsync.crm.opencrm.client import Client, Door
from calsync.crm.opencrm.pace import Budget, Pace
from calsync.model.errors import Later, Spent
from calsync.sandbox.opencrm.server import start
from calsync.sandbox.opencrm.tenant import API_KEY, PASS_KEY

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)


class Nap(threading.Event):
    """An event on which nobody waits for long; `slept` are the seconds that were asked for."""

    def __init__(self):
        super().__init__()
        self.slept = []

    def wait(self, timeout=None):
        self.slept.append(timeout)
        return False


class Desk:
    """A client with a tenant of its own. `time` is a clock that only naps move."""

    def __init__(self, server, auth="form", per_second=1000.0, daily=0, key=API_KEY):
        self.server, self.nap, self.now = server, Nap(), NOW
        door = Door(server.url, key, PASS_KEY, auth)
        self.paced = []
        pace = Pace(per_second, lambda: sum(self.paced), self.paced.append)
        self.budget = Budget(daily, lambda: self.now)
        self.client = Client(door, pace, self.budget, lambda: self.now, self.nap)

    def control(self, method, path, **body):
        answer = requests.request(method, f"{self.server.url}/control/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def requests(self):
        return self.control("GET", "counters")["requests"]


@pytest.fixture
def server():
    with start() as made:
        yield made


@pytest.fixture
def desk(server):
    return Desk(server)


@pytest.mark.parametrize("auth", ["form", "headers", "login"])
def test_each_way_in_works(server, auth):
    desk = Desk(server, auth)
    assert desk.client.read("get_activity_list", {}) == []
    assert desk.client.write("edit_activity", {"crmid": "0", "subject": "A"}) > 0


def test_a_session_that_ended_is_opened_again(server):
    desk = Desk(server, "login")
    desk.client.read("get_activity_list", {})
    desk.control("POST", "expire")
    assert desk.client.write("edit_activity", {"crmid": "0", "subject": "A"}) > 0
    assert desk.requests()["login"] == 2


@pytest.mark.parametrize("auth", ["form", "headers", "login"])
def test_wrong_keys_are_named_and_not_tried_again(server, auth):
    desk = Desk(server, auth, key="wrong")
    with pytest.raises(Later) as refused:
        desk.client.read("get_activity_list", {})
    assert "crm.opencrm.key_file" in refused.value.reason
    assert refused.value.after == 300
    assert sum(desk.requests().values()) == 1


@pytest.mark.parametrize("kind", ["status", "reset", "truncate", "html"])
def test_reads_are_tried_again(desk, kind):
    desk.control("POST", "faults", operation="get_activity_list", kind=kind, times=2)
    assert desk.client.read("get_activity_list", {}) == []
    assert desk.requests()["get_activity_list"] == 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["status", "reset", "truncate", "html"])
def test_writes_are_never_sent_twice(desk, kind, when):
    desk.control("POST", "faults", operation="edit_activity", kind=kind, when=when, times=1)
    with pytest.raises(Later):
        desk.client.write("edit_activity", {"crmid": "0", "subject": "A"})
    assert desk.requests()["edit_activity"] == 1


def test_errors_of_the_interface_are_no_reason_to_try_again(desk):
    with pytest.raises(Rejected) as refused:
        desk.client.read("get_activity", {"crmid": "1"})
    assert "record not found" in refused.value.reason
    assert desk.requests()["get_activity"] == 1


def test_a_short_retry_after_is_waited_for_and_a_long_one_is_passed_on(desk):
    desk.control("POST", "faults", operation="get_activity_list", status=429, seconds=5)
    desk.client.read("get_activity_list", {})
    assert max(desk.nap.slept) >= 5
    desk.control("POST", "faults", operation="get_activity_list", status=503, seconds=900)
    with pytest.raises(Later) as later:
        desk.client.read("get_activity_list", {})
    assert later.value.after == 900


def test_a_limit_inside_of_200_is_a_limit(desk):
    desk.control("POST", "switches", per_minute=1, limit_answer="error")
    desk.client.read("get_activity_list", {})
    with pytest.raises(Later) as later:
        desk.client.write("edit_activity", {"crmid": "0", "subject": "A"})
    assert later.value.after == 60


def test_requests_keep_their_pace(server):
    desk = Desk(server, per_second=2)
    for _ in range(4):
        desk.client.read("get_activity_list", {})
    assert desk.paced == pytest.approx([0.5, 0.5, 0.5])


def test_a_day_has_so_many_requests_and_no_more(server):
    desk = Desk(server, daily=2)
    for _ in range(2):
        desk.client.read("get_activity_list", {})
    with pytest.raises(Spent) as spent:
        desk.client.read("get_activity_list", {})
    assert spent.value.after == 15 * 3600
    assert desk.requests()["get_activity_list"] == 2
    desk.now += timedelta(days=1)
    desk.client.read("get_activity_list", {})


def test_an_error_repeats_nothing_of_what_was_sent():
    body = b'{"error": "Invalid value: Dentist ana@example.com 4711"}'
    with pytest.raises(Rejected) as refused:
        parse("edit_activity", 200, body, None)
    assert refused.value.reason == "CRM edit_activity: invalid value"


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (7, "7"),
        ("7", "7"),
        ({"crmid": 7}, "7"),
        ({"record_id": "7"}, "7"),
        ({"id": "7"}, "7"),
        ("0", ""),
        (None, ""),
        (True, ""),
    ],
)
def test_ids_of_what_was_written(answer, key):
    assert edited_id(answer) == key


@pytest.mark.parametrize(
    ("answer", "rows"),
    [([], 0), (None, 0), ({}, 0), ({"id": "1"}, 1), ([{"crmid": 1}, {"crmid": 2}], 2)],
)
def test_lists_in_any_shape(answer, rows):
    assert len(rows_of("m", answer)) == rows


@pytest.mark.parametrize("answer", ["text", 5, [1], [{"subject": "x"}], {"subject": "x"}])
def test_what_is_no_list_is_not_taken_for_an_empty_one(answer):
    with pytest.raises(Later):
        rows_of("m", answer)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Mon, 04 May 2026 09:00:30 GMT", 30.0),
        ("Mon, 04 May 2026 08:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after(header, NOW) == seconds
