"""The history of the built-in CRM's tables, in Alembic's revisions: apart from the engine's, as its commits are."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from calsync import schema
from calsync.crm.builtin.tables import metadata
from calsync.schema import Schema

SCHEMA = Schema("crm_schema_version", Path(__file__).parent, metadata)


def upgrade(engine: Engine) -> None:
    """Bring the CRM's tables up to date; see `schema.upgrade`."""
    schema.upgrade(engine, SCHEMA)
