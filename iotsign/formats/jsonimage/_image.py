"""What the two JSON formats have in common.

Source: AWS Signer API 2017-08-25, ImageFormat; the layouts stand in docs/formats/aws-json.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm, SignatureEncoding, signature_algorithm
from iotsign.errors import MalformedImageError, UnsupportedAlgorithmError, UnsupportedFormatError

if TYPE_CHECKING:
    from iotsign.formats.jsonimage._s3 import S3Location

EMBEDDED: Final = "JSONEmbedded"
DETACHED: Final = "JSONDetached"
RESERVED: Final = "JSON"
JSON_FORMATS: Final = (EMBEDDED, DETACHED)

_ENCODINGS: Final = {"ECDSA": SignatureEncoding.DER, "RSA": SignatureEncoding.PKCS1, "Ed25519": SignatureEncoding.RAW}


@dataclass(frozen=True, slots=True)
class JsonImage:
    """A signed object that was read; nothing about it has been verified but its form.

    Attributes:
        image_format: ``JSONEmbedded`` or ``JSONDetached``.
        raw_payload_size: Length of the payload in bytes; checked for JSONEmbedded, claimed for JSONDetached.
        signature: As the algorithm lays it out.
        algorithm: How it was signed.
        digest: `payload_hash` of the embedded payload; None for JSONDetached.
        payload_offset: Where the payload's base64 begins in the file; None for JSONDetached.
        payload_length: Length of the payload's base64; None for JSONDetached.
        location: Where the payload lives; None for JSONEmbedded.
    """

    image_format: str
    raw_payload_size: int
    signature: bytes
    algorithm: SignatureAlgorithm
    digest: bytes | None = None
    payload_offset: int | None = None
    payload_length: int | None = None
    location: S3Location | None = None


def check_json_format(name: str) -> None:
    """Accept the name of a JSON format.

    Raises:
        UnsupportedFormatError: ``JSON``, which AWS reserves and never writes, or no JSON format at all.
    """
    if name == RESERVED:
        message = "the image format JSON is reserved and never written; expected JSONEmbedded or JSONDetached"
        raise UnsupportedFormatError("ReservedImageFormat", message, image_format=name)
    if name not in JSON_FORMATS:
        message = f"expected one of {', '.join(JSON_FORMATS)}, got {name!r}"
        raise UnsupportedFormatError("UnknownImageFormat", message, image_format=name)


def check_json_algorithm(algorithm: SignatureAlgorithm) -> None:
    """Accept an algorithm whose signature layout is the one of the JSON formats.

    Raises:
        UnsupportedAlgorithmError: Raw ECDSA or RSA-PSS.
    """
    if algorithm.encoding is not _ENCODINGS[algorithm.encryption.value]:
        message = f"JSON formats hold DER ECDSA, PKCS#1 v1.5 RSA or Ed25519 signatures, not {algorithm.name}"
        raise UnsupportedAlgorithmError("UnsupportedSignatureAlgorithm", message, name=algorithm.name)


def claimed_algorithm(name: str) -> SignatureAlgorithm:
    """Find the algorithm that an image names.

    Raises:
        MalformedImageError: No such algorithm, or one that the JSON formats do not hold.
    """
    try:
        algorithm = signature_algorithm(name)
        check_json_algorithm(algorithm)
    except UnsupportedAlgorithmError as error:
        raise MalformedImageError(
            "UnknownSignatureAlgorithm", f"signatureAlgorithm: {error.message}", name=name
        ) from error
    return algorithm


def payload_hash(algorithm: SignatureAlgorithm) -> HashAlgorithm:
    """Name the hash that stands for a payload: the one that is signed; SHA-256 for Ed25519, which signs the bytes."""
    return algorithm.hash or HashAlgorithm.SHA256
