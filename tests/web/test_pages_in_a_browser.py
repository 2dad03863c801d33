"""The operators' and people's pages in a real browser: they look right, fit, can be read, and work without scripts."""

import re

import pytest

from calsync.store.accounts import State
from calsync.store.operators import Role
from tests.house import at, day
from tests.outside.test_browser import DESK, PHONE, chromium, contrast, fits, shots  # noqa: F401 - fixtures

TEXTS = (
    "h1",
    "h2",
    "p",
    "dt",
    "dd",
    "th",
    "td",
    "label",
    "a",
    "button",
    ".small",
    ".badge",
    ".state",
    "time",
    "code",
)


@pytest.fixture(scope="module")
def office(web):
    """People in several states, one with a conflict."""
    for user, state in (("ana", State.ACTIVE), ("ben", State.PAUSED), ("carol", State.RECONNECT)):
        web.visit(user)
        web.house.set_account(user, state=state)
    web.house.set_account("ana", held_back=12, state=State.BRAKED)
    made = web.house.google_add("ana", summary="Tea", **at(day(2)))
    web.house.resync("ana")
    (event,) = web.house.crm_events("ana")
    web.house.google_edit("ana", made["id"], summary="Tea at four")
    web.house.crm_edit("ana", event["id"], title="Tea at five")
    web.house.resync("ana")
    return web


@pytest.fixture
def look(chromium, office, shots, request):  # noqa: F811
    """Return a function that opens a page without scripts and looks whether it can be read; it returns the page."""
    contexts = []

    def make(scheme, size):
        context = chromium.new_context(
            viewport=size, color_scheme=scheme, locale="en-GB", java_script_enabled=False
        )
        contexts.append(context)
        page = context.new_page()
        complaints = []

        def complain(message):
            if message.type == "error" and message.location["url"].startswith(office.url):
                complaints.append(message.text)

        page.on("console", complain)
        page.on("requestfailed", lambda failed: complaints.append(failed.url))

        def see(name):
            page.screenshot(path=str(shots / f"{name}-{scheme}-{size['width']}.png"), full_page=True)
            assert fits(page), f"{name} is wider than the window"
            for selector in TEXTS:
                if page.locator(f"{selector}:visible").count():
                    assert contrast(page, selector) >= 4.5, f"{selector} on {name}"
            assert page.locator("h1").count() == 1
            assert [text for text in complaints if "401" not in text] == []

        return page, see

    yield make
    for context in contexts:
        context.close()


LOOKS = [("light", DESK), ("dark", PHONE)]


@pytest.mark.parametrize(("scheme", "size"), LOOKS)
def test_an_operator_logs_in_and_works(office, look, scheme, size):
    name = f"dana.{scheme}"
    entry = office.operator(name, Role.OPERATOR)
    page, see = look(scheme, size)
    page.goto(f"{office.url}/operator")
    see("login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(entry.password)
    page.get_by_label("Code of your authenticator").fill("000000")
    page.get_by_role("button", name="Log in", exact=True).click()
    assert "not right" in page.get_by_role("alert").inner_text()
    see("login-refused")
    page.get_by_label("Password").fill(entry.password)
    page.get_by_label("Code of your authenticator").fill(office.code(entry))
    page.get_by_role("button", name="Log in", exact=True).click()
    assert page.get_by_role("heading", level=1).inner_text() == "Accounts"
    see("accounts")
    page.get_by_role("link", name="ben").click()
    see("account-paused")
    page.get_by_role("button", name="Resume").click()
    assert page.get_by_role("status").inner_text().startswith("active")
    page.get_by_role("button", name="Pause").click()
    assert page.get_by_role("status").inner_text().startswith("paused")
    page.get_by_role("button", name="Make a new link").click()
    assert re.match(rf"{office.url}/connect/", page.get_by_label("Link").input_value())
    see("link")
    page.get_by_role("link", name="All accounts").click()
    page.get_by_label("State").select_option("reconnect")
    page.get_by_role("button", name="Show").click()
    assert page.locator("tbody tr").count() == 1
    page.get_by_role("button", name="Log out").click()
    assert page.url.endswith("/operator/login")


@pytest.mark.parametrize(("scheme", "size"), LOOKS)
def test_a_person_signs_in_and_looks_around(office, look, scheme, size):
    page, see = look(scheme, size)
    page.goto(f"{office.url}/me")
    page.get_by_role("link", name="Sign in").click()
    see("sign-in")
    page.get_by_role("button", name="Sign in with Google").click()
    page.get_by_label("ana@example.com").check()
    page.get_by_role("button", name="Allow").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Your calendars"
    see("own-status")
    for name in ("Settings", "Conflicts", "Activity", "My data", "Consent"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        assert page.locator("a[aria-current=page]").inner_text() == name
        see(f"own-{name.lower().replace(' ', '-')}")
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    page.get_by_label("From Google to the CRM only").check()
    page.get_by_role("button", name="Save").click()
    assert "Saved" in page.get_by_role("status").inner_text()
    page.get_by_label("Both ways").check()
    page.get_by_role("button", name="Save").click()
