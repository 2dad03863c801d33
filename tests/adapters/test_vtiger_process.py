"""vtiger as an operator configures it: a section, a file with keys, and commands."""

from __future__ import annotations

import pytest

from calsync.sandbox.stage import Stage
from tests.house import at, day


@pytest.fixture
def installation(tmp_path, vtiger):
    with Stage(tmp_path, {"poll_seconds": 2}, crm="vtiger") as stage:
        (tmp_path / "vtiger.users").write_text(vtiger.users_file())
        stage.environment |= {
            "CALSYNC_CRM__VTIGER__BASE_URL": vtiger.server.url,
            "CALSYNC_CRM__VTIGER__USERS_FILE": "vtiger.users",
        }
        yield stage


def test_the_daemon_keeps_both_in_step_and_the_kit_runs_beside_it(installation, vtiger):
    stage = installation
    stage.start_daemon()
    stage.control("POST", "accounts", {"email": "ana@example.com"})
    page = stage.connect("ana")
    assert page.url == f"{stage.url}/me", page.text
    stage.control("POST", "accounts/ana@example.com/events", {"summary": "G", **at(day(1))})
    vtiger.add("ana", "C", day(2))
    stage.until(lambda: set(vtiger.events("ana")) == {"G", "C"}, "Google's event in vtiger")
    stage.until(lambda: len(stage.google_events("ana@example.com")) == 2, "vtiger's event at Google")
    document = stage.calsync("crm", "conformance", "--backend", "vtiger", "--user", "ben")
    assert (document["user"], document["other"], document["failed"]) == ("ben", None, 0)
    assert stage.calsync("verify", "ana") is not None
    users = {row["user"]: row["state"] for row in stage.calsync("users")["users"]}
    assert users == {"ana": "active", "ben": "not connected"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BASE_URL", "ftp://x", "crm.vtiger.base_url: must be the address"),
        ("USERS_FILE", "absent", "crm.vtiger.users_file: "),
        ("USERS_FILE", "", "crm.vtiger.users_file: must name a file"),
        ("RELIST_MINUTE", "5", "crm.vtiger.relist_minute: unknown key; did you mean relist_minutes?"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line_with_the_key(installation, name, value, words):
    installation.environment[f"CALSYNC_CRM__VTIGER__{name}"] = value
    done = installation.run("users")
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
