"""When an operator has last shown that it is them: sessions from before are ended, they last for hours only."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the column."""
    op.execute("DELETE FROM operator_session")
    op.add_column(
        "operator_session",
        sa.Column(
            "proved_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default="2000-01-01 00:00:00",
        ),
    )
