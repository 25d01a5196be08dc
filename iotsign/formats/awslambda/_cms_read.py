"""Reading the CMS signature that a Lambda zip carries."""

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pyasn1.codec.ber import decoder
from pyasn1.codec.der import encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import char, univ, useful

from iotsign import core
from iotsign.errors import ConfigError, KeyFamilyError, MalformedImageError, UnsupportedFormatError
from iotsign.formats.awslambda import _cms_names as names
from iotsign.formats.awslambda._asn1 import CONTENT_INFO
from iotsign.formats.awslambda._cms_write import ALGORITHM
from iotsign.formats.claims import ServiceSignature, SignatureClaims

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["read_signature"]

_PEM: Final = re.compile(
    rb"-----BEGIN (PKCS7|CMS)-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END \1-----(?:\r?\n)?", re.ASCII
)
_MOST_CERTIFICATES: Final = 8
_DIGEST_SIZE: Final = 48
_NULL: Final = b"\x05\x00"
_TIME: Final = re.compile(r"(\d{12,14})(?:\.\d{1,9})?Z", re.ASCII)
# what pyasn1 raises for bytes that are no ASN.1 of the kind
_REFUSALS: Final = (PyAsn1Error, ValueError, TypeError, IndexError, KeyError, OverflowError, RecursionError)


def read_signature(pem: bytes) -> tuple[ServiceSignature, bytes]:
    """Read a signature; nothing is verified.

    BER is taken as well as DER, indefinite lengths included; what is signed is the DER of the attributes.

    Args:
        pem: With the label PKCS7 or CMS, and nothing around it.

    Returns:
        The signature, and the SHA-384 of the detached content that it claims, 48 bytes.

    Raises:
        MalformedImageError: It is no such signature.
        UnsupportedFormatError: It was made by other algorithms than SHA-384 with ECDSA.
    """
    if len(pem) > names.LARGEST_SIGNATURE:
        raise _malformed("SignatureTooLarge", f"expected at most {names.LARGEST_SIGNATURE} bytes, got {len(pem)}")
    match = _PEM.fullmatch(pem)
    if match is None:
        raise _malformed("NotPem", "expected one PEM block labelled PKCS7, got something else")
    try:
        data = core.base64_decode(match[2].replace(b"\r", b"").replace(b"\n", b""))
    except MalformedImageError:
        raise _malformed("BadBase64", "expected canonical base64 in the PEM block, got something else") from None
    try:
        info, rest = decoder.decode(data, asn1Spec=CONTENT_INFO)
        if rest:
            raise _malformed("TrailingData", f"expected one ASN.1 value, got {len(rest)} bytes more")
        return _read(info)
    except _REFUSALS as error:
        words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise _malformed("BadAsn1", f"expected a CMS SignedData ({words})") from None


def _read(info: Any) -> tuple[ServiceSignature, bytes]:
    signed = info["content"]
    content = signed["encapContentInfo"]
    if str(info["contentType"]) != names.SIGNED_DATA or str(content["eContentType"]) != names.DATA:
        raise _malformed("NotSignedData", "expected SignedData over data, got another content type")
    if content["eContent"].isValue:
        raise _malformed("NotDetached", "expected a detached signature, got one with content")
    if len(signed["signerInfos"]) != 1 or len(signed["digestAlgorithms"]) != 1:
        raise _malformed("SignerCount", f"expected one signer, got {len(signed['signerInfos'])}")
    signer = signed["signerInfos"][0]
    if int(signed["version"]) != 1 or int(signer["version"]) != 1:
        raise _malformed("BadVersion", "expected SignedData and SignerInfo of version 1, got another")
    for algorithm, wanted in (
        (signed["digestAlgorithms"][0], names.SHA384),
        (signer["digestAlgorithm"], names.SHA384),
        (signer["signatureAlgorithm"], names.ECDSA_WITH_SHA384),
    ):
        _check_algorithm(algorithm, wanted)
    attributes = _attributes(signer["signedAttrs"])
    if str(_value(attributes, names.CONTENT_TYPE, univ.ObjectIdentifier())) != names.DATA:
        raise _malformed("NotSignedData", "expected the signed content type data, got another")
    digest = bytes(_value(attributes, names.MESSAGE_DIGEST, univ.OctetString()))
    if len(digest) != _DIGEST_SIZE:
        raise _malformed("DigestLength", f"expected a message digest of {_DIGEST_SIZE} bytes, got {len(digest)}")
    try:
        claims = SignatureClaims(
            _time(attributes, names.SIGNING_TIME),
            _time(attributes, names.EXPIRY),
            str(_value(attributes, names.JOB_ARN, char.UTF8String())),
            str(_value(attributes, names.PROFILE_VERSION_ARN, char.UTF8String())),
        )
    except ConfigError as error:
        raise _malformed(error.code, error.message) from None
    to_be_signed = univ.SetOf(componentType=signer["signedAttrs"].componentType).clone()
    to_be_signed.extend(signer["signedAttrs"])
    signature = ServiceSignature(
        ALGORITHM,
        hashlib.sha384(encoder.encode(to_be_signed)).digest(),
        bytes(signer["signature"]),
        claims,
        _certificates(signed["certificates"], signer["sid"]),
    )
    return signature, digest


def _check_algorithm(algorithm: Any, wanted: str) -> None:
    got = str(algorithm["algorithm"])
    if got != wanted or (algorithm["parameters"].isValue and bytes(algorithm["parameters"]) != _NULL):
        message = f"expected algorithm {wanted} without parameters in the signature, got {got[:100]}"
        raise UnsupportedFormatError("UnsupportedAlgorithm", message)


def _attributes(signed: Any) -> dict[str, bytes]:
    attributes: dict[str, bytes] = {}
    for attribute in signed:
        kind, values = str(attribute["attrType"]), attribute["attrValues"]
        if kind in attributes or len(values) != 1:
            raise _malformed("BadAttribute", f"expected signed attribute {kind[:100]} once, with one value, got others")
        attributes[kind] = bytes(values[0])
    return attributes


def _value(attributes: dict[str, bytes], kind: str, asn1_type: Any) -> Any:
    if kind not in attributes:
        raise _malformed("AttributeMissing", f"expected the signed attribute {kind}, got none")
    value, rest = decoder.decode(attributes[kind], asn1Spec=asn1_type)
    if rest:
        raise _malformed("BadAttribute", f"expected one value in signed attribute {kind}, got {len(rest)} bytes more")
    return value


def _time(attributes: dict[str, bytes], kind: str) -> datetime:
    """Read UTCTime or GeneralizedTime in UTC; the fractions that some writers add are dropped."""
    is_short = attributes.get(kind, b"")[:1] == encoder.encode(useful.UTCTime("500101000000Z"))[:1]
    text = str(_value(attributes, kind, useful.UTCTime() if is_short else useful.GeneralizedTime()))
    match = _TIME.fullmatch(text)
    if match is None or len(match[1]) != (12 if is_short else 14):
        raise _malformed("BadTime", f"expected a time in UTC with seconds in attribute {kind}, got {text[:40]!r}")
    digits = match[1]
    if is_short:
        digits = ("19" if digits >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _certificates(encoded: Any, sid: Any) -> "tuple[x509.Certificate, ...]":
    """Read the certificates, the signer's first and each issuer behind what it issued."""
    from iotsign.keys import parse_certificates

    if len(encoded) > _MOST_CERTIFICATES:
        raise _malformed("TooManyCertificates", f"expected up to {_MOST_CERTIFICATES}, got {len(encoded)}")
    try:
        rest = list(parse_certificates(bytes(certificate) for certificate in encoded))
    except KeyFamilyError as error:
        raise _malformed(error.code, error.message) from None
    issuer, serial = bytes(sid["issuer"]), int(sid["serialNumber"])
    chain: list[x509.Certificate] = []
    while rest:
        following = [
            certificate
            for certificate in rest
            if (
                certificate.subject == chain[-1].issuer
                if chain
                else certificate.serial_number == serial and certificate.issuer.public_bytes() == issuer
            )
        ]
        if len(following) != 1:
            message = "expected the signer's certificate and the one above each, and no others"
            raise _malformed("ChainBroken", f"{message}, got {len(following)} that fit behind {len(chain)}")
        chain.append(following[0])
        rest.remove(following[0])
    if not chain:
        raise _malformed("NoCertificate", "expected the signer's certificate in the signature, got none")
    return tuple(chain)


def _malformed(code: str, message: str) -> MalformedImageError:
    return MalformedImageError(code, message)
