"""When a meeting takes place, as a number that its copies have in common."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    op.add_column("link", sa.Column("meets_at", sa.BigInteger(), nullable=True))
