"""One walk in a real browser, from the link to the person's page."""

import os
from pathlib import Path

import pytest

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1100, "height": 900}


@pytest.fixture(scope="module")
def chromium():
    if not Path(CHROMIUM).exists():
        if os.geteuid() == 0:
            pytest.fail(f"{CHROMIUM} is missing; scripts/test installs it, or: apt-get install chromium")
        pytest.skip(f"{CHROMIUM} is missing, and only root can install it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def shots(tmp_path):
    """Where pictures of pages go: $SHOTS is for looking at them."""
    directory = Path(os.environ.get("SHOTS") or tmp_path)
    directory.mkdir(exist_ok=True)
    return directory


def fits(page):
    """Return whether nothing is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def contrast(page, selector):
    """Return the contrast of an element's text with what is behind it (WCAG 2)."""
    return page.evaluate(
        """selector => {
          const channel = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
          const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(channel);
            return .2126 * r + .7152 * g + .0722 * b; };
          const element = document.querySelector(selector);
          let behind = element;
          while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
          const a = light(getComputedStyle(element).color);
          const b = light(getComputedStyle(behind).backgroundColor);
          return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); }""",
        selector,
    )


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", DESK), ("dark", DESK), ("light", PHONE), ("dark", PHONE)]
)
def test_a_person_connects_with_three_clicks(chromium, running, office, shots, scheme, size):
    user = f"{scheme}{size['width']}"
    office.person(user)
    context = chromium.new_context(viewport=size, color_scheme=scheme, locale="en-GB")
    page = context.new_page()
    complaints = []
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and message.location["url"].startswith(running.url)
            else None
        ),
    )
    page.on("requestfailed", lambda request: complaints.append(request.url))

    def look(name):
        page.screenshot(path=str(shots / f"{name}-{scheme}-{size['width']}.png"), full_page=True)
        assert fits(page), f"{name} is wider than the window"
        for selector in ("h1", ".lead, .state", "dt", "dd", ".small"):
            assert contrast(page, selector) >= 4.5, f"{selector} on {name}"

    page.goto(office.link(user))
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("heading", level=1).inner_text() == "Connect your Google Calendar"
    assert page.get_by_role("main").get_by_text(f"{user}@example.com").is_visible()
    assert contrast(page, "button") >= 4.5
    look("connect")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON", (
        "the keyboard reaches the button first"
    )
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.get_by_role("button", name="Continue to Google").click()
    page.wait_for_url(f"{running.google}/**")
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/connect/confirm")
    look("confirm")
    page.get_by_role("button", name="Yes, connect them").click()
    page.wait_for_url("**/me")
    running.until(
        lambda: office.rows("SELECT last_success FROM account WHERE user = ?", user)[0][0], "a round"
    )
    page.reload()
    assert page.get_by_role("status").inner_text() == "Everything is in step."
    look("me")
    page.get_by_text("Stop syncing").click()
    for name in ("google_copies", "crm_copies"):
        assert page.locator(f"input[name={name}]:checked").get_attribute("value") == "keep"
    look("stop")
    if scheme == "dark":
        page.get_by_role("group", name="CRM events that we copied to Google").get_by_label(
            "are removed"
        ).check()
        page.get_by_role("button", name="Disconnect").click()
        page.wait_for_url("**/goodbye")
        assert page.get_by_role("heading", level=1).inner_text() == "You are disconnected"
        running.until(lambda: office.account(user) == ("disconnected", 0), "the disconnection")
    page.goto(f"{running.url}/connect/not-a-link")
    page.screenshot(path=str(shots / f"gone-{scheme}-{size['width']}.png"))
    assert [text for text in complaints if "410" not in text] == []
    context.close()
