"""The tables of accounts, consent, links and conflicts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("direction", sa.String(length=20), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("subject_digest", sa.String(length=64), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("calendar", sa.LargeBinary(), nullable=False),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=True),
        sa.Column("scopes", sa.String(length=1000), nullable=False),
        sa.Column("google_cursor", sa.LargeBinary(), nullable=True),
        sa.Column("crm_cursor", sa.String(length=500), nullable=True),
        sa.Column("access_version", sa.String(length=200), nullable=False),
        sa.Column("google_looked", sa.DateTime(timezone=True), nullable=True),
        sa.Column("crm_looked", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("interval_seconds", sa.Float(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_success", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_back", sa.Integer(), nullable=False),
        sa.Column("deletions_approved", sa.Boolean(), nullable=False),
        sa.Column("copies", sa.String(length=40), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("account_due", "account", ["due_at"], unique=False)
    op.create_index("account_user_subject", "account", ["user", "subject_digest"], unique=True)
    op.create_table(
        "ticket",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=200), nullable=False),
        sa.Column("expected", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ticket_user", "ticket", ["user"], unique=False)
    op.create_table(
        "web_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=200), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "conflict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("google_key", sa.String(length=1024), nullable=True),
        sa.Column("crm_key", sa.String(length=1024), nullable=True),
        sa.Column("field", sa.String(length=100), nullable=False),
        sa.Column("kept", sa.LargeBinary(), nullable=False),
        sa.Column("lost", sa.LargeBinary(), nullable=False),
        sa.Column("kept_side", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("conflict_account", "conflict", ["account_id"], unique=False)
    op.create_table(
        "consent_flow",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state_digest", sa.String(length=64), nullable=False),
        sa.Column("browser_digest", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("state_digest"),
    )
    op.create_table(
        "link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("generation", sa.SmallInteger(), nullable=False),
        sa.Column("google_key", sa.String(length=1024), nullable=True),
        sa.Column("google_version", sa.String(length=200), nullable=False),
        sa.Column("google_state", sa.String(length=10), nullable=False),
        sa.Column("google_seen", sa.LargeBinary(), nullable=True),
        sa.Column("google_modified", sa.DateTime(timezone=True), nullable=True),
        sa.Column("crm_key", sa.String(length=1024), nullable=True),
        sa.Column("crm_version", sa.String(length=200), nullable=False),
        sa.Column("crm_state", sa.String(length=10), nullable=False),
        sa.Column("crm_seen", sa.LargeBinary(), nullable=True),
        sa.Column("crm_modified", sa.DateTime(timezone=True), nullable=True),
        sa.Column("access", sa.String(length=100), nullable=False),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("intents", sa.Text(), nullable=True),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("match", sa.BigInteger(), nullable=True),
        sa.Column("wake_day", sa.Date(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.String(length=300), nullable=True),
        sa.Column("cause_side", sa.String(length=10), nullable=True),
        sa.Column("cause_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "link_cause",
        "link",
        ["account_id", "cause_since"],
        unique=False,
        sqlite_where=sa.text("cause_since IS NOT NULL"),
        postgresql_where=sa.text("cause_since IS NOT NULL"),
    )
    op.create_index("link_crm", "link", ["account_id", "crm_key"], unique=True)
    op.create_index(
        "link_dirty",
        "link",
        ["account_id", "id"],
        unique=False,
        sqlite_where=sa.text("dirty = 1"),
        postgresql_where=sa.text("dirty"),
    )
    op.create_index("link_google", "link", ["account_id", "google_key"], unique=True)
    op.create_index(
        "link_intents",
        "link",
        ["account_id", "id"],
        unique=False,
        sqlite_where=sa.text("intents IS NOT NULL"),
        postgresql_where=sa.text("intents IS NOT NULL"),
    )
    op.create_index(
        "link_match",
        "link",
        ["account_id", "match"],
        unique=False,
        sqlite_where=sa.text("match IS NOT NULL"),
        postgresql_where=sa.text("match IS NOT NULL"),
    )
    op.create_index(
        "link_wake",
        "link",
        ["account_id", "wake_day"],
        unique=False,
        sqlite_where=sa.text("wake_day IS NOT NULL"),
        postgresql_where=sa.text("wake_day IS NOT NULL"),
    )
