"""Which Google events are one meeting of several people, and what a person may do there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns, an index by which a meeting is found on other calendars, and notes between accounts."""
    op.add_column(
        "link", sa.Column("google_access", sa.String(length=100), nullable=False, server_default="")
    )
    op.add_column("link", sa.Column("meeting", sa.BigInteger(), nullable=True))
    op.add_column("link", sa.Column("hides", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("link", sa.Column("veiled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "link_meeting",
        "link",
        ["meeting"],
        unique=False,
        sqlite_where=sa.text("meeting IS NOT NULL"),
        postgresql_where=sa.text("meeting IS NOT NULL"),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notice_account", "notice", ["account_id"], unique=False)
