"""How connections to SQLite are set up, and how their transactions begin."""

from typing import Any, Final

from sqlalchemy import Engine, event

BEGIN_WRITING: Final = "BEGIN IMMEDIATE"
"""Begins a transaction when all other writers have ended theirs."""

BUSY_S: Final = 30
"""How long a writer waits for the others, in seconds."""

# the log of transactions makes readers and one writer independent; it is synced at each checkpoint, so that a crash of
# the process loses nothing, and one of the machine at most the last transactions
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_S * 1000}", "cache_size=-16000")


def prepare(engine: Engine) -> None:
    """Let each connection of an engine begin transactions only where it is told to."""
    event.listen(engine, "connect", _connected)


def _connected(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
