"""The command line: exit codes, JSON as documented, words on stderr and data on stdout."""

import json
import re
from datetime import datetime

import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import update

from calsync.cli import COMMANDS, cli
from calsync.store import journal
from calsync.store.database import writing
from calsync.store.locks import holding
from tests.house import at, crm_at, day

RUN = {
    "run": str,
    "user": str,
    "outcome": str,
    "full": bool,
    "dry_run": bool,
    "google": dict,
    "crm": dict,
    "unchanged": int,
    "skipped": int,
    "conflicts": int,
    "quarantined": int,
    "held_back": int,
    "google_calls": int,
    "crm_calls": int,
    "mails": int,
    "seconds": float,
}
STATUS = {
    "user",
    "state",
    "google_account",
    "last_success",
    "lag_seconds",
    "next_round",
    "conflicts",
    "quarantined",
    "held_back",
}


@pytest.fixture
def command(running):
    """Return a function that runs a command in this process: code, stdout, stderr."""

    def run(*arguments, as_json=False):
        options = ["--config", str(running.config), *(["--json"] if as_json else [])]
        done = CliRunner().invoke(cli, [*options, *arguments], prog_name="calsync")
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def document(command):
    """Return a function that runs a command with --json; checks exit code, and that stdout is one document."""

    def run(*arguments, expect=0):
        code, out, err = command(*arguments, as_json=True)
        assert code == expect, err or out
        return json.loads(out)

    return run


def is_time(text):
    """Return whether a text is an RFC 3339 time in UTC."""
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text)) and datetime.fromisoformat(
        text
    )


def connected(running, office, user):
    """Connect a person and keep the daemon away from them."""
    office.connect(user)
    running.until(
        lambda: office.rows("SELECT last_success FROM account WHERE user = ?", user)[0][0], "a round"
    )
    office.rows("UPDATE account SET due_at = '2099-01-01 00:00:00' WHERE user = ?", user)
    return f"{user}@example.com"


def rest(office, user):
    """Keep the daemon away from a person again."""
    office.rows("UPDATE account SET due_at = '2099-01-01 00:00:00' WHERE user = ?", user)


# -- help and usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        [],
        *([name] for name in COMMANDS),
        ["crm", "users", "add"],
        ["crm", "users", "list"],
        ["crm", "tokens", "add"],
    ],
)
def test_help_says_what_a_command_does_with_an_example(words):
    done = CliRunner().invoke(cli, [*words, "--help"])
    assert done.exit_code == 0
    assert re.search(r"Example:\s+calsync ", done.stdout)
    assert "Usage:" in done.stdout


def test_the_program_runs_as_a_module_and_as_a_script(running):
    done = running.run("users")
    assert done.returncode == 0
    assert done.stdout.strip()
    assert done.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],
        ["resync"],
        ["resync", "ana", "--all"],
        ["link"],
        ["resync", "--speed"],
        ["disconnect", "x", "--google-copies", "burn"],
        ["run", "--role", "king"],
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_line(command, words):
    code, out, err = command(*words)
    assert code == 2
    assert out == ""
    assert err.startswith("calsync: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["link"],
        ["status"],
        ["resync"],
        ["pause"],
        ["resume"],
        ["approve"],
        ["disconnect"],
        ["conflicts"],
        ["quarantine"],
        ["crm", "tokens", "add"],
    ],
)
def test_an_unknown_user_is_exit_code_2(command, words):
    code, out, err = command(*words, "nobody")
    assert (code, out) == (2, "")
    assert "nobody" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["resync", "nobody"], 2, "usage"),
        (["frobnicate"], 2, "usage"),
        (["--config", "/nowhere/calsync.toml", "users"], 2, "usage"),
        (["pause", "unlinked"], 3, "person_needed"),
    ],
)
def test_a_program_that_asks_for_json_gets_its_failure_as_json(office, running, words, code, kind):
    if office.parts.crm.person("unlinked") is None:
        office.person("unlinked")
    done = running.run("--json", *words)
    assert done.returncode == code
    error = json.loads(done.stdout)["error"]
    assert error["code"] == kind
    assert done.stderr == f"calsync: {error['message']}\n"


@pytest.mark.parametrize("words", [["resync"], ["pause"], ["resume"], ["approve"], ["disconnect"]])
def test_a_user_who_is_not_connected_needs_a_person(office, command, words):
    if office.parts.crm.person("unlinked") is None:
        office.person("unlinked")
    code, out, err = command(*words, "unlinked")
    assert (code, out) == (3, "")
    assert "calsync link unlinked" in err


# -- people ------------------------------------------------------------------------------------------------


def test_users_of_the_crm_are_added_and_listed(document, command):
    added = document("crm", "users", "add", "cleo", "--email", "Cleo@Example.com", "--name", "Cleo C.")
    assert added == {"user": {"login": "cleo", "email": "cleo@example.com", "name": "Cleo C."}}
    assert added["user"] in document("crm", "users", "list")["users"]
    assert {"user": "cleo", "name": "Cleo C.", "state": "not connected"} in document("users")["users"]
    assert command("crm", "users", "add", "cleo", "--email", "x@example.com")[0] == 2
    assert command("crm", "users", "add", "dora", "--email", "not an address")[0] == 2
    code, out, _ = command("crm", "users", "list")
    heads, *lines = out.splitlines()
    assert code == 0
    (line,) = [line for line in lines if line.startswith("cleo ")]
    assert line.index("Cleo C.") == heads.index("NAME"), "columns are aligned"
    assert "\x1b" not in out, "no colour when it is not a terminal"


def test_a_token_opens_the_crm(running, office, document, command):
    office.person("tess")
    token = document("crm", "tokens", "add", "tess")["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{running.url}/crm/v1/events", headers=headers, timeout=20).status_code == 200
    code, out, _ = command("crm", "tokens", "add", "tess")
    assert code == 0
    assert out.strip() != token
    assert len(out.split()) == 1


def test_a_link_is_alone_on_stdout_and_says_when_it_ends(running, office, document, command):
    office.person("lina")
    made = document("link", "lina")
    assert set(made) == {"url", "expires"}
    assert made["url"].startswith(f"{running.url}/connect/")
    left = is_time(made["expires"]) - office.parts.clock()
    assert 23.9 < left.total_seconds() / 3600 <= 24
    code, out, err = command("link", "lina")
    assert code == 0
    assert re.fullmatch(rf"{running.url}/connect/\S{{43}}\n", out)
    assert "valid once" in err
    assert requests.get(made["url"], timeout=20).status_code == 410, "the new link ended the old one"
    assert requests.get(out.strip(), timeout=20).status_code == 200
    other = document("link", "lina", "--google", "Other@Example.com")
    assert "other@example.com" in requests.get(other["url"], timeout=20).text
    assert command("link", "lina", "--google", "nonsense")[0] == 2


# -- status ------------------------------------------------------------------------------------------------


def test_status_tells_state_lag_and_what_comes_next(running, office, document, command):
    office.connect("stella")
    running.until(
        lambda: office.rows("SELECT last_success FROM account WHERE user = 'stella'")[0][0], "a round"
    )
    (row,) = document("status", "stella")["accounts"]
    assert set(row) >= STATUS
    assert (row["state"], row["google_account"]) == ("active", "stella@example.com")
    assert is_time(row["last_success"])
    assert is_time(row["next_round"])
    assert 0 <= row["lag_seconds"] < 60
    assert [row["conflicts"], row["quarantined"], row["held_back"]] == [0, 0, 0]
    code, out, err = command("status", "stella")
    heads, line = out.splitlines()
    assert (code, err) == (0, "")
    assert line.index("active") == heads.index("STATE")
    assert "LAG" in heads
    assert "NEXT ROUND" in heads
    assert "stella" in [row["user"] for row in document("status")["accounts"]]


def test_lists_are_empty_and_never_null(office, document):
    office.person("empty")
    assert document("status", "empty") == {"accounts": []}
    office.connect("clean")
    assert document("conflicts", "clean") == {"conflicts": []}
    assert document("quarantine", "clean") == {"quarantine": []}


# -- resync ------------------------------------------------------------------------------------------------


def test_resync_prints_a_run_as_documented(running, office, document, command):
    email = connected(running, office, "rita")
    running.control("POST", f"accounts/{email}/events", {"summary": "G", **at(day(1))})
    (run,) = document("resync", "rita")["runs"]
    assert {name: type(run[name]) for name in RUN} == RUN
    assert run["user"] == "rita"
    assert run["outcome"] == "ok"
    assert run["crm"] == {"created": 1, "updated": 0, "deleted": 0}
    assert run["google_calls"] == 1
    assert "plan" not in run
    assert document("resync", "rita", "--full")["runs"][0]["full"] is True
    code, out, _ = command("resync", "rita")
    heads, line = out.splitlines()
    assert code == 0
    assert line.index("ok") == heads.index("OUTCOME")


def test_a_dry_run_changes_nothing_and_prints_the_plan(running, office, document, command):
    email = connected(running, office, "dry")
    running.control("POST", f"accounts/{email}/events", {"summary": "Plan \x1b[31mred", **at(day(1))})
    (run,) = document("resync", "dry", "--dry-run")["runs"]
    assert run["dry_run"] is True
    (step,) = run["plan"]
    assert set(step) == {"side", "action", "id", "title", "fields", "mails"}
    assert (step["side"], step["action"]) == ("crm", "create")
    code, out, _ = command("resync", "dry", "--dry-run")
    assert code == 0
    assert "create" in out
    assert "\x1b" not in out, "titles come from strangers and may not steer a terminal"
    assert not [event for event in running.crm_events("dry") if event["owner"] == "dry"]


def test_one_event_can_be_brought_up_to_date_alone(running, office, document):
    email = connected(running, office, "eve")
    running.control("POST", f"accounts/{email}/events", {"summary": "A", **at(day(1))})
    made = running.control("POST", f"accounts/{email}/events", {"summary": "B", **at(day(2))})
    assert document("resync", "eve", "--event", made["id"])["runs"][0]["crm"]["created"] == 1
    titles = [event["title"] for event in running.crm_events("eve") if event["owner"] == "eve"]
    assert titles == ["B"]
    (run,) = document("resync", "eve", "--event", "unknown0id", expect=1)["runs"]
    assert run["outcome"] == "partial"


def test_an_account_that_is_held_is_exit_code_4_without_waiting(running, office, document):
    connected(running, office, "held")
    (account,) = office.rows("SELECT id FROM account WHERE user = 'held'")[0]
    with holding(office.parts.state_dir / "locks", f"account-{account}", 10):
        (run,) = document("resync", "held", "--no-wait", expect=4)["runs"]
        assert run["outcome"] == "busy"
    assert document("resync", "held", "--no-wait")["runs"][0]["outcome"] == "ok"


def test_resync_of_everyone_takes_all_who_are_connected(running, office, document):
    for user in ("all1", "all2"):
        connected(running, office, user)
    runs = document("resync", "--all")["runs"]
    assert {"all1", "all2"} <= {run["user"] for run in runs}
    document("disconnect", "all2")
    assert "all2" not in {run["user"] for run in document("resync", "--all")["runs"]}
    both = document("resync", "all1", "all2", expect=3)["runs"]
    assert [run["outcome"] for run in both] == ["ok", "attention"], "the worst outcome decides the exit code"


def test_lost_consent_needs_a_person(running, office, document):
    email = connected(running, office, "lost")
    running.control("POST", "revoke", {"email": email})
    office.parts.credentials.clear()
    assert document("resync", "lost", expect=3)["runs"][0]["outcome"] == "attention"
    assert document("status", "lost")["accounts"][0]["state"] == "reconnect"
    assert document("status", "lost")["accounts"][0]["next_round"] is None


# -- states ------------------------------------------------------------------------------------------------


def test_a_paused_account_rests_until_it_is_resumed(running, office, document):
    email = connected(running, office, "paula")
    assert document("pause", "paula") == {"user": "paula", "state": "paused"}
    assert document("pause", "paula")["state"] == "paused"
    running.control("POST", f"accounts/{email}/events", {"summary": "Later", **at(day(1))})
    assert document("resync", "paula", expect=3)["runs"][0]["outcome"] == "attention"
    assert document("resume", "paula") == {"user": "paula", "state": "active"}
    mine = lambda: [e["title"] for e in running.crm_events("paula") if e["owner"] == "paula"]  # noqa: E731
    running.until(lambda: mine() == ["Later"], "the daemon to go on")


def test_many_deletions_wait_until_they_are_approved(running, office, document):
    email = connected(running, office, "brake")
    events = [
        running.control("POST", f"accounts/{email}/events", {"summary": f"E{n}", **at(day(n + 1))})
        for n in range(12)
    ]
    document("resync", "brake")
    rest(office, "brake")
    # No round may come while only some of them are gone.
    document("pause", "brake")
    for event in events:
        running.control("DELETE", f"accounts/{email}/events/{event['id']}")
    document("resume", "brake")
    (run,) = document("resync", "brake", expect=3)["runs"]
    assert (run["outcome"], run["held_back"]) == ("attention", 12)
    (row,) = document("status", "brake")["accounts"]
    assert (row["state"], row["held_back"]) == ("braked", 12)
    (plan,) = document("resync", "brake", "--dry-run", expect=3)["runs"]
    assert {step["title"] for step in plan["plan"]} == {f"E{n}" for n in range(12)}
    rest(office, "brake")
    assert document("resume", "brake")["state"] == "braked", "resuming does not release the brake"
    assert document("approve", "brake") == {"user": "brake", "approved": 12}
    running.until(lambda: document("status", "brake")["accounts"][0]["state"] == "active", "the deletions")
    assert not [event for event in running.crm_events("brake") if event["owner"] == "brake"]
    assert document("approve", "brake")["approved"] == 0


def test_a_calendar_that_is_still_lost_is_told_at_once_by_resume(running, office, document):
    email = connected(running, office, "astray")
    fault = {"email": email, "operation": "events.list", "status": 404, "reason": "notFound", "times": 9}
    running.control("POST", "faults", fault)
    assert document("resync", "astray", expect=3)["runs"][0]["outcome"] == "attention"
    assert document("resume", "astray", expect=3)["state"] == "lost"
    running.control("DELETE", "faults")
    assert document("resume", "astray")["state"] == "active"


def test_a_killed_run_lists_what_it_wrote(running, office, document):
    connected(running, office, "cutoff")
    running.crm("POST", "events", "cutoff", {"title": "C", **crm_at(day(1))})
    document("resync", "cutoff")
    with writing(office.parts.engine) as connection:
        connection.execute(update(journal.runs).values(outcome=journal.UNFINISHED, counts="{}"))
    run = document("runs", "cutoff")["runs"][0]
    assert (run["outcome"], run["google"]["created"]) == ("unfinished", 1)
    assert "seconds" in run


def test_commands_log_nothing_beside_what_they_say(running, office):
    connected(running, office, "quiet")
    running.crm("POST", "events", "quiet", {"title": "C", **crm_at(day(1))})
    done = running.run("resync", "quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert running.run("explain", "quiet", "nosuchevent").returncode == 1


def test_disconnect_ends_consent_and_may_be_repeated(running, office, document):
    connected(running, office, "ender")
    assert document("disconnect", "ender")["state"] == "disconnected"
    assert office.grants("ender") == 0
    assert document("disconnect", "ender")["state"] == "disconnected"
    assert document("status", "ender")["accounts"][0]["state"] == "disconnected"


# -- what needs a look -------------------------------------------------------------------------------------


def test_conflicts_show_both_values(running, office, document, command):
    email = connected(running, office, "connie")
    made = running.control("POST", f"accounts/{email}/events", {"summary": "Old", **at(day(1))})
    document("resync", "connie")
    rest(office, "connie")
    (record,) = [event for event in running.crm_events("connie") if event["owner"] == "connie"]
    running.control("PATCH", f"accounts/{email}/events/{made['id']}", {"summary": "From Google"})
    running.crm("PATCH", f"events/{record['id']}", "connie", {"title": "From the CRM"})
    running.until(lambda: document("conflicts", "connie")["conflicts"], "the conflict to be settled")
    (lost,) = document("conflicts", "connie")["conflicts"]
    assert set(lost) == {"id", "user", "event", "field", "kept", "lost", "kept_side", "at"}
    assert (lost["user"], lost["field"], lost["event"]) == ("connie", "title", made["id"])
    assert {lost["kept"], lost["lost"]} == {"From Google", "From the CRM"}
    assert lost["kept_side"] in ("google", "crm")
    assert is_time(lost["at"])
    code, out, _ = command("conflicts", "connie")
    assert code == 0
    assert "From Google" in out
    assert document("status", "connie")["accounts"][0]["conflicts"] == 1


def test_what_is_set_aside_is_listed_and_can_be_tried_again(running, office, document, command):
    connected(running, office, "quinn")
    running.control("POST", "faults", {"operation": "events.insert", "status": 400, "reason": "invalid"})
    running.crm("POST", "events", "quinn", {"title": "Refused", **crm_at(day(1))})
    running.until(lambda: document("status", "quinn")["accounts"][0]["quarantined"], "the refusal")
    rest(office, "quinn")
    (item,) = document("quarantine", "quinn", expect=1)["quarantine"]
    assert set(item) >= {"id", "side", "key", "cause", "since"}
    assert "400 invalid" in item["cause"]
    assert is_time(item["since"])
    assert "400 invalid" in command("quarantine", "quinn")[1]
    assert command("quarantine", "quinn", "--retry", "0")[0] == 2
    running.control("DELETE", "faults")
    (run,) = document("quarantine", "quinn", "--retry", item["id"])["runs"]
    assert run["google"]["created"] == 1
    assert document("quarantine", "quinn") == {"quarantine": []}


# -- failures ----------------------------------------------------------------------------------------------


def test_a_missing_secret_is_one_line_also_in_the_middle_of_a_command(running, office, command):
    connected(running, office, "nosecret")
    secret = running.directory / "google-client-secret"
    kept = secret.read_text()
    secret.unlink()
    try:
        done = running.run("resync", "nosecret")
    finally:
        secret.write_text(kept)
    assert done.returncode == 2
    assert done.stderr.startswith("calsync: google.client_secret_file: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_key_ring_of_another_installation_is_one_line(running, office):
    connected(running, office, "ringless")
    ring = running.directory / "calsync.keys"
    kept = ring.read_text()
    ring.write_text("other:" + "A" * 43 + "=")
    try:
        done = running.run("status", "ringless")
    finally:
        ring.write_text(kept)
    assert done.returncode == 2
    assert "secrets.key_file" in done.stderr
    assert "put that key back" in done.stderr
    assert len(done.stderr.splitlines()) == 1
