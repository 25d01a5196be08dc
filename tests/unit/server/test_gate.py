"""The gate without sockets: what goes wrong inside becomes an answer, is counted and logged."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from asgi_client import KEY, REGION, Answer, OneKey, ask, sign

import iotsign.server._exchange
from iotsign.errors import ConfigError, IotsignError, ResourceNotFoundError, StoreError, ThrottledError
from iotsign.server import Limits, Metrics, create_application
from iotsign.server._app import Application
from iotsign.server._logs import JsonFormatter, configure_logging
from iotsign.signer import Caller


class Domain:
    """Stands in for the domain: answers, or raises, what it is told."""

    def __init__(self) -> None:
        self.outcome: Any = {"jobId": "job-1"}
        self.calls: list[tuple[Caller, str, dict[str, Any], str]] = []
        self.ran: list[str] = []
        self.hold: threading.Event | None = None

    def call(self, caller: Caller, operation: str, request: dict[str, Any], *, request_id: str) -> dict[str, Any]:
        self.calls.append((caller, operation, request, request_id))
        if self.hold is not None:
            self.hold.wait(60)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        found: dict[str, Any] = self.outcome
        return found

    def run_job(self, job_id: str) -> None:
        self.ran.append(job_id)

    def recover(self) -> Sequence[str]:
        return ()


@pytest.fixture
def domain() -> Domain:
    return Domain()


@pytest.fixture
def application(domain: Domain) -> Application:
    limits = Limits(calls=2, waiting=2, jobs=1)
    return create_application(domain, OneKey(), region=REGION, metrics=Metrics(), limits=limits)


Call = Callable[..., Answer]


@pytest.fixture
def call(application: Application) -> Call:
    def call(method: str, target: str, body: bytes = b"", signed: bool = True, **options: Any) -> Answer:
        headers = sign("signer", method, target, body) if signed else options.pop("headers", [("host", "h")])
        messages = options.pop("messages", [{"type": "http.request", "body": body}])
        made = ask(application.asgi, method, target, headers=headers, messages=messages, **options)
        return asyncio.run(made)

    return call


def test_a_call(domain: Domain, call: Call) -> None:
    answer = call("GET", "/signing-jobs/abc")
    domain.outcome = {}
    assert (answer.status, json.loads(answer.body)) == (200, {"jobId": "job-1"})
    assert answer.headers["content-type"] == "application/json"
    ((caller, operation, request, request_id),) = domain.calls
    assert caller == Caller(KEY.account, KEY.arn, None)
    assert (operation, request) == ("DescribeSigningJob", {"jobId": "abc"})
    assert request_id == answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("error", "status", "exception"),
    [
        (ResourceNotFoundError("X", "gone"), 404, "ResourceNotFoundException"),
        (ThrottledError("X", "slow"), 429, "TooManyRequestsException"),
        (StoreError("ENOSPC", "secret path"), 500, "InternalServiceErrorException"),
        (IotsignError("X", "secret path"), 500, "InternalServiceErrorException"),
        (RuntimeError("secret path"), 500, "InternalServiceErrorException"),
        ({"unknown": 1}, 500, "InternalServiceErrorException"),
    ],
)
def test_errors(
    domain: Domain, call: Call, caplog: pytest.LogCaptureFixture, error: Any, status: int, exception: str
) -> None:
    domain.outcome = error
    with caplog.at_level(logging.INFO, "iotsign"):
        answer = call("GET", "/signing-jobs/abc")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, exception)
    assert b"secret" not in answer.body
    assert set(json.loads(answer.body)) == {"message", "code"}
    if status == 500:
        assert caplog.records[0].levelname == "ERROR"
        assert caplog.records[0].__dict__["requestId"] == answer.headers["x-amzn-requestid"]


def test_too_many_calls_at_a_time(domain: Domain, application: Application) -> None:
    domain.hold = threading.Event()

    async def run() -> list[Answer]:
        headers = sign("signer", "GET", "/signing-jobs/abc")
        asks = [
            asyncio.ensure_future(ask(application.asgi, "GET", "/signing-jobs/abc", headers=headers)) for _ in range(3)
        ]
        await asyncio.wait(asks, return_when=asyncio.FIRST_COMPLETED)
        assert domain.hold is not None
        domain.hold.set()
        return list(await asyncio.gather(*asks))

    assert sorted(answer.status for answer in asyncio.run(run())) == [200, 200, 429]


def test_a_client_that_goes_away(domain: Domain, application: Application) -> None:
    domain.hold = threading.Event()

    async def run() -> None:
        headers = sign("signer", "GET", "/signing-jobs/abc")
        asked = asyncio.ensure_future(ask(application.asgi, "GET", "/signing-jobs/abc", headers=headers))
        while not domain.calls:
            await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert domain.hold is not None
        domain.hold.set()
        metrics = await ask(application.asgi, "GET", "/metrics", headers=[("host", "h")])
        assert b'error="Cancelled"' in metrics.body

    asyncio.run(run())


def test_an_answer_that_broke_off_is_not_answered_twice(domain: Domain, application: Application) -> None:
    async def run() -> list[str]:
        sent: list[str] = []

        async def send(message: Any) -> None:
            sent.append(message["type"])
            if message["type"] == "http.response.body":
                raise RuntimeError("the line is gone")

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        scope = {
            "type": "http",
            "method": "GET",
            "http_version": "1.1",
            "raw_path": b"/healthz",
            "query_string": b"",
            "headers": [],
        }
        with pytest.raises(RuntimeError, match="the line is gone"):
            await application.asgi(scope, receive, send)
        return sent

    assert asyncio.run(run()) == ["http.response.start", "http.response.body"]


def test_bodies(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(messages: list[dict[str, Any]], **options: Any) -> tuple[int, str]:
        answer = call("POST", "/signing-jobs", messages=messages, **options)
        return answer.status, answer.headers["x-amzn-errortype"]

    piece = {"type": "http.request", "body": b"x" * (1 << 19), "more_body": True}
    assert sent([piece] * 3) == (413, "RequestEntityTooLargeException")
    gone = {"type": "http.disconnect"}
    assert sent([piece, gone]) == (400, "RequestAbortedException")
    monkeypatch.setattr(iotsign.server._exchange, "RECEIVE_TIMEOUT_S", 0.01)
    assert sent([piece]) == (408, "RequestTimeoutException")


def test_lengths_that_lie(application: Application) -> None:
    for extra in (
        [("content-length", "5"), ("content-length", "5")],
        [("content-length", "5"), ("transfer-encoding", "chunked")],
        [("transfer-encoding", "gzip")],
    ):
        answer = asyncio.run(ask(application.asgi, "POST", "/", headers=[("host", "h"), *extra]))
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "MalformedHttpRequestException")
    old = asyncio.run(ask(application.asgi, "GET", "/healthz", http_version="0.9"))
    assert old.status == 400
    long = [*sign("signer", "POST", "/signing-jobs"), ("content-length", "9" * 30)]
    answer = asyncio.run(ask(application.asgi, "POST", "/signing-jobs", headers=long))
    assert answer.headers["x-amzn-errortype"] == "ValidationException"


def test_unknown_services_and_operations(call: Call, application: Application) -> None:
    headers = sign("s3", "GET", "/")  # no S3 here
    answer = asyncio.run(ask(application.asgi, "GET", "/", headers=headers))
    assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert call("GET", "/nothing").headers["x-amzn-errortype"] == "UnknownOperationException"
    assert call("GET", "/", signed=False).headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"


def test_health_readiness_and_metrics(domain: Domain) -> None:
    problem: list[Exception] = []

    def check() -> None:
        for error in problem:
            raise error

    made = create_application(domain, OneKey(), region=REGION, metrics=Metrics(), checks=(check,))

    async def run() -> None:
        async def get(path: str) -> Answer:
            return await ask(made.asgi, "GET", path, headers=[("host", "h")])

        assert (await get("/readyz")).status == 503
        async with made.asgi.router.lifespan_context(made.asgi):
            assert ((await get("/healthz")).status, (await get("/readyz")).status) == (200, 200)
            problem.append(ConfigError("Broken", "x"))
            ready = await get("/readyz")
            assert (ready.status, ready.body, (await get("/healthz")).status) == (503, b"Broken\n", 200)
            metrics = (await get("/metrics")).body.decode()
        assert 'iotsign_requests_total{error="",operation="none",service="none",status="200"}' in metrics
        assert "iotsign_jobs_in_hand 0.0" in metrics
        assert (await get("/readyz")).body == b"not serving\n"
        for path in ("/metrics?x=1", "/Metrics", "/metrics/"):
            assert (await get(path)).status == 403

    asyncio.run(run())


def test_a_started_job_is_worked_on(domain: Domain, application: Application) -> None:
    request = {
        "source": {"s3": {"bucketName": "b", "key": "k", "version": "v"}},
        "destination": {"s3": {"bucketName": "b"}},
        "profileName": "p1",
        "clientRequestToken": "t",
    }
    body = json.dumps(request).encode()

    async def run() -> None:
        async with application.asgi.router.lifespan_context(application.asgi):
            headers = sign("signer", "POST", "/signing-jobs", body)
            pieces = [{"type": "http.request", "body": body}]
            found = await ask(application.asgi, "POST", "/signing-jobs", headers=headers, messages=pieces)
            assert found.status == 200, found
            while not domain.ran:
                await asyncio.sleep(0.01)

    asyncio.run(run())
    assert domain.ran == ["job-1"]


def test_logs_are_json_without_messages_of_errors() -> None:
    record = logging.LogRecord("iotsign.server", logging.INFO, "f", 1, "request", (), None)
    record.__dict__.update(requestId="r", error="", when=datetime(2026, 1, 1, tzinfo=UTC))
    line = json.loads(JsonFormatter().format(record))
    assert (line["event"], line["requestId"], line["level"]) == ("request", "r", "info")
    assert "error" not in line
    try:
        raise RuntimeError("a secret value")
    except RuntimeError as error:
        record.exc_info = (RuntimeError, error, error.__traceback__)
    shown = JsonFormatter().format(record)
    assert "a secret value" not in shown  # threat 31
    assert json.loads(shown)["traceback"][-1] == "RuntimeError"


def test_configuring_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("iotsign", "uvicorn")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    try:
        configure_logging()
        logging.getLogger("iotsign.server").info("hello")
        assert json.loads(capsys.readouterr().err)["event"] == "hello"
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)
