"""Writing the CMS signature that a Lambda zip carries."""

import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pyasn1.codec.der import encoder
from pyasn1.type import char, univ, useful

from iotsign.algorithms import KeyType, signature_algorithm
from iotsign.errors import KeyMismatchError, UnsupportedAlgorithmError
from iotsign.formats.awslambda import _cms_names as names
from iotsign.formats.awslambda._asn1 import ALGORITHM_IDENTIFIER, ATTRIBUTE, ATTRIBUTES, CONTENT_INFO, SIGNER_INFO
from iotsign.formats.awslambda._content import content_digest
from iotsign.formats.claims import SignatureClaims

if TYPE_CHECKING:
    from cryptography import x509

    from iotsign.keys import Signer

__all__ = ["ALGORITHM", "write_signature"]

ALGORITHM: Final = signature_algorithm("SHA384withECDSA")
_LAST_UTC_TIME: Final = 2049  # RFC 5652 §11.3


def write_signature(
    digest: bytes, signer: "Signer", certificates: Sequence["x509.Certificate"], claims: SignatureClaims
) -> bytes:
    """Sign a zip's digest, and check the signature.

    Args:
        digest: Of the content, 48 bytes; it is the CMS's detached content.
        signer: A P-384 key.
        certificates: The signer's own first; all go into the signature.
        claims: Signed attributes.

    Returns:
        PEM with the label PKCS7.

    Raises:
        KeyMismatchError: The first certificate is about another key.
        UnsupportedAlgorithmError: The key is not a P-384 one.
        SignatureMismatchError: The signer's own signature does not verify.
        KeyFamilyError: The key cannot be used.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    from iotsign.keys import certificate_key

    if signer.public_key.key_type is not KeyType.P384:
        message = f"a Lambda zip is signed by a P-384 key, this one is {signer.public_key.key_type.value}"
        raise UnsupportedAlgorithmError("KeyTypeMismatch", message)
    if not certificates or certificate_key(certificates[0]) != signer.public_key:
        raise KeyMismatchError("CertificateKeyMismatch", "expected the signer's own certificate first, got another")
    attributes = _attributes(digest, claims)
    message_digest = hashlib.sha384(encoder.encode(attributes)).digest()
    signature = signer.sign_digest(message_digest, ALGORITHM)
    signer.public_key.verify_digest(message_digest, signature, ALGORITHM)

    info = CONTENT_INFO.clone()
    info["contentType"] = names.SIGNED_DATA
    signed = info["content"]
    signed["version"] = 1
    signed["digestAlgorithms"].append(_algorithm(names.SHA384))
    signed["encapContentInfo"]["eContentType"] = names.DATA
    for certificate in certificates:
        signed["certificates"].append(certificate.public_bytes(Encoding.DER))
    signed["signerInfos"].append(_signer_info(certificates[0], attributes, signature))
    return _pem(encoder.encode(info))


def _signer_info(certificate: "x509.Certificate", attributes: Any, signature: bytes) -> Any:
    info = SIGNER_INFO.clone()
    info["version"] = 1
    info["sid"]["issuer"] = certificate.issuer.public_bytes()
    info["sid"]["serialNumber"] = certificate.serial_number
    info["digestAlgorithm"] = _algorithm(names.SHA384)
    info["signedAttrs"].extend(attributes)
    info["signatureAlgorithm"] = _algorithm(names.ECDSA_WITH_SHA384)
    info["signature"] = signature
    return info


def _attributes(digest: bytes, claims: SignatureClaims) -> Any:
    signed_at = claims.signing_time.strftime("%Y%m%d%H%M%SZ")
    attributes = ATTRIBUTES.clone()
    for kind, value in (
        (names.CONTENT_TYPE, univ.ObjectIdentifier(names.DATA)),
        (names.MESSAGE_DIGEST, univ.OctetString(content_digest(digest))),
        (
            names.SIGNING_TIME,
            useful.UTCTime(signed_at[2:])
            if claims.signing_time.year <= _LAST_UTC_TIME
            else useful.GeneralizedTime(signed_at),
        ),
        (names.EXPIRY, useful.GeneralizedTime(claims.expiry.strftime("%Y%m%d%H%M%SZ"))),
        (names.JOB_ARN, char.UTF8String(claims.job_arn)),
        (names.PROFILE_VERSION_ARN, char.UTF8String(claims.profile_version_arn)),
    ):
        attribute = ATTRIBUTE.clone()
        attribute["attrType"] = kind
        attribute["attrValues"].append(encoder.encode(value))
        attributes.append(attribute)
    return attributes


def _algorithm(identifier: str) -> Any:
    algorithm = ALGORITHM_IDENTIFIER.clone()
    algorithm["algorithm"] = identifier
    return algorithm


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    label = names.PEM_LABEL.encode()
    return b"\n".join([b"-----BEGIN " + label + b"-----", *lines, b"-----END " + label + b"-----", b""])
