"""Nothing private in logs, error pages, metrics, mails, or anything that calsync keeps.

Unmistakable words are planted in every text of both calendars, in addresses and in secrets; the installation
lives through syncs, a conflict, events set aside, faults and a kill; then everything is searched for them.
"""

import json
import logging
import sqlite3
import threading
import warnings
from dataclasses import replace

import pytest
import requests
import structlog
from click.testing import CliRunner

from calsync import log
from calsync.cli import cli
from calsync.model.event import Attendee, Event
from calsync.sandbox.stage import Stage
from calsync.sandbox.world import load
from tests.house import at, crm_at, day
from tests.marks import MARK, hits
from tests.outside.paper import add_person, paper_stage
from tests.web.letterbox import Letterbox

SECRET = "sandbox-secret"


def text(place):
    """Return a marker, e.g. Zqx7-title."""
    return f"{MARK}-{place}-ü"


ADDRESS = f"{MARK.lower()}-ana@example.com"


class Life:
    """What happens to an installation; `add` and `edit` are those of its CRM."""

    def __init__(self, stage, letterbox, add, edit):
        self.stage, self.letterbox, self.add, self.edit = stage, letterbox, add, edit
        self.pages, self.words, self.metrics, self.secrets = [], [], [], []

    def google(self, method, path="", **body):
        return self.stage.control(method, f"accounts/{ADDRESS}/events{path}", body)

    def command(self, *arguments):
        done = self.stage.run(*arguments)
        self.words.append(done.stderr)
        return done

    def command_here(self, *arguments):
        """Run a command in this process, which is quicker, and return its exit code."""
        options = ["--config", str(self.stage.config), "-v"]
        done = CliRunner(env=self.stage.environment).invoke(cli, [*options, *arguments], prog_name="calsync")
        self.words.append(done.stderr)
        return done.exit_code

    def resync(self, *options):
        done = self.command("-v", "--json", "resync", "ana", *options)
        return json.loads(done.stdout)["runs"][0]

    def fault(self, **order):
        self.stage.control("POST", "faults", order)

    def begin(self):
        """Fill both calendars and sync them."""
        guests = [{"email": f"{MARK.lower()}-guest@other.test", "displayName": text("guest")}]
        made = self.google(
            "POST",
            summary=text("title"),
            description=text("description"),
            location=text("location"),
            attendees=guests,
            **at(day(1)),
        )
        self.google("POST", summary=text("private"), visibility="private", **at(day(2)))
        rule = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
        series = self.google("POST", summary=text("series"), **rule, **at(day(3)))
        instance = f"{series['id']}_{day(4).strftime('%Y%m%dT%H%M%SZ')}"
        self.google("PATCH", f"/{instance}", summary=text("exception"))
        record = self.add(text("crm"), day(5))
        assert self.resync()["outcome"] == "ok"
        return made, record

    def disagree(self, made):
        """Let both sides edit the same field."""
        self.google("PATCH", f"/{made['id']}", summary=text("mine"))
        self.edit(text("title"), text("yours"))
        assert self.resync()["conflicts"] == 1

    def refuse(self):
        """Let Google refuse an event, so that it is set aside."""
        self.add(text("refused"), day(6))
        self.fault(operation="events.insert", status=400, reason="invalid")
        assert self.resync()["quarantined"] == 1
        self.stage.control("DELETE", "faults")
        self.command("quarantine")

    def suffer(self):
        """Let Google fail the daemon in every way, with content on its way."""
        kinds = [{"kind": "status", "status": 500}, {"kind": "reset"}, {"kind": "truncate"}, {"kind": "html"}]
        for number, order in enumerate(kinds):
            self.google("POST", summary=text(f"fault{number}"), **at(day(7)))
            self.fault(operation="events.list", **order)
            self.stage.until(self.struck, "the fault to strike")
            self.measure()
            self.stage.control("DELETE", "faults")

    def measure(self):
        """Read what Prometheus would."""
        self.metrics.append(requests.get(f"{self.stage.url}/metrics", timeout=20).text)

    def struck(self):
        return all(fault["hits"] for fault in self.stage.control("GET", "faults")["faults"])

    def look_around(self):
        """Open pages that are wrong, with private words in what is sent."""
        for path in (
            f"/connect/{MARK}",
            f"/{MARK}",
            f"/oauth/callback?state={MARK}&code={MARK}&error={MARK}",
        ):
            self.pages.append(requests.get(f"{self.stage.url}{path}", timeout=20).text)
        form = {"form_token": MARK, "google_copies": MARK}
        for path in ("/connect/confirm", "/me/disconnect", f"/connect/{MARK}"):
            self.pages.append(requests.post(f"{self.stage.url}{path}", data=form, timeout=20).text)
        self.stage.control("POST", "accounts", {"email": f"{MARK.lower()}-other@example.com"})
        link = self.stage.calsync("link", "bob")["url"]
        other = f"{MARK.lower()}-other@example.com"
        self.pages.append(self.stage.consent(link, requests.Session(), choose=other).text)
        self.command("status", "nobody")

    def die(self):
        """Kill the daemon while a write is on its way, and let it recover."""
        self.fault(operation="events.insert", kind="delay", seconds=5.0)
        self.add(text("killed"), day(8))
        self.stage.stop()
        self.stage.start_daemon()
        self.stage.until(self.struck, "the write to be on its way")
        self.stage.kill_daemon()
        self.stage.control("DELETE", "faults")
        self.stage.start_daemon()
        self.stage.until(lambda: self.titles().count(text("killed")) == 1, "the recovery")
        self.measure()

    def titles(self):
        return [event["summary"] for event in self.stage.google_events(ADDRESS)]

    def exercise_rights(self):
        """Let an operator do everything that concerns people's rights, with private words in what is typed."""
        backup = str(self.stage.directory / "copy.db")
        for words in (
            ["requests", "add", "ana", "access", "--channel", "letter"],
            ["rectify", "ana", "--wrong", text("wrong")],
            ["hold", "ana", "--reason", text("reason")],
            ["requests", "list"],
            ["audit", "verify"],
            ["retention"],
            ["keys", "rotate"],
            ["privacy", "search", f"{MARK.lower()}-guest@other.test"],
            ["privacy", "incident"],
            ["backup", backup],
        ):
            assert self.command_here(*words) in (0, 1), words
        assert self.command_here("erase", "nobody") == 2

    def whole(self):
        made, _ = self.begin()
        self.disagree(made)
        self.refuse()
        self.look_around()
        self.die()
        self.exercise_rights()
        self.suffer()
        self.secrets = self.known_secrets()
        self.leave()
        self.measure()

    def leave(self):
        """End the person's consent, and let all that waits be mailed."""
        assert self.command_here("disconnect", "ana") == 0
        self.stage.until(lambda: len(self.letterbox.to(ADDRESS)) == 2, "the last mail")
        self.stage.until(lambda: self.letterbox.to("desk@example.com"), "the operator's mail")

    def known_secrets(self):
        """Return what must never be seen: markers and live tokens."""
        self.stage.control("POST", "save")
        world = load(self.stage.directory / "google.state")
        tokens = [*world.grants, *world.access]
        assert len(tokens) >= 2
        return [MARK, MARK.lower(), SECRET, *tokens]


def shown(life):
    """Return everything that operators and strangers could read, by name."""
    logs = {path.name: path.read_bytes() for path in life.stage.directory.glob("*.log")}
    assert b"consent refused" in logs["daemon.log"]
    pages = {f"page {number}": page.encode() for number, page in enumerate(life.pages)}
    words = {f"stderr {number}": line.encode() for number, line in enumerate(life.words)}
    metrics = {f"metrics {number}": found.encode() for number, found in enumerate(life.metrics)}
    assert b"calsync_accounts" in metrics["metrics 0"]
    return logs | pages | words | metrics | mailed(life.letterbox)


def mailed(letterbox):
    """Return every mail whole, but for the address of whoever it is for."""
    sent = {}
    for number, (receivers, letter) in enumerate(letterbox.letters):
        (receiver,) = receivers
        shown = "\n".join([*(f"{name}: {value}" for name, value in letter.items()), letter.get_content()])
        sent[f"mail {number}"] = shown.replace(receiver, "").encode()
    return sent


@pytest.fixture
def letterbox():
    """A mail server, which every installation of a test is told to use."""
    made = Letterbox()
    yield made
    made.close()


def mailing(stage, letterbox):
    """Let an installation mail."""
    stage.environment |= {
        f"CALSYNC_MAIL__{name.upper()}": str(value) for name, value in letterbox.settings.items()
    }


def test_with_a_crm_elsewhere_no_private_word_is_in_any_file_log_page_or_mail(tmp_path, letterbox):
    with paper_stage(tmp_path) as (stage, crm):
        mailing(stage, letterbox)
        stage.start_daemon("web", "daemon")
        add_person(stage, crm, "ana", ADDRESS, text("name"))
        crm.add_person("bob", "bob@example.com", "bob")

        def add(title, start):
            guest = (Attendee(f"{MARK.lower()}-g2@other.test", text("g2")),)
            event = Event(title, start, start.replace(hour=10), description=text("d"), attendees=guest)
            return crm.put("ana", event)

        def edit(title, new):
            key = next(key for key, event in crm.events("ana").items() if event.title == title)
            crm.put("ana", replace(crm.events("ana")[key], title=new), key)

        life = Life(stage, letterbox, add, edit)
        life.whole()
        secrets = life.secrets
        for name, data in shown(life).items():
            assert hits(data, secrets) == [], name
        kept = [path for path in stage.directory.rglob("*") if path.is_file()]
        assert {"calsync.db", "calsync.db-wal", "calsync.db-shm", "copy.db"} <= {path.name for path in kept}
        for path in kept:
            if path.name not in ("google.state", "google-client-secret"):
                assert hits(path.read_bytes(), secrets) == [], path.name
        assert hits((stage.directory / "google.state").read_bytes(), [MARK]) == [MARK], "the search works"
        assert hits((tmp_path / "elsewhere" / "paper.db").read_bytes(), [MARK]), "and the CRM has it all"


def test_with_the_built_in_crm_no_private_word_is_in_any_row_but_the_crms_own(tmp_path, letterbox):
    with Stage(tmp_path, {"poll_seconds": 2}) as stage:
        mailing(stage, letterbox)
        stage.start_daemon("web", "daemon")
        stage.add_person("ana", ADDRESS, "--name", text("name"))
        stage.add_person("bob", "bob@example.com")
        assert stage.connect("ana").url.endswith("/me")

        def add(title, start):
            guest = [{"email": f"{MARK.lower()}-g2@other.test", "name": text("g2")}]
            body = {"title": title, "description": text("d"), "attendees": guest, **crm_at(start)}
            return stage.crm("POST", "events", "ana", body).json()

        def edit(title, new):
            (event,) = [event for event in stage.crm_events("ana") if event["title"] == title]
            assert stage.crm("PATCH", f"events/{event['id']}", "ana", {"title": new}).status_code == 200

        life = Life(stage, letterbox, add, edit)
        life.whole()
        secrets = [*life.secrets, stage.tokens["ana"]]
        for name, data in shown(life).items():
            assert hits(data, secrets) == [], name
        with sqlite3.connect(stage.directory / "calsync.db") as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = {table: repr(db.execute(f"SELECT * FROM {table}").fetchall()) for table in tables}
        assert rows["account"] != "[]"
        assert rows["link"] != "[]"
        assert rows["conflict"] != "[]"
        for table, content in rows.items():
            if not table.startswith("crm_"):
                assert hits(content.encode(), secrets) == [], table
        assert hits(repr(rows["crm_event"]).encode(), [MARK]), "the search works"
        assert not hits(rows["crm_token"].encode(), [stage.tokens["ana"]]), "tokens are kept as digests"


# -- the log's own honesty ---------------------------------------------------------------------------------


@pytest.fixture
def logged(capsys):
    """Return a function that logs and returns the line."""

    def write(message, **values):
        log.configure()
        structlog.get_logger().info(message, **values)
        return json.loads(capsys.readouterr().err)

    yield write
    structlog.reset_defaults()


def test_a_key_that_is_not_declared_is_not_logged(logged):
    line = logged("round", title="Dentist", account=3)
    assert "Dentist" not in json.dumps(line)
    assert line["account"] == 3


@pytest.mark.parametrize(
    "private",
    [
        "ana@example.com",
        "ana%40example.com",
        "ya29.a0AfH6SM",
        "1//0gabc",
        "4/0AX4",
        "GOCSPX-abcdef",
        "eyJhbGciOiJSUzI1NiJ9.e30.x",
        "Bearer abc",
        "https://www.example.com/calendars/x",
        "A" * 43,
    ],
)
@pytest.mark.parametrize("key", ["event", "reason", "user", "state"])
def test_what_looks_private_is_taken_out_of_every_text(logged, private, key):
    values = {} if key == "event" else {key: f"before {private} after"}
    line = logged(f"before {private} after" if key == "event" else "round", **values)
    assert private not in json.dumps(line)
    assert line[key] == "before [removed] after"


@pytest.mark.parametrize(
    "value", [{"mail": "ana@example.com"}, ValueError("ana@example.com"), b"ana@example.com"]
)
def test_values_that_are_no_text_are_logged_as_their_type(logged, value):
    assert logged("round", reason=value)["reason"] == type(value).__name__


def test_lists_are_cleaned_part_by_part(logged):
    assert logged("round", where=["ok", "ana@example.com", 3])["where"] == ["ok", "[removed]", 3]


def test_an_exception_is_logged_as_its_class_and_place(logged, capsys):
    try:
        raise ValueError("Dentist for ana@example.com")
    except ValueError as error:
        line = logged("round failed", exc_info=error)
    assert line["error"] == "ValueError"
    assert "test_privacy.py" in line["where"][-1]
    assert "Dentist" not in json.dumps(line)


def test_libraries_and_dying_threads_say_no_more_than_where(logged, capsys):
    log.configure()
    logging.getLogger("googleapiclient.http").warning("GET https://x.test/ana@example.com")

    def die():
        raise RuntimeError("Dentist")

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()
    warnings.warn("Dentist for ana@example.com", stacklevel=1)
    shown = capsys.readouterr().err
    assert "Dentist" not in shown
    assert "ana@" not in shown
    lines = [json.loads(line) for line in shown.splitlines()]
    assert lines[0] | {"timestamp": ""} == {
        "event": "library",
        "level": "warning",
        "logger": "googleapiclient.http",
        "timestamp": "",
    }
    assert lines[1]["error"] == "RuntimeError"
