"""What Alembic runs around revisions: in the caller's transaction, with the owner's own version table."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=attributes["schema"].metadata,
    version_table=attributes["schema"].version_table,
    render_as_batch=True,
)
context.run_migrations()
