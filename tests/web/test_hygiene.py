"""What every request passes and every answer carries, whoever asks."""

import html
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
import requests
from fastapi.routing import iter_route_contexts

from calsync.store import conflicts
from calsync.store.contents import dump_value
from calsync.store.database import writing
from calsync.web import guard
from calsync.web.app import create_app
from calsync.web.limits import MOST_KEYS, Limiter, Rule, network_of
from tests.house import OPERATOR_TOKEN
from tests.outside.walk import Walk
from tests.web.payloads import PAYLOADS
from tests.web.premises import FROM_OUTSIDE, Premises


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """An installation behind a name, with a contact for those who find a hole."""
    made = Premises(
        tmp_path_factory.mktemp("hygiene"),
        web={"hosts": ["calsync.internal"], "security_contact": "mailto:security@example.com"},
    )
    yield made
    made.close()


def ask(web, path, method="GET", **headers):
    return requests.request(
        method,
        f"{web.url}{path}",
        headers={k.replace("_", "-"): v for k, v in headers.items()},
        allow_redirects=False,
        timeout=20,
    )


# -- names, methods, bodies --------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8410", "127.0.0.1.evil.example", "[", "a@b"])
def test_under_a_name_that_is_not_ours_nothing_answers(web, host):
    for path in ("/me", "/operator/login", "/api/v1/openapi.json", "/crm/v1/events", "/metrics"):
        assert ask(web, path, Host=host).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "calsync.internal", "CALSYNC.internal:99", "[::1]:1"])
def test_under_our_names_it_answers(web, host):
    assert ask(web, "/operator/login", Host=host).status_code == 200


def test_probes_know_no_name_of_ours(web):
    assert ask(web, "/healthz", Host="10.0.0.7:8410").status_code == 200
    assert ask(web, "/readyz", Host="10.0.0.7:8410").status_code == 200


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "CONNECT", "PROPFIND", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/me", "/operator", "/connect/x", "/nowhere", "/healthz"])
def test_methods_that_no_page_takes_are_refused(web, method, path):
    answer = ask(web, path, method)
    assert answer.status_code == (404 if path == "/nowhere" and method in ("PUT", "DELETE") else 405)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("length", ["-1", "1e9", "٣", "99999999"])
def test_a_length_that_is_none_or_too_much_is_refused(web, length):
    import socket

    with socket.create_connection(("127.0.0.1", web.house.port), timeout=20) as line:
        head = f"POST /operator/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        line.sendall(head.encode())
        assert re.match(rb"HTTP/1.1 4(00|13) ", line.recv(100))


# -- headers -----------------------------------------------------------------------------------------------

SHOWN = (
    "/me",
    "/me/sign-in",
    "/operator",
    "/operator/login",
    "/api/v1/openapi.json",
    "/metrics",
    "/robots.txt",
)


@pytest.mark.parametrize("path", SHOWN)
def test_every_answer_forbids_what_no_page_needs(web, path):
    headers = ask(web, path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "script-src" not in policy
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_operators_pages_send_forms_to_themselves_only(web):
    assert ask(web, "/operator/login").headers["content-security-policy"].endswith("form-action 'self'")


# -- no change by looking, no form without its token -------------------------------------------------------


def routes(web):
    """Return all addresses of the application with their methods, those of the CRM and of files left out."""
    found = iter_route_contexts(create_app(web.parts).routes)
    return [one for one in found if one.methods and not one.path.startswith(("/crm/", "/static"))]


def filled(route, number="1"):
    """Return a route's path with something in its places."""
    values = {"number": number, "account_id": number, "deed": "pause"}
    return re.sub(r"\{(\w+)\}", lambda place: values.get(place[1], "x"), route.path)


def tables(web):
    names = [name for (name,) in web.office.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    seen = ("seen_at",)
    return {
        name: [
            tuple(value for value, column in zip(row, columns(web, name), strict=True) if column not in seen)
            for row in web.office.rows(f'SELECT * FROM "{name}"')
        ]
        for name in names
    }


def columns(web, table):
    return [row[1] for row in web.office.rows(f'PRAGMA table_info("{table}")')]


def test_looking_at_any_address_changes_nothing(web):
    browser = web.visit("looker")
    browser.cookies.update(web.desk().cookies)
    ticket = web.office.link("looker")
    before = tables(web)
    looked = 0
    for route in routes(web):
        if "GET" in route.methods:
            browser.get(f"{web.url}{filled(route)}", timeout=20)
            looked += 1
    browser.get(ticket, timeout=20)
    assert looked > 20
    assert tables(web) == before


def test_every_form_of_a_page_wants_the_token_of_that_page(web):
    browser = web.visit("poster")
    browser.cookies.update(web.desk().cookies)
    posts = [one for one in routes(web) if "POST" in one.methods and not one.path.startswith("/api/")]
    assert len(posts) > 10
    for route in posts:
        path = (
            filled(route).replace("{deed}", "pause").replace("/x", "/pause", 1)
            if "deed" in route.path
            else filled(route)
        )
        answer = browser.post(f"{web.url}{path}", data={"form_token": "x"}, allow_redirects=False, timeout=20)
        assert answer.status_code == 403, path


# -- text of strangers -------------------------------------------------------------------------------------


class Structure(HTMLParser):
    """What a browser would make of a page: its elements and their attributes, without their texts."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, *sorted(name for name, _ in attrs)))


def lost(web, user, titles):
    """Let titles have lost conflicts, as the engine keeps them."""
    account = web.house.account(user)
    rows = [
        conflicts.Conflict(
            account.id,
            1,
            f"id{number}",
            None,
            "title",
            account.cipher.seal(conflicts.place("kept", 1, "title"), dump_value(title)),
            account.cipher.seal(conflicts.place("lost", 1, "title"), dump_value(title)),
            "google",
            web.clock(),
        )
        for number, title in enumerate(titles)
    ]
    with writing(web.parts.engine) as connection:
        conflicts.keep(connection, rows)


def test_text_of_strangers_is_text_on_every_page(web):
    pages = []
    for user, titles in (("plain", ["A title"] * len(PAYLOADS)), ("hostile", PAYLOADS)):
        browser = web.visit(user)
        lost(web, user, titles)
        pages.append(browser.get(f"{web.url}/me/conflicts", timeout=20).text)
    assert Structure(pages[1]).found == Structure(pages[0]).found
    assert ">49<" not in pages[1]
    texts = html.unescape(pages[1])
    assert all(title in texts for title in PAYLOADS), "nothing of it is lost either"


@pytest.mark.parametrize("field", ["user", "state"])
def test_what_is_typed_into_the_operators_pages_adds_nothing_to_them(web, field):
    browser = web.desk()
    plain = Structure(browser.get(f"{web.url}/operator", params={field: "x"}, timeout=20).text).found
    for payload in PAYLOADS:
        page = browser.get(f"{web.url}/operator", params={field: payload}, timeout=20).text
        assert Structure(page).found == plain, payload


@pytest.mark.parametrize("user", ["<script>alert(1)</script>", '"><b>x'])
def test_what_is_typed_into_pages_comes_back_as_text(web, user):
    text = web.desk().get(f"{web.url}/operator", params={"user": user}, timeout=20).text
    assert user not in text
    _, answer = web.enter(name=user, password="x", code="1")
    assert user not in answer.text


# -- how often ---------------------------------------------------------------------------------------------


def test_a_network_is_one_visitor_and_another_network_another():
    assert network_of("203.0.113.7") == network_of("203.0.113.200") == "203.0.113.0/24"
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:ffff::9") == "2001:db8:1::/48"
    assert network_of("::ffff:203.0.113.7") == "203.0.113.0/24"
    assert network_of("127.0.0.9") is network_of("::1") is None


def test_a_rule_lets_so_many_at_once_and_then_evenly():
    now = [0.0]
    limiter, rule = Limiter(lambda: now[0]), Rule("r", 3, 60)
    assert [bool(limiter.wait(rule, "a")) for _ in range(4)] == [False, False, False, True]
    assert not limiter.wait(rule, "b")
    assert limiter.wait(rule, "a") == pytest.approx(20)
    now[0] = 20
    assert not limiter.wait(rule, "a")
    assert limiter.wait(rule, "a") == pytest.approx(20)


def test_counting_takes_no_more_memory_however_many_come():
    limiter, rule = Limiter(lambda: 0.0), Rule("r", 3, 60)
    for number in range(MOST_KEYS + 500):
        limiter.wait(rule, str(number))
    assert len(limiter) == MOST_KEYS


def test_what_is_kept_of_a_visitor_is_no_address_and_is_forgotten_after_a_day():
    now = [0.0]
    limiter, rule = Limiter(lambda: now[0]), Rule("r", 1, 10**6)
    limiter.wait(rule, "203.0.113.0/24")
    assert "203.0.113" not in repr(limiter.__dict__)
    now[0] = 24 * 3600
    assert not limiter.wait(rule, "203.0.113.0/24")


def test_a_link_can_be_opened_thirty_times_in_a_minute(web):
    link = web.walk("popular").link
    codes = [requests.get(link, timeout=20).status_code for _ in range(32)]
    assert codes[:30] == [200] * 30
    assert codes[-1] == 429


def test_who_comes_too_often_is_told_when_to_come_back(web, monkeypatch):
    monkeypatch.setattr(guard, "_EVERYBODY", Rule("all of them", 1000, 1))
    answers = [ask(web, "/connect/guess", **FROM_OUTSIDE) for _ in range(130)]
    late = [answer for answer in answers if answer.status_code == 429]
    assert late
    assert 1 <= int(late[0].headers["retry-after"]) <= 60
    assert ask(web, "/connect/other", X_Forwarded_For="198.51.100.1").status_code == 410, "others are let in"


def test_a_flood_is_turned_away_before_it_is_worked_on(web, monkeypatch):
    monkeypatch.setattr(guard, "_EVERYBODY", Rule("a flood", 20, 60))
    codes = [ask(web, "/nowhere", X_Forwarded_For=f"198.18.{number}.1").status_code for number in range(25)]
    assert codes.count(503) > 0
    assert ask(web, "/healthz", X_Forwarded_For="198.18.0.1").status_code == 200
    assert ask(web, "/nowhere").status_code == 404, "this machine's own callers are let in"


def test_a_visitor_who_says_that_somebody_else_forwards_them_is_not_believed(web):
    spoofed = [
        ask(web, "/connect/guess", X_Forwarded_For=f"198.51.{number}.1, 192.0.2.9").status_code
        for number in range(130)
    ]
    assert 429 in spoofed or 503 in spoofed


# -- metrics and files -------------------------------------------------------------------------------------


def test_metrics_are_for_this_machine_or_the_token(web):
    web.visit("measured")
    here = ask(web, "/metrics")
    assert here.status_code == 200
    assert 'calsync_accounts{state="active"}' in here.text
    assert "calsync_lag_seconds_max" in here.text
    for headers in (FROM_OUTSIDE, {"Via": "1.1 proxy"}, {"Host": "calsync.internal"}):
        answer = requests.get(f"{web.url}/metrics", headers=headers, timeout=20)
        assert answer.status_code == 401
        assert "calsync_accounts" not in answer.text
        known = headers | {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        assert requests.get(f"{web.url}/metrics", headers=known, timeout=20).status_code == 200


def test_metrics_name_nobody(web):
    web.visit("nameless")
    walk = Walk(web.office.link("nameless"))
    walk.land()
    text = ask(web, "/metrics").text
    secret = urlsplit(walk.link).path.rpartition("/")[2]
    assert "nameless" not in text
    assert "@" not in text
    assert secret not in text
    assert 'route="/connect/{secret}"' in text
    assert len(text.splitlines()) < 300


def test_the_files_that_visitors_look_for(web):
    assert "Disallow: /" in ask(web, "/robots.txt").text
    contact = ask(web, "/.well-known/security.txt").text
    assert "Contact: mailto:security@example.com" in contact
    assert re.search(r"^Expires: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", contact, re.MULTILINE)
