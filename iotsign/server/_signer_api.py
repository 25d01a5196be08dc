"""AWS Signer's operations over HTTP: authenticate, parse, validate, call, serialise."""

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime
from typing import Any, Final, Protocol

from iotsign.errors import ThrottledError
from iotsign.server._exchange import Exchange
from iotsign.server._jobs import JobPool
from iotsign.server.access import check_allowed
from iotsign.server.protocol import Fault, find_route, parse_request, serialise_response, validate_request
from iotsign.server.sigv4 import SIGNER, AccessKey, Claim, Keyring, authenticate, check_body
from iotsign.signer import Caller

MAX_BODY: Final = 1 << 20
"""The longest body that is read, in bytes; 200 tags of the greatest length, escaped, take a third of it."""


class Service(Protocol):
    """The domain, as `iotsign.signer.SigningService` is."""

    def call(self, caller: Caller, operation: str, request: dict[str, Any], *, request_id: str) -> dict[str, Any]:
        """Answer one request."""


class SignerApi:
    """Answers the requests that are signed for ``signer``.

    Args:
        service: The domain.
        jobs: Where started jobs are worked on.
        keyring: The access keys.
        region: The region that requests must be signed for.
        executor: Where the domain's calls run.
        clock: The time, with a time zone.
        max_calls: How many calls may be under way; more are answered with TooManyRequestsException.
    """

    def __init__(
        self,
        service: Service,
        jobs: JobPool,
        keyring: Keyring,
        region: str,
        executor: Executor,
        clock: Callable[[], datetime],
        max_calls: int,
    ) -> None:
        self._service = service
        self._jobs = jobs
        self._keyring = keyring
        self._region = region
        self._executor = executor
        self._clock = clock
        self._max_calls = max_calls
        self._calls = 0

    async def answer(self, exchange: Exchange, claim: Claim) -> None:
        """Answer a request whose claim has been read.

        Raises:
            IotsignError: It is refused, or something broke; nothing has been sent yet.
        """
        request = exchange.request
        body = await exchange.body(MAX_BODY)
        digest = hashlib.sha256(body).hexdigest()
        caller = authenticate(
            request,
            keyring=self._keyring,
            service=SIGNER,
            region=self._region,
            now=self._clock(),
            body_sha256=digest,
            claim=claim,
        )
        check_body(caller, digest)
        exchange.account, exchange.access_key_id = caller.key.account, caller.key.access_key_id
        operation, labels = find_route(request.method, caller.path)
        exchange.operation = operation
        parsed = parse_request(
            operation,
            labels,
            caller.query,
            body,
            content_type=request.get("content-type"),
            content_encoding=request.get("content-encoding"),
        )
        check_allowed(caller.key, f"signer:{operation}")
        validate_request(operation, parsed)
        answer = await self._call(caller.key, operation, parsed, exchange.request_id)
        if operation == "StartSigningJob":
            self._jobs.submit(answer["jobId"])
        headers = [("content-type", "application/json"), ("x-amzn-requestid", exchange.request_id)]
        await exchange.respond(200, headers, serialise_response(operation, answer))

    async def _call(self, key: AccessKey, operation: str, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        if self._calls >= self._max_calls:
            raise ThrottledError("TooManyRequests", f"expected at most {self._max_calls} requests at a time")
        caller = Caller(key.account, key.arn, key.role)
        self._calls += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, lambda: self._service.call(caller, operation, request, request_id=request_id)
            )
        finally:
            self._calls -= 1


async def answer_fault(exchange: Exchange, fault: Fault) -> None:
    """Answer with an error, as AWS's rest-json services do."""
    exchange.error = fault.exception
    headers = [
        ("content-type", "application/json"),
        ("x-amzn-requestid", exchange.request_id),
        ("x-amzn-errortype", fault.exception),
    ]
    await exchange.respond(fault.status, headers, fault.body)
