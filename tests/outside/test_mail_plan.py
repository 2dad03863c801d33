"""Before a run that mails guests, the command line says whom."""

from __future__ import annotations

import pytest

from calsync.sandbox.stage import Stage
from tests.house import crm_at, day

GUESTS = [{"email": "kim@partner.test"}, {"email": "gus@example.com"}]


@pytest.fixture(params=["none", "externalOnly", "all"])
def planned(request, tmp_path):
    """An installation with one CRM event with guests that is to go out; returns it and whom Google will mail."""
    mailed = {"none": [], "externalOnly": GUESTS[:1], "all": GUESTS}[request.param]
    with Stage(tmp_path, {"guests": "write", "guest_mail": request.param}) as stage:
        stage.start_daemon("web")
        stage.add_person("ana")
        stage.control("POST", "accounts", {"email": "gus@example.com"})
        stage.connect("ana")
        body = {"title": "Kick-off", "attendees": GUESTS, **crm_at(day(1))}
        assert stage.crm("POST", "events", "ana", body).status_code == 201
        yield stage, [guest["email"] for guest in mailed]


def test_a_dry_run_prints_who_would_be_mailed_and_the_run_then_mails_them(planned):
    stage, mailed = planned
    words = stage.run("resync", "ana", "--dry-run").stdout
    line = next(line for line in words.splitlines() if "Kick-off" in line)
    assert [guest["email"] for guest in GUESTS if guest["email"] in line] == mailed
    assert (f"mails to guests: {len(mailed)}" if mailed else "nobody would be mailed") in words
    plan = stage.resync("ana", "--dry-run")
    assert [sorted(step["mails"]) for step in plan["plan"]] == [sorted(mailed)]
    assert stage.control("GET", "mails")["mails"] == []
    assert stage.resync("ana")["mails"] == plan["mails"] == len(mailed)
    assert sorted(mail["to"] for mail in stage.control("GET", "mails")["mails"]) == sorted(mailed)
