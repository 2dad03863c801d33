"""Consent in the browser: what connects, and everything that must not."""

import base64
import hashlib
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.house import at, crm_at, day
from tests.outside.walk import Walk, form_of

EVENTS = "https://www.googleapis.com/auth/calendar.events"


def refused(answer, status=400):
    """Check that an answer is a page that explains itself and tells nothing."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>" in answer.text
    assert "@" not in answer.text
    assert "Traceback" not in answer.text
    return True


# -- the way that connects ---------------------------------------------------------------------------------


def test_a_person_walks_from_the_link_to_their_page_and_events_really_sync(running, office):
    walk = office.walk("happy")
    landing = walk.land()
    assert landing.status_code == 200
    assert "happy@example.com" in landing.text
    assert walk.leave().status_code == 303
    walk.decide()
    assert walk.back().headers["location"] == "/connect/confirm"
    page = walk.browser.get(f"{running.url}/connect/confirm")
    assert "happy@example.com" in page.text
    assert office.account("happy") is None
    assert walk.confirm(running.url).headers["location"] == "/me"
    me = walk.browser.get(f"{running.url}/me")
    assert me.status_code == 200
    assert "happy@example.com" in me.text
    assert office.account("happy") == ("active", 1)
    running.until(
        lambda: "The first sync" not in walk.browser.get(f"{running.url}/me").text, "the first sync"
    )


def test_events_cross_after_consent_without_any_command(running, office):
    office.connect("crossing")
    running.control("POST", "accounts/crossing@example.com/events", {"summary": "From Google", **at(day(1))})
    running.crm("POST", "events", "crossing", {"title": "From the CRM", **crm_at(day(2))})
    both = {"From Google", "From the CRM"}
    running.until(lambda: {e["title"] for e in running.crm_events("crossing")} >= both, "the CRM")
    running.until(
        lambda: {e["summary"] for e in running.google_events("crossing@example.com")} == both, "Google"
    )


def test_google_is_asked_for_the_least_and_with_pkce(office):
    walk = office.walk("pkce").to_google()
    asked = walk.request()
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["response_type"] == "code"
    assert asked["access_type"] == "offline"
    assert asked["login_hint"] == "pkce@example.com"
    assert len(asked["state"]) >= 43
    assert len(asked["nonce"]) >= 43
    assert set(asked["scope"].split()) == {
        "openid",
        "https://www.googleapis.com/auth/userinfo.email",
        EVENTS,
        "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
    }


def test_a_stolen_code_is_worth_nothing_without_the_verifier(running, office):
    walk = office.walk("stolen").to_google()
    code = parse_qs(urlsplit(walk.decide()).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"{running.url}/oauth/callback",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "code_verifier": "a" * 64,
    }
    answer = requests.post(f"{running.google}/token", data=form, timeout=20)
    assert answer.json()["error"] == "invalid_grant"
    guess = base64.urlsafe_b64encode(hashlib.sha256(b"a" * 64).digest()).decode().rstrip("=")
    assert guess != walk.request()["code_challenge"]


def test_looking_at_a_link_consumes_nothing(office):
    walk = office.walk("looker")
    for _ in range(3):
        assert requests.get(walk.link, timeout=20).status_code == 200
    assert office.flows("looker") == 0
    walk.to_google().decide()
    assert walk.back().status_code == 303


def test_a_connected_person_can_consent_again_and_keeps_their_account(running, office):
    office.connect("again")
    walk = Walk(office.link("again")).to_google()
    walk.decide()
    walk.back()
    assert walk.confirm(running.url).headers["location"] == "/me"
    assert office.rows("SELECT count(*), min(state) FROM account WHERE user = 'again'") == [(1, "active")]


# -- tickets -----------------------------------------------------------------------------------------------


def test_a_link_works_once(running, office):
    office.connect("once")
    used = office.link("once")
    walk = Walk(used).to_google()
    walk.decide()
    walk.back()
    walk.confirm(running.url)
    again = Walk(used)
    assert refused(again.land(), 410)


def test_a_link_that_has_expired_is_refused_at_every_step(running, office):
    walk = office.walk("late")
    landed = walk.land()
    office.rows("UPDATE ticket SET expires_at = '2020-01-01 00:00:00' WHERE user = 'late'")
    assert landed.status_code == 200
    assert refused(walk.leave(), 410)
    assert refused(walk.land(), 410)
    assert office.nothing_is_kept("late")


def test_a_link_that_expires_while_the_person_is_at_google_connects_nothing(office):
    walk = office.walk("slow").to_google()
    walk.decide()
    office.rows("UPDATE ticket SET expires_at = '2020-01-01 00:00:00' WHERE user = 'slow'")
    assert refused(walk.back())
    assert office.account("slow") is None
    assert office.grants("slow") == 0


@pytest.mark.parametrize("forged", ["x", "A" * 43, "%00", "..%2f..%2fetc", "<script>"])
def test_a_forged_link_is_refused(running, forged):
    answer = requests.get(f"{running.url}/connect/{forged}", timeout=20)
    assert answer.status_code in (404, 410)
    assert refused(answer, answer.status_code)
    assert "<script>" not in answer.text


def test_a_new_link_ends_the_earlier_one_even_half_way(running, office):
    walk = office.walk("renewed").to_google()
    fresh = Walk(office.link("renewed"))
    assert refused(Walk(walk.link).land(), 410)
    walk.decide()
    assert refused(walk.back())
    assert office.grants("renewed") == 0
    fresh.to_google().decide()
    fresh.back()
    assert fresh.confirm(running.url).headers["location"] == "/me"


def test_a_new_link_also_ends_a_grant_that_waits_for_confirmation(running, office):
    walk = office.walk("waiting").to_google()
    walk.decide()
    assert walk.back().status_code == 303
    office.link("waiting")
    assert refused(walk.confirm(running.url))
    assert office.account("waiting") is None


# -- state and browser -------------------------------------------------------------------------------------


def test_another_browser_cannot_finish_what_this_one_began(running, office):
    walk = office.walk("shared").to_google()
    walk.decide()
    stranger = requests.Session()
    assert refused(walk.back(stranger))
    assert stranger.get(walk.link, timeout=20).status_code == 200
    assert refused(walk.back(stranger))
    assert office.grants("shared") == 0
    assert office.account("shared") is None


def test_another_browser_cannot_confirm(running, office):
    walk = office.walk("confirmer").to_google()
    walk.decide()
    walk.back()
    stranger = requests.Session()
    stranger.get(walk.link, timeout=20)
    assert refused(walk.confirm(running.url, stranger))
    assert office.account("confirmer") is None


@pytest.mark.parametrize(
    "query", ["", "?code=4/0x", "?state=wrong&code=4/0x", "?error=access_denied&state=x"]
)
def test_a_callback_with_a_wrong_state_is_refused(running, office, query):
    browser = requests.Session()
    assert refused(browser.get(f"{running.url}/oauth/callback{query}", timeout=20))
    user = f"state{len(query)}"
    walk = Walk(office.walk(user).link, browser).to_google()
    assert refused(browser.get(f"{running.url}/oauth/callback{query}", timeout=20))
    walk.decide()
    assert walk.back().status_code == 303, "a wrong state does not burn the right one"


def test_a_callback_works_once(running, office):
    walk = office.walk("replay").to_google()
    walk.decide()
    assert walk.back().status_code == 303
    assert refused(walk.back())
    assert walk.confirm(running.url).headers["location"] == "/me", "the replay did not harm the first"
    assert refused(walk.back())
    assert office.account("replay") == ("active", 1)
    assert office.grants("replay") == 1


def test_a_callback_without_a_code_connects_nothing(running, office):
    walk = office.walk("codeless").to_google()
    walk.callback = f"{running.url}/oauth/callback?state={walk.request()['state']}"
    assert refused(walk.back())
    assert office.nothing_is_kept("codeless")


def test_a_way_through_google_ends_after_ten_minutes(office):
    walk = office.walk("tenminutes").to_google()
    walk.decide()
    office.rows("UPDATE consent_flow SET expires_at = '2020-01-01 00:00:00'")
    assert refused(walk.back())
    assert office.grants("tenminutes") == 0


# -- confirmation ------------------------------------------------------------------------------------------


def test_a_confirmation_works_once(running, office):
    walk = office.walk("twice").to_google()
    walk.decide()
    walk.back()
    fields = {"form_token": _token(walk.browser.get(f"{running.url}/connect/confirm").text)}
    answers = []

    def press():
        browser = requests.Session()
        browser.cookies.update(walk.browser.cookies)
        url = f"{running.url}/connect/confirm"
        answers.append(browser.post(url, data=fields, allow_redirects=False, timeout=20).status_code)

    presses = [threading.Thread(target=press) for _ in range(4)]
    for thread in presses:
        thread.start()
    for thread in presses:
        thread.join()
    assert answers.count(303) == 1
    assert office.account("twice") == ("active", 1)
    assert refused(walk.confirm(running.url))


def _token(text):
    return form_of(text)[1]["form_token"]


@pytest.mark.parametrize("step", ["leave", "confirm"])
def test_a_form_that_is_not_ours_is_refused(running, office, step):
    user = f"csrf{step}"
    walk = office.walk(user)
    other = requests.Session()
    strangers = _token(other.get(walk.link, timeout=20).text)
    walk.land()
    if step == "leave":
        for forged in ("", "x", strangers):
            assert refused(walk.leave(form_token=forged), 403)
        assert office.flows(user) == 0
        return
    walk.leave()
    walk.decide()
    walk.back()
    for forged in ("", "x", strangers):
        assert refused(walk.confirm(running.url, form_token=forged), 403)
    assert office.account(user) is None


@pytest.mark.parametrize(
    "header", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_a_form_sent_from_another_site_is_refused(running, office, header):
    walk = office.walk(f"foreign{len(str(header))}")
    walk.land()
    walk.browser.headers.update(header)
    assert refused(walk.leave(), 403)


def test_a_browser_that_hides_the_origin_of_our_own_form_is_let_in(office):
    walk = office.walk("modest")
    walk.land()
    walk.browser.headers.update({"Origin": "null", "Sec-Fetch-Site": "same-origin"})
    assert walk.leave().status_code == 303


def test_a_grant_that_is_never_confirmed_is_given_back(running, office):
    walk = office.walk("unsure").to_google()
    walk.decide()
    walk.back()
    assert office.grants("unsure") == 1
    assert office.account("unsure") is None
    office.rows("UPDATE consent_flow SET expires_at = '2020-01-01 00:00:00' WHERE granted IS NOT NULL")
    assert refused(walk.confirm(running.url))
    running.until(lambda: office.grants("unsure") == 0, "the grant to be withdrawn")
    running.until(lambda: office.nothing_is_kept("unsure"), "the flow to be forgotten")


def test_a_second_consent_that_is_never_confirmed_leaves_the_connection_alone(running, office):
    office.connect("steady")
    walk = Walk(office.link("steady")).to_google()
    walk.decide()
    walk.back()
    office.rows("UPDATE consent_flow SET expires_at = '2020-01-01 00:00:00' WHERE granted IS NOT NULL")
    running.until(lambda: office.flows("steady") == 0, "the flow to be forgotten")
    assert office.grants("steady") >= 1, "Google ends all grants of a person when one is revoked"
    assert running.resync("steady")["outcome"] == "ok"


# -- what Google answers -----------------------------------------------------------------------------------


def test_who_says_no_is_told_so_and_nothing_is_kept(office):
    walk = office.walk("no").to_google()
    walk.decide("deny")
    answer = walk.back()
    assert refused(answer)
    assert "You chose not to allow it" in answer.text
    assert office.nothing_is_kept("no")


def test_an_unticked_permission_is_explained_and_given_back(office):
    walk = office.walk("unticked").to_google()
    walk.decide(untick=EVENTS)
    answer = walk.back()
    assert refused(answer)
    assert "not ticked" in answer.text
    assert office.nothing_is_kept("unticked")


def test_the_list_of_calendars_may_stay_unticked(running, office):
    walk = office.walk("sparing").to_google()
    walk.decide(untick="https://www.googleapis.com/auth/calendar.calendarlist.readonly")
    assert walk.back().status_code == 303
    assert walk.confirm(running.url).headers["location"] == "/me"
    assert running.resync("sparing")["outcome"] == "ok"


def test_another_google_account_than_the_expected_one_is_refused(running, office):
    running.control("POST", "accounts", {"email": "wrong@example.com"})
    walk = office.walk("right").to_google()
    walk.decide(choose="wrong@example.com")
    answer = walk.back()
    assert refused(answer)
    assert "another Google account" in answer.text
    assert office.nothing_is_kept("right")
    assert office.grants("wrong") == 0


def test_choosing_a_google_account_that_serves_a_colleague_does_not_cut_the_colleague_off(running, office):
    office.connect("colleague")
    walk = office.walk("mistaken").to_google()
    walk.decide(choose="colleague@example.com")
    assert refused(walk.back())
    assert office.account("mistaken") is None
    assert running.resync("colleague")["outcome"] == "ok"


def test_a_google_account_serves_one_crm_user(running, office):
    office.connect("first")
    office.person("second", google=False)
    walk = Walk(office.link("second", "first@example.com")).to_google()
    walk.decide()
    walk.back()
    answer = walk.confirm(running.url)
    assert refused(answer)
    assert "already serves another CRM user" in answer.text
    assert office.account("second") is None
    assert office.flows("second") == 0
    assert running.resync("first")["outcome"] == "ok", "the first connection lives on"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 400, "reason": "invalid_grant"},
        {"kind": "reset"},
    ],
)
def test_a_token_endpoint_that_fails_connects_nothing(running, office, fault):
    user = f"broken{fault['kind']}{fault.get('status', '')}"
    walk = office.walk(user).to_google()
    walk.decide()
    running.control("POST", "faults", {"operation": "token", **fault})
    try:
        answer = walk.back()
    finally:
        running.control("DELETE", "faults")
    assert refused(answer)
    assert office.nothing_is_kept(user)
    walk.to_google().decide()
    assert walk.back().status_code == 303, "the link still works"


def test_a_grant_that_cannot_be_given_back_at_once_is_given_back_later(running, office):
    running.control("POST", "accounts", {"email": "wrongtoo@example.com"})
    walk = office.walk("patient").to_google()
    walk.decide(choose="wrongtoo@example.com")
    running.control("POST", "faults", {"operation": "revoke", "status": 503, "times": 1})
    assert refused(walk.back())
    assert refused(walk.confirm(running.url))
    running.until(lambda: office.grants("wrongtoo") == 0, "the grant to be withdrawn")
    running.until(lambda: office.nothing_is_kept("patient"), "the token to be forgotten")
