"""The schema: what revisions make is what the program declares, and only one program may make it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text

from calsync import schema
from calsync.config import ConfigError, Settings
from calsync.crm.builtin import migrations as crm
from calsync.schema import Schema, SchemaTooNew, configuration
from calsync.store import migrations as store
from calsync.store.database import open_database
from calsync.store.vault import KEY_BYTES, new_key_line
from calsync.wiring import open_engine, open_parts

BOTH = pytest.mark.parametrize("part", [store, crm], ids=["engine", "crm"])


def definitions(engine, metadata):
    """Return the indexes of a schema in the database's own words: Alembic does not compare conditions."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :table"
    if engine.dialect.name == "postgresql":
        query = "SELECT indexdef FROM pg_indexes WHERE tablename = :table AND schemaname = current_schema()"
    with engine.connect() as connection:
        return {
            name: sorted(connection.execute(text(query), {"table": name}).scalars())
            for name in metadata.tables
        }


@BOTH
def test_revisions_make_what_the_program_declares(part, empty):
    part.upgrade(empty)
    ours = set(part.SCHEMA.metadata.tables)
    options = {
        "compare_type": True,
        "version_table": part.SCHEMA.version_table,
        "include_name": lambda name, kind, _parents: kind != "table" or name in ours,
    }
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, part.SCHEMA.metadata) == []


@BOTH
def test_indexes_have_the_conditions_that_the_program_declares(part, empty):
    part.SCHEMA.metadata.create_all(empty)
    declared = definitions(empty, part.SCHEMA.metadata)
    part.SCHEMA.metadata.drop_all(empty)
    part.upgrade(empty)
    assert definitions(empty, part.SCHEMA.metadata) == declared


@BOTH
def test_revisions_follow_one_another_in_the_order_of_their_names(part):
    scripts = ScriptDirectory.from_config(configuration(part.SCHEMA, None))
    history = [step.revision for step in scripts.walk_revisions()]
    assert history[::-1] == part.SCHEMA.known()


@BOTH
def test_a_current_schema_costs_one_query(part, empty):
    part.upgrade(empty)
    asked = []
    event.listen(empty, "before_cursor_execute", lambda _c, _k, statement, *_: asked.append(statement))
    part.upgrade(empty)
    assert [
        statement for statement in asked if not statement.startswith(("BEGIN", "select pg_catalog", "show"))
    ] == [f"SELECT version_num FROM {part.SCHEMA.version_table}"]


def test_a_start_with_a_current_schema_does_not_load_alembic(empty, url):
    store.upgrade(empty)
    program = (
        "import sys; from calsync.store.database import open_database; "
        "from calsync.store.migrations import upgrade; "
        f"upgrade(open_database({url!r})); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_programs_that_start_at_once_make_the_schema_once(url):
    program = (
        "import sys; from calsync.store.database import open_database; "
        "from calsync.store.migrations import upgrade; "
        "from calsync.crm.builtin.migrations import upgrade as crm; import alembic.command; "
        f"engine = open_database({url!r}); print('ready', flush=True); sys.stdin.read(1); "
        "upgrade(engine); crm(engine)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("!")
        process.stdin.flush()
    said = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0] * 3, said
    engine = open_database(url)
    with engine.connect() as connection:
        for part in (store, crm):
            query = text(f"SELECT version_num FROM {part.SCHEMA.version_table}")
            assert list(connection.execute(query).scalars()) == part.SCHEMA.known()[-1:]
        assert connection.execute(text("SELECT count(*) FROM crm_counter")).scalar() == 1
    engine.dispose()


@BOTH
def test_a_database_of_a_later_version_is_refused_and_left_alone(part, empty):
    part.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text(f"UPDATE {part.SCHEMA.version_table} SET version_num = '9999'"))
    with pytest.raises(
        SchemaTooNew, match=r"revision 9999 .* later version: install that one, or restore a backup"
    ):
        part.upgrade(empty)
    with empty.connect() as connection:
        query = text(f"SELECT version_num FROM {part.SCHEMA.version_table}")
        assert connection.execute(query).scalar() == "9999"


@pytest.mark.parametrize(
    ("table", "start"), [("schema_version", open_engine), ("crm_schema_version", open_parts)]
)
def test_a_database_of_a_later_version_is_an_error_of_the_configuration(tmp_path, table, start):
    (tmp_path / "calsync.keys").write_text(new_key_line("k1"))
    (tmp_path / "calsync.instance").write_text("aW5z" * (KEY_BYTES // 3 + 1))
    settings = Settings(path=tmp_path / "calsync.toml")
    opened = open_parts(settings)
    with opened.engine.begin() as connection:
        connection.execute(text(f"UPDATE {table} SET version_num = '9999'"))
    opened.close()
    with pytest.raises(ConfigError, match=r"^database\.url: the database has revision 9999"):
        start(settings)


STEP = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{revision}", {down}


def upgrade():
    op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))
    {last}
"""


def steps(directory, last="pass"):
    directory.mkdir(exist_ok=True)
    (directory / "r0001_one.py").write_text(STEP.format(revision="0001", down=None, table="one", last="pass"))
    (directory / "r0002_two.py").write_text(
        STEP.format(revision="0002", down="'0001'", table="two", last=last)
    )
    return Schema("steps_version", directory, store.SCHEMA.metadata)


def test_an_upgrade_that_fails_half_way_changes_nothing_and_can_be_repeated(empty, tmp_path):
    with pytest.raises(ZeroDivisionError):
        schema.upgrade(empty, steps(tmp_path / "revisions", "1 / 0"))
    assert inspect(empty).get_table_names() == []
    schema.upgrade(empty, steps(tmp_path / "revisions"))
    assert set(inspect(empty).get_table_names()) == {"one", "two", "steps_version"}


def test_only_what_is_missing_is_made(empty, tmp_path):
    known = steps(tmp_path / "revisions")
    (tmp_path / "revisions" / "r0002_two.py").rename(tmp_path / "later")
    schema.upgrade(empty, known)
    assert not inspect(empty).has_table("two")
    (tmp_path / "later").rename(tmp_path / "revisions" / "r0002_two.py")
    schema.upgrade(empty, known)
    assert inspect(empty).has_table("two")


def test_a_database_that_is_none_is_not_mistaken_for_an_empty_one(tmp_path):
    (tmp_path / "calsync.db").write_text("my shopping list, " * 100)
    with pytest.raises(ConfigError, match="database cannot be opened"):
        open_engine(Settings(path=tmp_path / "calsync.toml"))
    assert (tmp_path / "calsync.db").read_text().startswith("my shopping list")
