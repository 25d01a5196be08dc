"""The application: Starlette around the gate, with what starts and stops with it."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from iotsign.errors import IotsignError, MissingDependencyError
from iotsign.server._exchange import Receive, Scope, Send
from iotsign.server._gate import Api, Gate
from iotsign.server._jobs import JobPool, Workshop
from iotsign.server._metrics import Metrics
from iotsign.server._signer_api import Service, SignerApi
from iotsign.server.sigv4 import Keyring

if TYPE_CHECKING:
    from starlette.applications import Starlette


class SigningService(Service, Workshop, Protocol):
    """The domain, as `iotsign.signer.SigningService` is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the server does at a time.

    Attributes:
        calls: Threads for the domain's calls.
        waiting: Calls under way or waiting; more are refused.
        jobs: Threads for signing jobs.
        stop_s: How long a stopping server waits for jobs that are worked on, in seconds.
    """

    calls: int = 8
    waiting: int = 512
    jobs: int = 8
    stop_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Application:
    """An ASGI application and what belongs to it.

    Attributes:
        asgi: The application.
        jobs: The pool of signing jobs; it starts and stops with the application.
    """

    asgi: "Starlette"
    jobs: JobPool


def create_application(
    service: SigningService,
    keyring: Keyring,
    *,
    region: str,
    metrics: Metrics,
    s3: Api | None = None,
    limits: Limits | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    checks: tuple[Callable[[], object], ...] = (),
) -> Application:
    """Put the application together.

    Args:
        service: The domain.
        keyring: The access keys.
        region: The region that requests must be signed for.
        metrics: Counts; the domain's steps should come to it, too.
        s3: Answers the requests that are signed for S3.
        limits: How much it does at a time.
        clock: The time, with a time zone.
        checks: What must not raise for the server to be ready.

    Raises:
        MissingDependencyError: Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette
    except ImportError:
        message = "the server needs Starlette; install iotsign[server]"
        raise MissingDependencyError("MissingDependency", message, extra="server") from None
    limits = limits or Limits()
    executor = ThreadPoolExecutor(limits.calls, thread_name_prefix="call")
    jobs = JobPool(service, limits.jobs, on_change=metrics.in_hand)
    state = _State(checks)

    @asynccontextmanager
    async def lifespan(_: "Starlette") -> AsyncIterator[None]:
        jobs.start()
        state.serving = True
        try:
            yield
        finally:
            state.serving = False
            jobs.stop(limits.stop_s)
            executor.shutdown()

    signer = SignerApi(service, jobs, keyring, region, executor, clock, limits.waiting)
    gate = Gate(signer, s3, metrics, state.problem)

    class Gated(Starlette):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":  # there are no routes and no middleware: every request passes the gate
                await gate(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)

    return Application(Gated(lifespan=lifespan), jobs)


class _State:
    def __init__(self, checks: tuple[Callable[[], object], ...]) -> None:
        self.serving = False
        self._checks = checks

    def problem(self) -> str | None:
        """Tell why the server cannot work; None if it can."""
        if not self.serving:
            return "not serving"
        for check in self._checks:
            try:
                check()
            except IotsignError as error:
                return error.code
        return None
