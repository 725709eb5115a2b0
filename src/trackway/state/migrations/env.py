"""What Alembic runs before the migrations: it uses the connection that `migrate.upgrade` hands over."""

from alembic import context

from trackway.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most things in place: Alembic copies the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
