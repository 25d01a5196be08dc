"""Counters for Prometheus; no names of accounts, profiles or objects are in them."""

import os
from functools import cache
from pathlib import Path
from typing import Final

from iotsign.errors import MissingDependencyError
from iotsign.server._exchange import Exchange

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """What the service counts.

    Args:
        shared: A folder in which processes that serve together keep their counts, to answer with the sum; None for a
            process that serves alone.

    Raises:
        MissingDependencyError: prometheus-client is not installed.
    """

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        if shared is not None:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared)  # the library looks for it when it is imported
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ImportError:
            message = "the server needs prometheus-client; install iotsign[server]"
            raise MissingDependencyError("MissingDependency", message, extra="server") from None
        self._registry = CollectorRegistry()
        labels = ("service", "operation")
        self._requests = Counter(
            "iotsign_requests", "Requests answered.", (*labels, "status", "error"), registry=self._registry
        )
        self._seconds = Histogram(
            "iotsign_request_seconds",
            "Time from head to answer, in seconds.",
            labels,
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._steps = Counter("iotsign_job_steps", "Steps that signing jobs took.", ("step",), registry=self._registry)
        self.in_flight = Gauge(
            "iotsign_requests_in_flight", "Requests under way.", registry=self._registry, multiprocess_mode="livesum"
        )
        # the library takes longer to find the counter of some labels than to count; there are few of each
        self._request_counter, self._second_histogram = cache(self._requests.labels), cache(self._seconds.labels)
        self._step_counter = cache(self._steps.labels)
        self._jobs_in_hand = Gauge(
            "iotsign_jobs_in_hand",
            "Signing jobs waiting or worked on.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """Count an answer."""
        service, operation = exchange.service or "none", exchange.operation or "none"
        self._request_counter(service, operation, exchange.status, exchange.error).inc()
        self._second_histogram(service, operation).observe(seconds)

    def step(self, step: str, job_id: str) -> None:  # noqa: ARG002
        """Count a step of a job."""
        self._step_counter(step).inc()

    def in_hand(self, jobs: int) -> None:
        """Note how many jobs wait or are worked on."""
        self._jobs_in_hand.set(jobs)

    def text(self) -> tuple[str, bytes]:
        """Give content type and body for Prometheus."""
        from prometheus_client import CollectorRegistry, exposition, multiprocess

        registry = self._registry
        if self._shared is not None:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, str(self._shared))  # type: ignore[no-untyped-call]
        return exposition.CONTENT_TYPE_LATEST, exposition.generate_latest(registry)


def forget_process(pid: int, shared: Path) -> None:
    """Drop the gauges of a process that ended without its word."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid, str(shared))  # type: ignore[no-untyped-call]
