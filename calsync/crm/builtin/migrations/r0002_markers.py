"""Find the copy of an event whoever has its record by now."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Index markers by themselves."""
    op.drop_index("crm_event_owner", table_name="crm_event")
    op.create_index("crm_event_owner", "crm_event", ["owner"], unique=False)
    op.create_index("crm_event_marker", "crm_event", ["marker"], unique=False)
