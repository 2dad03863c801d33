"""What a person keeps private at Google stays there."""

from __future__ import annotations

from datetime import datetime

import pytest

from calsync.sandbox.workplace import Trait
from tests.house import at, day

SECRETS = ("diagnosis", "oncology", "ward seven", "doctor-roe")


@pytest.mark.needs(Trait.SERIES)
def test_nothing_of_a_private_event_is_in_records_answers_logs_or_the_database(person):
    quin, rolf = person("quin"), person("rolf")
    secret = {
        "summary": "diagnosis",
        "description": "oncology",
        "location": "ward seven",
        "attendees": [{"email": "doctor-roe@clinic.test"}],
    }
    made = quin.google_add(visibility="private", **secret, **at(day(1)))
    shy = quin.google_add(visibility="confidential", **secret, **at(day(2)))
    series = quin.google_add(
        summary="open", recurrence=["RRULE:FREQ=DAILY;COUNT=4"], **at(day(3), zone="UTC")
    )
    hidden = f"{series['id']}_{day(4):%Y%m%dT%H%M%SZ}"
    quin.google_edit(hidden, visibility="private", **secret)
    quin.connect()
    rolf.connect()
    quin.until(lambda: len(quin.crm_events()) == 3, "the busy times")
    quin.google_edit(made["id"], description="oncology, again", **at(day(1, 14)))
    quin.until(
        lambda: day(1, 14) in [datetime.fromisoformat(e["start"]) for e in quin.crm_events()], "the new time"
    )
    quin.google("DELETE", f"/{shy['id']}")
    quin.until(lambda: len(quin.crm_events()) == 2, "the deletion")
    for place, text in shown(quin, rolf, made["id"]).items():
        assert [secret for secret in SECRETS if secret in text] == [], place


def shown(owner, other, event_id):
    """Return all that anybody, or any file, can tell, by where it was found."""
    stage, workplace = owner.stage, owner.workplace
    record = owner.crm_events()[0]["id"]
    answers = {
        "the owner's records": str(workplace.events(owner.user)),
        "a colleague's list": str(workplace.events(other.user)),
        "a colleague's look": str(workplace.event(other.user, record)),
        "explain": stage.run("explain", owner.user, event_id).stdout,
        "runs": stage.run("--json", "runs", owner.user).stdout,
    }
    files = [path for path in stage.directory.iterdir() if path.suffix in (".log", ".db", ".db-wal")]
    return answers | {path.name: path.read_bytes().decode(errors="replace") for path in files}
