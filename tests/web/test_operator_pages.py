"""The operators' pages: who comes in, what they see, and what their role lets them do."""

import re

import pytest
import requests

from calsync.store import operators
from calsync.store.accounts import State
from calsync.store.database import writing
from calsync.store.operators import Role
from tests.house import OPERATOR_TOKEN, at, day
from tests.web.premises import FROM_OUTSIDE

TITLE = "Birthday of a very private person"


@pytest.fixture(scope="module")
def ana(web):
    """A connected person with an event in step, and the id of their account."""
    web.visit("ana")
    web.house.google_add("ana", summary=TITLE, **at(day(2)))
    web.house.resync("ana")
    return web.house.account("ana").id


def location(answer):
    return answer.headers.get("location")


def is_inside(web, browser):
    return browser.get(f"{web.url}/operator", allow_redirects=False, timeout=20).status_code == 200


# -- logging in --------------------------------------------------------------------------------------------


def test_the_bootstrap_token_opens_the_pages_and_nothing_else_does(web):
    browser, answer = web.enter(token="guess")
    assert answer.status_code == 401
    assert not is_inside(web, browser)
    assert is_inside(web, web.desk())


def test_a_named_operator_needs_password_and_second_factor(web):
    entry = web.operator("dana")
    for fields in (
        {"name": "dana", "password": entry.password, "code": "000000"},
        {"name": "dana", "password": "guess", "code": web.code(entry)},
        {"name": "nobody", "password": entry.password, "code": web.code(entry)},
    ):
        browser, answer = web.enter(**fields)
        assert answer.status_code == 401
        assert not is_inside(web, browser)
    assert is_inside(web, web.desk("dana", entry))


def test_what_was_wrong_is_not_told_apart(web):
    entry = web.operator("terse")
    wrong = ({"password": "x", "code": web.code(entry)}, {"password": entry.password, "code": "1"})
    said = {
        re.search(r'role="alert">([^<]+)', web.enter(name="terse", **fields)[1].text).group(1)
        for fields in wrong
    } | {re.search(r'role="alert">([^<]+)', web.enter(name="not.there", password="x")[1].text).group(1)}
    assert len(said) == 1


def test_a_code_works_once(web):
    entry = web.operator("watched")
    web.desk("watched", entry)
    _, answer = web.enter(name="watched", password=entry.password, code=web.code(entry))
    assert answer.status_code == 401
    web.clock.advance(seconds=60)
    web.desk("watched", entry)


def test_five_wrong_tries_close_the_login_for_longer_and_longer(web):
    entry = web.operator("attacked")
    for _ in range(5):
        web.enter(name="attacked", password="guess", code="000000")

    def right():
        return web.enter(name="attacked", password=entry.password, code=web.code(entry))[1].status_code

    assert right() == 401
    web.clock.advance(minutes=15, seconds=1)
    assert web.enter(name="attacked", password="guess", code="0")[1].status_code == 401
    web.clock.advance(minutes=16)
    assert right() == 401, "the next closure is twice as long"
    web.clock.advance(minutes=15)
    assert right() == 303


def test_a_network_may_try_five_times_in_a_quarter_of_an_hour(web):
    codes = [web.enter(token="guess", headers=FROM_OUTSIDE)[1].status_code for _ in range(7)]
    assert codes == [401] * 5 + [429] * 2


def test_a_session_gets_a_new_id_at_login_and_the_old_one_ends(web):
    browser = web.desk()
    before = browser.cookies["calsync_operator"]
    web.clock.advance(seconds=60)
    web.enter(browser, token=OPERATOR_TOKEN)
    assert browser.cookies["calsync_operator"] != before
    old = requests.Session()
    old.cookies.set("calsync_operator", before)
    assert not is_inside(web, old)


@pytest.mark.parametrize(("idle", "inside"), [({"minutes": 9}, True), ({"minutes": 11}, False)])
def test_an_idle_session_ends(web, idle, inside):
    browser = web.desk()
    web.clock.advance(**idle)
    assert is_inside(web, browser) is inside


def test_a_busy_session_ends_after_eight_hours(web):
    browser = web.desk()
    for _ in range(59):
        web.clock.advance(minutes=8)
        assert is_inside(web, browser)
    web.clock.advance(minutes=9)
    assert not is_inside(web, browser)


def test_logging_out_ends_the_session_on_the_server(web):
    browser = web.desk()
    session = browser.cookies["calsync_operator"]
    assert location(web.press(browser, "/operator", "/operator/logout")) == "/operator/login"
    browser.cookies.set("calsync_operator", session)
    assert not is_inside(web, browser)


@pytest.mark.parametrize("end", ["remove", "reset"])
def test_a_session_ends_with_its_operator(web, end):
    entry = web.operator(f"leaving{end}")
    browser = web.desk(f"leaving{end}", entry)
    with writing(web.parts.engine) as connection:
        if end == "remove":
            operators.remove(connection, f"leaving{end}")
        else:
            operators.reset(connection, web.parts.vault, f"leaving{end}")
    assert not is_inside(web, browser)


def test_replacing_the_token_ends_what_was_opened_with_it(web):
    browser, file = web.desk(), web.house.directory / "operator.token"
    before = file.read_text()
    file.write_text("another-token")
    try:
        assert not is_inside(web, browser)
    finally:
        file.write_text(before)


def test_passwords_factors_and_sessions_are_not_stored_as_they_are(web):
    entry = web.operator("stored")
    browser = web.desk("stored", entry)
    stored = repr(web.office.rows("SELECT * FROM operator")) + repr(
        web.office.rows("SELECT * FROM operator_session")
    )
    for secret in (entry.password, entry.totp_secret, browser.cookies["calsync_operator"]):
        assert secret not in stored
    assert "$argon2id$" in stored


# -- looking -----------------------------------------------------------------------------------------------


def test_the_dashboard_tells_how_accounts_are_and_nothing_of_what_is_in_them(web, ana):
    browser = web.desk()
    for page in ("/operator", f"/operator/accounts/{ana}"):
        text = browser.get(f"{web.url}{page}", timeout=20).text
        assert "ana" in text
        assert "active" in text
        assert TITLE not in text
        assert "ana@example.com" not in text
    assert "Events in step" in text


def test_accounts_are_found_by_user_and_state(web, ana):
    web.visit("zoe")
    web.house.set_account("zoe", state=State.PAUSED)
    browser = web.desk()

    def found(query):
        text = browser.get(f"{web.url}/operator?{query}", timeout=20).text
        return set(re.findall(r'accounts/\d+">([^<]+)', text))

    assert found("user=an&state=") == {"ana"}
    assert "zoe" in found("state=paused")
    assert "ana" not in found("state=paused")
    assert found("user=nobody-like-that") == set()


def test_without_a_session_there_is_only_the_login(web, ana):
    for page in ("/operator", f"/operator/accounts/{ana}"):
        answer = requests.get(f"{web.url}{page}", allow_redirects=False, timeout=20)
        assert (answer.status_code, location(answer)) == (303, "/operator/login")


@pytest.mark.parametrize("number", ["0", "-1", "999999", "99999999999999999999", "x"])
def test_an_account_that_is_not_there_is_not_found(web, number):
    assert web.desk().get(f"{web.url}/operator/accounts/{number}", timeout=20).status_code in (404, 422)


# -- doing -------------------------------------------------------------------------------------------------


def tell(web, browser, account_id, deed, **fields):
    return web.press(
        browser, f"/operator/accounts/{account_id}", f"/operator/accounts/{account_id}/{deed}", **fields
    )


def test_an_operator_pauses_and_resumes(web, ana):
    browser = web.desk("pauser", web.operator("pauser"))
    assert tell(web, browser, ana, "pause").status_code == 303
    assert web.house.account("ana").state is State.PAUSED
    assert tell(web, browser, ana, "sync").status_code == 409
    assert tell(web, browser, ana, "resume").status_code == 303
    assert web.house.account("ana").state is State.ACTIVE


def test_sync_makes_the_account_due_now(web, ana):
    web.house.set_account("ana", due_at=day(30))
    assert tell(web, web.desk(), ana, "sync").status_code == 303
    assert web.house.account("ana").due_at <= web.clock()


def test_approving_lets_held_deletions_through(web, ana):
    web.house.set_account("ana", held_back=3, state=State.BRAKED)
    browser = web.desk()
    assert "Let 3 deletions through" in browser.get(f"{web.url}/operator/accounts/{ana}", timeout=20).text
    assert tell(web, browser, ana, "approve").status_code == 303
    assert web.house.account("ana").deletions_approved
    web.house.set_account("ana", held_back=0, state=State.ACTIVE, deletions_approved=False)


def test_a_link_is_made_shown_once_and_works(web):
    web.office.person("newcomer")
    answer = web.press(web.desk(), "/operator", "/operator/links", user="newcomer")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    (url,) = re.findall(r'value="(http[^"]+/connect/[^"]+)"', answer.text)
    assert "newcomer@example.com" in requests.get(url, timeout=20).text


@pytest.mark.parametrize(
    ("fields", "status"), [({"user": "nobody"}, 404), ({"user": "newcomer", "google": "no address"}, 422)]
)
def test_a_link_for_nobody_is_refused(web, fields, status):
    assert web.press(web.desk(), "/operator", "/operator/links", **fields).status_code == status


def test_disconnecting_leaves_the_rest_to_the_daemon(web):
    web.visit("gone")
    number = web.house.account("gone").id
    assert tell(web, web.desk(), number, "disconnect", google_copies="remove").status_code == 303
    found = web.house.account("gone")
    assert (found.state, found.copies) == (State.FINISHING, "remove keep")


def test_nothing_is_done_while_the_installation_may_not_write(web, ana):
    browser = web.desk()
    web.parts.interlock = "the database was copied"
    try:
        assert tell(web, browser, ana, "pause").status_code == 503
        assert "the database was copied" in browser.get(f"{web.url}/operator", timeout=20).text
    finally:
        web.parts.interlock = ""
    assert web.house.account("ana").state is State.ACTIVE


@pytest.mark.parametrize("path", ["/operator/links", "/operator/accounts/{}/disconnect"])
def test_what_gives_access_or_ends_it_needs_a_fresh_proof(web, path):
    user = f"proof{len(path)}"
    web.visit(user)
    entry = web.operator(f"dana.{user}")
    browser, path = web.desk(f"dana.{user}", entry), path.format(web.house.account(user).id)
    web.clock.advance(minutes=6)
    assert location(web.press(browser, "/operator", path, user=user)) == "/operator/prove"
    assert web.house.account(user).state is State.ACTIVE
    wrong = web.press(browser, "/operator/prove", "/operator/prove", password=entry.password, code="000000")
    assert wrong.status_code == 401
    assert location(web.press(browser, "/operator", path, user=user)) == "/operator/prove"
    right = {"password": entry.password, "code": web.code(entry)}
    assert location(web.press(browser, "/operator/prove", "/operator/prove", **right)) == "/operator"
    assert location(web.press(browser, "/operator", path, user=user)) != "/operator/prove"


def test_the_token_is_a_proof_for_who_came_in_with_it_only(web):
    browser, entry = web.desk(), web.operator("named")
    web.clock.advance(minutes=6)
    fields = {"token": OPERATOR_TOKEN}
    assert location(web.press(browser, "/operator/prove", "/operator/prove", **fields)) == "/operator"
    browser = web.desk("named", entry)
    assert web.press(browser, "/operator/prove", "/operator/prove", **fields).status_code == 401


# -- roles -------------------------------------------------------------------------------------------------

DEEDS = ("sync", "pause", "resume", "approve", "disconnect")
MAY = {
    Role.VIEWER: set(),
    Role.OPERATOR: {*DEEDS, "link"},
    Role.DATA_PROTECTION: {"pause", "disconnect"},
}


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_it_is_for_and_is_shown_nothing_else(web, role):
    user = f"subject{role.value}".replace("_", "")
    web.visit(user)
    number = web.house.account(user).id
    browser = web.desk(f"the.{role.value}", web.operator(f"the.{role.value}", role))
    page = browser.get(f"{web.url}/operator/accounts/{number}", timeout=20).text
    for deed in DEEDS:
        answer = web.press(browser, "/operator", f"/operator/accounts/{number}/{deed}")
        assert (answer.status_code == 403) is (deed not in MAY[role]), deed
        web.house.set_account(user, state=State.ACTIVE)
    answer = web.press(browser, "/operator", "/operator/links", user=user)
    assert (answer.status_code == 403) is ("link" not in MAY[role])
    assert ("/pause" in page, "/disconnect" in page, "/operator/links" in page) == (
        "pause" in MAY[role],
        "disconnect" in MAY[role],
        "link" in MAY[role],
    )


def test_a_role_that_is_taken_away_is_gone_at_the_next_click(web, ana):
    browser = web.desk("demoted", web.operator("demoted"))
    web.office.rows("UPDATE operator SET role = 'viewer' WHERE name = 'demoted'")
    assert tell(web, browser, ana, "pause").status_code == 403


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_other_sites_cannot_send_an_operator_s_forms(web, ana, headers):
    browser = web.desk()
    browser.headers.update(headers)
    assert tell(web, browser, ana, "pause").status_code == 403
    assert web.house.account("ana").state is State.ACTIVE
