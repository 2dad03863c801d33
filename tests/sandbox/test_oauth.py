"""OAuth as Google's documents have it, driven by google-auth-oauthlib and a person with a browser."""

from __future__ import annotations

import base64
import html
import re
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error

from tests.sandbox.conftest import CALENDAR

BACK = "http://127.0.0.1:9/back"
EVENTS, LIST = f"{CALENDAR}.events", f"{CALENDAR}.calendarlist.readonly"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
SCOPES = ["openid", EMAIL, EVENTS, LIST]


@pytest.fixture(autouse=True)
def plain_http(monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")


@pytest.fixture
def browser():
    with requests.Session() as made:
        yield made


def flow_at(google, scopes=SCOPES, **options):
    client = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "auth_uri": f"{google.url}/o/oauth2/v2/auth",
        "token_uri": f"{google.url}/token",
    }
    return Flow.from_client_config({"web": client}, scopes, redirect_uri=BACK, **options)


def decide(browser, url, decision="allow", untick=(), email=None):
    """Do what a person does on the consent page; return where the browser is sent."""
    page = browser.get(url, timeout=10)
    assert page.status_code == 200
    fields = []
    for tag in re.findall(r"<input[^>]*>", page.text):
        found = {name: html.unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', tag)}
        kind = found.get("type")
        chosen = (
            found["value"] == email if email and kind == "radio" else kind == "hidden" or "checked" in tag
        )
        if chosen and found["value"] not in untick:
            fields.append((found["name"], found["value"]))
    target = f"{url.split('/o/')[0]}/o/oauth2/v2/auth"
    answer = browser.post(target, [*fields, ("decision", decision)], allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    return answer.headers["Location"]


def consent(google, browser, untick=(), scopes=SCOPES, **options):
    """Walk through consent to the tokens."""
    flow = flow_at(google, scopes)
    url, _ = flow.authorization_url(access_type="offline", login_hint="ana@example.com", **options)
    flow.fetch_token(authorization_response=decide(browser, url, untick=untick))
    return flow


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def identity(google, token):
    """Return the claims of an ID token that verifies with the published keys."""
    [key] = requests.get(f"{google.url}/oauth2/v3/certs", timeout=10).json()["keys"]
    n, e = (int.from_bytes(base64.urlsafe_b64decode(key[name] + "==")) for name in ("n", "e"))
    pem = (
        rsa.RSAPublicNumbers(e, n)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return jwt.decode(token, certs={key["kid"]: pem}, audience="sandbox-client")


def error_of(call, *arguments, **options):
    with pytest.raises(OAuth2Error) as caught:
        call(*arguments, **options)
    return caught.value.error


def test_consent_gives_tokens_that_work_and_an_identity(google, ana, browser):
    flow = consent(google, browser, prompt="consent", nonce="n1")
    granted = flow.oauth2session.token
    assert set(granted["scope"]) == set(SCOPES)
    assert granted["expires_in"] == 3599
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    assert requests.get(f"{google.url}/calendar/v3/users/me/calendarList", headers=headers, timeout=10).ok
    claims = identity(google, granted["id_token"])
    assert (claims["email"], claims["email_verified"], claims["nonce"]) == (ana.email, True, "n1")
    assert claims["iss"] == google.url


def test_the_person_may_pick_another_account_than_the_one_hinted_at(google, ana, bob, browser):
    flow = flow_at(google)
    url, _ = flow.authorization_url(login_hint=ana.email)
    flow.fetch_token(authorization_response=decide(browser, url, email=bob.email))
    assert identity(google, flow.oauth2session.token["id_token"])["email"] == bob.email


def test_state_and_scope_come_back_with_the_code(google, ana, browser):
    flow = flow_at(google)
    url, state = flow.authorization_url()
    back = query_of(decide(browser, url))
    assert back["state"] == state
    assert set(back["scope"].split()) == set(SCOPES)


def test_an_unticked_scope_is_not_granted_and_its_calls_are_refused(google, ana, browser):
    flow = consent(google, browser, untick=[EVENTS])
    granted = flow.oauth2session.token
    assert EVENTS not in granted["scope"]
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    answer = requests.get(f"{google.url}/calendar/v3/calendars/primary/events", headers=headers, timeout=10)
    assert answer.status_code == 403
    error = answer.json()["error"]
    assert error["status"] == "PERMISSION_DENIED"
    assert error["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_saying_no_and_ticking_nothing_at_all_is_access_denied(google, ana, browser):
    url, state = flow_at(google).authorization_url()
    assert query_of(decide(browser, url, "deny")) == {"error": "access_denied", "state": state}
    url, state = flow_at(google, [EVENTS, LIST]).authorization_url()
    assert query_of(decide(browser, url, untick=[EVENTS, LIST])) == {"error": "access_denied", "state": state}


def test_a_code_is_good_once(google, ana, browser):
    flow = flow_at(google)
    url, _ = flow.authorization_url()
    back = decide(browser, url)
    flow.fetch_token(authorization_response=back)
    again = flow_at(google, code_verifier=flow.code_verifier, state=query_of(back)["state"])
    assert error_of(again.fetch_token, authorization_response=back) == "invalid_grant"


def test_a_code_needs_the_verifier_of_its_own_request(google, ana, browser):
    flow = flow_at(google)
    url, _ = flow.authorization_url()
    assert query_of(url)["code_challenge_method"] == "S256"
    back = decide(browser, url)
    flow.code_verifier = secrets.token_urlsafe(64)
    assert error_of(flow.fetch_token, authorization_response=back) == "invalid_grant"


def test_a_verifier_may_be_sent_in_plain(google, ana, browser):
    verifier = secrets.token_urlsafe(48)
    flow = flow_at(google, autogenerate_code_verifier=False)
    url, _ = flow.authorization_url(code_challenge=verifier)
    flow.fetch_token(authorization_response=decide(browser, url), code_verifier=verifier)
    assert flow.oauth2session.token["access_token"]


def test_a_code_belongs_to_its_redirect_address_and_expires(google, ana, browser):
    flow = flow_at(google)
    url, _ = flow.authorization_url()
    back = decide(browser, url)
    flow.redirect_uri = "http://127.0.0.1:9/elsewhere"
    assert error_of(flow.fetch_token, authorization_response=back) == "invalid_grant"
    flow = flow_at(google)
    url, _ = flow.authorization_url()
    back = decide(browser, url)
    google.control("POST", "expire", {"what": "codes"})
    assert error_of(flow.fetch_token, authorization_response=back) == "invalid_grant"


def credentials_of(flow):
    made = flow.credentials
    return Credentials(
        made.token,
        refresh_token=made.refresh_token,
        token_uri=made.token_uri,
        client_id=made.client_id,
        client_secret=made.client_secret,
    )


def test_refreshing_gives_a_new_access_token_and_no_new_refresh_token(google, ana, browser):
    credentials = credentials_of(consent(google, browser))
    old, refresh_token = credentials.token, credentials.refresh_token
    credentials.refresh(Request())
    assert credentials.token != old
    assert credentials.refresh_token == refresh_token


def test_a_refresh_token_comes_the_first_time_or_when_consent_is_asked_again(google, ana, browser):
    assert consent(google, browser).oauth2session.token.get("refresh_token")
    assert not consent(google, browser).oauth2session.token.get("refresh_token")
    assert consent(google, browser, prompt="consent").oauth2session.token.get("refresh_token")


def test_without_offline_access_there_is_no_refresh_token(google, ana, browser):
    flow = flow_at(google)
    url, _ = flow.authorization_url(access_type="online")
    flow.fetch_token(authorization_response=decide(browser, url))
    assert "refresh_token" not in flow.oauth2session.token


@pytest.mark.parametrize("what", ["refresh", "access"])
def test_revoking_either_token_ends_the_whole_grant(google, ana, browser, what):
    first = credentials_of(consent(google, browser))
    second = credentials_of(consent(google, browser, prompt="consent"))
    token = first.refresh_token if what == "refresh" else first.token
    assert requests.post(f"{google.url}/revoke", {"token": token}, timeout=10).status_code == 200
    for credentials in (first, second):
        with pytest.raises(RefreshError) as caught:
            credentials.refresh(Request())
        assert caught.value.args[1]["error"] == "invalid_grant"
    headers = {"Authorization": f"Bearer {first.token}"}
    answer = requests.get(f"{google.url}/calendar/v3/users/me/calendarList", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert requests.post(f"{google.url}/revoke", {"token": token}, timeout=10).status_code == 400
    assert google.control("GET", f"grants/{ana.email}") == {"live": 0}


def test_the_person_can_end_it_at_google(google, ana, browser):
    credentials = credentials_of(consent(google, browser))
    google.control("POST", "revoke", {"email": ana.email})
    with pytest.raises(RefreshError):
        credentials.refresh(Request())


@pytest.mark.parametrize("what", ["access_tokens", "refresh_tokens"])
def test_tokens_expire_on_order(google, ana, browser, what):
    credentials = credentials_of(consent(google, browser))
    google.control("POST", "expire", {"what": what, "email": ana.email})
    headers = {"Authorization": f"Bearer {credentials.token}"}
    answer = requests.get(f"{google.url}/calendar/v3/users/me/calendarList", headers=headers, timeout=10)
    assert answer.json()["error"]["errors"][0]["reason"] == "authError"
    if what == "access_tokens":
        credentials.refresh(Request())
        return
    with pytest.raises(RefreshError) as caught:
        credentials.refresh(Request())
    assert caught.value.args[1] == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }


def test_of_more_than_a_hundred_refresh_tokens_the_oldest_dies(google, ana):
    world = google.server.world
    tokens = [world.grant(ana.email, (EVENTS,)).refresh_token for _ in range(101)]
    assert tokens[0] not in world.grants
    assert tokens[1] in world.grants


def test_a_request_without_credentials_is_asked_to_log_in(google):
    answer = requests.get(f"{google.url}/calendar/v3/users/me/calendarList", timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (401, "required")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"code": "4/0never"}, 400, "invalid_grant"),
    ],
)
def test_the_token_endpoint_names_what_is_wrong(google, form, status, error):
    right = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "grant_type": "authorization_code",
        "code": "x",
        "redirect_uri": BACK,
    }
    answer = requests.post(f"{google.url}/token", right | form, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"client_id": "stranger"}, "invalid_client"),
        ({"redirect_uri": "http://evil.test/back"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "invalid_request"),
        ({"scope": ""}, "invalid_request"),
    ],
)
def test_a_wrong_request_gets_a_page_and_no_redirect(google, browser, wrong, named):
    url, _ = flow_at(google).authorization_url()
    answer = browser.get(url.split("?")[0], params=query_of(url) | wrong, allow_redirects=False, timeout=10)
    assert answer.status_code == 400
    assert named in answer.text
