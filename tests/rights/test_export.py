"""Export: everything that is held, in a published form, in files that nothing in them can break."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar
from jsonschema import Draft202012Validator, FormatChecker

from calsync.model.event import Attendee, Event
from calsync.privacy.calendar_file import calendar_file, clean
from calsync.privacy.inventory import owned
from calsync.privacy.register import Desk, receive
from calsync.rights.export import export, export_file
from calsync.store import holds, requests
from calsync.store.audit import COMMAND_LINE, Actor
from calsync.store.database import reading, writing
from calsync.store.requests import Kind, Progress
from tests.house import at, crm_at, day
from tests.rights.payloads import PAYLOADS

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)

#: Where each table's rows about a person are told in an export.
TOLD = {
    "account": "account.json",
    "ticket": "account.json",
    "consent_flow": "account.json",
    "web_session": "account.json",
    "hold": "account.json",
    "tiding": "account.json",
    "identity_code": "account.json",
    "visit": "account.json",
    "security_audit": "account.json",
    "subject": "audit.jsonl",
    "link": "links.jsonl",
    "notice": "links.jsonl",
    "conflict": "conflicts.jsonl",
    "run": "runs.jsonl",
    "journal": "journal.jsonl",
}


class Opened:
    """An export as its reader opens it."""

    def __init__(self, data):
        self.archive = zipfile.ZipFile(io.BytesIO(data))
        self.files = {name: self.archive.read(name) for name in self.archive.namelist()}

    def document(self, name):
        return json.loads(self.files[name])

    def lines(self, name):
        return [json.loads(line) for line in self.files[name].splitlines()]

    def titles(self):
        calendar = Calendar.from_ical(self.files["calendar.ics"])
        return sorted(str(event.get("summary", "")) for event in calendar.walk("VEVENT"))

    def check(self):
        """See that every file has the published form."""
        schema = self.document("export.schema.json")
        for name in self.files:
            if name in schema["$defs"]:
                rule = {"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]}
                validator = Draft202012Validator(rule, format_checker=FormatChecker())
                for document in self.lines(name) if name.endswith(".jsonl") else [self.document(name)]:
                    validator.validate(document)
        assert set(self.files) - set(schema["$defs"]) == {"README.txt", "calendar.ics", "export.schema.json"}


@pytest.fixture
def exported(lived_in):
    with writing(lived_in.parts.engine) as connection:
        desk = Desk(lived_in.parts.vault, lived_in.clock(), lived_in.parts.settings.privacy.zone)
        receive(connection, desk, "ana", Kind.ACCESS, COMMAND_LINE, note="everything, please")
        holds.put(connection, lived_in.parts.vault, "ana", "claim 17", lived_in.clock())
    return Opened(export(lived_in.parts, "ana", Actor.PERSON).data)


def test_every_file_has_the_published_form(exported):
    exported.check()


def test_the_manifest_names_every_other_file_with_its_digest(exported):
    named = exported.document("manifest.json")["files"]
    assert set(named) == set(exported.files) - {"manifest.json"}
    assert all(hashlib.sha256(exported.files[name]).hexdigest() == digest for name, digest in named.items())


def test_every_table_with_a_persons_rows_is_told(exported):
    assert {table.name for table, _ in owned()} == set(TOLD)
    assert set(TOLD.values()) <= set(exported.files)


def test_what_is_held_is_there_in_clear(exported):
    (account,) = exported.document("account.json")["accounts"]
    assert account["google_account"] == "ana@example.com"
    assert account["scopes"]
    assert exported.document("account.json")["legal_holds"][0]["reason"] == "claim 17"
    (conflict,) = exported.lines("conflicts.jsonl")
    assert {conflict["kept"], conflict["lost"]} == {"Zqx7-mine", "Zqx7-yours"}
    assert any(
        entry["after"]["title"] == "Zqx7-crm" for entry in exported.lines("journal.jsonl") if entry["after"]
    )
    assert exported.lines("quarantine.jsonl")[0]["cause"]
    assert [entry["act"] for entry in exported.lines("consents.jsonl")] == ["consent.given"]
    assert exported.lines("requests.jsonl")[0]["note"] == "everything, please"


def test_no_key_and_no_token_is_in_it(exported, lived_in):
    token = lived_in.account("ana").refresh_token()
    assert token
    assert all(token.encode() not in data for data in exported.files.values())


def test_the_calendar_file_holds_exactly_the_linked_events(exported, lived_in):
    linked = [row for row in exported.lines("events.jsonl") if row["google"] or row["crm"]]
    lived_in_titles = sorted((row["google"] or row["crm"])["title"] for row in linked)
    assert len(exported.titles()) == len(lived_in_titles) == 4
    both = next(row for row in linked if row["crm"] and row["crm"]["title"] == "Zqx7-crm")
    assert both["google"]["title"] == both["crm"]["title"]


def test_an_event_that_is_not_linked_is_not_in_the_calendar_file(lived_in):
    lived_in.google_add("ana", summary="later", **at(day(5)))
    assert "later" not in Opened(export(lived_in.parts, "ana", Actor.PERSON).data).titles()


def test_without_google_what_is_stored_is_exported_all_the_same(lived_in):
    lived_in.control("POST", "revoke", {"email": "ana@example.com"})
    made = export(lived_in.parts, "ana", COMMAND_LINE)
    assert set(made.not_reached) == {"google"}
    opened = Opened(made.data)
    opened.check()
    assert opened.document("about.json")["not_reached"]
    assert "Zqx7-crm" in opened.titles()


def test_it_closes_requests_for_access_and_portability_and_no_others(lived_in):
    with writing(lived_in.parts.engine) as connection:
        desk = Desk(lived_in.parts.vault, lived_in.clock(), lived_in.parts.settings.privacy.zone)
        numbers = {kind: receive(connection, desk, "ana", kind, COMMAND_LINE) for kind in Kind}
    made = export(lived_in.parts, "ana", COMMAND_LINE)
    assert set(made.closed) == {numbers[Kind.ACCESS], numbers[Kind.PORTABILITY]}
    with reading(lived_in.parts.engine) as connection:
        found = {one.kind: one for one in requests.everything(connection)}
    assert found[Kind.ACCESS].state is Progress.DONE
    assert found[Kind.ACCESS].evidence == hashlib.sha256(made.data).hexdigest()
    assert found[Kind.ERASURE].state is Progress.OPEN


def test_the_file_is_its_owners_alone_and_never_replaces_another(lived_in, tmp_path):
    path = tmp_path / "ana.zip"
    export_file(lived_in.parts, "ana", COMMAND_LINE, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        export_file(lived_in.parts, "ana", COMMAND_LINE, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if "zip" in entry.name] == ["ana.zip"]


def test_titles_of_strangers_break_neither_file(house):
    assert len(PAYLOADS) >= 60
    for number, title in enumerate(PAYLOADS):
        body = {
            "title": title[:900] or "x",
            "description": title[:5000],
            **crm_at(day(1 + number % 300, 5 + number % 7)),
        }
        house.crm("POST", "events", "ana", body)
    house.resync("ana")
    opened = Opened(export(house.parts, "ana", Actor.PERSON).data)
    opened.check()
    kept = [row["crm"]["title"] for row in opened.lines("events.jsonl") if row["crm"]]
    assert len(kept) > 60
    calendar = Calendar.from_ical(opened.files["calendar.ics"])
    assert {component.name for component in calendar.walk()} <= {
        "VCALENDAR",
        "VEVENT",
        "VTIMEZONE",
        "STANDARD",
        "DAYLIGHT",
    }
    assert opened.titles() == sorted(map(clean, kept))


@pytest.mark.parametrize("text", PAYLOADS)
def test_any_text_comes_back_from_the_calendar_file_as_one_text_of_one_event(text):
    start = NOW + timedelta(days=1)
    people = (Attendee("guest@other.test", text[:200]),)
    event = Event(text, start, start + timedelta(hours=1), description=text, location=text, attendees=people)
    data = calendar_file([("one", event), ("two", event)], NOW)
    calendar = Calendar.from_ical(data)
    events = calendar.walk("VEVENT")
    assert [str(one["uid"]) for one in events] == ["one@calsync", "two@calsync"]
    assert len(calendar.walk()) == 3
    for one in events:
        assert str(one.get("summary", "")) == clean(text)
        assert str(one.get("description", "")) == clean(text)
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert not any(byte < 0x20 and byte not in (0x0A, 0x0D, 0x09) for byte in data)


def test_a_series_keeps_its_clock_its_rule_and_its_exceptions():
    start = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)
    moved = Event(
        "moved", start + timedelta(days=1, hours=2), start + timedelta(days=1, hours=3), "Europe/London"
    )
    series = Event(
        "series",
        start,
        start + timedelta(hours=1),
        "Europe/London",
        recurrence=("RRULE:FREQ=DAILY;COUNT=20",),
        exceptions={"20260321T090000Z": moved, "20260322T090000Z": None},
    )
    calendar = Calendar.from_ical(calendar_file([("s", series)], NOW))
    changed, master = calendar.walk("VEVENT")
    assert master["rrule"].to_ical() == b"FREQ=DAILY;COUNT=20"
    assert master["dtstart"].params["TZID"] == "Europe/London"
    assert master["exdate"].dts[0].dt == start + timedelta(days=2)
    assert (str(changed["summary"]), changed["recurrence-id"].dt) == ("moved", start + timedelta(days=1))
    assert calendar.walk("VTIMEZONE")
