"""What people wish on their own page: values of conflicts put back, and private events kept closer."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("conflict", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "account", sa.Column("private_events", sa.String(length=10), nullable=False, server_default="")
    )
