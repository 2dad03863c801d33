"""What is remembered of calendars: a change feed made of scans, on both databases; and no content."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from calsync.crm.opencrm import migrations
from calsync.crm.opencrm.memory import Memory, Seen
from tests.crm_opencrm.firm import crm_at, day
from tests.store.conftest import empty, postgres, url  # noqa: F401 - fixtures


@pytest.fixture
def memory(empty):  # noqa: F811
    migrations.upgrade(empty)
    return Memory(empty, "ana")


def test_revisions_make_what_the_program_declares(memory, empty):  # noqa: F811
    options = {
        "compare_type": True,
        "version_table": migrations.SCHEMA.version_table,
        "include_name": lambda name, kind, _parents: kind != "table" or name == "opencrm_seen",
    }
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, migrations.SCHEMA.metadata) == []


def test_each_scan_with_news_has_a_number(memory):
    assert memory.latest() == 0
    assert memory.keep({}) == 0
    assert memory.keep({"1": Seen("a", "2026"), "2": Seen("b", "2026")}) == 1
    assert memory.keep({}) == 1
    assert memory.keep({"2": Seen("c", "2027")}) == 2
    assert memory.all() == {"1": Seen("a", "2026", 1), "2": Seen("c", "2027", 2)}


def test_what_we_write_is_no_news_and_takes_none_away(memory):
    memory.keep({"1": Seen("a", "2026")})
    memory.note("2", Seen("b", "2026"))
    memory.note("1", Seen("c", "2026"))
    assert memory.latest() == 1
    assert memory.one("1") == Seen("c", "2026", 1)
    assert memory.one("2") == Seen("b", "2026", 0)
    assert memory.one("3") is None


def test_people_have_memories_of_their_own(memory, empty):  # noqa: F811
    memory.keep({"1": Seen("a", "2026")})
    other = Memory(empty, "ben")
    assert (other.latest(), other.all()) == (0, {})
    other.keep({"1": Seen("b", "2026")})
    assert memory.one("1") == Seen("a", "2026", 1)


def test_many_at_once(memory):
    memory.keep({str(n): Seen("a", "2026") for n in range(2500)})
    memory.keep({str(n): Seen("b", "2026") for n in range(1000, 3000)})
    assert len(memory.all()) == 3000
    assert memory.one("999").version == "a"
    assert memory.one("1000").version == "b"


def test_no_content_is_kept(rich):
    rich.crm_add(
        "ana", subject="Secret title", description="secret text", location="secret place", **crm_at(day(1))
    )
    rich.google_add("ana", summary="Secret event", start={"date": "2030-01-01"}, end={"date": "2030-01-02"})
    rich.rounds("ana")
    with rich.parts.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM opencrm_seen")).all()
    assert len(rows) >= 1
    assert "secret" not in str(rows).lower()
    other = {row.version for row in rows}
    assert all(len(version) == 30 for version in other)
