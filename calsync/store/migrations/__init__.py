"""The history of the engine's tables, in Alembic's revisions."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from calsync import schema
from calsync.schema import Schema
from calsync.store import (  # noqa: F401 - their tables
    accounts,
    audit,
    brake,
    codes,
    conflicts,
    consent,
    erasures,
    holds,
    instance,
    journal,
    links,
    meetings,
    operators,
    requests,
    security_audit,
    subjects,
    tidings,
    visits,
)
from calsync.store.database import metadata

SCHEMA = Schema("schema_version", Path(__file__).parent, metadata)


def upgrade(engine: Engine) -> None:
    """Bring the engine's tables up to date; see `schema.upgrade`."""
    schema.upgrade(engine, SCHEMA)
