"""Hashing beside reading and writing: on two cores the one hides behind the other."""

import queue
import threading
from types import TracebackType
from typing import Final, Self

from iotsign.algorithms import HashAlgorithm
from iotsign.core import Hasher

_THREAD_FROM: Final = 4 << 20  # bytes; less is hashed sooner than a thread starts
_BLOCKS_AHEAD: Final = 4  # bounds the memory


class BackgroundHasher:
    """Hashes blocks in a thread of its own, once there are many; blocks must not change afterwards.

    Args:
        algorithms: The hashes, all over the same bytes.
    """

    def __init__(self, *algorithms: HashAlgorithm) -> None:
        self._hashers = {algorithm: Hasher(algorithm) for algorithm in algorithms}
        self._blocks: queue.Queue[bytes | memoryview | None] = queue.Queue(_BLOCKS_AHEAD)
        self._thread: threading.Thread | None = None
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def update(self, data: bytes | memoryview) -> None:
        """Hash more bytes."""
        if self._thread is None:
            self._seen += len(data)
            if self._seen < _THREAD_FROM:
                self._hash(data)
                return
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        self._blocks.put(data)

    def digests(self) -> dict[HashAlgorithm, bytes]:
        """The digests of all bytes so far; nothing can be added afterwards."""
        self._stop()
        return {algorithm: hasher.digest() for algorithm, hasher in self._hashers.items()}

    def _hash(self, data: bytes | memoryview) -> None:
        for hasher in self._hashers.values():
            hasher.update(data)

    def _work(self) -> None:
        while (data := self._blocks.get()) is not None:
            self._hash(data)

    def _stop(self) -> None:
        if self._thread is not None:
            self._blocks.put(None)
            self._thread.join()
            self._thread = None
