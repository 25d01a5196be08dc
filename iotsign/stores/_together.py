"""Doing for many threads at once what costs as much for many as for one."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from iotsign.errors import IotsignError, StoreError


class _Wish:
    """What one thread wants done.

    Attributes:
        item: What.
        turn: Held until it is done, or until its thread is the one to do it.
        done: Whether it was tried.
        result: What came of it.
        error: Why it failed.
    """

    __slots__ = ("done", "error", "item", "result", "turn")

    def __init__(self, item: Any) -> None:
        self.item, self.turn = item, threading.Lock()
        self.done, self.result = False, None
        self.error: IotsignError | None = None
        self.turn.acquire()


class Together:
    """Lets one of the threads that want the same done do it for all that wait, then one of those who came meanwhile.

    Args:
        work: Does it for a list of items, and gives a result for each; what it raises, all raise.
    """

    def __init__(self, work: Callable[[list[Any]], Sequence[Any]]) -> None:
        self._work = work
        self._waiting: list[_Wish] = []
        self._mutex, self._is_working = threading.Lock(), False

    @property
    def is_working(self) -> bool:
        """Tell whether a thread is at work, or about to be."""
        return self._is_working

    def do(self, item: Any) -> Any:
        """Have it done.

        Raises:
            IotsignError: It failed.
        """
        wish = _Wish(item)
        with self._mutex:
            self._waiting.append(wish)
            must_wait, self._is_working = self._is_working, True
        if must_wait:
            wish.turn.acquire()
        if not wish.done:
            self._work_for_all()
        if wish.error is not None:
            raise wish.error
        return wish.result

    def _work_for_all(self) -> None:
        with self._mutex:
            wishes, self._waiting = self._waiting, []
        results: Sequence[Any] = [None] * len(wishes)
        error: IotsignError | None = None
        try:
            results = self._work([wish.item for wish in wishes])
        except IotsignError as failed:
            error = failed
        except BaseException:
            error = StoreError("Interrupted", "expected to finish, was interrupted; nothing is signed")
            raise
        finally:
            with self._mutex:
                heir = self._waiting[0] if self._waiting else None
                self._is_working = heir is not None
            for wish, result in zip(wishes, results, strict=True):
                wish.done, wish.result, wish.error = True, result, error
                wish.turn.release()
            if heir is not None:
                heir.turn.release()
