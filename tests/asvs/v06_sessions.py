"""Chapters 4, 6 and 7: who is calling, who logs in, and how long that lasts."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta

import requests
from uvicorn.middleware.proxy_headers import _TrustedHosts

from calsync.store import codes, operators
from calsync.store import consent as consent_store
from calsync.store.codes import Answer
from calsync.store.database import writing
from tests.asvs.control import Control, fresh, network, nothing
from tests.house import OPERATOR_TOKEN


def is_inside(web, browser):
    return browser.get(f"{web.url}/operator", allow_redirects=False, timeout=20).status_code == 200


def who_is_forwarded_is_not_theirs_to_say(web):
    real = network()
    tries = [
        web.enter(token="guess", headers={"X-Forwarded-For": f"{network()}, {real}"})[1].status_code
        for _ in range(7)
    ]
    assert tries[-1] == 429, "the address that the proxy has seen is what counts"


def _as_they_say(self, forwarded):
    return forwarded.split(",")[0].strip(), 0


def guessing_passwords_is_stopped(web):
    name = fresh("guessed")
    entry = web.operator(name)
    for _ in range(5):
        web.enter(name=name, password="guess", code="000000")
    right = web.enter(name=name, password=entry.password, code=web.code(entry))[1]
    assert right.status_code == 401


def a_password_alone_opens_nothing(web):
    name = fresh("single")
    entry = web.operator(name)
    assert web.enter(name=name, password=entry.password, code="000000")[1].status_code == 401


def codes_end_after_ten_minutes(web):
    user = fresh("coded")
    with writing(web.parts.engine) as connection:
        code = codes.new_code(connection, web.parts.vault, user, "browser", web.clock())
    web.clock.advance(minutes=10, seconds=1)
    with writing(web.parts.engine) as connection:
        answer = codes.enter(connection, web.parts.vault, user, "browser", code, web.clock())
    assert answer is Answer.OVER


def session_ids_cannot_be_guessed(web):
    found = {web.desk().cookies["calsync_operator"] for _ in range(5)}
    assert len(found) == 5
    assert all(len(base64.urlsafe_b64decode(one + "==")) >= 16 for one in found)


def logging_in_makes_a_new_session_and_ends_the_old(web):
    browser = web.desk()
    old = requests.Session()
    old.cookies.set("calsync_operator", browser.cookies["calsync_operator"])
    web.enter(browser, token=OPERATOR_TOKEN)
    assert browser.cookies["calsync_operator"] != old.cookies["calsync_operator"]
    assert not is_inside(web, old)


def a_session_ends_however_busy_it_is(web):
    browser = web.desk()
    for _ in range(54):
        web.clock.advance(minutes=9)
        is_inside(web, browser)
    assert not is_inside(web, browser)


def sessions_end_with_what_they_are_for(web):
    user = fresh("ending")
    browser = web.visit(user)
    number, desk = web.house.account(user).id, web.desk()
    web.press(desk, f"/operator/accounts/{number}", f"/operator/accounts/{number}/disconnect")
    assert browser.get(f"{web.url}/me", timeout=20).status_code == 401


CONTROLS = {
    "4.1.3": Control(
        who_is_forwarded_is_not_theirs_to_say,
        lambda: [(_TrustedHosts, "get_trusted_client_address", _as_they_say)],
    ),
    "6.3.1": Control(guessing_passwords_is_stopped, lambda: [(operators, "FREE_FAILURES", 10**6)]),
    "6.3.3": Control(a_password_alone_opens_nothing, lambda: [(operators, "_step_of", lambda *_: 10**9)]),
    "6.5.5": Control(codes_end_after_ten_minutes, lambda: [(codes, "CODE_LIFE", timedelta(days=1))]),
    "7.2.3": Control(
        session_ids_cannot_be_guessed,
        lambda: [(operators, "new_secret", lambda: secrets.token_urlsafe(8))],
    ),
    "7.2.4": Control(
        logging_in_makes_a_new_session_and_ends_the_old, lambda: [(operators, "end_session", nothing)]
    ),
    "7.3.2": Control(
        a_session_ends_however_busy_it_is, lambda: [(operators, "SESSION_LIFE", timedelta(days=365))]
    ),
    "7.4.2": Control(sessions_end_with_what_they_are_for, lambda: [(consent_store, "end_sessions", nothing)]),
}
