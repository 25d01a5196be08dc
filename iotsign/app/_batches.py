"""Work on many files: several workers, each with a batch of small files, whose payloads are hashed together."""

import os
import stat
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Generic, TypeVar

from iotsign.app._input_file import Source

__all__ = ["SMALL", "CheckStop", "Task", "batches_of", "work_on", "worker_count"]

_Result = TypeVar("_Result")

CheckStop = Callable[[int], None]

SMALL: Final = 1 << 20
"""Bytes of a file that is read into memory, to be hashed together with others."""

_LANES: Final = 16  # what the widest SIMD path of sha256_many hashes at once
_QUEUED: Final = 2  # batches that wait, so that no worker does
_MOST_WORKERS: Final = 32  # so that the files of their batches stay well below the usual limit of 1,024


class _Stopped(BaseException):
    """Ends a worker whose result nobody waits for any more."""


def worker_count(threads: int | None) -> int:
    """Give the number of workers: as many as asked for, or one for each processor; never more than 32."""
    return min(threads or len(os.sched_getaffinity(0)), _MOST_WORKERS)


def batches_of(sources: Sequence[Source], threads: int | None) -> list[list[Source]]:
    """Divide files among workers, in order: small ones together, every other one alone."""
    most = max(1, min(_LANES, -(-len(sources) // worker_count(threads))))
    batches: list[list[Source]] = []
    room = 0
    for source in sources:
        if not _is_small(source):
            batches.append([source])
            room = 0
        elif room:
            batches[-1].append(source)
            room -= 1
        else:
            batches.append([source])
            room = most - 1
    return batches


def _is_small(source: Source) -> bool:
    if not isinstance(source, Path):
        return False
    try:
        about = source.stat()
    except OSError:
        return False
    return stat.S_ISREG(about.st_mode) and about.st_size <= SMALL


class Task(ABC, Generic[_Result]):
    """The work on one batch."""

    @abstractmethod
    def work(self, check_stop: CheckStop) -> None:
        """Do what can run beside other tasks, on a worker's thread, and call `check_stop` now and then."""

    @abstractmethod
    def results(self) -> Sequence[_Result]:
        """Give one result for each file, on the caller's thread, after `work`."""

    def close(self) -> None:
        """Let go of what is open, whatever happened; called more than once."""


def work_on(tasks: Iterable[Task[_Result]], threads: int | None) -> Iterator[_Result]:
    """Work on batches in parallel, and give the results in order; when nobody takes any more, workers end soon.

    Args:
        tasks: One for each batch; the next is asked for, on the caller's thread, when another one's work is done.
        threads: How many batches at a time; by default one for each processor.
    """
    from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait  # slower to load than one file

    stop = threading.Event()

    def check_stop(_: int) -> None:
        if stop.is_set():
            raise _Stopped

    coming = iter(tasks)
    begun: deque[Task[_Result]] = deque()
    running: dict[Future[None], Task[_Result]] = {}
    done: dict[Task[_Result], Sequence[_Result]] = {}

    def begin(pool: ThreadPoolExecutor) -> None:
        for task in islice(coming, 1):
            begun.append(task)
            running[pool.submit(task.work, check_stop)] = task

    workers = worker_count(threads)
    try:
        with ThreadPoolExecutor(max_workers=workers) as pool:
            try:
                for _ in range(workers + _QUEUED):
                    begin(pool)
                while begun:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        task = running.pop(future)
                        future.result()
                        begin(pool)
                        done[task] = task.results()
                        task.close()
                    while begun and begun[0] in done:
                        yield from done.pop(begun.popleft())
            finally:
                stop.set()
                for future in running:
                    future.cancel()
    finally:
        for task in begun:
            task.close()
