"""Schema migrations."""

from pathlib import Path
from typing import Final

from sqlalchemy import Engine, inspect, text

from iotsign.errors import StoreError
from iotsign.stores.sql._sqlite import BEGIN_WRITING

HEAD: Final = "0001"
"""The newest migration."""

_SCRIPTS: Final = Path(__file__).with_name("migrations")
_TABLE: Final = "alembic_version"


def migrate(engine: Engine) -> None:
    """Bring a database to the newest schema; one that has it is left alone, without loading Alembic.

    Args:
        engine: For changing the database.

    Raises:
        StoreError: The database was migrated by a newer version of iotsign.
        sqlalchemy.exc.SQLAlchemyError: The database fails.
    """
    found = _revision(engine)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        message = f"expected a database of schema {HEAD} or older, got {found}: a newer iotsign has migrated it"
        raise StoreError("DatabaseTooNew", message, expected=HEAD, got=found)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(BEGIN_WRITING)
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(727394)"))  # others wait, and find it done
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table(_TABLE):
            return None
        return connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608 - a constant
