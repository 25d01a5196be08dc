"""Hashing beside reading and writing: on two cores the one hides behind the other."""

import queue
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Protocol, Self

from iotsign.algorithms import HashAlgorithm
from iotsign.core import Hasher

_THREAD_FROM: Final = 4 << 20  # bytes; less is hashed sooner than a thread starts
_BLOCKS_AHEAD: Final = 4  # bounds the memory


class Taker(Protocol):
    """Takes blocks one after the other, without Python's global lock while it works."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take one block."""


class BackgroundUpdates:
    """Hands blocks on in a thread of its own, once there are many; blocks must not change afterwards.

    Args:
        takers: Each gets every block.
    """

    def __init__(self, takers: Iterable[Taker]) -> None:
        self._takers = tuple(takers)
        self._blocks: queue.Queue[bytes | memoryview | None] = queue.Queue(_BLOCKS_AHEAD)
        self._thread: threading.Thread | None = None
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.wait()

    def update(self, data: bytes | memoryview) -> None:
        """Hand on one more block."""
        if self._thread is None:
            self._seen += len(data)
            if self._seen < _THREAD_FROM or not self._takers:
                self._hand_on(data)
                return
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        self._blocks.put(data)

    def wait(self) -> None:
        """Wait until all blocks so far have been taken."""
        if self._thread is not None:
            self._blocks.put(None)
            self._thread.join()
            self._thread = None

    def _hand_on(self, data: bytes | memoryview) -> None:
        for taker in self._takers:
            taker.update(data)

    def _work(self) -> None:
        while (data := self._blocks.get()) is not None:
            self._hand_on(data)


class BackgroundHasher(BackgroundUpdates):
    """Hashes blocks in a thread of its own, once there are many; blocks must not change afterwards.

    Args:
        algorithms: The hashes, all over the same bytes.
    """

    def __init__(self, *algorithms: HashAlgorithm) -> None:
        self._hashers = {algorithm: Hasher(algorithm) for algorithm in algorithms}
        super().__init__(self._hashers.values())

    def digests(self) -> dict[HashAlgorithm, bytes]:
        """The digests of all bytes so far; more may follow."""
        self.wait()
        return {algorithm: hasher.digest() for algorithm, hasher in self._hashers.items()}
