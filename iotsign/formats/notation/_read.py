"""Reading the Notary Project's JWS envelope."""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from iotsign import core
from iotsign.errors import ConfigError, KeyFamilyError, MalformedImageError, UnsupportedFormatError
from iotsign.formats.claims import ServiceSignature, SignatureClaims
from iotsign.formats.jsonimage import load_object
from iotsign.formats.notation import _names as names
from iotsign.formats.notation._payload import TargetArtifact, read_payload

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["Envelope", "looks_like_envelope", "read_envelope"]

_MEMBERS: Final[dict[str, type]] = {"payload": str, "protected": str, "header": dict, "signature": str}
_REGISTERED: Final = ("alg", "cty", "crit")
_KNOWN: Final = (*names.CRITICAL, names.PLUGIN_VERSION)
# of the unprotected header; what they say is not signed
_UNPROTECTED: Final = ("x5c", "io.cncf.notary.signingAgent", "io.cncf.notary.timestampSignature")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_MOST_CERTIFICATES: Final = 8
_SIGNATURE_SIZE: Final = 96  # r‖s
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope; nothing of it has been verified.

    Attributes:
        payload: What is signed.
        target: The same, read.
        signature: With claims and certificates.
    """

    payload: bytes
    target: TargetArtifact
    signature: ServiceSignature


def looks_like_envelope(data: bytes) -> bool:
    """Tell whether JSON is an envelope rather than a signed object, whose base64 has no quotes in it."""
    return b'"protected"' in data and b'"rawPayloadSize"' not in data


def read_envelope(data: bytes) -> Envelope:
    """Read an envelope strictly; nothing is verified.

    Raises:
        MalformedImageError: It is no such envelope.
        UnsupportedFormatError: Another algorithm, payload type or signing scheme, or an unknown critical parameter.
    """
    root = load_object(data, limit=names.LARGEST_ENVELOPE)
    if root.keys() != _MEMBERS.keys():
        raise _malformed("UnexpectedKeys", f"expected {', '.join(_MEMBERS)}, got {_shown(root)}")
    for name, kind in _MEMBERS.items():
        if type(root[name]) is not kind:
            raise _malformed("UnexpectedType", f"expected {name} as {kind.__name__}, got {type(root[name]).__name__}")
    claims = _claims(load_object(_decoded(root["protected"], "protected")))
    payload = _decoded(root["payload"], "payload")
    value = _decoded(root["signature"], "signature")
    if len(value) != _SIGNATURE_SIZE:
        raise _malformed("SignatureLength", f"expected {_SIGNATURE_SIZE} bytes of r‖s, got {len(value)}")
    digest = hashlib.sha384(f"{root['protected']}.{root['payload']}".encode()).digest()
    signature = ServiceSignature(names.ALGORITHM, digest, value, claims, _certificates(root["header"]))
    return Envelope(payload, read_payload(payload), signature)


def _claims(header: dict[str, Any]) -> SignatureClaims:
    for name, wanted in (
        ("alg", names.ALGORITHM.jose),
        ("cty", names.PAYLOAD_TYPE),
        (names.SIGNING_SCHEME, names.SIGNING_AUTHORITY),
    ):
        got = header.get(name)
        if got != wanted:
            message = f"expected {name} {wanted} in the protected header, got {str(got)[:100]!r}"
            raise UnsupportedFormatError("UnsupportedEnvelope", message, key=name)
    critical = header.get("crit")
    if not isinstance(critical, list) or not all(isinstance(name, str) for name in critical):
        raise _malformed("BadCrit", "expected crit as a list of names, got something else")
    if len(set(critical)) != len(critical) or not set(critical) <= header.keys() - {*_REGISTERED}:
        raise _malformed("BadCrit", "expected each name in crit once, and in the protected header")
    strange = [name for name in critical if name not in _KNOWN]
    if strange:
        message = f"expected critical parameters among {', '.join(_KNOWN)}, got {strange[0][:100]!r}"
        raise UnsupportedFormatError("UnknownCritical", message)
    for name in _KNOWN:
        if name in header and (name not in critical or not isinstance(header[name], str)):
            raise _malformed("BadParameter", f"expected {name} as a string and named in crit, got something else")
        if name not in header and name in names.CRITICAL:
            raise _malformed("ParameterMissing", f"expected {name} in the protected header, got none")
    if header[names.PLUGIN] != names.AWS_PLUGIN:
        message = f"expected {names.PLUGIN} {names.AWS_PLUGIN}, got {header[names.PLUGIN][:100]!r}"
        raise UnsupportedFormatError("UnsupportedEnvelope", message, key=names.PLUGIN)
    try:
        times = [_time(name, header[name]) for name in (names.SIGNING_TIME, names.EXPIRY)]
        return SignatureClaims(times[0], times[1], header[names.JOB], header[names.PROFILE_VERSION])
    except ConfigError as error:
        raise _malformed(error.code, error.message) from None


def _time(name: str, text: str) -> datetime:
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise _malformed("BadTime", f"expected {name} as RFC 3339 has it, got {text[:40]!r}")


def _certificates(header: dict[str, Any]) -> "tuple[x509.Certificate, ...]":
    from iotsign.keys import parse_certificates

    if not {"x5c"} <= header.keys() <= {*_UNPROTECTED}:
        raise _malformed("UnexpectedKeys", f"expected x5c in the unprotected header, got {_shown(header)}")
    chain = header["x5c"]
    if not isinstance(chain, list) or not 1 <= len(chain) <= _MOST_CERTIFICATES:
        raise _malformed("BadChain", f"expected x5c as a list of 1 to {_MOST_CERTIFICATES} certificates, got another")
    if not all(isinstance(text, str) for text in [*chain, *(header.get(name, "") for name in _UNPROTECTED[1:])]):
        raise _malformed("UnexpectedType", "expected strings in the unprotected header, got others")
    try:
        return parse_certificates([core.base64_decode(text.encode()) for text in chain])
    except (KeyFamilyError, MalformedImageError) as error:
        raise _malformed(error.code, f"x5c: {error.message}") from None


def _decoded(text: str, name: str) -> bytes:
    """Read base64url without padding, canonical: encoding it again gives the same."""
    if _URL_SAFE.fullmatch(text) and len(text) % 4 != 1:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text:
            return data
    raise _malformed("BadBase64Url", f"expected {name} in canonical base64url, got something else")


def _shown(value: dict[str, Any]) -> str:
    return ", ".join(repr(name)[:40] for name in list(value)[:10]) or "none"


def _malformed(code: str, message: str) -> MalformedImageError:
    return MalformedImageError(code, message)
