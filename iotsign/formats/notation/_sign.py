"""Signing a payload as the Notary Project's JWS envelope."""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from iotsign.algorithms import KeyType
from iotsign.errors import ImageTooLargeError, KeyMismatchError, UnsupportedAlgorithmError, UnsupportedFormatError
from iotsign.formats.claims import SignatureClaims
from iotsign.formats.notation import _names as names
from iotsign.formats.notation._payload import read_payload

if TYPE_CHECKING:
    from cryptography import x509

    from iotsign.keys import Signer

__all__ = ["sign_payload"]

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def sign_payload(
    payload: bytes,
    signer: "Signer",
    *,
    certificates: Sequence["x509.Certificate"],
    claims: SignatureClaims,
    payload_type: str = names.PAYLOAD_TYPE,
) -> bytes:
    """Sign a payload; the signature is checked before this returns.

    The same payload, key, certificates and claims give the same bytes wherever the signer is deterministic.

    Args:
        payload: A descriptor, at most 4096 bytes of JSON; signed as it is.
        signer: A P-384 key.
        certificates: The signer's own first, the root last: envelopes of the Notary Project carry the whole chain.
        claims: Signed attributes.
        payload_type: The payload's media type; there is only one.

    Returns:
        A flattened JWS in JSON.

    Raises:
        UnsupportedFormatError: Another payload type.
        ImageTooLargeError: The payload is longer than 4096 bytes.
        MalformedImageError: It is no descriptor.
        KeyMismatchError: The first certificate is about another key.
        UnsupportedAlgorithmError: The key is not a P-384 one.
        SignatureMismatchError: The signer's own signature does not verify.
        KeyFamilyError: The key cannot be used.
    """
    from iotsign.keys import certificate_key

    if payload_type != names.PAYLOAD_TYPE:
        message = f"expected a payload of type {names.PAYLOAD_TYPE}, got {payload_type[:200]!r}"
        raise UnsupportedFormatError("UnknownPayloadType", message)
    if len(payload) > names.LARGEST_PAYLOAD:
        message = f"expected at most {names.LARGEST_PAYLOAD} bytes of payload, got {len(payload)}"
        raise ImageTooLargeError("PayloadTooLarge", message, limit=names.LARGEST_PAYLOAD)
    read_payload(payload)
    if signer.public_key.key_type is not KeyType.P384:
        message = f"a Notation envelope is signed by a P-384 key, this one is {signer.public_key.key_type.value}"
        raise UnsupportedAlgorithmError("KeyTypeMismatch", message)
    if not certificates or certificate_key(certificates[0]) != signer.public_key:
        raise KeyMismatchError("CertificateKeyMismatch", "expected the signer's own certificate first, got another")
    protected, content = _base64url(_json(_header(claims))), _base64url(payload)
    digest = hashlib.sha384(f"{protected}.{content}".encode()).digest()
    signature = signer.sign_digest(digest, names.ALGORITHM)
    signer.public_key.verify_digest(digest, signature, names.ALGORITHM)
    chain = [_standard_base64(certificate) for certificate in certificates]
    return _json(
        {
            "payload": content,
            "protected": protected,
            "header": {"x5c": chain},
            "signature": _base64url(signature),
        }
    )


@lru_cache(maxsize=64)  # a signer's chain is the same for many payloads
def _standard_base64(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def _header(claims: SignatureClaims) -> dict[str, Any]:
    return {
        "alg": names.ALGORITHM.jose,
        "crit": list(names.CRITICAL),
        "cty": names.PAYLOAD_TYPE,
        names.SIGNING_SCHEME: names.SIGNING_AUTHORITY,
        names.SIGNING_TIME: f"{claims.signing_time:%Y-%m-%dT%H:%M:%SZ}",
        names.EXPIRY: f"{claims.expiry:%Y-%m-%dT%H:%M:%SZ}",
        names.PLUGIN: names.AWS_PLUGIN,
        names.PROFILE_VERSION: claims.profile_version_arn,
        names.JOB: claims.job_arn,
    }


def _json(value: dict[str, Any]) -> bytes:
    return _ENCODER.encode(value).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
