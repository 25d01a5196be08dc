"""Profiles and jobs in a relational database: SQLite, PostgreSQL."""

from importlib.util import find_spec

from iotsign.errors import MissingDependencyError

if find_spec("sqlalchemy") is None or find_spec("alembic") is None:
    raise MissingDependencyError(
        "NoSqlalchemy", "the records of the signing service need SQLAlchemy and Alembic", hint="install iotsign[server]"
    )

from iotsign.stores.sql._records import SqlRecords, open_records, sqlite_url

__all__ = ["SqlRecords", "open_records", "sqlite_url"]
