"""The database behind the records."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from iotsign.errors import ConfigError, MissingDependencyError, StoreError
from iotsign.stores.sql._migrate import migrate
from iotsign.stores.sql._sqlite import READING, WRITING, prepare
from iotsign.stores.sql._transaction import SqlTransaction

_CONNECTIONS: Final = 32
_DRIVERS: Final = {"sqlite": (READING, WRITING), "postgresql": ("postgresql+psycopg",)}
"""For each kind of database the drivers that read and that write; one driver does both."""


class SqlRecords:
    """Records in SQL; see `iotsign.signer.Records`. Any number of threads and processes may use one database.

    Args:
        reading: Engine of a database that has been migrated, for reading.
        writing: Engine for changing it; it may be the same.
    """

    def __init__(self, reading: Engine, writing: Engine) -> None:
        self._reading, self._writing = reading, writing
        self._locks_rows = writing.dialect.name != "sqlite"

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """Begin to read.

        Raises:
            StoreError: The database fails.
        """
        with _store_errors(), self._reading.begin() as connection:
            yield SqlTransaction(connection, locks_rows=False)

    @contextmanager
    def writing(self) -> Iterator[SqlTransaction]:
        """Begin to change; an exception undoes everything.

        Raises:
            StoreError: The database fails, or other writers take too long.
        """
        with _store_errors(), self._writing.begin() as connection:
            yield SqlTransaction(connection, locks_rows=self._locks_rows)

    def close(self) -> None:
        """Close the connections."""
        self._reading.dispose()
        self._writing.dispose()


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite database in a file."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def open_records(url: str) -> SqlRecords:
    """Open a database; an empty or older one is migrated first.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://USER@HOST/DATABASE``.

    Raises:
        ConfigError: The URL is malformed, or names another kind of database.
        MissingDependencyError: The database's driver is not installed.
        StoreError: The database cannot be opened, or is newer than this version of iotsign.
    """
    engines = _engines(url)
    with _store_errors():
        migrate(engines[-1])
    return SqlRecords(engines[0], engines[-1])


def _engines(url: str) -> list[Engine]:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError("BadDatabaseUrl", "expected the URL of a database, such as sqlite:///records.db") from None
    kind = parsed.drivername.partition("+")[0]
    if kind not in _DRIVERS:
        known = ", ".join(f"{name}://" for name in _DRIVERS)
        raise ConfigError("UnknownDatabase", f"expected a database URL that starts with {known}, got {kind}://")
    try:
        engines = [
            create_engine(
                parsed.set(drivername=driver),
                pool_size=_CONNECTIONS,
                max_overflow=_CONNECTIONS,
                pool_pre_ping=kind != "sqlite",
            )
            for driver in _DRIVERS[kind]
        ]
    except (NoSuchModuleError, ModuleNotFoundError):
        raise MissingDependencyError(
            "NoDatabaseDriver", f"{kind} needs a driver that is not installed", hint="install iotsign[postgresql]"
        ) from None
    if kind == "sqlite":
        for engine in engines:
            prepare(engine)
    return engines


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
        raise StoreError("DatabaseFailed", f"the database of records failed: {reason}") from error
