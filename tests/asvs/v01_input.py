"""Chapters 1 and 2: what comes in, what is made of it, and in which order."""

from __future__ import annotations

import base64
import pickle
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import itsdangerous
import requests
from itsdangerous import URLSafeTimedSerializer
from jinja2 import Environment, PackageLoader
from pydantic import ValidationError
from sqlalchemy import text

from calsync import egress, engine, invitation
from calsync.config import Settings, settings
from calsync.config import web as web_settings
from calsync.google.transport import Connection, NotReachable
from calsync.store import consent as consent_store
from calsync.store import operators
from calsync.store.locks import holding
from calsync.sync.round import Order
from calsync.sync.tally import Outcome
from calsync.web import consent, identity, limits, site
from tests.asvs.control import Control, fresh, nothing, refuses

MARKUP = "<b onmouseover=alert(1)>x</b>"


def unescaped():
    return [(site, "templates", Environment(loader=PackageLoader("calsync.web"), autoescape=False))]


def output_is_encoded(web):
    page = web.desk().get(f"{web.url}/operator", params={"user": f'"{MARKUP}'}, timeout=20).text
    assert MARKUP not in page
    assert "&lt;b onmouseover" in page


class Everything:
    """A place in which everything is."""

    def __contains__(self, _):
        return True


def addresses_outside_are_https(web):
    for section, key in (("web", "public_url"), ("google", "auth_uri"), ("google", "token_uri")):
        unsafe = {section: {key: "http://calsync.example.com"}}
        assert refuses(lambda unsafe=unsafe: Settings(**unsafe), ValidationError)


def sql_is_bound(web):
    name = fresh("known")
    entry = web.operator(name)
    injected = f"' OR name = '{name}"
    assert web.enter(name=injected, password=entry.password, code=web.code(entry))[1].status_code == 401


def _concatenated(connection, name, now):
    return connection.execute(text(f"SELECT * FROM operator WHERE name = '{name}'")).mappings().first()


def only_configured_hosts_are_called(web):
    elsewhere = f"{web.url}/healthz"
    http = egress.session("https://oauth2.googleapis.com")
    assert refuses(lambda: http.get(elsewhere, timeout=20), requests.RequestException)
    reachable = frozenset({"https:www.googleapis.com"})
    calendar = Connection(web.clock, reachable)
    assert refuses(lambda: calendar.request(elsewhere), NotReachable)


ran = []


class _Evil:
    def __reduce__(self):
        return ran.append, ("code of a stranger",)


def values_from_outside_are_only_values(web):
    ran.clear()
    signer = URLSafeTimedSerializer(web.parts.vault.secret("web forms"), salt="form", serializer=pickle)
    web.desk().post(f"{web.url}/operator/logout", data={"form_token": signer.dumps(_Evil())}, timeout=20)
    assert ran == []


def _pickled(self, payload, serializer=None):
    return pickle.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))


def input_is_what_it_should_be(web):
    user = fresh("input")
    web.office.person(user)
    answer = web.press(web.desk(), "/operator", "/operator/links", user=user, google="no address")
    assert answer.status_code == 422
    assert web.api("GET", "users/%00").status_code == 422


def a_step_cannot_be_left_out(web):
    user = fresh("skipper")
    walk = web.walk(user)
    with patch.object(identity, "is_wanted", lambda _: True):
        walk.land()
        assert walk.leave().status_code == 503, "a code is sent first, which this installation cannot"
        assert web.office.flows(user) == 0


def a_connection_is_made_whole_or_not_at_all(web):
    user = fresh("whole")
    walk = web.walk(user).to_google()
    walk.decide()
    walk.back()
    with patch.object(consent_store, "new_session", side_effect=RuntimeError("the power goes")):
        assert walk.confirm(web.url).status_code == 500
    assert web.office.account(user) is None
    assert walk.confirm(web.url).status_code == 303


@contextmanager
def _half_committed(database):
    with database.connect() as connection:
        try:
            yield connection
        finally:
            connection.commit()


def one_at_a_time_works_for_an_account(web):
    user = fresh("locked")
    web.visit(user)
    number = web.house.account(user).id
    with holding(web.parts.state_dir / "locks", f"account-{number}"):
        assert engine.run_account(web.parts, number, Order(), wait=0).outcome is Outcome.BUSY


def machines_are_slowed_down(web):
    link = web.walk(fresh("popular")).link
    assert [requests.get(link, timeout=20).status_code for _ in range(35)][-1] == 429


CONTROLS = {
    "1.2.1": Control(output_is_encoded, unescaped),
    "1.2.2": Control(
        addresses_outside_are_https,
        lambda: [(module, "LOOPBACK", Everything()) for module in (settings, web_settings)],
    ),
    "1.2.4": Control(sql_is_bound, lambda: [(operators, "_begin_try", _concatenated)]),
    "1.3.6": Control(only_configured_hosts_are_called, lambda: [(egress, "confine", nothing)]),
    "1.5.2": Control(
        values_from_outside_are_only_values,
        lambda: [(itsdangerous.URLSafeTimedSerializer, "load_payload", _pickled)],
    ),
    "2.2.1": Control(input_is_what_it_should_be, lambda: [(invitation, "EXPECTED", ".*")]),
    "2.3.1": Control(a_step_cannot_be_left_out, lambda: [(consent, "_is_proven", lambda *_: True)]),
    "2.3.3": Control(
        a_connection_is_made_whole_or_not_at_all, lambda: [(consent, "writing", _half_committed)]
    ),
    "2.3.4": Control(
        one_at_a_time_works_for_an_account, lambda: [(engine, "holding", lambda *_: nullcontext())]
    ),
    "2.4.1": Control(machines_are_slowed_down, lambda: [(limits.Limiter, "wait", lambda *_: 0.0)]),
}
