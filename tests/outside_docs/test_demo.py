"""The demo: its page in a real browser, and its end. (`scripts/demo --once` is run by the README's test.)"""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def start_demo(*options: str) -> subprocess.Popen[str]:
    command = [str(ROOT / "scripts" / "demo"), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")


def children(pid: int) -> set[int]:
    """Return the ids of all processes below one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended meanwhile
    found: set[int] = set()
    grown = {pid}
    while grown:
        grown = {child for child, parent in parents.items() if parent in grown} - found
        found |= grown
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def end(demo: subprocess.Popen[str]) -> int:
    """Press Ctrl-C and return the exit code."""
    demo.send_signal(signal.SIGINT)
    try:
        demo.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        demo.kill()
        raise
    return demo.returncode


@pytest.fixture(scope="module")
def demo():
    """A running demo: its process and the address of its page."""
    process = start_demo("--crm", "builtin")
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
    assert found, "the demo prints the address of its page"
    yield process, found.group()
    if process.poll() is None:
        end(process)


@pytest.fixture(scope="module")
def page(demo):
    """The demo's page in Chromium; `problems` of the page are what its console complained about."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.geteuid() == 0:
            pytest.fail("chromium is missing: run scripts/test, or install the package chromium")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(30_000)
        problems = opened.problems = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        opened.goto(demo[1])
        expect(opened.get_by_role("button", name="Edit Coffee with Bob")).to_have_count(2, timeout=30_000)
        yield opened
        browser.close()


def side(page: Page, user: str, name: str):
    return page.get_by_role("region", name=f"{user}: {name}")


def save(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Save").click()


def test_an_event_goes_its_whole_life_on_the_page(page):
    google, crm = side(page, "Ana", "Google Calendar"), side(page, "Ana", "CRM calendar")
    google.get_by_role("button", name="New event").click()
    save(page, Title="Walk in the park", Place="Main gate")
    arrived = crm.get_by_role("listitem").filter(has_text="Walk in the park")
    expect(arrived).to_contain_text("Main gate", timeout=30_000)
    expect(arrived).to_contain_text("from Google")
    crm.get_by_role("button", name="Edit Walk in the park").click()
    save(page, Title="Walk by the river")
    expect(google.get_by_role("button", name="Edit Walk by the river")).to_be_visible(timeout=30_000)
    google.get_by_role("button", name="Delete Walk by the river").click()
    expect(crm.get_by_text("Walk by the river")).to_have_count(0, timeout=30_000)
    said = page.get_by_role("complementary")
    expect(said).to_contain_text("You created “Walk in the park” in Google (Ana).")
    expect(said).to_contain_text("CRM → Google: “Walk by the river” changed")
    expect(said).to_contain_text("Google → CRM: “Walk by the river” deleted")


def test_a_private_google_event_shows_in_the_crm_only_as_busy(page):
    google, crm = side(page, "Ana", "Google Calendar"), side(page, "Ana", "CRM calendar")
    expect(google.get_by_text("Doctor")).to_be_visible()
    expect(crm.get_by_text("Busy")).to_be_visible()
    expect(crm.get_by_text("Doctor")).to_have_count(0)


def test_a_meeting_of_both_people_is_in_all_four_calendars(page):
    expect(page.get_by_role("button", name="Edit Demo for Northwind")).to_have_count(4)


def test_a_paused_person_is_shown_as_paused_and_a_clash_is_told_when_they_resume(page):
    google, crm = side(page, "Bob", "Google Calendar"), side(page, "Bob", "CRM calendar")
    bob = page.locator("article").filter(has_text="bob@example.com")
    bob.get_by_role("button", name="Pause syncing").click()
    expect(bob.get_by_role("status")).to_have_text("paused", timeout=30_000)
    google.get_by_role("button", name="Edit Lunch with the auditors").click()
    save(page, Title="Lunch with Carol")
    crm.get_by_role("button", name="Edit Lunch with the auditors").click()
    save(page, Title="Lunch with Dave")
    expect(crm.get_by_role("button", name="Edit Lunch with Dave")).to_be_visible()
    bob.get_by_role("button", name="Resume syncing").click()
    expect(google.get_by_role("button", name="Edit Lunch with Dave")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("complementary")).to_contain_text(
        "Both sides changed the title (bob): kept “Lunch with Dave”, and put “Lunch with Carol” aside.",
        timeout=30_000,
    )


def test_the_page_fits_a_telephone(page):
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_browser_had_nothing_to_complain_about(page):
    assert page.problems == []


def test_ctrl_c_ends_everything_that_the_demo_started_and_the_page_says_so(demo, page):
    process, _ = demo
    started = children(process.pid)
    assert len(started) >= 2, "a stand-in and a daemon"
    assert end(process) == 0
    assert not alive(started | {process.pid})
    expect(page.get_by_role("alert")).to_contain_text("Was it stopped with Ctrl-C?")


def test_ctrl_c_ends_a_round_trip_at_once():
    process = start_demo("--once")
    assert process.stderr is not None
    while "starting" not in process.stderr.readline():
        assert process.poll() is None
    started = children(process.pid)
    assert started
    assert end(process) == 130
    assert not alive(started | {process.pid})


def test_another_crm_is_refused_with_the_names_there_are():
    done = subprocess.run(
        [ROOT / "scripts" / "demo", "--crm", "nonesuch"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'nonesuch' is not available in this version; there is: builtin" in done.stderr
