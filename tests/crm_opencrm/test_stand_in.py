"""The stand-in speaks as tenants have been seen to, and as they may for all that is known."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import requests

from calsync.sandbox.opencrm.server import Server, start
from calsync.sandbox.opencrm.tenant import API_KEY, PASS_KEY

AGENT = {"User-Agent": "calsync/1"}
KEYS = {"key": API_KEY, "passkey": PASS_KEY}


@pytest.fixture
def tenant():
    with start() as server:
        control(server, "POST", "users", login="ana", email="ana@example.com")
        yield server


def control(server, method, path, **body):
    answer = requests.request(method, f"{server.url}/control/{path}", json=body, timeout=10)
    assert answer.ok, answer.text
    return answer.json()


def post(server, method, headers=AGENT, **form):
    return requests.post(f"{server.url}/api/rest/{method}", data=form, headers=headers, timeout=10)


def call(server, method, **form):
    answer = post(server, method, **KEYS, **form)
    assert answer.status_code == 200
    return answer.json()


def add(server, **values):
    return int(control(server, "POST", "activities", **{"owner": "ana", **values})["id"])


@pytest.mark.parametrize("agent", ["python-requests/2.32", "opencrm-Python/1", "curl/8.5"])
def test_a_firewall_turns_some_agents_away_in_html(tenant, agent):
    answer = post(tenant, "get_activity_list", {"User-Agent": agent}, **KEYS)
    assert answer.status_code == 403
    assert answer.text.startswith("<html>")


def test_keys_come_as_fields_as_headers_or_by_login(tenant):
    assert post(tenant, "get_activity_list", **KEYS).json() == []
    headers = {**AGENT, "KEY1": API_KEY, "KEY2": PASS_KEY}
    assert post(tenant, "get_activity_list", headers).json() == []
    access = call(tenant, "login")
    assert isinstance(access, str)
    assert post(tenant, "get_activity_list", accesskey=access).json() == []
    control(tenant, "POST", "expire")
    assert post(tenant, "get_activity_list", accesskey=access).json() == {"error": "Unauthorized"}


@pytest.mark.parametrize("form", [{}, {"apikey": API_KEY, "passkey": PASS_KEY}, {"key": "x", "passkey": "y"}])
def test_errors_come_with_status_200(tenant, form):
    answer = post(tenant, "get_activity_list", **form)
    assert (answer.status_code, answer.json()) == (200, {"error": "Unauthorized"})


def test_one_method_makes_and_changes_and_validates_nothing(tenant):
    key = call(tenant, "edit_activity", crmid="0", subject="A", date_start="not a date", smownerid="10")
    row = call(tenant, "get_activity", crmid=str(key))
    assert (row["subject"], row["date_start"], row["smownerid"]) == ("A", "not a date", 10)
    call(tenant, "edit_activity", crmid=str(key), description="x")
    call(tenant, "edit_activity", crmid=str(key), subject="")
    row = call(tenant, "get_activity", crmid=str(key))
    assert (row["subject"], row["description"]) == ("", "x")


def test_full_lists_name_the_id_otherwise(tenant):
    key = add(tenant, subject="A")
    assert call(tenant, "get_activity_list")[0]["crmid"] == key
    (row,) = call(tenant, "get_activity_list_full")
    assert row["id"] == key
    assert "crmid" not in row


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("subject|=|Alpha", ["Alpha"]),
        ("subject|BEGINS|Al", ["Alpha", "Alps"]),
        ("subject|ENDS|ta", ["Beta"]),
        ("subject|CONTAINS|l", ["Alpha", "Alps"]),
        ("subject|LIKE|A%a", ["Alpha"]),
        ("subject|!=|Alpha", ["Alpha"]),
        ("subject|BEGINS|Al;description|=|x", ["Alps"]),
        ("nothing|=|x", ["Alpha", "Beta", "Alps"]),
    ],
)
def test_operators(tenant, query, found):
    for title in ("Alpha", "Beta", "Alps"):
        add(tenant, subject=title, description="x" if title == "Alps" else "")
    rows = call(tenant, "get_activity_list_full", query_string=query)
    assert [row["subject"] for row in rows] == found
    assert call(tenant, "get_activity_list_count", query_string=query) == len(found)


@pytest.mark.parametrize(("meaning", "rows"), [("index", 2), ("count", 3)])
def test_the_end_of_a_slice_is_an_index_or_a_count(tenant, meaning, rows):
    control(tenant, "POST", "switches", limit_end=meaning)
    for n in range(6):
        add(tenant, subject=str(n))
    assert len(call(tenant, "get_activity_list_full", limit_start="1", limit_end="3")) == rows


def test_odd_shapes(tenant):
    control(tenant, "POST", "profile", name="quirky")
    assert call(tenant, "get_activity_list_full") is None
    key = add(tenant, subject="a < b", date_start="2026-05-04", time_start="09:00")
    assert call(tenant, "get_activity_list_count") == "1"
    row = call(tenant, "get_activity_list_full")
    assert (row["id"], row["subject"], row["description"]) == (str(key), "a &lt; b", None)
    assert row["date_start"] == "2026-05-04 09:00:00"
    assert "time_start" not in row
    assert call(tenant, "get_activity", crmid="7")["crmid"] == str(key)
    assert call(tenant, "edit_activity", crmid="0", subject="x" * 200) == {"record_id": str(key + 1)}
    assert len(call(tenant, "get_activity", crmid=str(key + 1))["subject"]) == 100


def test_a_bare_tenant_shows_no_times(tenant):
    control(tenant, "POST", "profile", name="bare")
    key = add(tenant, subject="A", date_start="2026-05-04", time_start="09:00")
    row = call(tenant, "get_activity", crmid=str(key))
    assert row["date_start"] == "2026-05-04"
    assert not {"time_start", "time_end", "modifiedtime", "location"} & row.keys()


def test_what_was_written_and_who_was_told_is_on_record(tenant):
    key = call(tenant, "edit_activity", crmid="0", subject="A", sendnotificationcont="1")
    (written,) = control(tenant, "GET", "writes")["writes"]
    assert written["values"] == {"subject": "A", "sendnotificationcont": "1"}
    assert control(tenant, "GET", "letters")["letters"] == [
        {"activity": str(key), "field": "sendnotificationcont"}
    ]


def test_limits_and_faults(tenant):
    control(tenant, "POST", "switches", per_minute=1)
    call(tenant, "get_activity_list")
    answer = post(tenant, "get_activity_list", **KEYS)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    control(tenant, "POST", "switches", per_minute=0)
    control(tenant, "POST", "faults", operation="get_activity_list", status=503, seconds=9)
    answer = post(tenant, "get_activity_list", **KEYS)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "9")
    control(tenant, "POST", "faults", operation="edit_activity", kind="reset", when="after")
    with pytest.raises(requests.ConnectionError):
        post(tenant, "edit_activity", **KEYS, crmid="0", subject="A")
    assert len(control(tenant, "GET", "activities")["activities"]) == 1


def test_a_switch_that_does_not_exist_is_named(tenant):
    answer = requests.post(f"{tenant.url}/control/switches", json={"no_such": 1}, timeout=10)
    assert answer.status_code == 400
    assert "no_such" in answer.text


def test_the_state_survives_a_restart(tmp_path):
    file = tmp_path / "tenant"
    with start(state=file) as server:
        control(server, "POST", "users", login="ana", email="ana@example.com")
        key = add(server, subject="A")
    with Server(state=file).start() as server:
        assert call(server, "get_activity", crmid=str(key))["subject"] == "A"


def test_it_runs_as_a_process():
    command = [sys.executable, "-m", "calsync.sandbox.opencrm", "--profile", "bare"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = json.loads(process.stdout.readline())["url"]
        answer = requests.get(f"{url}/control/switches", timeout=10).json()
        assert answer["times"] == "none"
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_an_edit_holds_only_while_nobody_else_has_changed_the_activity(tenant):
    key = add(tenant, subject="A")
    seen = control(tenant, "GET", f"activities/{key}")
    control(tenant, "PATCH", f"activities/{key}", subject="B", seen=seen)
    for method in ("PATCH", "DELETE"):
        answer = requests.request(
            method, f"{tenant.url}/control/activities/{key}", json={"seen": seen}, timeout=10
        )
        assert answer.status_code == 412
    assert control(tenant, "GET", f"activities/{key}")["subject"] == "B"


def test_what_a_write_replaces_before_any_read_could_show_it_is_noted(tenant):
    key = add(tenant, subject="A", location="here")
    call(tenant, "get_activity", crmid=key)
    control(tenant, "PATCH", f"activities/{key}", subject="B", location="there")
    call(tenant, "edit_activity", crmid=key, subject="C")
    call(tenant, "get_activity", crmid=key)
    call(tenant, "edit_activity", crmid=key, location="nowhere")
    (noted,) = control(tenant, "GET", "overtaken")["overtaken"]
    assert (noted["names"], noted["values"]["subject"]) == (["subject"], "B")
