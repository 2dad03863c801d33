"""Who a person is: an ID token that does not hold connects nothing."""

import time

import pytest

from calsync.sandbox.stage import Stage
from tests.outside.lying_google import LyingGoogle
from tests.outside.walk import Office


@pytest.fixture(scope="module")
def deceived(tmp_path_factory):
    """A web server whose token endpoint lies, and who made it lie."""
    with Stage(tmp_path_factory.mktemp("deceived")) as stage:
        liar = LyingGoogle(stage.google)
        stage.environment["CALSYNC_GOOGLE__TOKEN_URI"] = f"{liar.url}/token"
        stage.environment["CALSYNC_GOOGLE__JWKS_URI"] = f"{liar.url}/certs"
        stage.start_daemon("web")
        office = Office(stage)
        yield office, liar
        office.close()
        liar.shutdown()
        liar.server_close()


def test_an_honest_token_connects(deceived):
    office, liar = deceived
    liar.lie = None
    office.connect("honest")
    assert office.account("honest") == ("active", 1)


LIES = {
    "audience": lambda claims: {"aud": "someone-else"},
    "issuer": lambda claims: {"iss": "https://accounts.evil.example"},
    "nonce": lambda claims: {"nonce": "replayed"},
    "no nonce": lambda claims: {"nonce": None},
    "expired": lambda claims: {"iat": int(time.time()) - 7200, "exp": int(time.time()) - 3600},
    "not verified": lambda claims: {"email_verified": False},
    "no subject": lambda claims: {"sub": ""},
    "no address": lambda claims: {"email": ""},
    "signature": "signature",
    "unsigned": "unsigned",
    "nothing": "nothing",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_hold_connects_nothing_and_is_given_back(deceived, lie):
    office, liar = deceived
    user = lie.replace(" ", "")
    liar.lie = None
    walk = office.walk(user).to_google()
    walk.decide()
    liar.lie = LIES[lie]
    answer = walk.back()
    assert answer.status_code == 400
    assert "could not be verified" in answer.text
    assert office.nothing_is_kept(user)
