"""What one side rewrites, and what our own writes stir up, is no edit."""

from __future__ import annotations

import pytest

from calsync.sandbox.workplace import Trait
from tests.house import at, crm_at, day

TEXTS = (
    "first line\nsecond line  \n\n  fourth &amp; <b>not bold</b>",
    "Grüße 🎉👩‍👩‍👧 会議\nfish & chips < 5 > 3",
    "   spaces around   ",
)


@pytest.mark.needs(Trait.WIDE, Trait.PLACES)
def test_a_description_that_google_rewrites_is_no_edit(person):
    gerd = person("gerd")
    gerd.stage.control("POST", "switches", {"html_normalise": True})
    for number, text in enumerate(TEXTS):
        gerd.crm_add(title=f"C{number} 🎉", description=text, **crm_at(day(1 + number)))
        gerd.google_add(summary=f"G{number}", description=text, **at(day(1 + number)))
    gerd.connect()
    gerd.shows(*[f"C{n} 🎉" for n in range(len(TEXTS))], *[f"G{n}" for n in range(len(TEXTS))])
    gerd.stays_silent()
    gerd.expire("sync_tokens")
    gerd.stays_silent(rounds=1)
    for event in gerd.crm_events():
        gerd.crm_edit(event["id"], location="Room 1")
    gerd.until(lambda: {e.get("location") for e in gerd.google_events()} == {"Room 1"}, "the room to arrive")
    gerd.stays_silent(rounds=1)
    for number, text in enumerate(TEXTS):
        assert clean(gerd.crm_by(f"C{number} 🎉")["description"]) == clean(text)


def clean(text):
    """Return a text as the CRM keeps it: without space at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def test_a_pulled_event_belongs_to_its_person_and_is_not_pushed_back(person):
    hana = person("hana")
    hana.google_add(summary="mine", **at(day(1)))
    hana.connect()
    hana.shows("mine")
    record = hana.crm_by("mine")
    assert record["owner"] == hana.user
    assert hana.workplace.event(hana.user, record["id"])["title"] == "mine"
    hana.stays_silent()
    assert hana.google_writes() == 0
