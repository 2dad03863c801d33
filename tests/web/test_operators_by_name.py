"""The audit trail names the operator who did something, and operators change their own passwords."""

import itertools

import pytest
import requests

from calsync.store import audit
from calsync.store.accounts import State
from calsync.store.database import reading
from tests.web.premises import FROM_OUTSIDE

_NUMBERS = itertools.count(1)
CHOSEN = "seven quiet otters swim"


def acts(web, name):
    """Return what the trail says that an operator of this name has done, oldest first."""
    with reading(web.parts.engine) as connection:
        return [one.act for one in audit.entries(connection) if (one.actor, one.by) == ("operator", name)]


def faults(web):
    with reading(web.parts.engine) as connection:
        return audit.verify(connection, web.parts.vault)


@pytest.fixture(scope="module")
def account(web):
    web.visit("ana")
    return web.house.account("ana").id


def tell(web, browser, path, **fields):
    answer = web.press(browser, "/operator", f"/operator/{path}", **fields)
    assert answer.status_code in (200, 303), answer.text


def do_everything(web, browser, account):
    web.house.set_account("ana", state=State.ACTIVE)
    for deed in ("sync", "pause", "resume"):
        tell(web, browser, f"accounts/{account}/{deed}")
    web.house.set_account("ana", held_back=3)
    tell(web, browser, f"accounts/{account}/approve")
    tell(web, browser, "links", user="ana")
    tell(web, browser, f"accounts/{account}/disconnect")
    web.house.set_account("ana", state=State.ACTIVE, held_back=0)


EVERYTHING = [
    "operator.signed_in",
    "resync.asked",
    "paused",
    "resumed",
    "deletions.approved",
    "consent.invited",
    "consent.withdrawn",
]


def test_each_deed_stands_in_the_trail_with_the_name_of_the_operator_who_did_it(web, account):
    dana, eli = (web.desk(name, web.operator(name)) for name in ("dana", "eli"))
    do_everything(web, dana, account)
    tell(web, eli, f"accounts/{account}/pause")
    assert acts(web, "dana") == EVERYTHING
    assert acts(web, "eli") == ["operator.signed_in", "paused"]
    assert not faults(web)


def test_the_bootstrap_token_stands_in_the_trail_as_such(web, account):
    before = len(acts(web, "operator token"))
    do_everything(web, web.desk(), account)
    assert acts(web, "operator token")[before:] == EVERYTHING


def test_a_fresh_proof_of_who_it_is_stands_in_the_trail(web):
    entry = web.operator("gil")
    browser = web.desk("gil", entry)
    web.clock.advance(seconds=60)
    right = {"password": entry.password, "code": web.code(entry)}
    web.press(browser, "/operator/prove", "/operator/prove", **right)
    assert acts(web, "gil") == ["operator.signed_in", "operator.proved"]


def test_the_person_s_own_export_does_not_name_the_operator(web, account):
    from calsync.privacy import dossier

    browser = web.desk("not.for.export", web.operator("not.for.export"))
    tell(web, browser, f"accounts/{account}/pause")
    with reading(web.parts.engine) as connection:
        found = dossier.collect(connection, web.parts.vault, "ana", {})
    assert found.lists["audit"][-1]["actor"] == "operator"
    assert "not.for.export" not in repr(found)


# -- their own password ------------------------------------------------------------------------------------


@pytest.fixture
def change(web):
    """Return a function that fills in the form of a browser, with these instead of what is right."""

    def fill(browser, entry, headers=None, **instead):
        right = {"password": entry.password, "code": web.code(entry), "chosen": CHOSEN, "again": CHOSEN}
        browser.headers.update(headers or {})
        return web.press(browser, "/operator/password", "/operator/password", **right | instead)

    return fill


@pytest.fixture
def operator(web):
    """A named operator with a browser that is logged in, half a minute ago."""
    name = f"op{next(_NUMBERS)}"
    entry = web.operator(name)
    browser = web.desk(name, entry)
    web.clock.advance(seconds=60)
    return name, entry, browser


def is_inside(web, browser):
    return browser.get(f"{web.url}/operator", allow_redirects=False, timeout=20).status_code == 200


def test_an_operator_changes_their_password_from_a_link_on_their_page(web, operator, change):
    name, entry, browser = operator
    assert 'href="/operator/password"' in browser.get(f"{web.url}/operator", timeout=20).text
    after = browser.get(web.url + change(browser, entry).headers["location"], timeout=20)
    assert "Your password is changed." in after.text
    web.clock.advance(seconds=60)
    assert web.enter(name=name, password=entry.password, code=web.code(entry))[1].status_code == 401
    assert web.enter(name=name, password=CHOSEN, code=web.code(entry))[1].status_code == 303
    assert acts(web, name) == ["operator.signed_in", "operator.password_changed", "operator.signed_in"]


def test_their_other_sessions_end_and_this_one_gets_a_new_id(web, operator, change):
    name, entry, browser = operator
    elsewhere, colleague = web.desk(name, entry), web.desk()
    before = browser.cookies["calsync_operator"]
    web.clock.advance(seconds=60)
    change(browser, entry)
    assert is_inside(web, browser)
    assert browser.cookies["calsync_operator"] != before
    assert not is_inside(web, elsewhere)
    assert is_inside(web, colleague)


@pytest.mark.parametrize(
    ("instead", "status"),
    [
        ({"password": "guess"}, 401),
        ({"code": "000000"}, 401),
        ({"again": "seven quiet otters sing"}, 422),
        ({"chosen": "short", "again": "short"}, 422),
        ({"chosen": "aaaaaaaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaaaaaaa"}, 422),
    ],
)
def test_without_old_password_second_factor_and_a_good_new_one_nothing_changes(
    web, operator, change, instead, status
):
    name, entry, browser = operator
    assert change(browser, entry, **instead).status_code == status
    web.clock.advance(seconds=60)
    assert web.enter(name=name, password=entry.password, code=web.code(entry))[1].status_code == 303


def test_neither_the_old_password_nor_the_own_name_will_do(web, operator, change):
    name, entry, browser = operator
    for chosen in (entry.password, f"the one of {name.upper()} here"):
        assert change(browser, entry, chosen=chosen, again=chosen).status_code == 422
    assert change(browser, entry).status_code == 303, "a refused choice has not used up the code"


def test_whoever_holds_only_the_token_has_no_password_to_change(web):
    browser = web.desk()
    assert browser.get(f"{web.url}/operator/password", timeout=20).status_code == 404
    assert "/operator/password" not in browser.get(f"{web.url}/operator", timeout=20).text


def test_other_sites_and_strangers_cannot_send_the_form(web, operator, change):
    name, entry, browser = operator
    assert change(browser, entry, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert change(requests.Session(), entry).headers["location"] == "/operator/login"
    assert acts(web, name) == ["operator.signed_in"]


def test_guessing_at_the_form_is_as_slow_as_at_the_login(web, operator, change):
    _, entry, browser = operator
    codes = [change(browser, entry, headers=FROM_OUTSIDE, password="guess").status_code for _ in range(7)]
    assert codes == [401] * 5 + [429] * 2
