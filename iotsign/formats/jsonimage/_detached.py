"""JSONDetached: the signature in one small JSON object, the payload elsewhere.

Layout, without white space and without a newline at the end:
``{"rawPayloadSize":N,"signature":"B64","signatureAlgorithm":"NAME","payloadLocation":{"s3":{"bucketName":"B",``
``"key":"K","version":"V"}}}``. Source: objects written by AWS Signer for JSONDetached platforms.
"""

import json
from typing import Any, Final

from iotsign.algorithms import SignatureAlgorithm
from iotsign.core import base64_decode, base64_encode
from iotsign.errors import MalformedImageError
from iotsign.formats.jsonimage._image import DETACHED, JsonImage, check_json_algorithm, claimed_algorithm
from iotsign.formats.jsonimage._s3 import S3Location
from iotsign.formats.jsonimage._strictjson import load_object

_KEYS: Final[dict[str, type]] = {
    "rawPayloadSize": int,
    "signature": str,
    "signatureAlgorithm": str,
    "payloadLocation": dict,
}
_S3_KEYS: Final[dict[str, type]] = {"bucketName": str, "key": str, "version": str}


def pack_detached(
    *, raw_payload_size: int, signature: bytes, algorithm: SignatureAlgorithm, location: S3Location
) -> bytes:
    """Write a JSONDetached object.

    Args:
        raw_payload_size: Length of the payload in bytes.
        signature: Over the payload's bytes.
        algorithm: How it was made.
        location: Where the payload lives.

    Raises:
        UnsupportedAlgorithmError: The format does not hold such signatures.
    """
    check_json_algorithm(algorithm)
    signed_object = {
        "rawPayloadSize": raw_payload_size,
        "signature": base64_encode(signature).decode("ascii"),
        "signatureAlgorithm": algorithm.name,
        "payloadLocation": {
            "s3": {"bucketName": location.bucket, "key": location.key, "version": location.version},
        },
    }
    return json.dumps(signed_object, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def read_detached(data: bytes) -> JsonImage:
    """Read a JSONDetached object strictly; keys may come in any order.

    Raises:
        MalformedImageError: It is not exactly such an object.
    """
    signed_object = _members(load_object(data), _KEYS, "the object")
    location = _members(signed_object["payloadLocation"], {"s3": dict}, "payloadLocation")
    s3 = _members(location["s3"], _S3_KEYS, "payloadLocation.s3")
    algorithm = claimed_algorithm(signed_object["signatureAlgorithm"])
    return JsonImage(
        image_format=DETACHED,
        raw_payload_size=signed_object["rawPayloadSize"],
        signature=_signature(signed_object["signature"]),
        algorithm=algorithm,
        location=S3Location(s3["bucketName"], s3["key"], s3["version"]),
    )


def _members(value: dict[str, Any], expected: dict[str, type], where: str) -> dict[str, Any]:
    if value.keys() != expected.keys():
        message = f"expected the keys {', '.join(expected)} in {where}, got {', '.join(value) or 'none'}"
        raise MalformedImageError("UnexpectedKeys", message[:400], where=where)
    for name, kind in expected.items():
        if type(value[name]) is not kind:
            got = type(value[name]).__name__
            raise MalformedImageError("UnexpectedType", f"expected {name} as {kind.__name__}, got {got}", key=name)
        if kind is str and any("\ud800" <= character <= "\udfff" for character in value[name]):
            raise MalformedImageError("NotUtf8", f"expected text in {name}, got half of a surrogate pair", key=name)
    return value


def _signature(text: str) -> bytes:
    signature = base64_decode(text.encode("utf-8"))
    if not signature:
        raise MalformedImageError("EmptySignature", "expected a signature, got none")
    return signature
