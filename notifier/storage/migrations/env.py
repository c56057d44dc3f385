"""Alembic's entry: run the steps on the database that `schema.upgrade` hands over."""

from alembic import context

from notifier.storage import tables
from notifier.storage.database import Database

database: Database = context.config.attributes["database"]

with database.migrating() as connection:
    context.configure(
        connection=connection,
        target_metadata=tables.PaperRow.metadata,
        render_as_batch=True,
        transactional_ddl=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
