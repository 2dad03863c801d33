"""Rows written in bulk come back as they were, on every kind of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from calsync.crm.builtin.backend import BuiltinCrm
from calsync.crm.builtin.migrations import upgrade as upgrade_crm
from calsync.model.event import Event
from calsync.model.link import Base, Intent, Kind, Verb
from calsync.model.permission import Access, Level
from calsync.model.side import Create, SideName
from calsync.store import links
from calsync.store.database import reading, writing
from calsync.store.links import Half, Link
from tests.store.conftest import NOW

LATER = datetime(2026, 5, 4, 11, 30, 0, 250, tzinfo=timezone(timedelta(hours=2)))


def full(account, key):
    """A link with something in every column."""
    return Link(
        account,
        SideName.CRM,
        Half(key, '"7"', Kind.CHANGED, b"sealed", LATER),
        Half(f"c-{key}", "3", Kind.SAME, None, NOW),
        generation=2,
        access=Access(Level.EDIT, "owner"),
        base=Base({"title": "a"}, {"title": "b"}, SideName.CRM),
        intents=(Intent(SideName.CRM, Verb.UPDATE, f"c-{key}", "m", "3", {"title": "b"}, {"title": "a"}),),
        held=True,
        match=2**62,
        wake_day=date(2026, 6, 1),
        attempts=3,
        retry_at=NOW,
        cause="codes only",
        cause_side=SideName.GOOGLE,
        cause_since=NOW,
    )


def plain(account, key):
    """A link of which only the key on one side is known."""
    return Link(account, SideName.GOOGLE, Half(key), Half(), base=Base(None, None, SideName.GOOGLE))


def stored(engine, account):
    with reading(engine) as connection:
        return links.after(connection, account, 0, 10)


def test_links_come_back_as_they_were_added(engine, connect):
    account = connect()
    added = [full(account, "a"), plain(account, "b")]
    with writing(engine) as connection:
        links.add(connection, added)
    found = stored(engine, account)
    assert found == added
    assert found[0].google.modified.tzinfo is UTC


def test_links_come_back_as_they_were_saved(engine, connect):
    account = connect()
    with writing(engine) as connection:
        links.add(connection, [replace(plain(account, "a"), origin=SideName.CRM), full(account, "b")])
    one, other = stored(engine, account)
    changed = [replace(full(account, "x"), id=one.id), replace(plain(account, "y"), id=other.id)]
    with writing(engine) as connection:
        links.save(connection, changed)
    assert stored(engine, account) == changed


def test_a_naive_moment_is_refused_in_bulk_too(engine, connect):
    account = connect()
    link = Link(account, SideName.GOOGLE, Half("a", modified=datetime(2026, 1, 1)), Half())
    with pytest.raises(Exception, match="naive"), writing(engine) as connection:
        links.add(connection, [link])
    assert stored(engine, account) == []


def test_crm_events_made_in_bulk_are_read_back(engine):
    upgrade_crm(engine)
    crm = BuiltinCrm(engine, lambda: NOW)
    crm.add_user("ana", "ana@example.com", "Ana", "standard", ())
    events = [Event(f"Meeting {n}", NOW, NOW + timedelta(hours=n)) for n in range(1, 4)]
    made = list(crm.side("ana").write([Create(f"m{n}", event) for n, event in enumerate(events)]))
    assert len({item.key for item in made}) == 3
    assert [crm.side("ana").read(item.key).event for item in made] == events
