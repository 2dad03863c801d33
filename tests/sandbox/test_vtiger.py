"""The stand-in for vtiger answers as webservice.php does: logins, queries, permissions, tombstones, errors."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import requests

from calsync.sandbox.vtiger.server import start

FORM = {
    "subject": "Call",
    "date_start": "2026-05-04",
    "time_start": "09:00:00",
    "due_date": "2026-05-04",
    "time_end": "10:00:00",
    "duration_hours": "1",
    "eventstatus": "Planned",
    "activitytype": "Call",
    "visibility": "Public",
}


class Desk:
    """A user at the web service."""

    def __init__(self, server, login, **facts):
        self.server, self.login = server, login
        self.key = self.control("POST", "users", {"login": login} | facts)["access_key"]
        self.session = ""
        answer = self.log_in()
        self.session, self.id = answer["sessionName"], answer["userId"]

    def control(self, method, path, body=None):
        answer = requests.request(method, f"{self.server.url}/control/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def send(self, method, operation, **form):
        where = "params" if method == "GET" else "data"
        form |= {"operation": operation} | ({"sessionName": self.session} if self.session else {})
        answer = requests.request(method, f"{self.server.url}/webservice.php", timeout=10, **{where: form})
        assert answer.status_code == 200
        return answer.json()

    def ask(self, method, operation, **form):
        document = self.send(method, operation, **form)
        assert document["success"], document
        return document["result"]

    def refusal(self, method, operation, **form):
        document = self.send(method, operation, **form)
        assert not document["success"]
        return document["error"]["code"]

    def log_in(self, key=None):
        token = self.ask("GET", "getchallenge", username=self.login)["token"]
        digest = hashlib.md5(f"{token}{key or self.key}".encode()).hexdigest()
        return self.ask("POST", "login", username=self.login, accessKey=digest)

    def add(self, **fields):
        element = json.dumps(FORM | {"assigned_user_id": self.id} | fields)
        return self.ask("POST", "create", elementType="Events", element=element)

    def query(self, text):
        return self.ask("GET", "query", query=text)


@pytest.fixture
def server():
    with start() as made:
        yield made


@pytest.fixture
def ana(server):
    return Desk(server, "ana")


@pytest.fixture
def ben(server):
    return Desk(server, "ben")


def test_a_login_needs_the_digest_of_a_fresh_token_and_the_key(ana):
    token = ana.ask("GET", "getchallenge", username="ana")["token"]
    assert ana.refusal("POST", "login", username="ana", accessKey="0" * 32) == "INVALID_USER_CREDENTIALS"
    used = hashlib.md5(f"{token}{ana.key}".encode()).hexdigest()
    assert ana.refusal("POST", "login", username="ana", accessKey=used) == "INVALID_AUTH_TOKEN"
    assert ana.refusal("GET", "login", username="ana", accessKey=used) == "UNKNOWN_OPERATION"


def test_sessions_end_when_nobody_uses_them_and_after_a_day(ana):
    for seconds, code in ((1801, "SESSION_LEFT_IDLE"), (0, "INVALID_SESSIONID")):
        ana.control("POST", "switches", {"clock_ahead_seconds": seconds})
        assert ana.refusal("GET", "listtypes") == code
    ana.session = ana.log_in()["sessionName"]
    ana.control("POST", "switches", {"clock_ahead_seconds": 86401})
    assert ana.refusal("GET", "listtypes") == "SESSION_EXPIRED"
    ana.session = ""
    assert ana.refusal("GET", "listtypes") == "AUTHENTICATION_REQUIRED"


def test_records_are_created_read_revised_and_deleted(ana):
    made = ana.add(location="Hall", reminder_time="900")
    assert made["id"].startswith("18x")
    assert ana.ask("GET", "retrieve", id=made["id"]) == made
    revised = ana.ask("POST", "revise", element=json.dumps({"id": made["id"], "subject": "Other"}))
    assert (revised["subject"], revised["location"]) == ("Other", "Hall")
    assert revised["reminder_time"] == "", "a write that does not name the reminder takes it away"
    assert ana.ask("POST", "delete", id=made["id"]) == {"status": "successful"}
    assert ana.refusal("GET", "retrieve", id=made["id"]) == "ACCESS_DENIED"
    assert ana.refusal("GET", "retrieve", id="18x99999") == "RECORD_NOT_FOUND"
    assert ana.refusal("GET", "retrieve", id="x") == "INVALID_ID_ATTRIBUTE"


def test_what_is_missing_or_points_nowhere_is_refused(ana):
    for fields, code in (
        ({"subject": ""}, "MANDATORY_FIELDS_MISSING"),
        ({"assigned_user_id": "19x9"}, "REFERENCE_INVALID"),
    ):
        element = json.dumps(FORM | {"assigned_user_id": ana.id} | fields)
        assert ana.refusal("POST", "create", elementType="Events", element=element) == code


def test_texts_are_kept_as_its_tables_keep_them(ana):
    made = ana.add(subject="é" * 120, description="🎉", location="x" * 200)
    assert (made["subject"], made["description"], len(made["location"])) == ("é" * 100, "????", 150)
    ana.control("POST", "switches", {"wide": "keep", "subject_limit": 255})
    assert ana.add(subject="🎉" * 120)["subject"] == "🎉" * 120


def test_queries_have_conditions_order_and_at_most_a_hundred_rows(ana):
    for number in range(105):
        ana.add(subject=f"s{number:03}", location="it's" if number % 2 else "100%")
    rows = ana.query(
        "SELECT id, subject FROM Events WHERE subject >= 'S001' ORDER BY subject DESC LIMIT 0, 500;"
    )
    assert [row["subject"] for row in rows] == [f"s{number:03}" for number in range(104, 4, -1)]
    assert set(rows[0]) == {"id", "subject"}
    rest = ana.query("select * from Events order by id limit 100, 100;")
    assert [row["subject"] for row in rest] == ["s100", "s101", "s102", "s103", "s104"]
    assert ana.query("SELECT count(*) FROM Events WHERE location = 'it\\'s';") == [{"count": "52"}]
    assert ana.query("SELECT count(*) FROM Events WHERE location LIKE '100_' AND subject != 's000';") == [
        {"count": "52"}
    ]
    assert len(ana.query(f"SELECT * FROM Events WHERE id = '{rest[0]['id']}' OR subject = 'S001';")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM Events",
        "SELECT * FROM Contacts;",
        "SELECT nothing FROM Events;",
        "SELECT * FROM Events WHERE nothing = '1';",
        "SELECT * FROM Events WHERE subject = 'open;",
        "DELETE FROM Events;",
        "",
    ],
)
def test_what_is_no_query_is_refused(ana, text):
    assert ana.refusal("GET", "query", query=text) == "QUERY_SYNTAX_ERROR"


def test_people_see_their_own_and_what_is_public_and_shared_with_them(ana, ben):
    shown, private = ben.add(subject="shown"), ben.add(subject="private", visibility="Private")
    everything = "SELECT * FROM Events;"
    assert ana.query(everything) == []
    ana.control("POST", "users", {"login": "ben", "shares_with": ["ana"]})
    assert [row["subject"] for row in ana.query(everything)] == ["shown"]
    assert ana.query("SELECT count(*) FROM Events;") == [{"count": "2"}]
    assert ana.ask("GET", "retrieve", id=shown["id"])["subject"] == "shown"
    assert ana.refusal("GET", "retrieve", id=private["id"]) == "ACCESS_DENIED"
    assert (
        ana.refusal("POST", "revise", element=json.dumps({"id": shown["id"], "subject": "x"}))
        == "ACCESS_DENIED"
    )
    assert ana.refusal("POST", "delete", id=shown["id"]) == "ACCESS_DENIED"
    ana.control("POST", "switches", {"query_shows_private": True})
    assert len(ana.query(everything)) == 2
    assert ana.refusal("GET", "retrieve", id=ben.id) == "ACCESS_DENIED"
    assert ana.ask("GET", "retrieve", id=ana.id)["time_zone"] == "Europe/London"


def test_sync_tells_the_owner_what_changed_after_a_second_and_what_was_deleted(ana, ben):
    made, other = ana.add(subject="a"), ben.add(subject="b")
    stamp = int(datetime.fromisoformat(made["modifiedtime"]).replace(tzinfo=UTC).timestamp())
    told = ana.ask("GET", "sync", modifiedTime=str(stamp - 1), elementType="Events")
    assert ([row["subject"] for row in told["updated"]], told["deleted"], told["more"]) == (["a"], [], False)
    assert ana.ask("GET", "sync", modifiedTime=str(stamp), elementType="Events")["updated"] == []
    ana.control("POST", "switches", {"clock_ahead_seconds": 60})
    ana.ask("POST", "delete", id=made["id"])
    ben.ask("POST", "delete", id=other["id"])
    told = ana.ask("GET", "sync", modifiedTime=str(stamp), elementType="Events")
    assert (told["updated"], told["deleted"]) == ([], [made["id"]])
    assert told["lastModifiedTime"] >= stamp + 59
    ana.control("POST", "switches", {"sync_ahead_seconds": 3600})
    assert ana.ask("GET", "sync", modifiedTime=str(stamp), elementType="Events")["deleted"] == []


def test_sync_is_broken_on_php_8(ana):
    ana.control("POST", "switches", {"sync": "broken"})
    form = {"operation": "sync", "sessionName": ana.session, "modifiedTime": "0", "elementType": "Events"}
    answer = requests.get(f"{ana.server.url}/webservice.php", params=form, timeout=10)
    assert (answer.status_code, answer.text) == (500, "")


def test_describe_says_what_the_caller_may_do(ana):
    assert ana.ask("GET", "describe", elementType="Events")["deleteable"]
    ana.control("POST", "rights", {"login": "ana", "may_write": False})
    rights = ana.ask("GET", "describe", elementType="Events")
    assert (rights["createable"], rights["updateable"], rights["deleteable"]) == (False, False, False)
    element = json.dumps(FORM | {"assigned_user_id": ana.id})
    assert ana.refusal("POST", "create", elementType="Events", element=element) == "ACCESS_DENIED"


def test_people_work_at_its_pages_and_unknown_orders_are_refused(ana):
    made = ana.control("POST", "events/ana", FORM)
    ana.control("PATCH", f"events/ana/{made['id']}", {"subject": "changed"})
    assert [event["subject"] for event in ana.control("GET", "events/ana")["events"]] == ["changed"]
    ana.control("DELETE", f"events/ana/{made['id']}")
    assert ana.control("GET", "events/ana")["events"] == []
    for path, body in (("nothing", {}), ("switches", {"nothing": 1}), ("events/ana/18x1", {})):
        method = "PATCH" if path.startswith("events") else "POST"
        assert (
            requests.request(method, f"{ana.server.url}/control/{path}", json=body, timeout=10).status_code
            == 404
        )


def test_a_fault_strikes_before_or_after_a_write(ana):
    ana.control("POST", "faults", {"operation": "create", "when": "after", "kind": "reset"})
    with pytest.raises(requests.ConnectionError):
        ana.add()
    assert len(ana.control("GET", "events/ana")["events"]) == 1
    ana.control("POST", "faults", {"operation": "query", "status": 503})
    form = {"operation": "query", "sessionName": ana.session, "query": "SELECT * FROM Events;"}
    assert requests.get(f"{ana.server.url}/webservice.php", params=form, timeout=10).status_code == 503
    assert len(ana.query(form["query"])) == 1


def test_it_runs_as_a_process_of_its_own():
    process = subprocess.Popen([sys.executable, "-m", "calsync.sandbox.vtiger"], stdout=subprocess.PIPE)
    try:
        url = json.loads(process.stdout.readline())["url"]
        assert requests.get(f"{url}/control/counters", timeout=10).json() == {"requests": {}}
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
        process.stdout.close()


def test_the_date_of_answers_is_that_of_the_server_s_clock(ana):
    ana.control("POST", "switches", {"clock_ahead_seconds": 86_400 * 2})
    date = requests.get(f"{ana.server.url}/control/counters", timeout=10).headers["Date"]
    shown = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert shown - datetime.now(UTC) > timedelta(days=1)
