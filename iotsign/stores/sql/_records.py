"""The database behind the records."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from iotsign.errors import ConfigError, MissingDependencyError, StoreError
from iotsign.stores.sql._migrate import migrate
from iotsign.stores.sql._transaction import SqlTransaction

_BUSY_S: Final = 30  # seconds that a writer waits for the others
_CONNECTIONS: Final = 32
_DRIVERS: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}

# the log of transactions makes readers and one writer independent; it is synced at each checkpoint, so that a crash of
# the process loses nothing, and one of the machine at most the last transactions
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_S * 1000}", "cache_size=-16000")


class SqlRecords:
    """Records in SQL; see `iotsign.signer.Records`. Any number of threads and processes may use one database.

    Args:
        engine: Of a database that has been migrated.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._locks_rows = engine.dialect.name != "sqlite"
        self._writing = engine.execution_options(iotsign_writing=True)

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """Begin to read.

        Raises:
            StoreError: The database fails.
        """
        with _store_errors(), self._engine.begin() as connection:
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
        self._engine.dispose()


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
    engine = _engine(url)
    with _store_errors():
        migrate(engine)
    return SqlRecords(engine)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError("BadDatabaseUrl", "expected the URL of a database, such as sqlite:///records.db") from None
    kind = parsed.drivername.partition("+")[0]
    if kind not in _DRIVERS:
        known = ", ".join(f"{name}://" for name in _DRIVERS)
        raise ConfigError("UnknownDatabase", f"expected a database URL that starts with {known}, got {kind}://")
    try:
        engine = create_engine(
            parsed.set(drivername=_DRIVERS[kind]),
            pool_size=_CONNECTIONS,
            max_overflow=_CONNECTIONS,
            pool_pre_ping=kind != "sqlite",
        )
    except (NoSuchModuleError, ModuleNotFoundError):
        raise MissingDependencyError(
            "NoDatabaseDriver", f"{kind} needs a driver that is not installed", hint="install iotsign[postgresql]"
        ) from None
    if kind == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where they are told to
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("iotsign_writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
        raise StoreError("DatabaseFailed", f"the database of records failed: {reason}") from error
