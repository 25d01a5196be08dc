"""How transactions begin in SQLite: a reader's without a lock, a writer's with the one lock there is.

Dialects of their own say it, not listeners: an engine that has listeners asks them about each statement, which takes
longer than most statements do.
"""

from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

READING: Final = "sqlite+iotsign_reading"
WRITING: Final = "sqlite+iotsign_writing"
"""Drivers, as URLs name them."""

_BUSY_S: Final = 30  # seconds that a writer waits for the others

# the log of transactions makes readers and one writer independent; it is synced at each checkpoint, so that a crash of
# the process loses nothing, and one of the machine at most the last transactions
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_S * 1000}", "cache_size=-16000")


class ReadingDialect(SQLiteDialect_pysqlite):
    """Begins as a reader."""

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin a transaction that sees one state of the database."""
        dbapi_connection.execute("BEGIN")


class WritingDialect(SQLiteDialect_pysqlite):
    """Begins as a writer."""

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin a transaction when all other writers have ended theirs."""
        dbapi_connection.execute("BEGIN IMMEDIATE")


registry.register(READING.replace("+", "."), __name__, ReadingDialect.__name__)
registry.register(WRITING.replace("+", "."), __name__, WritingDialect.__name__)


def prepare(engine: Engine) -> None:
    """Let each connection of an engine begin transactions only where it is told to."""
    event.listen(engine, "connect", _connected)


def _connected(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
