"""Taking connections from a socket that several processes listen on, so that each has about as many as the others.

The system gives a connection to whoever asks first, and whoever asks takes all that wait: of sixteen clients that come
at once one process may get all. Here a process takes one at a time, and leaves it to others that have fewer.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, MutableSequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

_PATIENCE_S: Final = 0.002
"""How long a process that has more connections than another leaves one to it, in seconds."""
_REST_S: Final = 1.0
"""How long nothing is taken after the system could not give a connection, for want of file descriptors as a rule."""
_log = logging.getLogger("iotsign.server")

Take = Callable[[socket.socket], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Share:
    """A process's place among those that serve from one socket.

    Attributes:
        counts: How many connections each has; memory that all of them share.
        index: Which of them is this one's.
    """

    counts: MutableSequence[int] = field(default_factory=lambda: [0])
    index: int = 0


class Acceptor:
    """Takes connections until it is closed; made within a running loop.

    Args:
        found: The listening socket, which does not block.
        take: Begins to serve a connection.
        held: How many connections this process serves now.
        share: This process's place among those that serve from the socket.
    """

    def __init__(self, found: socket.socket, take: Take, held: Callable[[], int], share: Share) -> None:
        self._loop = asyncio.get_running_loop()
        self._found, self._take, self._held = found, take, held
        self._counts, self._index = share.counts, share.index
        self._counts[self._index] = 0  # a process that was here before is gone
        self._beginning: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._loop.add_reader(found, self._look)

    def close(self) -> None:
        """Take no more; the socket stays open."""
        if self._pause is not None:
            self._pause.cancel()
        else:
            self._loop.remove_reader(self._found)

    async def wait_closed(self) -> None:
        """Wait until what was taken has been begun."""
        if self._beginning:
            await asyncio.wait(self._beginning)

    def _look(self) -> None:
        mine = self._counts[self._index] = self._held() + len(self._beginning)
        if mine > min(self._counts):
            self._rest(_PATIENCE_S)
        else:
            self._accept()

    def _resume(self) -> None:
        """Take a connection that nobody else took."""
        self._pause = None
        self._loop.add_reader(self._found, self._look)
        self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._found.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # another process took it, or the client went away
        except OSError as error:
            _log.error("no connection accepted", extra={"error": error.strerror})
            self._rest(_REST_S)
            return
        connection.setblocking(False)  # noqa: FBT003
        self._counts[self._index] += 1
        task = self._loop.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await self._take(connection)
        except (OSError, asyncio.CancelledError):  # it broke off, as a TLS handshake with a stranger may
            with suppress(OSError):
                connection.close()

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._found)
        self._pause = self._loop.call_later(seconds, self._resume)
