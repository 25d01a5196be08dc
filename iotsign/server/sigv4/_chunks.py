"""Bodies that come in ``aws-chunked`` coding: signed chunks, trailing checksums.

Source: Amazon S3 API Reference, "Signature calculations for the Authorization header: transferring payload in
multiple chunks" and "… including trailing headers" (2006-03-01).
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Final

from iotsign.errors import AccessDeniedError, ValidationError
from iotsign.server.sigv4._authenticate import Authenticated
from iotsign.server.sigv4._claim import ALGORITHM
from iotsign.server.sigv4._keys import sign
from iotsign.server.sigv4._services import PayloadMode

_EMPTY_SHA256: Final = hashlib.sha256().hexdigest()
_MAX_LINE: Final = 8192  # bytes of a chunk's head, or of one trailer
_MAX_TRAILERS: Final = 16
_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?")
_TRAILER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):[ \t]*([\x20-\x7e]{0,4096}?)[ \t]*")
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature"


class ChunkReader:
    """Takes an ``aws-chunked`` body as it arrives, gives the payload, and checks what is signed.

    It holds at most one line in memory. Payload bytes are given out before their chunk's signature is known, because
    a chunk may be large: what is made of them must not count before `close` has returned.

    Attributes:
        trailers: The trailing headers, names in lower case; complete after `close`.
    """

    def __init__(self, authenticated: Authenticated, *, declared_trailers: frozenset[str] = frozenset()) -> None:
        """Begin.

        Args:
            authenticated: The request, authenticated in one of the chunked modes.
            declared_trailers: The names in ``x-amz-trailer``, in lower case.
        """
        self.trailers: dict[str, str] = {}
        self._mode = authenticated.mode
        self._claim = authenticated.claim
        self._key = authenticated.signing_key
        self._previous = authenticated.claim.signature
        self._declared = declared_trailers
        self._buffer = bytearray()
        self._remaining = 0  # payload bytes of the chunk at hand
        self._hash = hashlib.sha256()
        self._chunk_signature = ""
        self._steps = self._read()
        next(self._steps)

    @property
    def _signed(self) -> bool:
        return self._mode is not PayloadMode.UNSIGNED_CHUNKS_TRAILER

    @property
    def _has_trailers(self) -> bool:
        return self._mode is not PayloadMode.SIGNED_CHUNKS

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the body and give what they hold of the payload.

        Raises:
            ValidationError: They are no ``aws-chunked`` coding (``IncompleteBody``).
            AccessDeniedError: A chunk's signature is wrong.
        """
        self._buffer += data
        payload: list[bytes] = []
        while True:
            try:
                part = next(self._steps)
            except StopIteration:
                if self._buffer:
                    raise _malformed(f"{len(self._buffer)} bytes after the last chunk") from None
                return payload
            if part is None:
                return payload
            payload.append(part)

    def close(self) -> None:
        """Say that the body is over.

        Raises:
            ValidationError: It is not: it was cut.
        """
        if next(self._steps, b"over") != b"over":
            raise _malformed("the body ends before its last chunk")

    def _read(self) -> Iterator[bytes | None]:
        """Give payload as bytes, None where more input is needed."""
        yield None
        while True:
            while (line := self._line()) is None:
                yield None
            size = self._begin_chunk(line)
            remaining = size
            while remaining:
                if not self._buffer:
                    yield None
                    continue
                part = bytes(self._buffer[:remaining])
                del self._buffer[:remaining]
                remaining -= len(part)
                if self._signed:
                    self._hash.update(part)
                yield part
            self._check_chunk()
            if size == 0:
                break
            while (line := self._line()) is None:
                yield None
            if line:
                raise _malformed("a chunk is longer than it says")
        yield from self._read_trailers()

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, _MAX_LINE + 2)
        if end < 0:
            if len(self._buffer) > _MAX_LINE:
                raise _malformed(f"a line of more than {_MAX_LINE} bytes")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _begin_chunk(self, line: bytes) -> int:
        match = _HEAD.fullmatch(line)
        if match is None or (match[2] is not None) != self._signed:
            raise _malformed(f"expected the head of a chunk, got {line[:64]!r}")
        self._chunk_signature = (match[2] or b"").decode()
        self._hash = hashlib.sha256()
        return int(match[1], 16)

    def _check_chunk(self) -> None:
        if self._signed:
            self._check("PAYLOAD", f"{_EMPTY_SHA256}\n{self._hash.hexdigest()}", self._chunk_signature)

    def _check(self, kind: str, hashes: str, signature: str) -> None:
        text = f"{ALGORITHM}-{kind}\n{self._claim.timestamp}\n{self._claim.scope}\n{self._previous}\n{hashes}"
        expected = sign(self._key, text)
        if not hmac.compare_digest(expected, signature):
            message = "The chunk signature we calculated does not match the signature you provided."
            raise AccessDeniedError("InvalidSignatureException", message)
        self._previous = expected

    def _read_trailers(self) -> Iterator[bytes | None]:
        signature, signed_text = "", b""
        while True:
            while (line := self._line()) is None:
                yield None
            if not line:
                break
            match = _TRAILER.fullmatch(line)
            name = match[1].decode().lower() if match else ""
            if match is None or not self._has_trailers or len(self.trailers) == _MAX_TRAILERS:
                raise _malformed(f"expected the end of the body, got {line[:64]!r}")
            if name == _TRAILER_SIGNATURE and self._signed and not signature:
                signature = match[2].decode()
                continue
            if name in self.trailers or name not in self._declared or signature:
                raise _malformed(f"trailer {name!r} was not declared in x-amz-trailer, or comes twice")
            self.trailers[name] = match[2].decode()
            signed_text += match[1].lower() + b":" + match[2] + b"\n"
        missing = self._declared - set(self.trailers)
        if missing and self._has_trailers:
            raise _malformed(f"trailer {min(missing)!r} was declared and did not come")
        if self._signed and self._has_trailers:
            self._check("TRAILER", hashlib.sha256(signed_text).hexdigest(), signature)


def _malformed(problem: str) -> ValidationError:
    return ValidationError("IncompleteBody", f"expected an aws-chunked body: {problem}")
