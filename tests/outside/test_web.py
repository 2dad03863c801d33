"""Pages, headers, cookies and errors, and the way out."""

import re
import socket

import pytest
import requests

from calsync.sandbox.stage import Stage
from tests.house import at, crm_at, day
from tests.outside.walk import Office, Walk, form_of

PAGES = [
    "/connect/unknown",
    "/connect/confirm",
    "/oauth/callback",
    "/me",
    "/goodbye",
    "/nowhere",
    "/healthz",
    "/readyz",
    "/static/calsync.css",
    "/crm/v1/events",
]


# -- headers and cookies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_the_headers_that_protect_it(running, path):
    headers = requests.get(f"{running.url}{path}", timeout=20).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert f"form-action 'self' {running.google}" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in headers
    if not path.startswith("/static/"):
        assert headers["cache-control"] == "no-store"


def test_pages_load_nothing_from_elsewhere_and_run_no_script(running, office):
    page = office.walk("local").land().text
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert "<script" not in page
    assert "style=" not in page
    assert '<html lang="en">' in page


def test_cookies_on_loopback_need_no_tls_but_are_closed_to_scripts(running, office):
    walk = office.walk("cookies")
    cookie = walk.land().headers["set-cookie"]
    assert cookie.startswith("calsync_browser=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    walk.leave()
    walk.decide()
    walk.back()
    session = walk.confirm(running.url).headers["set-cookie"]
    assert session.startswith("calsync_session=")
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert walk.browser.cookies["calsync_session"] != walk.browser.cookies["calsync_browser"]


def test_behind_https_cookies_are_secure_and_bound_to_the_host(tmp_path):
    with Stage(tmp_path) as stage:
        stage.environment["CALSYNC_WEB__PUBLIC_URL"] = "https://calsync.example.com"
        stage.start_daemon("web")
        office = Office(stage)
        office.person("tls")
        answer = requests.get(office.link("tls"), timeout=20)
        office.close()
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-calsync_browser=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


# -- errors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere/ana@example.com", 404),
        ("GET", "/static/../../etc/passwd", 404),
        ("POST", "/oauth/callback", 405),
        ("DELETE", "/me", 405),
        ("GET", "/me", 401),
        ("POST", "/me/disconnect", 403),
        ("POST", "/connect/confirm", 403),
    ],
)
def test_errors_are_pages_that_repeat_nothing(running, method, path, status):
    answer = requests.request(method, f"{running.url}{path}", timeout=20)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>" in answer.text
    assert "@" not in answer.text
    assert "passwd" not in answer.text


def test_405_says_what_is_allowed(running):
    assert requests.delete(f"{running.url}/me", timeout=20).headers["allow"] == "GET"


def test_a_form_with_nonsense_is_refused_without_repeating_it(running, office):
    browser = office.connect("nonsense")
    page = browser.get(f"{running.url}/me")
    fields = form_of(page.text)[1] | {"google_copies": "secret-marker-1"}
    answer = browser.post(f"{running.url}/me/disconnect", data=fields, timeout=20)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")
    assert "secret-marker" not in answer.text
    assert office.account("nonsense") == ("active", 1)


def test_a_body_that_is_too_large_is_refused_unread(running, office):
    walk = office.walk("large")
    walk.land()
    answer = walk.browser.post(walk.link, data={"form_token": "x" * 100_000}, timeout=20)
    assert answer.status_code == 413
    assert "nosniff" in answer.headers["x-content-type-options"]
    chunks = (b"x" for _ in range(3))
    assert walk.browser.post(walk.link, data=chunks, timeout=20).status_code == 411


def test_programs_get_their_errors_as_json(running):
    answer = requests.get(f"{running.url}/crm/v1/nowhere", timeout=20)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


def test_a_failure_of_ours_is_a_page_with_a_reference_that_the_log_has_too(running, office):
    walk = office.walk("failing")
    walk.land()
    office.rows("UPDATE ticket SET expected = x'00112233445566778899aabbcc' WHERE user = 'failing'")
    answer = walk.browser.get(walk.link, timeout=20)
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"]
    assert "Traceback" not in answer.text
    assert "ticket" not in answer.text
    reference = re.search(r"reference: (\w+)", answer.text).group(1)
    log = (running.directory / "daemon.log").read_text()
    (line,) = [line for line in log.splitlines() if reference in line]
    assert '"error": "VaultError"' in line
    assert "decrypted" not in line, "messages of exceptions stay out of the log"


def test_strangers_cannot_hold_the_server_with_half_a_request(running):
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(b"POST /connect/confirm HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        assert requests.get(f"{running.url}/healthz", timeout=20).status_code == 200


# -- health ------------------------------------------------------------------------------------------------


def test_health_and_readiness_say_ok(running):
    assert requests.get(f"{running.url}/healthz", timeout=20).json() == {"status": "ok"}
    ready = requests.get(f"{running.url}/readyz", timeout=20)
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "problems": []})


# -- the person's page and the way out ---------------------------------------------------------------------


def test_the_page_is_for_the_session_that_confirmed_and_no_other(running, office):
    browser = office.connect("owner")
    assert browser.get(f"{running.url}/me", timeout=20).status_code == 200
    assert requests.get(f"{running.url}/me", timeout=20).status_code == 401
    forged = {"calsync_session": "A" * 43}
    assert requests.get(f"{running.url}/me", cookies=forged, timeout=20).status_code == 401


@pytest.mark.parametrize("column", ["seen_at", "ends_at"])
def test_a_session_ends_by_itself(running, office, column):
    user = f"session{column[:4]}"
    browser = office.connect(user)
    office.rows(f"UPDATE web_session SET {column} = '2020-01-01 00:00:00' WHERE user = ?", user)
    assert browser.get(f"{running.url}/me", timeout=20).status_code == 401


def test_a_person_leaves_from_their_page_and_the_permission_is_given_back(running, office):
    browser = office.connect("leaver")
    page = browser.get(f"{running.url}/me", timeout=20)
    fields = form_of(page.text)[1] | {"google_copies": "keep", "crm_copies": "keep"}
    goodbye = browser.post(f"{running.url}/me/disconnect", data=fields, timeout=20)
    assert "You are disconnected" in goodbye.text
    assert browser.get(f"{running.url}/me", timeout=20).status_code == 401
    running.until(lambda: office.account("leaver") == ("disconnected", 0), "the disconnection")
    assert office.grants("leaver") == 0


def test_leaving_can_be_asked_for_only_by_our_own_form(running, office):
    browser = office.connect("stayer")
    for values in ({}, {"form_token": "x"}):
        assert browser.post(f"{running.url}/me/disconnect", data=values, timeout=20).status_code == 403
    page = browser.get(f"{running.url}/me", timeout=20)
    elsewhere = {"Origin": "https://evil.example"}
    fields = form_of(page.text)[1]
    answer = browser.post(f"{running.url}/me/disconnect", data=fields, headers=elsewhere, timeout=20)
    assert answer.status_code == 403
    assert office.account("stayer") == ("active", 1)


def owned(running, user):
    """Return a user's own CRM events: they see those of others too."""
    return [event for event in running.crm_events(user) if event["owner"] == user]


def synced(running, office, user):
    """Connect a person with an event of each side on both sides."""
    email = f"{user}@example.com"
    office.connect(user)
    running.control("POST", f"accounts/{email}/events", {"summary": "G", **at(day(1))})
    running.crm("POST", "events", user, {"title": "C", **crm_at(day(2))})
    running.until(lambda: len(owned(running, user)) == len(running.google_events(email)) == 2, "the sync")
    return email


@pytest.mark.parametrize("google", ["keep", "remove"])
@pytest.mark.parametrize("crm", ["keep", "remove"])
def test_whoever_leaves_chooses_what_becomes_of_the_copies(running, office, google, crm):
    user = f"choice{google}{crm}"
    email = synced(running, office, user)
    done = running.calsync("disconnect", user, "--google-copies", google, "--crm-copies", crm)
    assert done["state"] == "disconnected"
    assert done["revoked"] is True
    assert done["removed"] == [google, crm].count("remove")
    titles = {event["summary"] for event in running.google_events(email)}
    assert titles == ({"G", "C"} if google == "keep" else {"G"})
    titles = {event["title"] for event in owned(running, user)}
    assert titles == ({"G", "C"} if crm == "keep" else {"C"})
    assert office.account(user) == ("disconnected", 0)
    assert office.grants(user) == 0
    assert office.rows("SELECT google_cursor FROM account WHERE user = ?", user) == [(None,)]


def test_a_disconnection_that_google_does_not_answer_is_finished_by_the_daemon(running, office):
    user = "unreachable"
    office.connect(user)
    running.control("POST", "faults", {"operation": "revoke", "status": 503, "times": 1000})
    try:
        done = running.calsync("disconnect", user, expect=1)
        assert done["state"] == "finishing"
        assert running.calsync("status", user)["accounts"][0]["state"] == "finishing"
    finally:
        running.control("DELETE", "faults")
    office.rows("UPDATE account SET due_at = '2020-01-01 00:00:00' WHERE user = ?", user)
    running.until(lambda: office.account(user) == ("disconnected", 0), "the daemon to finish")
    assert office.grants(user) == 0


def test_who_has_left_can_come_back_with_a_new_link(running, office):
    user = "returner"
    email = synced(running, office, user)
    running.calsync("disconnect", user)
    walk = Walk(office.link(user)).to_google()
    walk.decide()
    walk.back()
    assert walk.confirm(running.url).headers["location"] == "/me"
    running.until(
        lambda: office.rows("SELECT due_at > connected_at FROM account WHERE user = ?", user) == [(1,)],
        "the first round",
    )
    assert len(owned(running, user)) == len(running.google_events(email)) == 2, "nothing is doubled"
