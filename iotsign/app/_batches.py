"""Work on many files: several workers, each with a batch of small files, whose payloads are hashed together."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from iotsign.app._input_file import Source

__all__ = ["SMALL", "CheckStop", "batches_of", "work_on"]

_Result = TypeVar("_Result")

CheckStop = Callable[[int], None]

SMALL: Final = 1 << 20
"""Bytes of a file that is read into memory, to be hashed together with others."""

_LANES: Final = 16  # what the widest SIMD path of sha256_many hashes at once


class _Stopped(BaseException):
    """Ends a worker whose result nobody waits for any more."""


def worker_count(threads: int | None) -> int:
    """Give the number of workers: as many as asked for, or one for each processor."""
    return threads or len(os.sched_getaffinity(0))


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
    try:
        return isinstance(source, Path) and source.is_file() and source.stat().st_size <= SMALL
    except OSError:
        return False


def work_on(
    batches: Sequence[Sequence[Source]],
    work: Callable[[Sequence[Source], CheckStop], Sequence[_Result]],
    threads: int | None,
) -> Iterator[_Result]:
    """Work on batches in parallel, and give the results in order; when nobody takes any more, workers end soon.

    Args:
        batches: What `batches_of` gave.
        work: Gives one result for each file of a batch; it calls its second argument now and then.
        threads: How many batches at a time; by default one for each processor.
    """
    from concurrent.futures import ThreadPoolExecutor  # costs more start-up time than one file takes

    stop = threading.Event()

    def check_stop(_: int) -> None:
        if stop.is_set():
            raise _Stopped

    with ThreadPoolExecutor(max_workers=max(1, min(worker_count(threads), len(batches)))) as pool:
        futures = [pool.submit(work, batch, check_stop) for batch in batches]
        try:
            for future in futures:
                yield from future.result()
        finally:
            stop.set()
            for future in futures:
                future.cancel()
