"""Mail: codes before consent, and tidings after it, through a real mail server."""

import re

import pytest
import requests

from calsync.config import ConfigError, load
from calsync.delivery import deliver
from tests.outside.test_consent import refused
from tests.outside.walk import form_of
from tests.web.letterbox import Letterbox
from tests.web.premises import Premises


@pytest.fixture(scope="module")
def letterbox():
    made = Letterbox()
    yield made
    made.close()


@pytest.fixture(scope="module")
def web(tmp_path_factory, letterbox):
    """An installation that mails, and asks for codes."""
    made = Premises(
        tmp_path_factory.mktemp("mailing"), mail=letterbox.settings, consent={"identity_code": "mail"}
    )
    yield made
    made.close()


class Coded:
    """A person with a link, who is asked for a code."""

    def __init__(self, web, letterbox, user):
        self.web, self.letterbox, self.user = web, letterbox, user
        self.walk = web.walk(user)
        self.browser = self.walk.browser

    def ask(self):
        """Press "Send me a code"; return the answer."""
        self.walk.land()
        return self.walk.leave()

    def code(self):
        """Return the code in the latest mail."""
        return re.search(r"^\d{8}", self.letterbox.to(f"{self.user}@example.com")[-1]).group()

    def enter(self, code, browser=None):
        """Enter a code; return the answer."""
        browser = browser or self.browser
        place = f"{self.walk.link}/code"
        fields = form_of(browser.get(place, timeout=20).text)[1]
        answer = browser.post(place, data=fields | {"code": code}, allow_redirects=False, timeout=20)
        self.walk.google = answer.headers.get("location")
        return answer


@pytest.fixture
def coded(web, letterbox, request):
    """Return a new person; the name is that of the test."""
    return Coded(web, letterbox, re.sub(r"\W", "", request.node.name)[-40:])


# -- codes -------------------------------------------------------------------------------------------------


def test_who_can_read_the_crm_user_s_mail_connects(web, coded):
    assert coded.ask().headers["location"] == f"{coded.walk.link.removeprefix(web.url)}/code"
    assert coded.enter(coded.code()).headers["location"].startswith(web.house.google.url)
    coded.walk.decide()
    assert coded.walk.back().status_code == 303
    assert coded.walk.confirm(web.url).headers["location"] == "/me"
    assert web.tokens(coded.user) == 1


def test_a_code_may_be_entered_with_spaces_as_people_copy_it(web, coded):
    coded.ask()
    code = coded.code()
    assert coded.enter(f" {code[:4]} {code[4:]} ").status_code == 303


def test_who_has_the_link_but_not_the_mail_never_comes_to_google(web, coded):
    coded.ask()
    wrong = f"{(int(coded.code()) + 1) % 10**8:08d}"
    answer = coded.enter(wrong)
    assert answer.status_code == 422
    assert "That is not the code" in answer.text
    assert web.office.flows(coded.user) == 0


def test_after_five_wrong_tries_the_right_code_is_worth_nothing(web, coded):
    coded.ask()
    right = coded.code()
    for _ in range(5):
        assert coded.enter("00000000" if right != "00000000" else "11111111").status_code == 422
    answer = coded.enter(right)
    assert "no longer good" in answer.text
    assert web.office.flows(coded.user) == 0


def test_a_code_ends_after_ten_minutes(web, coded):
    coded.ask()
    code = coded.code()
    web.clock.advance(minutes=10, seconds=1)
    assert "no longer good" in coded.enter(code).text


def test_a_code_is_for_the_browser_that_asked_for_it(web, coded):
    coded.ask()
    thief = requests.Session()
    thief.get(coded.walk.link, timeout=20)
    assert "no longer good" in coded.enter(coded.code(), thief).text


def test_a_newer_code_ends_the_earlier_one(web, coded):
    coded.ask()
    earlier = coded.code()
    coded.ask()
    if earlier != coded.code():
        assert coded.enter(earlier).status_code == 422
    assert coded.enter(coded.code()).status_code == 303


def test_three_codes_are_sent_within_an_hour(web, coded):
    assert [coded.ask().status_code for _ in range(4)] == [303, 303, 303, 429]
    web.clock.advance(hours=1, seconds=1)
    assert coded.ask().status_code == 303


def test_a_code_that_cannot_be_sent_is_said_so(web, coded, letterbox):
    letterbox.refusing = True
    try:
        assert refused(coded.ask(), 503)
    finally:
        letterbox.refusing = False


def test_only_a_keyed_digest_of_a_code_is_stored(web, coded):
    coded.ask()
    stored = web.office.rows('SELECT * FROM identity_code WHERE "user" = ?', coded.user)
    assert coded.code() not in repr(stored)


def test_codes_without_a_mail_server_are_a_mistake_of_the_configuration(tmp_path):
    (tmp_path / "calsync.toml").write_text('[consent]\nidentity_code = "mail"\n')
    with pytest.raises(ConfigError, match=r"^consent\.identity_code: .*needs mail\.host"):
        load(str(tmp_path / "calsync.toml"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('host = "mail.example.com"', "mail: sender is missing"),
        ('host = "mail.example.com"\nsender = "a@b"\nsecurity = "none"', 'mail: security = "none" is for'),
        ('sender = "a\\nb@c"', "mail.sender: must be an address"),
    ],
)
def test_mistakes_in_the_section_of_mail_are_named(tmp_path, lines, said):
    (tmp_path / "calsync.toml").write_text(f"[mail]\n{lines}\n")
    with pytest.raises(ConfigError) as error:
        load(str(tmp_path / "calsync.toml"))
    assert str(error.value).startswith(said)


# -- tidings -----------------------------------------------------------------------------------------------


def connected(web, coded):
    coded.ask()
    coded.enter(coded.code())
    coded.walk.decide()
    coded.walk.back()
    coded.walk.confirm(web.url)


def test_the_person_is_mailed_of_a_connection_once_and_without_content(web, coded, letterbox):
    connected(web, coded)
    deliver(web.parts)
    deliver(web.parts)
    _, letter = letterbox.to(f"{coded.user}@example.com")
    assert "If that was not you" in letter
    assert f"{web.url}/me" in letter
    assert "@" not in letter


def test_the_operator_is_mailed_of_a_refused_consent(web, coded, letterbox):
    web.house.control("POST", "accounts", {"email": "other.mail@example.com"})
    coded.ask()
    coded.enter(coded.code())
    coded.walk.decide(choose="other.mail@example.com")
    coded.walk.back()
    deliver(web.parts)
    assert f"consent link of {coded.user}" in letterbox.to("desk@example.com")[-1]


def test_a_tiding_that_could_not_be_mailed_is_mailed_later(web, coded, letterbox):
    connected(web, coded)
    letterbox.refusing = True
    deliver(web.parts)
    deliver(web.parts)
    letterbox.refusing = False
    address = f"{coded.user}@example.com"
    assert len(letterbox.to(address)) == 1, "the code"
    assert web.office.rows('SELECT attempts FROM tiding WHERE "user" = ?', coded.user) == [(1,)]
    web.clock.advance(minutes=2)
    deliver(web.parts)
    assert len(letterbox.to(address)) == 2


def test_a_tiding_that_is_too_old_is_mailed_to_nobody_and_stays_for_the_operator(web, coded, letterbox):
    connected(web, coded)
    web.clock.advance(days=2)
    deliver(web.parts)
    assert len(letterbox.to(f"{coded.user}@example.com")) == 1, "the code"
    page = web.desk().get(f"{web.url}/operator", timeout=20).text
    assert f"{coded.user} was connected; nobody was mailed about it" in page
