"""The pool of jobs: each once, again after a failure, handed back at the end."""

import threading
import time
from collections.abc import Callable, Sequence

from iotsign.errors import StoreError
from iotsign.server._jobs import JobPool


class Workshop:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: dict[str, list[Exception]] = {}
        self.unfinished: list[str] = []
        self.began, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()

    def run_job(self, job_id: str) -> None:
        self.began.set()
        self.may_end.wait(60)
        if self.failing.get(job_id):
            raise self.failing[job_id].pop()
        self.done.append(job_id)
        if job_id in self.unfinished:
            self.unfinished.remove(job_id)

    def recover(self) -> Sequence[str]:
        if self.failing.get("recover"):
            raise self.failing["recover"].pop()
        return tuple(self.unfinished)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_jobs_are_done_once() -> None:
    workshop = Workshop()
    workshop.unfinished = ["old"]
    pool = JobPool(workshop, 2)
    pool.start()
    workshop.may_end.clear()
    for _ in range(3):
        pool.submit("new")
    assert pool.in_hand >= 1
    workshop.may_end.set()
    wait_until(lambda: pool.in_hand == 0 and len(workshop.done) == 2)
    assert sorted(workshop.done) == ["new", "old"]
    assert pool.stop(60)


def test_a_failure_is_tried_again() -> None:
    workshop = Workshop()
    workshop.failing = {"job": [StoreError("ENOSPC", "full"), RuntimeError("odd")], "recover": [StoreError("X", "x")]}
    workshop.unfinished = ["job"]
    pool = JobPool(workshop, 1, look_every_s=0.01)
    pool.start()
    wait_until(lambda: workshop.done == ["job"])
    assert pool.stop(60)


def test_what_was_not_begun_is_handed_back() -> None:
    workshop = Workshop()
    workshop.may_end.clear()
    pool = JobPool(workshop, 1)
    pool.start()
    pool.submit("first")
    assert workshop.began.wait(60)
    pool.submit("second")
    threading.Timer(0.2, workshop.may_end.set).start()
    assert not pool.stop(60)
    assert workshop.done == ["first"]
    pool.submit("third")
    assert pool.in_hand == 1  # the second, which the next server takes up
