"""Consent turned against people: each attack ends without a stored token, here and at Google, on both databases."""

import pytest
import requests

from tests.outside.test_consent import EVENTS, refused
from tests.outside.walk import Walk
from tests.postgres import KINDS
from tests.web.premises import Premises


@pytest.fixture(scope="module", params=KINDS)
def web(request, tmp_path_factory):
    """A served installation with each kind of database: what must happen once happens once in both."""
    sqlite = request.param == "sqlite"
    url = "sqlite:///calsync.db" if sqlite else request.getfixturevalue("postgres").new_database()
    made = Premises(tmp_path_factory.mktemp("abuse"), database=url)
    yield made
    made.close()


@pytest.fixture
def nothing_is_kept(web):
    """Check that no token of a user is stored, at once or after the clean-up, and that Google holds no grant."""

    def check(user, *others):
        assert web.tokens(user) == 0, "a token is stored"
        assert web.office.account(user) is None
        assert [web.office.grants(name) for name in (user, *others)] == [0] * (1 + len(others))

    return check


def at_google(web, user, choose="", **more):
    """Let a new person come as far as Google's answer, which has not been opened yet."""
    walk = web.walk(user).to_google()
    walk.decide(choose=choose, **more)
    return walk


def stranger(web, name):
    """Give a stranger a Google account; return its address."""
    email = f"{name}@example.com"
    web.house.control("POST", "accounts", {"email": email})
    return email


# -- the fourteen ------------------------------------------------------------------------------------------


def test_a_state_that_is_replayed(web, nothing_is_kept):
    walk = at_google(web, "replayed")
    assert walk.back().status_code == 303
    assert refused(walk.back())
    assert refused(walk.back(requests.Session()))
    web.clock.advance(minutes=11)
    web.clean_up()
    nothing_is_kept("replayed")


def test_cookies_that_are_swapped(web, nothing_is_kept):
    mine, theirs = at_google(web, "swapper"), at_google(web, "swapped")
    mine.browser.cookies, theirs.browser.cookies = theirs.browser.cookies, mine.browser.cookies
    assert refused(mine.back())
    assert refused(theirs.back())
    nothing_is_kept("swapper")
    nothing_is_kept("swapped")


def test_a_second_browser(web, nothing_is_kept):
    walk = at_google(web, "elsewhere")
    second = requests.Session()
    second.get(walk.link, timeout=20)
    assert refused(walk.back(second))
    assert refused(walk.confirm(web.url, second))
    nothing_is_kept("elsewhere")


def test_a_link_that_is_forwarded(web, nothing_is_kept):
    email = stranger(web, "victim")
    walk = at_google(web, "forwarder", choose=email)
    assert refused(walk.back())
    assert refused(walk.confirm(web.url))
    nothing_is_kept("forwarder", "victim")
    assert web.told("forwarder") == [("operator", "other_account")]


def test_a_link_that_has_expired(web, nothing_is_kept):
    walk = at_google(web, "expired")
    web.clock.advance(hours=25)
    assert refused(walk.back())
    assert refused(Walk(walk.link).land(), 410)
    nothing_is_kept("expired")


def test_a_link_that_a_scanner_opens_first(web, nothing_is_kept):
    walk = web.walk("scanned")
    for path in (walk.link, f"{web.url}/oauth/callback", f"{web.url}/connect/confirm", f"{web.url}/me"):
        for _ in range(3):
            requests.get(path, timeout=20)
    assert web.office.flows("scanned") == 0
    nothing_is_kept("scanned")
    assert walk.to_google().google, "the person's own click still works"


def test_two_tabs_of_one_browser(web, nothing_is_kept):
    browser = requests.Session()
    own = Walk(web.walk("owntab").link, browser)
    own.to_google().decide()
    own.back()
    email = stranger(web, "secondtab.google")
    foreign = Walk(web.walk("foreigntab", email).link, browser)
    foreign.to_google().decide(choose=email)
    answer = foreign.back()
    assert refused(answer)
    assert "both were ended" in answer.text
    assert refused(own.confirm(web.url))
    web.clean_up()
    nothing_is_kept("owntab")
    nothing_is_kept("foreigntab", "secondtab.google")


def test_what_was_shown_in_one_tab_is_not_taken_for_what_another_has_begun(web):
    browser = requests.Session()
    first = Walk(web.walk("shown").link, browser)
    first.to_google().decide()
    first.back()
    page = browser.get(f"{web.url}/connect/confirm", timeout=20)
    again = Walk(first.link, browser)
    again.to_google().decide()
    again.back()
    form = {"form_token": page.text.partition('name="form_token" value="')[2].partition('"')[0]}
    answer = browser.post(f"{web.url}/connect/confirm", data=form, timeout=20)
    assert refused(answer, 403)
    assert web.office.account("shown") is None


def test_a_wrong_account(web, nothing_is_kept):
    email = stranger(web, "mywrongone")
    walk = at_google(web, "wronged", choose=email)
    answer = walk.back()
    assert refused(answer)
    assert "another Google account" in answer.text
    nothing_is_kept("wronged", "mywrongone")


@pytest.mark.parametrize(
    "alias", ["{}+crm@example.com", "{}@googlemail.example.com", "{}.example.com@example.net"]
)
def test_an_alias_of_the_expected_address(web, nothing_is_kept, alias):
    user = f"alias{len(alias)}"
    email = alias.format(user)
    web.house.control("POST", "accounts", {"email": email})
    assert refused(at_google(web, user, choose=email).back())
    nothing_is_kept(user)
    assert web.house.control("GET", f"grants/{email}")["live"] == 0


def test_a_permission_that_is_unticked(web, nothing_is_kept):
    assert refused(at_google(web, "unticker", untick=EVENTS).back())
    nothing_is_kept("unticker")


def test_an_answer_that_says_access_denied(web, nothing_is_kept):
    assert refused(at_google(web, "denier", decision="deny").back())
    nothing_is_kept("denier")


def test_a_code_that_is_used_in_another_way_through(web, nothing_is_kept):
    robbed, thief = at_google(web, "robbed"), at_google(web, "thief")
    code = robbed.callback.partition("code=")[2].partition("&")[0]
    own = thief.callback.partition("code=")[2].partition("&")[0]
    thief.callback = thief.callback.replace(own, code)
    assert refused(thief.back())
    nothing_is_kept("thief")
    assert refused(robbed.back()), "Google has ended the code as well"
    nothing_is_kept("robbed")


@pytest.mark.parametrize("nonce", [None, "of-another-time"])
def test_an_identity_without_our_nonce(web, nothing_is_kept, nonce):
    user = f"nonce{nonce or 'less'}"
    walk = at_google(web, user)
    web.liar.lie = lambda claims: {"nonce": nonce}
    assert refused(walk.back())
    nothing_is_kept(user)
    assert web.told(user) == [("operator", "identity")]


def test_an_answer_of_another_server(web, nothing_is_kept):
    walk = at_google(web, "mixedup")
    walk.callback += "&iss=https%3A%2F%2Faccounts.evil.example"
    assert refused(walk.back())
    assert web.house.control("GET", "grants/mixedup@example.com")["live"] == 0, "the code was not exchanged"
    nothing_is_kept("mixedup")


def test_an_answer_that_names_google_itself_is_taken(web):
    walk = at_google(web, "named")
    walk.callback += f"&iss={web.house.google.url}"
    assert walk.back().status_code == 303


# -- a way begun by one and finished by another ------------------------------------------------------------


def test_whoever_sends_their_own_link_to_a_colleague_does_not_get_the_colleague_s_calendar(web):
    victim = web.visit("colleague")
    walk = Walk(web.walk("sender", "colleague@example.com").link, victim)
    landing = walk.land()
    assert refused(landing, 403)
    assert "another CRM user" in landing.text
    assert web.tokens("sender") == 0


def test_the_colleague_who_signs_in_on_the_way_does_not_finish_it_either(web):
    victim = web.visit("halfway")
    walk = Walk(web.walk("halfsender", "halfway@example.com").link)
    walk.to_google().decide(choose="halfway@example.com")
    walk.browser.cookies.update({"calsync_session": victim.cookies["calsync_session"]})
    assert refused(walk.back())
    assert web.tokens("halfsender") == 0
    assert web.office.grants("halfway") == 1, "the colleague's own connection lives on"


def test_a_stolen_link_does_not_connect_the_thief_s_google_account(web, nothing_is_kept):
    email = stranger(web, "thief.google")
    walk = at_google(web, "robbedoflink", choose=email)
    assert refused(walk.back())
    nothing_is_kept("robbedoflink", "thief.google")


def test_a_google_account_that_serves_somebody_else_is_refused_and_the_operator_told(web):
    web.visit("holder")
    walk = Walk(web.walk("taker", "holder@example.com").link)
    walk.to_google().decide()
    walk.back()
    assert refused(walk.confirm(web.url))
    assert web.tokens("taker") == 0
    assert web.told("taker") == [("operator", "already_linked")]
    assert web.office.grants("holder") >= 1


# -- which identity ----------------------------------------------------------------------------------------


def again(web, user, **terms):
    """Let a person consent once more; return the answer to their confirmation."""
    from calsync.invitation import invite
    from calsync.store.audit import COMMAND_LINE
    from calsync.store.consent import Terms

    walk = Walk(invite(web.parts, user, None, Terms(**terms), COMMAND_LINE)[0]).to_google()
    walk.decide()
    assert walk.back().status_code == 303
    return walk.confirm(web.url)


def test_an_address_that_google_has_given_to_somebody_else_needs_the_operator(web):
    web.visit("reassigned")
    web.office.rows(
        "UPDATE account SET state = 'disconnected', refresh_token = NULL WHERE \"user\" = 'reassigned'"
    )
    web.liar.lie = lambda claims: {"sub": "999"}
    assert refused(again(web, "reassigned"))
    assert web.tokens("reassigned") == 0
    assert web.told("reassigned")[-1] == ("operator", "other_subject")
    assert again(web, "reassigned", may_replace=True).headers["location"] == "/me"


def test_any_account_of_an_organisation_may_be_allowed(web):
    web.liar.lie = lambda claims: {"hd": "example.com"}
    walk = web.walk("orgmember", "@example.com")
    assert "any of @example.com" in walk.land().text
    walk.leave()
    assert walk.request()["hd"] == "example.com"
    walk.decide(choose="orgmember@example.com")
    assert walk.back().status_code == 303
    assert walk.confirm(web.url).headers["location"] == "/me"


@pytest.mark.parametrize("claims", [{"hd": None}, {"hd": "example.org"}, {"hd": "example.com.evil.example"}])
def test_an_address_under_the_domain_alone_is_no_account_of_the_organisation(web, nothing_is_kept, claims):
    user = f"outsider{len(str(claims))}"
    web.liar.lie = lambda _: claims
    walk = web.walk(user, "@example.com").to_google()
    walk.decide(choose=f"{user}@example.com")
    assert refused(walk.back())
    nothing_is_kept(user)


def test_at_most_three_ways_through_google_are_open_in_one_browser(web):
    walk = web.walk("impatient")
    first = walk.to_google()
    states = [walk.request()["state"]]
    for _ in range(3):
        first.to_google()
        states.append(walk.request()["state"])
    assert web.office.flows("impatient") == 3
    walk.callback = f"{web.url}/oauth/callback?code=x&state={states[0]}"
    assert "does not belong to this browser" in walk.back().text


# -- who hears of it ---------------------------------------------------------------------------------------


def test_the_person_is_to_hear_of_a_connection(web):
    web.visit("hearer")
    assert web.told("hearer") == [("person", "connected")]
