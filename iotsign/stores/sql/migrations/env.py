"""Runs migrations on the connection that `iotsign.stores.sql` hands over."""

from alembic import context

from iotsign.stores.sql._schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
