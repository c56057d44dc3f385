"""Alembic's entry: run the steps on the connection that `schema.upgrade` hands over."""

from alembic import context

from notifier.storage import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.PaperRow.metadata,
    render_as_batch=True,
    transactional_ddl=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
