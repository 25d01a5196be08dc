"""JSONEmbedded objects that are small, so that many payloads can be hashed at once.

The reader takes exactly what the writer writes and leaves everything else, malformed objects included, to the streaming
reader, which says what is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm
from iotsign.core import base64_decode, base64_encode, hash_payloads
from iotsign.errors import MalformedImageError
from iotsign.formats.jsonimage._embedded import SUFFIX, prefix_of
from iotsign.formats.jsonimage._image import EMBEDDED, JsonImage, check_json_algorithm, claimed_algorithm, payload_hash

MAX_PREFIX: Final = 2048
"""Bytes that hold all members but the payload, whatever the key; RSA-4096 needs 760."""

_MARKS: Final = (b'{"rawPayloadSize":', b',"signature":"', b'","signatureAlgorithm":"', b'","payload":"')


@dataclass(frozen=True, slots=True)
class _Prefix:
    raw_payload_size: int
    signature: bytes
    algorithm: SignatureAlgorithm
    payload_offset: int


class SmallObjects:
    """Objects that are byte for byte as `pack_small` writes them, and are hashed with SHA-256; others are left."""

    def __init__(self, files: Sequence[tuple[int, int, bytes]]) -> None:
        """Read what stands before the payloads.

        Args:
            files: Of each object: a descriptor of its file, the file's size in bytes, and its first `MAX_PREFIX` bytes.
        """
        self._prefixes = [_read_prefix(head) for _, _, head in files]
        self._jobs = [
            (fd, prefix.payload_offset, size)
            for (fd, size, _), prefix in zip(files, self._prefixes, strict=True)
            if prefix is not None
        ]
        self._payloads: list[tuple[int, bytes] | None] = []

    def read(self) -> None:
        """Read, decode and hash the payloads, without Python's global lock; all of them are held in memory."""
        self._payloads = hash_payloads(self._jobs)

    def images(self) -> list[JsonImage | None]:
        """Give of each object what `read_embedded` gives, after `read`; None if it was left, or changed meanwhile."""
        payloads = iter(self._payloads)
        return [_image(prefix, next(payloads)) if prefix is not None else None for prefix in self._prefixes]


def _image(prefix: _Prefix, payload: tuple[int, bytes] | None) -> JsonImage | None:
    if payload is None or payload[0] != prefix.raw_payload_size:
        return None
    return JsonImage(
        image_format=EMBEDDED,
        raw_payload_size=prefix.raw_payload_size,
        signature=prefix.signature,
        algorithm=prefix.algorithm,
        digest=payload[1],
        payload_offset=prefix.payload_offset,
        payload_length=(prefix.raw_payload_size + 2) // 3 * 4,
    )


def _read_prefix(head: bytes) -> _Prefix | None:
    """Read what stands before the payload; None if it is not as `prefix_of` writes it.

    Whatever the members were taken for, the result is right: it is written again and compared.
    """
    starts = [head.find(mark) for mark in _MARKS]
    if starts[0] != 0 or sorted(starts) != starts or -1 in starts:
        return None
    ends = [start + len(mark) for start, mark in zip(starts, _MARKS, strict=True)]
    try:
        size = int(head[ends[0] : starts[1]])
        algorithm = claimed_algorithm(head[ends[2] : starts[3]].decode("ascii", "replace"))
        signature = base64_decode(head[ends[1] : starts[2]])
    except (ValueError, MalformedImageError):
        return None
    if not signature or payload_hash(algorithm) is not HashAlgorithm.SHA256:
        return None
    if head[: ends[3]] != prefix_of(size, signature, algorithm):
        return None
    return _Prefix(size, signature, algorithm, ends[3])


def pack_small(payload: bytes, signature: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """Write a JSONEmbedded object of a payload and a signature over it.

    Raises:
        UnsupportedAlgorithmError: The format does not hold such signatures.
    """
    check_json_algorithm(algorithm)
    return prefix_of(len(payload), signature, algorithm) + base64_encode(payload) + SUFFIX
