"""The one door for requests: every route passes the authenticating step, whatever the service."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from iotsign.errors import AccessDeniedError, IotsignError, ValidationError
from iotsign.server._exchange import Exchange, Receive, Scope, Send
from iotsign.server._metrics import Metrics
from iotsign.server._signer_api import SignerApi, answer_fault
from iotsign.server.protocol import fault_of, find_route
from iotsign.server.sigv4 import Claim, read_claim

HEALTH, READY, METRICS = "/healthz", "/readyz", "/metrics"
_TEXT: Final = ("content-type", "text/plain; charset=utf-8")
_log = logging.getLogger("iotsign.server")


class Api(Protocol):
    """Answers the requests of one service."""

    async def answer(self, exchange: Exchange, claim: Claim) -> None:
        """Answer a request whose claim has been read."""

    async def refuse(self, exchange: Exchange, error: BaseException) -> None:
        """Answer with an error."""


class Gate:
    """The ASGI application behind Starlette's lifespan.

    Args:
        signer: Answers what is signed for ``signer``.
        s3: Answers what is signed for ``s3``; None where objects are elsewhere.
        metrics: Counts.
        is_ready: Tells why the server cannot work; None if it can.
    """

    def __init__(self, signer: SignerApi, s3: Api | None, metrics: Metrics, is_ready: Callable[[], str | None]) -> None:
        self._signer = signer
        self._s3 = s3
        self._metrics = metrics
        self._is_ready = is_ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        began = time.perf_counter()
        with self._metrics.in_flight.track_inprogress():
            try:
                await self._answer(exchange)
            except asyncio.CancelledError:
                exchange.error = "Cancelled"
                raise
            finally:
                self._record(exchange, time.perf_counter() - began)

    async def _answer(self, exchange: Exchange) -> None:
        claim: Claim | None = None
        try:
            exchange.check_framing()
            if await self._is_operational(exchange):
                return
            claim = read_claim(exchange.request)
            await self._serve(exchange, claim)
        except Exception as error:  # noqa: BLE001  # the outermost frame: each error becomes an answer here
            await self._refuse(exchange, claim, error)

    async def _serve(self, exchange: Exchange, claim: Claim) -> None:
        service = claim.scope.service
        if service == "signer":
            exchange.service = service
            await self._signer.answer(exchange, claim)
        elif service == "s3" and self._s3 is not None:
            exchange.service = service
            await self._s3.answer(exchange, claim)
        else:
            message = "Credential should be scoped to correct service: 'signer'."
            raise AccessDeniedError("InvalidSignatureException", message)

    async def _refuse(self, exchange: Exchange, claim: Claim | None, error: Exception) -> None:
        if not isinstance(error, IotsignError):
            _log.exception("internal error", exc_info=error, extra={"requestId": exchange.request_id})
        elif fault_of(error).status >= 500:
            extra = {"requestId": exchange.request_id, "code": error.code, "error": error.message}
            _log.error("internal error", extra=extra)
        if exchange.status:  # the answer has begun: all that is left is to break it off
            raise error
        if self._s3 is not None and (exchange.service == "s3" or (claim is None and not _is_signer_path(exchange))):
            await self._s3.refuse(exchange, error)
        else:
            await answer_fault(exchange, fault_of(error, exchange.operation or None))

    async def _is_operational(self, exchange: Exchange) -> bool:
        """Answer the questions of whoever watches over the process; they need no key."""
        request = exchange.request
        path = request.path.decode("latin-1")
        if request.method not in {"GET", "HEAD"} or path not in {HEALTH, READY, METRICS}:
            return False
        if request.query or request.all("authorization"):
            return False
        if path == METRICS:
            content_type, body = self._metrics.text()
            await exchange.respond(200, [("content-type", content_type)], body)
            return True
        problem = self._is_ready() if path == READY else None
        await exchange.respond(503 if problem else 200, [_TEXT], (problem or "ok").encode() + b"\n")
        return True

    def _record(self, exchange: Exchange, seconds: float) -> None:
        self._metrics.answered(exchange, seconds)
        _log.info(
            "request",
            extra={
                "requestId": exchange.request_id,
                "service": exchange.service,
                "operation": exchange.operation,
                "account": exchange.account,
                "accessKeyId": exchange.access_key_id,
                "method": exchange.request.method,
                "status": exchange.status,
                "error": exchange.error,
                "ms": round(seconds * 1000, 2),
            },
        )


def _is_signer_path(exchange: Exchange) -> bool:
    try:
        find_route(exchange.request.method, exchange.request.path)
    except ValidationError:
        return False
    return True
