"""Several processes behind one socket: each serves, the first one only watches over them."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Final

from iotsign.errors import IotsignError, StoreError

_WATCHED: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_LOOK_EVERY_S: Final = 0.02  # until all workers are ready
_REST_S: Final = 1.0  # between the end of a worker and the next one
_STOP_S: Final = 70.0  # what a worker takes at most: requests, then jobs that are worked on
_log = logging.getLogger("iotsign.server")

Work = Callable[[int, Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class _Worker:
    process: BaseProcess
    ready: Event


def run_workers(count: int, work: Work, *, on_ready: Callable[[], None], on_end: Callable[[int], None]) -> None:
    """Run workers until SIGTERM or SIGINT; then let each stop gracefully. One that ends by itself is replaced.

    Workers are forked: this process must have no other threads. They stop when this process is gone, however it ended.

    Args:
        count: How many, 2 or more.
        work: What each does until SIGTERM: it is given its number, from 0 on, and what to call once it is ready.
        on_ready: Called when all are ready for the first time.
        on_end: Called with the process id of a worker that ended by itself.

    Raises:
        StoreError: A worker ended before it was ready.
    """
    with _signals_held(), _life_line() as line:
        workers = [_start(work, index, line) for index in range(count)]
        try:
            _watch(workers, lambda index: _start(work, index, line), on_ready, on_end)
        finally:
            _stop(workers)


def _watch(
    workers: list[_Worker], start: Callable[[int], _Worker], on_ready: Callable[[], None], on_end: Callable[[int], None]
) -> None:
    announced = False
    while True:
        found = signal.sigtimedwait(_WATCHED, _REST_S if announced else _LOOK_EVERY_S)
        if found is not None and found.si_signo != signal.SIGCHLD:
            return
        for index, worker in enumerate(workers):
            if worker.process.exitcode is None:
                continue
            if not worker.ready.is_set():
                message = f"a worker of the server could not start (exit {worker.process.exitcode}); its log says why"
                raise StoreError("WorkerFailed", message)
            _log.error("worker ended", extra={"worker": worker.process.pid, "exit": worker.process.exitcode})
            on_end(worker.process.pid or 0)
            workers[index] = start(index)
        if not announced and all(worker.ready.is_set() for worker in workers):
            on_ready()
            announced = True


def _start(work: Work, index: int, line: tuple[int, int]) -> _Worker:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_run, args=(work, index, ready, line))
    process.start()
    return _Worker(process, ready)


def _run(work: Work, index: int, ready: Event, line: tuple[int, int]) -> None:
    reading, writing = line
    os.close(writing)
    threading.Thread(target=_stop_when_alone, args=(reading,), name="life-line", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one passes it on
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    try:
        work(index, ready.set)
    except IotsignError as error:
        _log.error("worker failed", extra={"code": error.code, "error": error.message})
        raise SystemExit(1) from None


def _stop_when_alone(reading: int) -> None:
    os.read(reading, 1)  # nothing is ever written: this ends when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(workers: list[_Worker]) -> None:
    for worker in workers:
        if worker.process.exitcode is None:
            worker.process.terminate()
    deadline = time.monotonic() + _STOP_S
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Keep signals for `signal.sigtimedwait`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _life_line() -> Iterator[tuple[int, int]]:
    """A pipe whose writing end is open as long as this process lives."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)
