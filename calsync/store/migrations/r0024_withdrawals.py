"""Which notices say that an invitation vanishes by our own doing."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the column."""
    op.add_column("notice", sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()))
