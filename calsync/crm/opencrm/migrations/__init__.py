"""The history of what is remembered of a tenant, in Alembic's revisions."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from calsync import schema
from calsync.crm.opencrm.tables import metadata
from calsync.schema import Schema

SCHEMA = Schema("opencrm_schema_version", Path(__file__).parent, metadata)


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date; see `schema.upgrade`."""
    schema.upgrade(engine, SCHEMA)
