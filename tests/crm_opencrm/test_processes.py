"""The real daemon and the real commands, in front of tenants over HTTP."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
import requests

from calsync.config import Settings
from calsync.sandbox.opencrm.sections import toml
from calsync.sandbox.opencrm.server import start
from calsync.sandbox.opencrm.tenant import API_KEY, PASS_KEY
from calsync.sandbox.stage import Stage
from tests.crm_opencrm.firm import PROFILES, crm_at, day, section
from tests.house import at


class Town:
    """A stage whose CRM is a tenant that the test has started."""

    def __init__(self, stage, tenant, profile):
        self.stage, self.tenant, self.profile = stage, tenant, profile

    def in_crm(self, method, path, **body):
        answer = requests.request(method, f"{self.tenant.url}/control/{path}", json=body, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def configure(self, **more):
        """Write the configuration anew, with these keys of `[crm.opencrm]`."""
        self.stage.configure()
        for name, text in (("opencrm.key", API_KEY), ("opencrm.passkey", PASS_KEY)):
            (self.stage.directory / name).write_text(text)
        with self.stage.config.open("a") as file:
            file.write(toml("crm.opencrm", section(self.profile, self.tenant.url, **more)))

    def titles(self):
        found = self.in_crm("GET", "activities")["activities"]
        return sorted(
            each["subject"] for each in found if each["owner"] == "ana" and each["taskstatus"] != "Cancelled"
        )


@pytest.fixture(params=PROFILES)
def town(request, tmp_path):
    with start(profile=request.param) as tenant, Stage(tmp_path, {"poll_seconds": 2}, crm="opencrm") as stage:
        made = Town(stage, tenant, request.param)
        made.in_crm("POST", "users", login="ana", email="ana@example.com", name="Ana Lima")
        made.in_crm("POST", "activities", owner="ana", subject="C", permission="0", **crm_at(day(1)))
        made.configure()
        yield made


def test_the_daemon_keeps_both_calendars_in_step(town):
    stage = town.stage
    stage.control("POST", "accounts", {"email": "ana@example.com"})
    stage.start_daemon()
    assert stage.connect("ana").url == f"{stage.url}/me"
    stage.control("POST", "accounts/ana@example.com/events", {"summary": "G", **at(day(2))})

    def titles():
        return sorted(event["summary"] for event in stage.google_events("ana@example.com"))

    stage.until(lambda: titles() == town.titles() == ["C", "G"], "both calendars to show both")
    stage.kill_daemon()
    (event,) = [each for each in stage.google_events("ana@example.com") if each["summary"] == "G"]
    stage.control("DELETE", f"accounts/ana@example.com/events/{event['id']}")
    stage.start_daemon()
    stage.until(lambda: titles() == town.titles() == ["C"], "the deletion to cross")
    assert stage.calsync("users")["users"][0]["user"] == "ana"
    log = (stage.directory / "daemon.log").read_text()
    for secret in (API_KEY, PASS_KEY, "ana@example.com"):
        assert secret not in log


def test_a_probe_prints_a_section_that_fits(town):
    town.configure(fields={}, limit_end="index", entities=False, title_limit=0, location_limit=0)
    for n in range(9):
        town.in_crm("POST", "activities", owner="ana", subject=f"a & {n}", **crm_at(day(n)))
    before = town.in_crm("GET", "activities")
    done = town.stage.run("crm", "probe")
    assert done.returncode == 0, done.stdout + done.stderr
    assert town.in_crm("GET", "activities") == before
    assert town.in_crm("GET", "writes") == {"writes": []}
    found = tomllib.loads(done.stdout)["crm"]
    settings = Settings(crm={"backend": "opencrm", **found}).crm.opencrm
    expected = Settings(crm={"opencrm": section(town.profile, town.tenant.url)}).crm.opencrm
    for name in ("limit_end", "entities"):
        assert getattr(settings, name) == getattr(expected, name)
    assert settings.permissions == expected.permissions
    assert settings.fields == expected.fields


def test_a_canary_cleans_up_and_finds_limits(town):
    town.in_crm("POST", "activities", owner="ana", subject="a & b", **crm_at(day(2)))
    document = town.stage.calsync("crm", "probe", "--write", "--user", "ana")
    canary = document["canary"]
    assert canary["bad"] == canary["left"] == []
    assert len(canary["made"]) == 4
    made = [each for each in town.in_crm("GET", "activities")["activities"] if each["id"] in canary["made"]]
    assert {each["taskstatus"] for each in made} == {"Cancelled"}
    assert {each["permission"] for each in made} == {"3"}
    limits = (100, 150) if town.profile == "quirky" else (0, 0)
    assert (canary["title_limit"], canary["location_limit"]) == limits
    assert town.in_crm("GET", "letters") == {"letters": []}


def test_the_demo_makes_its_round_trip_with_a_tenant():
    command = [sys.executable, "-m", "calsync.sandbox.demo", "--once", "--crm", "opencrm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "both stand-ins agree"


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"shift_hours": 1}, "times come back"),
        ({"owner_names": ["assigned_user_id"]}, "the owner is taken"),
    ],
)
def test_a_canary_finds_what_would_go_wrong(tmp_path, switches, words):
    with start() as tenant, Stage(tmp_path, crm="opencrm") as stage:
        town = Town(stage, tenant, "rich")
        town.in_crm("POST", "users", login="ana", email="ana@example.com")
        town.in_crm("POST", "activities", owner="ana", subject="C", **crm_at(day(1)))
        town.in_crm("POST", "switches", **switches)
        town.configure()
        document = stage.calsync("crm", "probe", "--write", "--user", "ana", expect=1)
        assert any(words in sentence for sentence in document["canary"]["bad"])


def test_commands_say_what_is_wrong_in_one_line(tmp_path):
    with start() as tenant, Stage(tmp_path, crm="opencrm") as stage:
        town = Town(stage, tenant, "rich")
        town.configure(vendor_sync_off=False)
        town.in_crm("POST", "users", login="ana", email="ana@example.com")
        document = stage.calsync("crm", "probe", expect=1)
        blocking = document["survey"]["blocking"]
        assert any("vendor_sync_off" in sentence for sentence in blocking)
        assert any("make one by hand" in sentence for sentence in blocking)
        (stage.directory / "opencrm.key").write_text("wrong")
        for arguments in (["users"], ["link", "ana"], ["crm", "probe"]):
            done = stage.run(*arguments)
            assert done.returncode == 1
            assert "crm.opencrm.key_file" in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1
        (stage.directory / "opencrm.key").unlink()
        done = stage.run("users")
        assert (done.returncode, "put the secret there" in done.stderr) == (2, True)
        assert stage.run("crm", "probe", "--write").returncode == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base_url = 'http://crm.example.com'", ["crm.opencrm.base_url", "https outside loopback"]),
        ("base_url = 'crm.example.com'", ["crm.opencrm.base_url", "https://TENANT"]),
        ("timezone = 'Europe/Lodnon'", ["crm.opencrm.timezone", "Europe/London"]),
        ("token_feild = 'cf_1'", ["crm.opencrm.token_feild", "crm.opencrm.token_field?"]),
        ("delete = 'really'", ["crm.opencrm.delete", "'cancel'"]),
        ("requests_per_second = 0", ["crm.opencrm.requests_per_second"]),
        ("[crm.opencrm.fields]\ntitel = 'x'", ["crm.opencrm.fields.titel", "crm.opencrm.fields.title?"]),
        ("[crm.opencrm.fields]\ntitle = ''", ["crm.opencrm.fields.title", "cannot do without"]),
        ("[crm.opencrm.fields]\nlocation = 'showonportal'", ["crm.opencrm.fields.location", "customers"]),
        ("[crm.opencrm.permissions.values]\n3 = 'secret'", ["crm.opencrm.permissions.values", "'private'"]),
        ("[crm.opencrm.permissions]\nedit = 'all'", ["crm.opencrm.permissions.edit", "'owner'"]),
    ],
)
def test_a_mistake_in_the_section_is_named_with_its_remedy(tmp_path, text, words, capsys):
    from calsync.cli import main

    file = tmp_path / "calsync.toml"
    file.write_text(f"[crm]\nbackend = 'opencrm'\n[crm.opencrm]\n{text}\n")
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(file), "users"])
    shown = capsys.readouterr()
    assert ended.value.code == 2
    assert len(shown.err.strip().splitlines()) == 1
    for word in words:
        assert word in shown.err
