"""aws-chunked bodies: signed chunks, trailers, and every way to get them wrong."""

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from iotsign.errors import AccessDeniedError, SignerError, ValidationError
from iotsign.server.sigv4 import AccessKey, Authenticated, ChunkReader, Claim, PayloadMode, Scope
from iotsign.server.sigv4._keys import sign, signing_key

STAMP = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
SCOPE = Scope(STAMP[:8], "eu-central-1", "s3")
SEED = "5" * 64
SIGNED, TRAILER, UNSIGNED = (
    PayloadMode.SIGNED_CHUNKS,
    PayloadMode.SIGNED_CHUNKS_TRAILER,
    PayloadMode.UNSIGNED_CHUNKS_TRAILER,
)
DECLARED = frozenset({"x-amz-checksum-crc32"})
CHECKSUM = b"x-amz-checksum-crc32:AAAAAA==\r\n"


def authenticated(key: AccessKey, mode: PayloadMode) -> Authenticated:
    claim = Claim(key.access_key_id, SCOPE, ("host",), SEED, None, STAMP)
    return Authenticated(key, claim, b"/", (), mode, "", signing_key(key.secret, SCOPE))


def encode(key: AccessKey, chunks: Sequence[bytes], *, trailer: bytes = b"") -> bytes:
    """Sign chunks as the specification says, independently of the reader."""
    derived, previous, body = signing_key(key.secret, SCOPE), SEED, b""
    for chunk in [*chunks, b""]:
        hashes = f"{hashlib.sha256().hexdigest()}\n{hashlib.sha256(chunk).hexdigest()}"
        previous = sign(derived, f"AWS4-HMAC-SHA256-PAYLOAD\n{STAMP}\n{SCOPE}\n{previous}\n{hashes}")
        body += b"%x;chunk-signature=%s\r\n" % (len(chunk), previous.encode())
        body += chunk + b"\r\n" if chunk else b""
    if trailer:
        text = hashlib.sha256(trailer.replace(b"\r\n", b"\n")).hexdigest()
        signature = sign(derived, f"AWS4-HMAC-SHA256-TRAILER\n{STAMP}\n{SCOPE}\n{previous}\n{text}")
        body += trailer + b"x-amz-trailer-signature:" + signature.encode() + b"\r\n"
    return body + b"\r\n"


def read(reader: ChunkReader, body: bytes, pieces: int | None = None) -> bytes:
    size = pieces or len(body) or 1
    payload = b"".join(part for start in range(0, len(body), size) for part in reader.feed(body[start : start + size]))
    reader.close()
    return payload


@pytest.mark.parametrize("pieces", [1, 2, 7, None])
@pytest.mark.parametrize("chunks", [[], [b"a"], [b"x" * 100, b"\r\n0\r\n\r\n", b"y"]])
def test_signed_chunks(access_key: AccessKey, chunks: list[bytes], pieces: int | None) -> None:
    reader = ChunkReader(authenticated(access_key, SIGNED))
    assert read(reader, encode(access_key, chunks), pieces) == b"".join(chunks)
    reader = ChunkReader(authenticated(access_key, TRAILER), declared_trailers=DECLARED)
    assert read(reader, encode(access_key, chunks, trailer=CHECKSUM), pieces) == b"".join(chunks)
    assert reader.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


@pytest.mark.parametrize("pieces", [1, 3, None])
def test_unsigned_chunks_with_a_trailer(access_key: AccessKey, pieces: int | None) -> None:
    reader = ChunkReader(authenticated(access_key, UNSIGNED), declared_trailers=DECLARED)
    body = b"3\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Amz-Checksum-CRC32: AAAAAA== \r\n\r\n"
    assert read(reader, body, pieces) == b"abc0123456789"
    assert reader.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


def test_each_byte_of_a_signed_body_counts(access_key: AccessKey) -> None:  # threat 27
    chunks = [b"firmware", b"image"]
    body = encode(access_key, chunks, trailer=CHECKSUM)
    for position in range(len(body)):
        changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        reader = ChunkReader(authenticated(access_key, TRAILER), declared_trailers=DECLARED)
        with pytest.raises(SignerError):
            read(reader, changed)


def test_cut_and_prolonged_bodies(access_key: AccessKey) -> None:
    body = encode(access_key, [b"firmware"])
    for end in range(len(body)):
        reader = ChunkReader(authenticated(access_key, SIGNED))
        with pytest.raises(ValidationError, match="ends before"):
            read(reader, body[:end])
    reader = ChunkReader(authenticated(access_key, SIGNED))
    with pytest.raises(ValidationError, match="after the last chunk"):
        read(reader, body + b"0")


def test_chunks_in_another_order_or_left_out(access_key: AccessKey) -> None:
    body = encode(access_key, [b"one", b"two"])
    first, second, last = body[:89], body[89:178], body[178:]
    assert read(ChunkReader(authenticated(access_key, SIGNED)), first + second + last) == b"onetwo"
    for changed in (second + first + last, second + last, last, first + first + second + last):
        with pytest.raises(AccessDeniedError, match="chunk signature"):
            read(ChunkReader(authenticated(access_key, SIGNED)), changed)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"xyz\r\n", "head of a chunk"),
        (b"3;chunk-signature=%s\r\nabc\r\n" % (b"0" * 64), "head of a chunk"),
        (b"-1\r\n", "head of a chunk"),
        (b"123456789\r\n", "head of a chunk"),
        (b"0x3\r\nabc\r\n", "head of a chunk"),
        (b"3\r\nabcd\r\n", "longer than it says"),
        (b"0" * 9000, "a line of more"),
        (b"0\r\nx-amz-evil:1\r\n\r\n", "not declared"),
        (b"0\r\n" + CHECKSUM + CHECKSUM + b"\r\n", "not declared"),
        (b"0\r\nx-amz-trailer-signature:1\r\n\r\n", "not declared"),
        (b"0\r\nno colon\r\n\r\n", "end of the body"),
        (b"0\r\n\r\n", "did not come"),
    ],
)
def test_malformed(access_key: AccessKey, body: bytes, problem: str) -> None:
    reader = ChunkReader(authenticated(access_key, UNSIGNED), declared_trailers=DECLARED)
    with pytest.raises(ValidationError, match=problem):
        read(reader, body)


def test_trailers_only_where_they_belong(access_key: AccessKey) -> None:
    body = encode(access_key, [b"a"])[:-2] + CHECKSUM + b"\r\n"
    with pytest.raises(ValidationError, match="end of the body"):
        read(ChunkReader(authenticated(access_key, SIGNED), declared_trailers=DECLARED), body)
    unsigned_trailer = encode(access_key, [b"a"])[:-2] + CHECKSUM + b"\r\n"
    with pytest.raises(AccessDeniedError):
        read(ChunkReader(authenticated(access_key, TRAILER), declared_trailers=DECLARED), unsigned_trailer)
    after = encode(access_key, [b"a"], trailer=CHECKSUM)[:-2] + CHECKSUM + b"\r\n"
    with pytest.raises(ValidationError, match="not declared"):
        read(ChunkReader(authenticated(access_key, TRAILER), declared_trailers=DECLARED), after)


def test_odd_bodies_never_crash(access_key: AccessKey) -> None:
    source = random.Random(7)
    body = encode(access_key, [b"firmware"], trailer=CHECKSUM)
    for _ in range(2000):
        changed = bytearray(body)
        for _ in range(source.randrange(1, 4)):
            position = source.randrange(len(changed))
            changed[position : position + source.randrange(3)] = source.randbytes(source.randrange(3))
        if bytes(changed) == body:
            continue
        reader = ChunkReader(authenticated(access_key, TRAILER), declared_trailers=DECLARED)
        with pytest.raises(SignerError):
            read(reader, bytes(changed), source.randrange(1, 50))
