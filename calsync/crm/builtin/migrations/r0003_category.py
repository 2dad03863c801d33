"""Let records have a category, by which push rules can tell them apart."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; what is there has none."""
    column = sa.Column("category", sa.String(length=200), nullable=False, server_default="")
    op.add_column("crm_event", column)
