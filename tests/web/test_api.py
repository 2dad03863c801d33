"""`/api/v1`: what it does, and that nothing sent to it ends in a failure of ours."""

import io
import json
import zipfile
from datetime import datetime, timedelta

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from calsync.rights import erasure
from calsync.store.accounts import State
from tests.house import OPERATOR_TOKEN, day
from tests.outside.walk import Walk, form_of
from tests.postgres import KINDS
from tests.web.premises import Premises


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """An installation with ana, who is connected, and ben, who is not."""
    made = Premises(tmp_path_factory.mktemp("api"))
    made.visit("ana")
    made.house.resync("ana")
    made.office.person("ben")
    yield made
    made.close()


def is_error(answer, status, code):
    """Check that an answer is an error in the shape of all errors."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    return True


# -- what it does ------------------------------------------------------------------------------------------


def test_a_link_that_the_crm_has_made_connects_its_user(web):
    web.office.person("carol")
    answer = web.api("POST", "users/carol/links")
    assert answer.status_code == 200
    made = answer.json()
    assert datetime.fromisoformat(made["expires"]) > web.clock() + timedelta(hours=23)
    walk = Walk(made["url"]).to_google()
    assert walk.request()["login_hint"] == "carol@example.com"
    walk.decide()
    walk.back()
    assert walk.confirm(web.url).headers["location"] == "/me"


def test_a_link_may_be_for_another_address_or_a_domain(web):
    for google, said in (("ben.b@example.com", "ben.b@example.com"), ("@example.com", "any of @example.com")):
        url = web.api("POST", "users/ben/links", {"google": google}).json()["url"]
        assert said in requests.get(url, timeout=20).text


def test_the_status_of_a_user_is_that_of_the_command_line(web):
    status = web.api("GET", "users/ana").json()
    assert status.pop("name") == "Ana"
    assert status["state"] == "active"
    assert status["google_account"] == "ana@example.com"
    assert set(status) == {
        *("user", "state", "reason", "google_account", "last_success", "lag_seconds"),
        *("next_round", "conflicts", "quarantined", "held_back"),
    }
    assert status["last_success"].endswith("Z")


def test_who_never_connected_is_not_connected(web):
    status = web.api("GET", "users/ben").json()
    assert (status["state"], status["google_account"], status["conflicts"]) == ("not connected", None, 0)


def test_sync_makes_the_account_due_now(web):
    web.house.set_account("ana", due_at=day(30))
    answer = web.api("POST", "users/ana/sync")
    assert (answer.status_code, answer.json()) == (202, {"user": "ana", "state": "active"})
    assert web.house.account("ana").due_at <= web.clock()


def test_a_paused_account_is_not_synced(web):
    web.house.set_account("ana", state=State.PAUSED)
    try:
        assert is_error(web.api("POST", "users/ana/sync"), 409, "conflict")
    finally:
        web.house.set_account("ana", state=State.ACTIVE)


def test_disconnecting_is_left_to_the_daemon(web):
    web.visit("dora")
    answer = web.api("POST", "users/dora/disconnect", {"crm_copies": "remove"})
    assert (answer.status_code, answer.json()) == (202, {"user": "dora", "state": "finishing"})
    assert web.house.account("dora").copies == "keep remove"


def test_a_visit_opens_the_user_s_own_page_once(web):
    url = web.api("POST", "users/ana/visits").json()["url"]
    browser = requests.Session()
    page = browser.get(url, timeout=20)
    assert browser.get(f"{web.url}/me", timeout=20).status_code == 401, "looking consumes nothing"
    done = browser.post(url, data=form_of(page.text)[1], timeout=20)
    assert done.url == f"{web.url}/me"
    assert "ana@example.com" in done.text
    assert requests.get(url, timeout=20).status_code == 410
    web.clock.advance(minutes=1)
    late = web.api("POST", "users/ana/visits").json()["url"]
    web.clock.advance(minutes=2, seconds=1)
    assert requests.get(late, timeout=20).status_code == 410


def test_an_export_is_everything_about_its_user_and_twice_an_hour(web):
    web.visit("exported")
    answer = web.api("GET", "users/exported/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="calsync-export.zip"'
    assert "account.json" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert web.api("GET", "users/exported/export").status_code == 200
    assert is_error(web.api("GET", "users/exported/export"), 429, "too_many_requests")


def test_an_erasure_is_begun_at_once_and_finished_by_the_daemon(web):
    web.visit("erased")
    answer = web.api("POST", "users/erased/erase")
    assert answer.status_code == 202
    assert answer.json()["user"] == "erased"
    erasure.go_on_with_all(web.parts)
    assert web.tokens("erased") == 0
    assert web.office.grants("erased") == 0
    assert is_error(web.api("GET", "users/erased/export"), 404, "not_found")


# -- what it refuses ---------------------------------------------------------------------------------------

CALLS = [
    ("POST", "users/ana/links"),
    ("POST", "users/ana/visits"),
    ("GET", "users/ana"),
    ("POST", "users/ana/sync"),
    ("POST", "users/ana/disconnect"),
    ("GET", "users/ana/export"),
    ("POST", "users/ana/erase"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer guess"},
        {"Authorization": f"Basic {OPERATOR_TOKEN}"},
        {"Authorization": OPERATOR_TOKEN},
        {"Authorization": f"Bearer {OPERATOR_TOKEN} x"},
        {"Cookie": f"calsync_operator={OPERATOR_TOKEN}"},
    ],
)
def test_without_the_token_there_is_nothing(web, method, path, headers):
    answer = requests.request(method, f"{web.url}/api/v1/{path}", headers=headers, timeout=20)
    assert is_error(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_logged_in_operator_s_browser_is_no_token(web):
    answer = web.desk().post(f"{web.url}/api/v1/users/ana/disconnect", timeout=20)
    assert is_error(answer, 401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_user_whom_the_crm_does_not_have_is_not_found(web, method, path):
    assert is_error(web.api(method, path.replace("ana", "nobody")), 404, "not_found")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[]", "application/json"),
        (b'{"google": 7}', "application/json"),
        (b'{"google": "no address"}', "application/json"),
        (b'{"google": "a@b\\nc"}', "application/json"),
        (b'{"unknown": 1}', "application/json"),
        (b"google=a@b", "application/x-www-form-urlencoded"),
    ],
)
def test_a_malformed_body_is_refused_and_not_repeated(web, data, kind):
    url = f"{web.url}/api/v1/users/ben/links"
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}", "Content-Type": kind}
    answer = requests.post(url, data=data, headers=headers, timeout=20)
    assert is_error(answer, 422, "invalid")
    assert "no address" not in answer.text


def test_a_body_that_is_nested_without_an_end_is_refused(web):
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}", "Content-Type": "application/json"}
    answer = requests.post(
        f"{web.url}/api/v1/users/ben/links", data=b"[" * 20_000, headers=headers, timeout=20
    )
    assert is_error(answer, 400, "bad_request")


def test_without_the_token_not_even_mistakes_are_told(web):
    answer = requests.post(f"{web.url}/api/v1/users/%00/links", data=b"{", timeout=20)
    assert is_error(answer, 401, "unauthorized")


def test_without_a_token_file_the_api_is_closed(web):
    file = web.house.directory / "operator.token"
    before = file.read_text()
    file.unlink()
    try:
        assert is_error(web.api("GET", "users/ana"), 503, "unavailable")
    finally:
        file.write_text(before)


def test_an_oversized_body_is_refused_unread(web):
    assert is_error(web.api("POST", "users/ben/links", {"google": "x" * 70_000}), 413, "too_large")


@pytest.mark.parametrize("user", ["%00", "a%0Ab", "x" * 201, "%7f"])
def test_names_that_nobody_can_have_are_refused(web, user):
    assert is_error(web.api("GET", f"users/{user}"), 422, "invalid")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(web, method):
    assert is_error(web.api(method, "users/ana"), 405, "method_not_allowed")


def test_paths_that_do_not_exist_are_not_found(web):
    assert is_error(web.api("GET", "nothing/here"), 404, "not_found")


def test_nothing_is_ordered_while_the_installation_may_not_write(web):
    web.parts.interlock = "copied"
    try:
        for method, path in CALLS:
            answer = web.api(method, path)
            assert answer.status_code == (200 if method == "GET" else 503)
    finally:
        web.parts.interlock = ""


# -- its description ---------------------------------------------------------------------------------------


def test_the_description_is_public_and_names_every_call(web):
    described = requests.get(f"{web.url}/api/v1/openapi.json", timeout=20).json()
    named = {(m.upper(), path) for path, ways in described["paths"].items() for m in ways}
    assert named == {(method, f"/api/v1/{path}".replace("ana", "{user}")) for method, path in CALLS}
    assert "HTTPValidationError" not in json.dumps(described)


CHECK_NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
QUICK = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
#: Those in which texts of strangers reach the database in each way: as a name to find, and in what is written.
ON_POSTGRESQL = [
    number for number, (_, path) in enumerate(CALLS) if path.endswith(("links", "/ana", "erase"))
]


def operations(web):
    """Return the described calls, ready to be made."""
    schema = schemathesis.openapi.from_url(f"{web.url}/api/v1/openapi.json")
    return [result.ok() for result in schema.get_all_operations()]


def cases(operation):
    """Return requests such as are described, and such as are not."""
    as_described = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    return as_described | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, postgres):
    """An installation whose database is PostgreSQL, which refuses texts that SQLite takes."""
    made = Premises(tmp_path_factory.mktemp("elsewhere"), database=postgres.new_database())
    yield made
    made.close()


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_whatever_is_sent_the_answer_is_as_described(web, number):
    send_whatever(web, number, QUICK)


@pytest.mark.skipif("postgresql" not in KINDS, reason="PostgreSQL is not installed")
@pytest.mark.parametrize("number", ON_POSTGRESQL)
def test_whatever_is_sent_with_postgresql_the_answer_is_as_described(elsewhere, number):
    send_whatever(elsewhere, number, settings(QUICK, max_examples=30))


def send_whatever(web, number, pace):
    """Send what fits the description of a call, and what does not, in turn; check each answer."""
    user = f"fuzzed{number}"
    web.visit(user)
    operation = operations(web)[number]
    checks = [CHECKS.get_one(name) for name in CHECK_NAMES]
    statuses = []

    @pace
    @given(case=cases(operation))
    def send(case):
        if len(statuses) % 2:
            case.path_parameters = {"user": user}
        headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        answer = case.call(headers=headers, timeout=20)
        statuses.append(answer.status_code)
        case.validate_response(answer, checks=checks, headers=headers)

    send()
    assert any(status < 300 for status in statuses), "some are done"
    assert any(400 <= status < 500 for status in statuses), "some are refused"
