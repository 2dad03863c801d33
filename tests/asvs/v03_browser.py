"""Chapter 3: what browsers are told, and what they are not believed."""

from __future__ import annotations

from dataclasses import replace

import requests

from calsync.store import consent as consent_store
from calsync.store.accounts import State
from calsync.store.database import writing
from calsync.web import consent, guard, operator_login
from calsync.web.site import OPERATOR, SameSite, Site
from tests.asvs.control import Control, fresh, nothing
from tests.asvs.v01_input import MARKUP, unescaped
from tests.house import OPERATOR_TOKEN, at, day
from tests.outside.walk import form_of


def behind_tls(web, **fields):
    """Ask for the login as it is behind a proxy with a certificate, or send it with these fields."""
    names = {"Host": "calsync.example.com"}
    page = requests.get(f"{web.behind_tls()}/operator/login", headers=names, timeout=20)
    if not fields:
        return page
    # The proxy speaks http with us: a client would keep Secure cookies to itself there.
    names["Cookie"] = page.headers["set-cookie"].partition(";")[0]
    data = form_of(page.text)[1] | fields
    url = f"{web.behind_tls()}/operator/login"
    return requests.post(url, data=data, headers=names, allow_redirects=False, timeout=20)


def cookies(web):
    """Return the cookies that a browser gets behind TLS: before and by logging in, as they are set."""
    answers = (behind_tls(web), behind_tls(web, token=OPERATOR_TOKEN))
    return [answer.headers["set-cookie"] for answer in answers]


def text_is_text(web):
    user = fresh("texter")
    browser = web.visit(user)
    made = web.house.google_add(user, summary="At first", **at(day(2)))
    web.house.resync(user)
    (event,) = [one for one in web.house.crm_events(user) if one["owner"] == user]
    web.house.google_edit(user, made["id"], summary=MARKUP)
    web.house.crm_edit(user, event["id"], title=f"{MARKUP} too")
    web.house.resync(user)
    page = browser.get(f"{web.url}/me/conflicts", timeout=20).text
    assert MARKUP not in page
    assert page.count("&lt;b onmouseover") == 2


def cookies_go_over_tls_only(web):
    for cookie in cookies(web):
        assert "; Secure" in cookie


def cookies_come_along_only_where_they_must(web):
    browser, operator = cookies(web)
    assert "SameSite=lax" in browser
    assert "SameSite=strict" in operator


def cookies_are_of_this_host_alone(web):
    for cookie in cookies(web):
        assert cookie.startswith("__Host-")
        assert "; Path=/" in cookie
        assert "Domain" not in cookie


def scripts_do_not_read_cookies(web):
    for cookie in cookies(web):
        assert "; HttpOnly" in cookie


def _giving(**changed):
    def give(self, response, cookie, value):
        options = {"secure": self.secure, "httponly": True, "samesite": cookie.same_site.value} | changed
        response.set_cookie(self.cookie(cookie), value, max_age=cookie.seconds, path="/", **options)

    return [(Site, "give", give)]


def _with_header(name, change):
    whole = guard._Policies.apply

    def apply(self, request, response):
        whole(self, request, response)
        value = response.headers.get(name)
        if value is not None:
            response.headers[name] = change(value)

    return [(guard._Policies, "apply", apply)]


def browsers_come_back_over_tls(web):
    value = behind_tls(web).headers["strict-transport-security"]
    assert int(value.partition("max-age=")[2].partition(";")[0]) >= 365 * 24 * 3600
    assert "includeSubDomains" in value


def policy(web):
    value = web.desk().get(f"{web.url}/operator", timeout=20).headers["content-security-policy"]
    return dict(part.strip().partition(" ")[::2] for part in value.split(";"))


def pages_load_nothing_foreign(web):
    found = policy(web)
    assert found.get("object-src") == found.get("base-uri") == found.get("default-src") == "'none'"


def pages_are_in_no_frame(web):
    assert policy(web).get("frame-ancestors") == "'none'"


def forms_are_ours(web):
    user = fresh("forged")
    web.visit(user)
    number, browser = web.house.account(user).id, web.desk()
    for headers in ({}, {"Origin": "https://evil.example"}):
        url = f"{web.url}/operator/accounts/{number}/pause"
        assert browser.post(url, data={"form_token": "x"}, headers=headers, timeout=20).status_code == 403
    assert web.house.account(user).state is State.ACTIVE


def looking_changes_nothing(web):
    walk = web.walk(fresh("scanned"))
    assert [walk.land().status_code for _ in range(3)] == [200] * 3
    assert walk.leave().status_code == 303


def _consuming():
    find = consent.ticket_of

    def ticket_of(site, request, secret):
        ticket = find(site, request, secret)
        with writing(site.parts.engine) as connection:
            consent_store.use_ticket(connection, ticket.id, site.parts.clock())
        return ticket

    return [(consent, "ticket_of", ticket_of)]


def _lax_operator():
    return [(operator_login, "OPERATOR", replace(OPERATOR, same_site=SameSite.LAX))]


CONTROLS = {
    "3.2.2": Control(text_is_text, unescaped),
    "3.3.1": Control(cookies_go_over_tls_only, lambda: _giving(secure=False)),
    "3.3.2": Control(cookies_come_along_only_where_they_must, _lax_operator),
    "3.3.3": Control(cookies_are_of_this_host_alone, lambda: [(Site, "cookie", lambda _, one: one.name)]),
    "3.3.4": Control(scripts_do_not_read_cookies, lambda: _giving(httponly=False)),
    "3.4.1": Control(
        browsers_come_back_over_tls,
        lambda: _with_header("strict-transport-security", lambda _: "max-age=3600; includeSubDomains"),
    ),
    "3.4.3": Control(
        pages_load_nothing_foreign,
        lambda: _with_header("content-security-policy", lambda value: value.replace("base-uri 'none';", "")),
    ),
    "3.4.6": Control(
        pages_are_in_no_frame,
        lambda: _with_header("content-security-policy", lambda value: value.replace("frame-ancestors", "x")),
    ),
    "3.5.1": Control(forms_are_ours, lambda: [(Site, "check_form", nothing)]),
    "3.5.3": Control(looking_changes_nothing, _consuming),
}
