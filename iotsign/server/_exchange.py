"""One request and its answer, with every bound that a stranger's bytes need."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final
from uuid import uuid4

from iotsign.errors import ValidationError
from iotsign.server.sigv4 import WireRequest

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

RECEIVE_TIMEOUT_S: Final = 60.0
"""How long a client may be silent in the middle of a body, in seconds."""


class Exchange:
    """A request as it is read, and the answer as it is written.

    Attributes:
        request: The head of the request.
        request_id: Names it in headers, logs and the audit log.
        status: The status that was answered; 0 before that.
        service: ``signer``, ``s3`` or empty, for logs and metrics; so are those below.
        operation: The operation's name, once it is known.
        account: The caller's account, once it is known.
        access_key_id: The key, once the signature holds.
        error: The exception that was answered with.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        self.request = WireRequest(scope["method"], scope["raw_path"], scope["query_string"], headers)
        self.request_id = str(uuid4())
        self.status = 0
        self.service = self.operation = self.account = self.access_key_id = self.error = ""
        self._receive = receive
        self._send = send
        self._began_body = False
        self._http_version = scope["http_version"]

    def check_framing(self) -> None:
        """Refuse a head from which two readers could tell different lengths of the body.

        Raises:
            ValidationError: It says a length in both ways or twice, or is of another version of HTTP.
        """
        lengths, codings = self.request.all("content-length"), self.request.all("transfer-encoding")
        if len(lengths) + len(codings) > 1 or (codings and codings[0].strip().lower() != "chunked"):
            message = "expected one Content-Length, or Transfer-Encoding: chunked, and never both"
            raise ValidationError("MalformedHttpRequestException", message)
        if self._http_version not in {"1.0", "1.1"}:
            message = f"expected HTTP/1.1, got HTTP/{self._http_version}"
            raise ValidationError("MalformedHttpRequestException", message)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body in pieces, as it arrives.

        Raises:
            ValidationError: The client went away or was silent too long.
        """
        more = self._began_body = True
        while more:
            try:
                async with asyncio.timeout(RECEIVE_TIMEOUT_S):
                    message = await self._receive()
            except TimeoutError:
                message_text = f"expected more of the request's body within {RECEIVE_TIMEOUT_S:.0f} seconds"
                raise ValidationError("RequestTimeoutException", message_text) from None
            if message["type"] == "http.disconnect":
                raise ValidationError("RequestAbortedException", "the client went away in the middle of its request")
            if message.get("body"):
                yield message["body"]
            more = message.get("more_body", False)

    async def body(self, limit: int) -> bytes:
        """Read the whole body.

        Args:
            limit: The most that is read, in bytes.

        Raises:
            ValidationError: It is longer, or was not sent wholly.
        """
        declared = self.request.get("content-length")
        parts, size = [], int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 19 else 0
        if size > limit:
            raise _too_large(limit)
        size = 0
        async for part in self.chunks():
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
        return b"".join(parts)

    async def respond(self, status: int, headers: Sequence[tuple[str, str]], body: bytes = b"") -> None:
        """Answer with a whole body."""
        await self.start(status, [*headers, ("content-length", str(len(body)))])
        await self.write(body if self.request.method != "HEAD" else b"", more=False)

    async def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Begin an answer."""
        self.status = status
        if not self._began_body and self.request.all("expect"):
            # the client was not told to go on: whether its body follows is unknown, so nothing else can
            headers = [*headers, ("connection", "close")]
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Send a piece of the answer's body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


def _too_large(limit: int) -> ValidationError:
    message = f"expected a request body of at most {limit} bytes, got more"
    return ValidationError("RequestEntityTooLargeException", message)
