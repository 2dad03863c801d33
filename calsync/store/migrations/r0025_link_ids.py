"""Ids of links that are never used again: SQLite gives that of the last row to the next one, once it is deleted."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Make the table anew, with its rows and indexes; elsewhere ids come from a sequence."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("link", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass
