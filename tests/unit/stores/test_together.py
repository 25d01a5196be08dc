"""Work that one thread does for many."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from iotsign.errors import IotsignError, StoreError
from iotsign.stores._together import Together


class Slow:
    """Work that waits until it is let go, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[list[int]] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.error: BaseException | None = None

    def __call__(self, items: list[int]) -> list[int]:
        self.given.append(items)
        self.began.set()
        assert self.go_on.wait(60)
        if self.error is not None:
            raise self.error
        return [item * 2 for item in items]


def start(together: Together, work: Slow, pool: ThreadPoolExecutor) -> list["Future[int]"]:
    """Have one thread at work and four waiting."""
    done = [pool.submit(together.do, 0)]
    assert work.began.wait(60)
    done += [pool.submit(together.do, number) for number in range(1, 5)]
    while len(together._waiting) < 4:
        time.sleep(0.001)
    return done


def test_those_who_wait_are_served_at_once() -> None:
    work = Slow()
    together = Together(work)
    with ThreadPoolExecutor(5) as pool:
        done = start(together, work, pool)
        work.go_on.set()
        assert [one.result(60) for one in done] == [0, 2, 4, 6, 8]
    assert [sorted(items) for items in work.given] == [[0], [1, 2, 3, 4]]
    assert together.do(7) == 14


def test_a_failure_is_everybodys() -> None:
    work = Slow()
    together = Together(work)
    with ThreadPoolExecutor(5) as pool:
        done = start(together, work, pool)
        work.error = StoreError("ENOSPC", "no space")
        work.go_on.set()
        assert all(isinstance(one.exception(60), StoreError) for one in done)
    work.error = None
    assert together.do(1) == 2


def test_an_interruption_leaves_nobody_waiting() -> None:
    work = Slow()
    together = Together(work)
    with ThreadPoolExecutor(5) as pool:
        done = start(together, work, pool)
        work.error = KeyboardInterrupt()
        work.go_on.set()
        errors = [one.exception(60) for one in done]
    assert sorted(type(error).__name__ for error in errors) == ["KeyboardInterrupt"] * 2 + ["StoreError"] * 3
    assert [error.code for error in errors if isinstance(error, IotsignError)] == ["Interrupted"] * 3
    work.error = None
    assert together.do(1) == 2


@pytest.mark.parametrize("threads", [1, 8])
def test_nothing_is_lost_or_done_twice(threads: int) -> None:
    seen: list[int] = []

    def work(items: list[int]) -> list[int]:
        seen.extend(items)
        return items

    together = Together(work)
    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(together.do, range(2000))) == list(range(2000))
    assert sorted(seen) == list(range(2000))
