"""Chapters 8 and 10: who may do what with whose, and who it is that has consented."""

from __future__ import annotations

import re
import secrets
import shutil
from types import SimpleNamespace

import requests
from sqlalchemy import select, update

from calsync.store import conflicts, identities, instance
from calsync.store import consent as consent_store
from calsync.store.accounts import State, accounts
from calsync.store.operators import Role
from calsync.sync import crossing
from calsync.web import operator_login
from tests.asvs.control import Control, fresh, refuses
from tests.house import at, day


def a_role_does_only_what_it_is_for(web):
    user, name = fresh("subject"), fresh("viewer")
    web.visit(user)
    number = web.house.account(user).id
    browser = web.desk(name, web.operator(name, Role.VIEWER))
    answer = web.press(browser, "/operator", f"/operator/accounts/{number}/pause")
    assert answer.status_code == 403
    assert web.house.account(user).state is State.ACTIVE


def a_person_touches_only_what_is_theirs(web):
    owner, other = fresh("owner"), fresh("meddler")
    web.visit(owner)
    made = web.house.google_add(owner, summary="At first", **at(day(2)))
    web.house.resync(owner)
    (event,) = [one for one in web.house.crm_events(owner) if one["owner"] == owner]
    web.house.google_edit(owner, made["id"], summary="One")
    web.house.crm_edit(owner, event["id"], title="Two")
    web.house.resync(owner)
    ((number, _),) = web.house.conflicts(owner)
    answer = web.press(web.visit(other), "/me", f"/me/conflicts/{number}/put-back")
    assert answer.status_code == 404
    assert web.office.rows("SELECT asked_at FROM conflict WHERE id = ?", number) == [(None,)]


def _anybodys(connection, account_id, number, now):
    query = update(conflicts.conflicts).where(conflicts.conflicts.c.id == number).values(asked_at=now)
    return connection.execute(query).rowcount == 1


def what_is_private_crosses_without_its_text(web):
    user = fresh("private")
    web.visit(user)
    web.house.google_add(user, summary="Doctor", description="why", visibility="private", **at(day(2)))
    web.house.resync(user)
    (event,) = [one for one in web.house.crm_events(user) if one["owner"] == user]
    assert (event["title"], event["description"]) == ("Busy", "")


def a_database_serves_one_installation(web):
    elsewhere = web.house.directory / fresh("elsewhere")
    elsewhere.mkdir()
    shutil.copy(web.parts.state_dir / instance.FILE_NAME, elsewhere)
    look = (web.parts.engine, elsewhere, web.clock())
    assert refuses(lambda: instance.check(*look), instance.NotAdopted)


class _Anything(set):
    def __contains__(self, _):
        return True

    def __bool__(self):
        return True


def a_code_is_for_the_browser_that_asked(web):
    user = fresh("shared")
    walk = web.walk(user).to_google()
    walk.decide()
    thief = requests.Session()
    thief.get(walk.link, timeout=20)
    assert walk.back(thief).status_code == 400
    assert web.tokens(user) == 0


def an_answer_belongs_to_its_question(web):
    user = fresh("stateless")
    walk = web.walk(user).to_google()
    walk.decide()
    walk.callback = re.sub(r"state=[^&]+", "state=of-somebody-else", walk.callback)
    assert walk.back().status_code == 400
    assert web.tokens(user) == 0


_ANY_BROWSER = SimpleNamespace(compare_digest=lambda *_: True, token_urlsafe=secrets.token_urlsafe)


def _newest(connection, vault, state, browser, now):
    flows = consent_store.flows
    query = select(flows).where(flows.c.browser_digest == consent_store.digest(browser))
    row = connection.execute(query.order_by(flows.c.id.desc())).mappings().first()
    return consent_store._flow(connection, vault, row, now)


def who_it_is_is_told_by_sub(web):
    user = fresh("subbed")
    web.visit(user)
    web.liar.lie = lambda claims: {"sub": fresh("another")}
    answer = web.sign_in(f"{user}@example.com")
    assert answer.status_code == 403


def _anyone(connection, vault, subject):
    return connection.execute(select(accounts.c.user).order_by(accounts.c.id.desc())).scalar()


CONTROLS = {
    "8.2.1": Control(a_role_does_only_what_it_is_for, lambda: [(operator_login, "may", lambda *_: True)]),
    "8.2.2": Control(a_person_touches_only_what_is_theirs, lambda: [(conflicts, "ask_back", _anybodys)]),
    "8.2.3": Control(
        what_is_private_crosses_without_its_text, lambda: [(crossing, "hides", lambda *_: False)]
    ),
    "8.4.1": Control(
        a_database_serves_one_installation, lambda: [(instance, "_known", lambda _: _Anything())]
    ),
    "10.1.2": Control(
        a_code_is_for_the_browser_that_asked,
        lambda: [
            (
                consent_store,
                "secrets",
                SimpleNamespace(compare_digest=lambda *_: True, token_urlsafe=secrets.token_urlsafe),
            )
        ],
    ),
    "10.2.1": Control(an_answer_belongs_to_its_question, lambda: [(consent_store, "take_return", _newest)]),
    "10.5.2": Control(who_it_is_is_told_by_sub, lambda: [(identities, "user_of", _anyone)]),
}
