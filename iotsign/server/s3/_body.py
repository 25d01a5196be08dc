"""The body of an upload, on its way into a file: every hash that the client gave is checked before it counts."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from typing import IO, Final

from iotsign.errors import ValidationError
from iotsign.server._exchange import Exchange
from iotsign.server.s3._checksums import NAMES, Checksum, encoded, new_checksum
from iotsign.server.sigv4 import Authenticated, ChunkReader, WireRequest

MAX_UPLOAD: Final = 5 << 30
"""The largest object, or part of one, in a single request, in bytes."""

_BATCH: Final = 1 << 20


class Upload:
    """Takes the payload of a request, and knows what it must be.

    Attributes:
        size: Bytes taken.
        checksums: The checksum headers that were checked, and their values; complete after `finish`.
    """

    def __init__(
        self, request: WireRequest, authenticated: Authenticated, *, limit: int = MAX_UPLOAD, checksums: bool = True
    ) -> None:
        """Read what the head says of the body.

        Args:
            request: The head.
            authenticated: What was signed.
            limit: The most bytes that the body may have.
            checksums: Checksums in the head are about the body, not about an object made before.

        Raises:
            ValidationError: It lacks a length, or promises something malformed, too large or unknown.
        """
        self.size = 0
        self.checksums: dict[str, str] = {}
        self._authenticated = authenticated
        self._expected = _length(request, limit, chunked=authenticated.mode.chunked)
        self._sha256 = hashlib.sha256() if authenticated.payload_sha256 else None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._content_md5 = _content_md5(request)
        self._promised = {name: request.get(name) for name in request.names() if name in NAMES and checksums}
        trailers = frozenset(name.strip().lower() for name in request.get("x-amz-trailer").split(",") if name.strip())
        if trailers - NAMES or (trailers and not authenticated.mode.chunked):
            raise ValidationError("InvalidRequest", f"expected a checksum in x-amz-trailer, got {sorted(trailers)}")
        self._running: dict[str, Checksum] = {name: new_checksum(name) for name in {*self._promised, *trailers}}
        self._chunks = ChunkReader(authenticated, declared_trailers=trailers) if authenticated.mode.chunked else None

    @property
    def etag(self) -> str:
        """The ETag of what was taken: its MD5 in hex."""
        return self._md5.hexdigest()

    async def store(self, exchange: Exchange, file: IO[bytes], executor: Executor) -> None:
        """Read the body into a file and check it.

        Raises:
            AccessDeniedError: A chunk's signature is wrong.
            ValidationError: The body is not what the head, a checksum or a trailer says.
            StoreError: The file does not take it.
        """
        loop = asyncio.get_running_loop()
        async for batch in _batches(exchange.chunks()):
            await loop.run_in_executor(executor, self._take, batch, file)
        self._finish()

    def _take(self, data: bytes, file: IO[bytes]) -> None:
        for part in self._chunks.feed(data) if self._chunks else (data,):
            self.size += len(part)
            if self.size > self._expected:
                raise ValidationError("IncompleteBody", f"expected {self._expected} bytes, got more")
            for running in (self._md5, *([self._sha256] if self._sha256 else []), *self._running.values()):
                running.update(part)
            rest = memoryview(part)
            while rest:
                rest = rest[file.write(rest) :]

    def _finish(self) -> None:
        if self._chunks:
            self._chunks.close()
        if self.size != self._expected:
            raise ValidationError("IncompleteBody", f"expected {self._expected} bytes, got {self.size}")
        if self._sha256 and not hmac.compare_digest(self._sha256.hexdigest(), self._authenticated.payload_sha256):
            message = "The provided 'x-amz-content-sha256' header does not match what was computed."
            raise ValidationError("XAmzContentSHA256Mismatch", message)
        if self._content_md5 is not None and self._content_md5 != self._md5.digest():
            raise ValidationError("BadDigest", "The Content-MD5 you specified did not match what we received.")
        promised = self._promised | (self._chunks.trailers if self._chunks else {})
        for name, running in self._running.items():
            self.checksums[name] = encoded(running)
            if promised[name] != self.checksums[name]:
                raise ValidationError("BadDigest", f"The {name} you specified did not match the calculated checksum.")


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join small pieces, so that the file is written to in large ones."""
    parts, size = [], 0
    async for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= _BATCH:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _length(request: WireRequest, limit: int, *, chunked: bool) -> int:
    name = "x-amz-decoded-content-length" if chunked else "content-length"
    value = request.get(name)
    if not value:
        raise ValidationError("MissingContentLength", f"You must provide the {name} HTTP header.")
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise ValidationError("InvalidArgument", f"expected a number of bytes in {name}, got {value[:32]!r}")
    if int(value) > limit:
        raise ValidationError("EntityTooLarge", f"expected at most {limit} bytes, got {value}")
    return int(value)


def _content_md5(request: WireRequest) -> bytes | None:
    value = request.get("content-md5")
    if not value:
        return None
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise ValidationError("InvalidDigest", "The Content-MD5 you specified is not valid.")
    return digest
