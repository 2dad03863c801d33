"""A person's own pages: what they show to whom, and what can be asked for there."""

import re

import pytest
import requests

from calsync.model.policy import PrivateEvents
from calsync.store.accounts import State
from calsync.wishes import put_back_wished
from tests.house import at, day
from tests.outside.test_consent import refused
from tests.outside.walk import form_of
from tests.web.premises import Premises

PAGES = ("/me", "/me/settings", "/me/conflicts", "/me/activity", "/me/data", "/me/consent")


@pytest.fixture(scope="module")
def ana(web):
    """The browser of ana, whose title lost a conflict."""
    browser = web.visit("ana")
    clash(web, "ana")
    return browser


def clash(web, user):
    """Let a title be edited on both sides."""
    made = web.house.google_add(user, summary="At first", **at(day(2)))
    web.house.resync(user)
    (event,) = [one for one in web.house.crm_events(user) if one["title"] == "At first"]
    web.house.google_edit(user, made["id"], summary="As Google has it")
    web.house.crm_edit(user, event["id"], title="As the CRM has it")
    web.house.resync(user)
    return made["id"]


def get(web, browser, path):
    return browser.get(f"{web.url}{path}", timeout=20)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_who_is_signed_in_and_nobody_else(web, ana, path):
    assert get(web, ana, path).status_code == 200
    answer = requests.get(f"{web.url}{path}", timeout=20)
    assert refused(answer, 401)
    assert 'href="/me/sign-in"' in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_anything_of_another_person(web, ana, path):
    other = web.visit(f"other{PAGES.index(path)}")
    text = get(web, other, path).text
    assert "ana" not in re.sub(r"[Mm]anag|administrator|calendar", "", text)
    assert "As Google has it" not in text
    assert "As the CRM has it" not in text


# -- coming back -------------------------------------------------------------------------------------------


def sign_in(web, email, browser=None):
    """Sign in at Google as somebody; return the browser and our answer."""
    browser = browser or requests.Session()
    page = get(web, browser, "/me/sign-in")
    there = browser.post(
        f"{web.url}/me/sign-in", data=form_of(page.text)[1], allow_redirects=False, timeout=20
    ).headers["location"]
    choice = browser.get(there, timeout=20)
    fields = form_of(choice.text)[1] | {"email": email, "decision": "allow"}
    back = browser.post(
        f"{web.house.google.url}/o/oauth2/v2/auth", data=fields, allow_redirects=False, timeout=20
    ).headers["location"]
    return browser, browser.get(back, allow_redirects=False, timeout=20), there, back


def test_a_person_comes_back_by_signing_in_with_the_google_account_they_connected(web, ana):
    browser, answer, there, back = sign_in(web, "ana@example.com")
    assert answer.headers["location"] == "/me"
    assert "ana@example.com" in get(web, browser, "/me").text
    assert "calendar" not in re.search(r"scope=([^&]*)", there).group(1), "no permission is asked for"
    assert "code_challenge_method=S256" in there
    assert browser.get(back, allow_redirects=False, timeout=20).status_code == 400, "an answer works once"
    assert web.office.grants("ana") == 1


def test_an_unknown_google_account_opens_nothing(web):
    web.house.control("POST", "accounts", {"email": "unknown@example.com"})
    browser, answer, *_ = sign_in(web, "unknown@example.com")
    assert refused(answer, 403)
    assert get(web, browser, "/me").status_code == 401


def test_who_it_is_is_told_by_sub_and_not_by_address(web, ana):
    web.liar.lie = lambda claims: {"sub": "4711"}
    browser, answer, *_ = sign_in(web, "ana@example.com")
    assert refused(answer, 403)
    assert get(web, browser, "/me").status_code == 401


def test_signing_in_does_not_hold_without_our_nonce(web, ana):
    web.liar.lie = lambda claims: {"nonce": "another"}
    assert refused(sign_in(web, "ana@example.com")[1])


def test_an_answer_to_a_sign_in_is_worth_nothing_in_another_browser(web, ana):
    browser = requests.Session()
    page = get(web, browser, "/me/sign-in")
    there = browser.post(
        f"{web.url}/me/sign-in", data=form_of(page.text)[1], allow_redirects=False, timeout=20
    ).headers["location"]
    state = re.search(r"state=([^&]+)", there).group(1)
    thief = requests.Session()
    get(web, thief, "/me/sign-in")
    assert refused(thief.get(f"{web.url}/oauth/callback?state={state}&code=x", timeout=20))


def test_signing_out_ends_the_session_on_the_server(web):
    browser = web.visit("signer")
    session = browser.cookies["calsync_session"]
    assert web.press(browser, "/me", "/me/sign-out").headers["location"] == "/me/sign-in"
    browser.cookies.set("calsync_session", session)
    assert get(web, browser, "/me").status_code == 401


# -- settings ----------------------------------------------------------------------------------------------


def test_a_person_chooses_a_direction_and_it_holds(web):
    browser = web.visit("oneway")
    answer = web.press(browser, "/me/settings", "/me/settings", direction="to_crm", private_events="busy")
    assert answer.status_code == 303
    assert "Saved" in get(web, browser, answer.headers["location"]).text
    web.house.google_add("oneway", summary="Comes", **at(day(3)))
    web.house.resync("oneway")
    web.house.crm_add("oneway", title="Stays", start=day(4).isoformat(), end=day(4, 10).isoformat())
    web.house.resync("oneway")
    assert "Comes" in web.house.crm_titles("oneway")
    assert web.house.google_titles("oneway") == ["Comes"]


def test_private_events_may_be_kept_closer_than_the_installation_says(web):
    browser = web.visit("closer")
    web.house.google_add("closer", summary="Doctor", visibility="private", **at(day(3)))
    web.house.resync("closer")
    own = [event["title"] for event in web.house.crm_events("closer") if event["owner"] == "closer"]
    assert own == ["Busy"]
    web.press(browser, "/me/settings", "/me/settings", direction="both", private_events="skip")
    web.house.resync("closer")
    assert [event for event in web.house.crm_events("closer") if event["owner"] == "closer"] == []


def test_nobody_may_show_more_than_the_installation_says(web):
    browser = web.visit("wider")
    assert 'value="full"' not in get(web, browser, "/me/settings").text
    answer = web.press(browser, "/me/settings", "/me/settings", direction="both", private_events="full")
    assert answer.status_code == 403
    policy = web.parts.policy.closer("full")
    assert policy.private_events is PrivateEvents.BUSY, "nor would it be heeded"


@pytest.mark.parametrize("fields", [{"direction": "up"}, {"private_events": "<script>"}])
def test_nonsense_is_refused(web, ana, fields):
    assert refused(web.press(ana, "/me/settings", "/me/settings", **fields), 422)


def test_where_the_installation_syncs_one_way_nobody_syncs_both(tmp_path):
    web = Premises(tmp_path, {"direction": "to_google"})
    try:
        browser = web.visit("narrow")
        assert 'value="both"' not in get(web, browser, "/me/settings").text
        answer = web.press(browser, "/me/settings", "/me/settings", direction="both", private_events="busy")
        assert answer.status_code == 403
        assert web.house.account("narrow").direction == "to_google"
    finally:
        web.close()


# -- conflicts and activity --------------------------------------------------------------------------------


def test_what_lost_is_shown_and_put_back_on_both_sides(web):
    browser = web.visit("loser")
    event = clash(web, "loser")
    page = get(web, browser, "/me/conflicts").text
    assert "As Google has it" in page
    assert "As the CRM has it" in page
    kept = web.house.google_get("loser", event)["summary"]
    (path,) = re.findall(r"/me/conflicts/\d+/put-back", page)
    assert web.press(browser, "/me/conflicts", path).status_code == 303
    assert "within a minute" in get(web, browser, "/me/conflicts").text
    assert web.house.account("loser").due_at <= web.clock()
    put_back_wished(web.parts, web.house.account("loser").id)
    titles = {"As Google has it", "As the CRM has it"} - {kept}
    assert {web.house.google_get("loser", event)["summary"]} == titles
    assert titles <= set(web.house.crm_titles("loser"))
    assert "There are none" in get(web, browser, "/me/conflicts").text


def test_a_wish_that_cannot_be_fulfilled_may_be_made_again(web):
    browser = web.visit("wisher")
    event = clash(web, "wisher")
    (path,) = re.findall(r"/me/conflicts/\d+/put-back", get(web, browser, "/me/conflicts").text)
    web.press(browser, "/me/conflicts", path)
    web.house.google_delete("wisher", event)
    web.house.resync("wisher")
    put_back_wished(web.parts, web.house.account("wisher").id)
    assert path in get(web, browser, "/me/conflicts").text


def test_nobody_puts_back_what_is_another_s(web, ana):
    (path,) = re.findall(r"/me/conflicts/\d+/put-back", get(web, ana, "/me/conflicts").text)
    assert web.press(web.visit("meddler"), "/me/conflicts", path).status_code in (403, 404)
    browser = web.visit("meddling")
    answer = web.press(browser, "/me/settings", path)
    assert refused(answer, 404)
    assert path in get(web, ana, "/me/conflicts").text


@pytest.mark.parametrize("number", ["0", "-5", "99999999999999999999", "x"])
def test_a_conflict_that_is_not_there_is_not_found(web, ana, number):
    assert web.press(ana, "/me/settings", f"/me/conflicts/{number}/put-back").status_code in (404, 422)


def test_nothing_is_put_back_while_syncing_is_paused(web):
    browser = web.visit("pausing")
    clash(web, "pausing")
    (path,) = re.findall(r"/me/conflicts/\d+/put-back", get(web, browser, "/me/conflicts").text)
    web.house.set_account("pausing", state=State.PAUSED)
    assert refused(web.press(browser, "/me/conflicts", path), 409)


def test_activity_tells_what_rounds_wrote(web, ana):
    text = re.sub(r"\s+", " ", get(web, ana, "/me/activity").text)
    assert "1, 0, 0" in text


# -- data and consent --------------------------------------------------------------------------------------


def test_my_data_counts_what_is_kept(web, ana):
    text = re.sub(r"\s+", " ", get(web, ana, "/me/data").text)
    assert re.search(r"Pairs of events[^<]*</dt><dd>1<", text)
    assert re.search(r"lost a conflict[^<]*</dt><dd>1<", text)


def test_a_person_downloads_what_is_held_about_them(web, ana):
    answer = web.press(ana, "/me/data", "/me/data/export")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.content[:2] == b"PK"


def test_erasure_is_asked_for_once_and_the_operator_is_told(web):
    browser = web.visit("leaver")
    for _ in range(2):
        assert web.press(browser, "/me", "/me/data/erase").status_code == 303
    assert "Your administrator was told" in get(web, browser, "/me/data").text
    assert web.told("leaver").count(("operator", "erasure_asked")) == 1
    assert web.office.rows("SELECT kind, channel FROM request WHERE \"user\" = 'leaver'") == [
        ("erasure", "own page")
    ]
    assert "leaver has asked" in get(web, web.desk(), "/operator").text


def test_the_consent_that_was_given_is_shown_with_its_permissions(web, ana):
    text = get(web, ana, "/me/consent").text
    assert "ana@example.com" in text
    assert "in force" in text
    assert "view and edit events" in text


def ledger(text):
    """Return what a page tells of a consent, newest first: what, by whom, about what, and the version of the words."""
    rows = re.findall(
        r'"What">([^<]*)<.*?"By whom">([^<]*)<.*?"About">([^<]*)<.*?"Words">(.*?)</td>', text, re.DOTALL
    )
    return [tuple(map(str.strip, row)) for row in rows]


def test_every_turn_of_a_consent_is_shown_to_the_person_and_with_names_to_operators(web):
    browser = web.visit("turner")
    save = {"direction": "to_crm", "private_events": "skip"}
    for wished in (save, save, save | {"private_events": "busy"}, save | {"direction": "to_google"}):
        assert web.press(browser, "/me/settings", "/me/settings", **wished).status_code == 303
    number = web.house.account("turner").id
    desk = web.desk("ledger.reader", web.operator("ledger.reader"))
    web.press(desk, "/operator", "/operator/links", user="turner")
    own = ledger(get(web, browser, "/me/consent").text)
    assert own[:4] == [
        ("link made", "the operator", "", ""),
        ("changed", "you", "direction: to google; private events: skip", ""),
        ("widened", "you", "direction: to crm; private events: busy", ""),
        ("narrowed", "you", "direction: to crm; private events: skip", ""),
    ]
    (given,) = own[4:]
    assert given[:2] == ("given", "you")
    assert "view and edit events" in given[2]
    assert re.fullmatch(r"<code>[0-9a-f]{16}</code>", given[3]), "the version of the words"
    web.press(desk, "/operator", f"/operator/accounts/{number}/disconnect", google_copies="remove")
    told = ledger(get(web, desk, f"/operator/accounts/{number}").text)
    assert told[0] == (
        "withdrawn",
        "the operator ledger.reader",
        "copies at Google removed, in the CRM kept",
        "",
    )
    assert told[1][:2] == ("link made", "the operator ledger.reader")
    assert {row[1] for row in told[2:]} == {"the person"}


def test_a_consent_that_was_ended_is_shown_as_ended(web):
    browser = web.visit("ended")
    web.house.set_account("ended", state=State.DISCONNECTED)
    assert ">ended<" in get(web, browser, "/me/consent").text


# -- every form --------------------------------------------------------------------------------------------

FORMS = (
    "/me/settings",
    "/me/disconnect",
    "/me/sign-out",
    "/me/data/erase",
    "/me/data/export",
    "/me/conflicts/1/put-back",
)


@pytest.mark.parametrize("path", FORMS)
def test_a_form_counts_only_if_it_is_ours(web, ana, path):
    for data in ({}, {"form_token": "x"}):
        assert refused(ana.post(f"{web.url}{path}", data=data, timeout=20), 403)
    assert get(web, ana, "/me").status_code == 200


def test_a_person_may_send_thirty_forms_in_a_minute(web):
    browser = web.visit("busybody")
    token = form_of(get(web, browser, "/me/data").text)[1]
    codes = [
        browser.post(f"{web.url}/me/data/erase", data=token, allow_redirects=False, timeout=20).status_code
        for _ in range(32)
    ]
    assert codes.count(303) in (30, 31)
    assert codes[-1] == 429
