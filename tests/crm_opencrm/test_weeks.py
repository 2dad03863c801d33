"""Weeks of people who work on both sides while answers get lost: nothing is doubled, nothing vanishes, both agree."""

from __future__ import annotations

import random

import pytest
from tenacity import wait_none

from tests.crm_opencrm.firm import PROFILES, crm_at, day
from tests.house import at

FAULTS = [
    {"operation": "edit_activity", "when": "after", "kind": "reset"},
    {"operation": "edit_activity", "when": "before", "kind": "html", "status": 403},
    {"operation": "edit_activity", "when": "after", "status": 502},
    {"operation": "get_activity", "kind": "reset", "times": 6},
    {"operation": "get_activity", "kind": "truncate", "skip": 1, "times": 5},
    {"operation": "get_activity_list_full", "kind": "truncate", "times": 6},
    {"operation": "get_activity_list_count", "status": 429, "times": 6},
]


class Week:
    """What people do, and what there must be in the end: title by id of who made it."""

    def __init__(self, firm, seed):
        self.firm, self.random, self.titles, self.made = firm, random.Random(seed), set(), 0

    def title(self):
        self.made += 1
        return f"Nr {self.made} & more"

    def act(self):
        self.random.choice([self.add_google, self.add_crm, self.edit_google, self.edit_crm, self.drop])()

    def add_google(self):
        title = self.title()
        self.firm.google_add("ana", summary=title, **at(day(self.random.randint(1, 20), 10)))
        self.titles.add(title)

    def add_crm(self):
        title = self.title()
        self.firm.crm_add("ana", subject=title, **crm_at(day(self.random.randint(1, 20), 14)))
        self.titles.add(title)

    def _linked(self):
        """Return pairs that are in step now, as (title, Google id, CRM id)."""
        google = {event["summary"]: event["id"] for event in self.firm.google_events("ana")}
        crm = {each["subject"]: each["id"] for each in self.firm.crm_events("ana")}
        return sorted((title, google[title], crm[title]) for title in google.keys() & crm.keys())

    def edit_google(self):
        for title, event, _ in self.random.sample(linked := self._linked(), min(1, len(linked))):
            new = self.title()
            self.firm.google_edit("ana", event, summary=new, **at(day(self.random.randint(1, 20), 11)))
            self.titles.discard(title)
            self.titles.add(new)

    def edit_crm(self):
        for title, _, record in self.random.sample(linked := self._linked(), min(1, len(linked))):
            new = self.title()
            self.firm.crm_edit("ana", record, subject=new, description="moved", **crm_at(day(5, 15)))
            self.titles.discard(title)
            self.titles.add(new)

    def drop(self):
        for title, event, record in self.random.sample(linked := self._linked(), min(1, len(linked))):
            if self.random.random() < 0.5:
                self.firm.google_delete("ana", event)
            else:
                self.firm.crm_delete("ana", record)
            self.titles.discard(title)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("profile", PROFILES)
def test_both_sides_agree_in_the_end(found, profile, seed):
    firm = found(profile, {"scan_seconds": 900 if seed % 2 else 0})
    client = firm.parts.crm.tenant.client
    client._retrying = client._retrying.copy(wait=wait_none())
    firm.person("ana")
    firm.crm_add("ana", subject="Nr 0", **crm_at(day(1)))
    week = Week(firm, seed)
    week.titles.add("Nr 0")
    for _ in range(14):
        for _ in range(week.random.randint(1, 3)):
            week.act()
        if week.random.random() < 0.6:
            firm.crm_fault(**week.random.choice(FAULTS))
        firm.resync("ana")
        if week.random.random() < 0.3:
            firm.parts.crm.tenant.unsure.clear()
        firm.in_crm("DELETE", "faults")
        firm.clock.advance(minutes=week.random.choice([1, 20]))
    for _ in range(8):
        firm.clock.advance(minutes=20)
        run = firm.resync("ana")
    assert run["outcome"] == "ok"
    titles = firm.google_titles("ana")
    assert firm.crm_titles("ana") == titles
    assert len(titles) == len(set(titles))
    # What lost against an edit whose answer had been lost is kept in a conflict.
    lost = [each for _, each in firm.conflicts("ana") if each.field == "title"]
    assert len(week.titles - set(titles)) <= len(lost)
    assert len(set(titles) - week.titles) <= len(lost)
    assert firm.in_crm("GET", "letters") == {"letters": []}
    days = {each["subject"]: each["date_start"] for each in firm.crm_events("ana")}
    for event in firm.google_events("ana"):
        if "dateTime" in event["start"]:
            assert event["start"]["dateTime"][:10] == days[event["summary"]]
