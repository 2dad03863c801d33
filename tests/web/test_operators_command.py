"""`calsync operators`, and the pages that it opens, through real processes."""

import pyotp
import pytest
import requests

from calsync.sandbox.stage import Stage
from tests.outside.walk import form_of


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """An installation whose web server runs."""
    with Stage(tmp_path_factory.mktemp("operators")) as made:
        made.start_daemon("web")
        yield made


def log_in(desk, entry):
    """Log in with what the command has printed; return the browser."""
    browser = requests.Session()
    url = f"{desk.url}/operator/login"
    fields = form_of(browser.get(url, timeout=20).text)[1]
    fields |= {"name": entry["name"], "password": entry["password"]}
    fields["code"] = pyotp.TOTP(entry["totp_secret"]).now()
    browser.post(url, data=fields, timeout=20)
    return browser


def is_inside(desk, browser):
    return browser.get(f"{desk.url}/operator", allow_redirects=False, timeout=20).status_code == 200


def test_an_operator_is_made_listed_renewed_and_removed(desk):
    entry = desk.calsync("operators", "add", "dana", "--role", "operator")
    assert set(entry) == {"name", "role", "password", "totp_secret", "totp_uri"}
    assert entry["totp_uri"].startswith("otpauth://totp/")
    browser = log_in(desk, entry)
    assert is_inside(desk, browser)
    (listed,) = desk.calsync("operators", "list")["operators"]
    assert (listed["name"], listed["role"]) == ("dana", "operator")
    assert listed["last_login"].endswith("Z")
    renewed = desk.calsync("operators", "reset", "dana")
    assert not is_inside(desk, browser)
    assert not is_inside(desk, log_in(desk, entry))
    assert is_inside(desk, log_in(desk, renewed))
    assert desk.calsync("operators", "remove", "dana") == {"removed": "dana"}
    assert not is_inside(desk, log_in(desk, renewed))
    trail = [(one["act"], one["by"]) for one in desk.calsync("audit")["entries"]]
    assert trail == [
        ("operator.added", "command line"),
        ("operator.signed_in", "dana"),
        ("operator.reset", "command line"),
        ("operator.signed_in", "dana"),
        ("operator.removed", "command line"),
    ]


def test_the_token_that_init_has_made_opens_the_pages(desk):
    browser, url = requests.Session(), f"{desk.url}/operator/login"
    fields = form_of(browser.get(url, timeout=20).text)[1]
    fields["token"] = (desk.directory / "operator.token").read_text().strip()
    browser.post(url, data=fields, timeout=20)
    assert is_inside(desk, browser)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "two words"), "NAME: must be letters"),
        (("remove", "nobody"), "there is no operator 'nobody'; see `calsync operators list`"),
        (("reset", "nobody"), "there is no operator 'nobody'"),
        (("add", "twice"), "`calsync operators reset twice` renews them"),
        (("add", "x", "--role", "god"), "'god' is not one of"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(desk, arguments, said):
    if "twice" in arguments:
        desk.calsync("operators", *arguments)
    done = desk.run("operators", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


# -- links -------------------------------------------------------------------------------------------------


def test_a_link_may_be_for_an_organisation_and_for_a_new_identity(desk):
    desk.add_person("ana")
    for options, said in (
        ((), "ana@example.com"),
        (("--google", "@example.com"), "any of @example.com"),
        (("--google", "other@example.com", "--new-identity"), "other@example.com"),
    ):
        url = desk.calsync("link", "ana", *options)["url"]
        assert said in requests.get(url, timeout=20).text


@pytest.mark.parametrize("address", ["nothing", "a b@example.com", "a@b@c", "@"])
def test_an_address_that_is_none_is_one_line_and_exit_2(desk, address):
    desk.add_person(f"user{len(address)}")
    done = desk.run("link", f"user{len(address)}", "--google", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("calsync: --google: must be an address, or @ and a domain")
