"""The database behind the records."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from iotsign.errors import ConfigError, MissingDependencyError, StoreError
from iotsign.signer import SigningJob
from iotsign.stores._together import Together
from iotsign.stores.sql._migrate import migrate
from iotsign.stores.sql._sqlite import BEGIN_WRITING, Turn, prepare
from iotsign.stores.sql._transaction import SqlTransaction

_CONNECTIONS: Final = 32
_Change = Callable[[SqlTransaction], bool]
_DRIVERS: Final = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


class SqlRecords:
    """Records in SQL; see `iotsign.signer.Records`. Any number of threads and processes may use one database.

    Args:
        engine: Of a database that has been migrated; it gives the connections.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._dialect = engine, engine.dialect
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._idle: deque[Any] = deque()
        self._changes = Together(self._change_together)
        self._turn = Turn(engine.url.database if self._is_sqlite else None)

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """Begin to read; each question sees what is there when it is asked.

        Raises:
            StoreError: The database fails.
        """
        with self._begun("") as cursor:
            yield SqlTransaction(cursor, self._dialect, locks_rows=False)

    @contextmanager
    def writing(self) -> Iterator[SqlTransaction]:
        """Begin to change; an exception undoes everything.

        Raises:
            StoreError: The database fails, or other writers take too long.
        """
        if not self._is_sqlite:
            with self._begun("") as cursor:
                yield SqlTransaction(cursor, self._dialect, locks_rows=True)
            return
        with self._turn.taken(), self._begun(BEGIN_WRITING) as cursor:
            yield SqlTransaction(cursor, self._dialect, locks_rows=False)

    def add_job(self, job: SigningJob) -> bool:
        """Add a job; False if its invoker has used its token before.

        Raises:
            StoreError: The database fails.
        """
        return self._change(lambda transaction: transaction.add_job(job))

    def advance_job(self, job: SigningJob) -> bool:
        """Store how far a job is; False if it is no longer in progress with its worker.

        Raises:
            StoreError: The database fails.
        """
        return self._change(lambda transaction: transaction.advance_job(job))

    def _change(self, change: _Change) -> bool:
        """Make one change; SQLite takes those that wait in one transaction, which writes most pages once for all."""
        if self._is_sqlite:
            return bool(self._changes.do(change))
        with self.writing() as transaction:
            return change(transaction)

    def _change_together(self, changes: list[_Change]) -> list[bool]:
        with self.writing() as transaction:
            return [change(transaction) for change in changes]

    @contextmanager
    def _begun(self, begin: str) -> Iterator[Any]:
        """Have a connection for one transaction; PostgreSQL's driver begins it with the first statement."""
        with _store_errors(self._engine):
            connection = self._connect()
            try:
                cursor = connection.cursor()
                if begin:
                    cursor.execute(begin)
                yield cursor
                cursor.close()
                connection.commit()
            except BaseException:
                connection.close()  # the pool undoes what was not committed
                raise
            if self._is_sqlite:
                self._idle.append(connection)
            else:
                connection.close()

    def _connect(self) -> Any:
        """Take an idle connection; to a server each comes from the pool, which looks whether it still lives."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.raw_connection()

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()
        self._engine.dispose()
        self._turn.close()


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
    with _store_errors(engine):
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
        prepare(engine)
    return engine


@contextmanager
def _store_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
        raise StoreError("DatabaseFailed", f"the database of records failed: {reason}") from error
    except engine.dialect.loaded_dbapi.Error as error:
        raise StoreError("DatabaseFailed", f"the database of records failed: {error}") from error
