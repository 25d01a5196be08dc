"""JSONEmbedded objects that fit into memory, so that many payloads can be hashed at once.

The reader takes exactly what the writer writes and leaves everything else, malformed objects included, to the streaming
reader, which says what is wrong.
"""

from dataclasses import dataclass
from typing import Final

from iotsign.algorithms import SignatureAlgorithm
from iotsign.core import base64_decode, base64_encode
from iotsign.errors import MalformedImageError
from iotsign.formats.jsonimage._embedded import SUFFIX, prefix_of
from iotsign.formats.jsonimage._image import EMBEDDED, JsonImage, check_json_algorithm, claimed_algorithm

_MARKS: Final = (b'{"rawPayloadSize":', b',"signature":"', b'","signatureAlgorithm":"', b'","payload":"')
_MAX_PREFIX: Final = 2048  # bytes; RSA-4096 needs 760


@dataclass(frozen=True, slots=True)
class SmallImage:
    """A JSONEmbedded object in memory, as the writer writes it.

    Attributes:
        payload: The decoded payload.
        signature: As the algorithm lays it out.
        algorithm: How it was signed.
        payload_offset: Where the payload's base64 begins.
    """

    payload: bytes
    signature: bytes
    algorithm: SignatureAlgorithm
    payload_offset: int

    def with_digest(self, digest: bytes) -> JsonImage:
        """Describe the object as `read_embedded` does.

        Args:
            digest: `payload_hash` of the payload.
        """
        return JsonImage(
            image_format=EMBEDDED,
            raw_payload_size=len(self.payload),
            signature=self.signature,
            algorithm=self.algorithm,
            digest=digest,
            payload_offset=self.payload_offset,
            payload_length=(len(self.payload) + 2) // 3 * 4,
        )


def read_small(data: bytes) -> SmallImage | None:
    """Read an object that is byte for byte as `pack_small` writes it; None if it is not.

    Whatever the members were taken for, the result is right: it is written again and compared.
    """
    head = data[:_MAX_PREFIX]
    starts = [head.find(mark) for mark in _MARKS]
    if starts[0] != 0 or sorted(starts) != starts or -1 in starts or not data.endswith(SUFFIX):
        return None
    offset = starts[3] + len(_MARKS[3])
    try:
        algorithm = claimed_algorithm(head[starts[2] + len(_MARKS[2]) : starts[3]].decode("ascii", "replace"))
        signature = base64_decode(head[starts[1] + len(_MARKS[1]) : starts[2]])
        payload = base64_decode(memoryview(data)[offset : len(data) - len(SUFFIX)])
    except MalformedImageError:
        return None
    if not signature or head[:offset] != prefix_of(len(payload), signature, algorithm):
        return None
    return SmallImage(payload, signature, algorithm, offset)


def pack_small(payload: bytes, signature: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """Write a JSONEmbedded object of a payload and a signature over it.

    Raises:
        UnsupportedAlgorithmError: The format does not hold such signatures.
    """
    check_json_algorithm(algorithm)
    return prefix_of(len(payload), signature, algorithm) + base64_encode(payload) + SUFFIX
