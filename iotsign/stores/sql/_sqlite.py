"""How connections to SQLite are set up, and how its writers take turns."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Engine, event

from iotsign.errors import StoreError

BEGIN_WRITING: Final = "BEGIN IMMEDIATE"
"""Begins a transaction when all other writers have ended theirs."""

BUSY_S: Final = 30
"""How long a writer waits for the others, in seconds."""

# the log of transactions makes readers and one writer independent; it is synced at each checkpoint, so that a crash of
# the process loses nothing, and one of the machine at most the last transactions
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_S * 1000}", "cache_size=-16000")


class Turn:
    """Whose turn it is to write. SQLite itself lets a second writer sleep, for ever longer; this one is woken at once.

    Args:
        database: The file of the database; the turn is a lock on ``DATABASE-turn``. None or ``:memory:`` where no other
            process writes.
    """

    def __init__(self, database: str | None) -> None:
        self._mutex = threading.Lock()
        self._file = -1
        if database and database != ":memory:":
            with suppress(OSError):  # where nothing can be made, nothing can be written either
                self._file = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, and have it.

        Raises:
            StoreError: The other threads of this process take too long.
        """
        if not self._mutex.acquire(timeout=BUSY_S):
            raise StoreError("DatabaseFailed", f"the database of records failed: its writers took over {BUSY_S} s")
        try:
            if self._file >= 0:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            yield
        finally:
            if self._file >= 0:
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._mutex.release()

    def close(self) -> None:
        """Close the lock."""
        if self._file >= 0:
            os.close(self._file)


def prepare(engine: Engine) -> None:
    """Let each connection of an engine begin transactions only where it is told to."""
    event.listen(engine, "connect", _connected)


def _connected(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
