"""The pool that works on signing jobs."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from iotsign.errors import IotsignError

_LOOK_EVERY_S: Final = 15.0
_log = logging.getLogger("iotsign.server.jobs")


class Workshop(Protocol):
    """Does jobs, as `iotsign.signer.SigningService` does."""

    def run_job(self, job_id: str) -> None:
        """Do the work of an accepted job."""

    def recover(self) -> Sequence[str]:
        """Name the unfinished jobs that this process has to run."""


class JobPool:
    """Threads that do jobs; a job that could not be done is tried again, one that was not begun is handed back.

    Every few seconds, and at the start, the pool asks which jobs are unfinished: those whose store failed, and those of
    a server that is gone.

    Args:
        workshop: Does the jobs.
        threads: How many at a time.
        on_change: Told how many jobs are in hand, whenever that changes.
        look_every_s: How often unfinished jobs are looked for, in seconds.
    """

    def __init__(
        self,
        workshop: Workshop,
        threads: int,
        *,
        on_change: Callable[[int], None] = lambda _: None,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._workshop = workshop
        self._on_change = on_change
        self._look_every_s = look_every_s
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._in_hand: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, name=f"signing-{i}", daemon=True) for i in range(threads)]
        self._looking = threading.Thread(target=self._look, name="recovery", daemon=True)

    @property
    def in_hand(self) -> int:
        """How many jobs are waiting or worked on."""
        return len(self._in_hand)

    def start(self) -> None:
        """Begin to work, with what is unfinished."""
        for thread in [*self._threads, self._looking]:
            thread.start()

    def submit(self, job_id: str) -> None:
        """Take a job into hand, once."""
        with self._lock:
            if self._stopping.is_set() or job_id in self._in_hand:
                return
            self._in_hand.add(job_id)
            self._on_change(len(self._in_hand))
        self._queue.put(job_id)

    def stop(self, timeout_s: float) -> bool:
        """Finish what is being worked on; what was not begun stays in progress for the next server.

        Args:
            timeout_s: How long to wait, in seconds.

        Returns:
            Whether nothing is left in hand.
        """
        self._stopping.set()
        deadline = time.monotonic() + timeout_s
        for _ in self._threads:
            self._queue.put(None)
        for thread in [*self._threads, self._looking]:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not self._in_hand

    def _work(self) -> None:
        while (job_id := self._queue.get()) is not None:
            if self._stopping.is_set():
                continue
            self._guarded("run", lambda job_id=job_id: self._workshop.run_job(job_id), job_id)  # type: ignore[misc]
            with self._lock:
                self._in_hand.discard(job_id)
                self._on_change(len(self._in_hand))

    def _look(self) -> None:
        while True:
            self._guarded("recover", self._recover, "")
            if self._stopping.wait(self._look_every_s):
                return

    def _recover(self) -> None:
        for job_id in self._workshop.recover():
            self.submit(job_id)

    def _guarded(self, what: str, action: Callable[[], None], job_id: str) -> None:
        """Let no error end a thread; the job stays in progress and is tried again."""
        try:
            action()
        except IotsignError as error:
            _log.error("job", extra={"step": what, "jobId": job_id, "code": error.code, "error": error.message})
        except Exception:  # noqa: BLE001  # the outermost frame of a thread
            _log.exception("job", extra={"step": what, "jobId": job_id})
