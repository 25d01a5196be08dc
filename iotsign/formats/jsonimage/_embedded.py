"""JSONEmbedded: signature and payload in one JSON object.

Layout, without white space and without a newline at the end:
``{"rawPayloadSize":N,"signature":"B64","signatureAlgorithm":"NAME","payload":"B64"}``.
Source: AWS Signer Developer Guide, "Signed objects" of the JSONEmbedded platforms.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm
from iotsign.errors import MalformedImageError, StoreError
from iotsign.formats.jsonimage._image import EMBEDDED, JsonImage, check_json_algorithm, claimed_algorithm, payload_hash

Progress = Callable[[int], None]

SUFFIX: Final = b'"}'


@dataclass(frozen=True, slots=True)
class PackedImage:
    """What was written.

    Attributes:
        digest: `payload_hash` of the payload.
        raw_payload_size: Length of the payload in bytes.
        signature: The signature that stands in the object.
        size: Length of the object in bytes.
    """

    digest: bytes
    raw_payload_size: int
    signature: bytes
    size: int


def prefix_of(raw_payload_size: int, signature: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """Write what stands before the payload's base64."""
    encoded = core.base64_encode(signature).decode("ascii")
    return (
        f'{{"rawPayloadSize":{raw_payload_size},"signature":"{encoded}",'
        f'"signatureAlgorithm":"{algorithm.name}","payload":"'
    ).encode("ascii")


def pack_embedded(
    fd_in: int,
    fd_out: int,
    *,
    size: int,
    algorithm: SignatureAlgorithm,
    signature_size: int,
    sign: Callable[[bytes], bytes],
    progress: Progress | None = None,
) -> PackedImage:
    """Write a JSONEmbedded object in one pass over the payload.

    The payload is encoded and hashed first, behind the place that the members before it will take; a signature whose
    base64 turns out shorter or longer than expected (one P-384 signature in four) moves the payload.

    Args:
        fd_in: File of the payload, read from its current position to the end.
        fd_out: Empty file to write, seekable.
        size: Expected payload size in bytes.
        algorithm: How the payload is signed.
        signature_size: Expected length of the signature in bytes.
        sign: Gets the payload's `payload_hash` digest, gives the signature.
        progress: Called with the bytes of payload done so far.

    Raises:
        UnsupportedAlgorithmError: The format does not hold such signatures.
        StoreError: The payload does not have the expected size, or a file cannot be read or written.
    """
    check_json_algorithm(algorithm)
    guess = len(prefix_of(size, bytes(signature_size), algorithm))
    digest, raw_size = core.encode_payload(fd_in, fd_out, guess, payload_hash(algorithm), progress=progress)
    if raw_size != size:
        message = f"expected {size} bytes of payload, read {raw_size}: the file is being written"
        raise StoreError("InputChanged", message, expected=size, got=raw_size)
    signature = sign(digest)
    prefix = prefix_of(raw_size, signature, algorithm)
    end = guess + (raw_size + 2) // 3 * 4
    if len(prefix) != guess:
        core.shift_file(fd_out, guess, end, len(prefix) - guess)
        end += len(prefix) - guess
    total = end + len(SUFFIX)
    try:
        _write_at(fd_out, prefix, 0)
        _write_at(fd_out, SUFFIX, end)
        os.ftruncate(fd_out, total)
    except OSError as error:
        raise StoreError("WriteFailed", f"cannot write the signed object: {error.strerror}") from error
    return PackedImage(digest, raw_size, signature, total)


def _write_at(fd: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written


def read_embedded(fd: int, *, fd_out: int | None = None, progress: Progress | None = None) -> JsonImage:
    """Read a JSONEmbedded object strictly, in one pass; keys may come in any order.

    Args:
        fd: The object's file, seekable.
        fd_out: Where to write the decoded payload, if wanted.
        progress: Called with the bytes of payload done so far.

    Raises:
        MalformedImageError: It is not exactly such an object; `offset` names where it departs.
        StoreError: A file cannot be read or written.
    """

    def hash_for(name: str) -> HashAlgorithm:
        return payload_hash(claimed_algorithm(name))

    found = core.read_json_embedded(fd, hash_for, fd_out=fd_out, progress=progress)
    if not found.signature:
        raise MalformedImageError("EmptySignature", "expected a signature, got none")
    return JsonImage(
        image_format=EMBEDDED,
        raw_payload_size=found.raw_payload_size,
        signature=found.signature,
        algorithm=claimed_algorithm(found.signature_algorithm),
        digest=found.digest,
        payload_offset=found.payload_offset,
        payload_length=found.payload_length,
    )
