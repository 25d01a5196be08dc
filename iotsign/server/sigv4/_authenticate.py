"""The one authenticating step that every route passes: signature version 4, in headers or in the query.

A request that is not understood wholly is denied; there is no mode that falls through. Errors carry in `code` the
name of AWS's exception.

Source: AWS Signature Version 4 for API requests (2024); Amazon S3 API Reference, "Authenticating Requests".
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final
from urllib.parse import quote

from iotsign.errors import AccessDeniedError
from iotsign.server.sigv4._canonical import (
    QueryPairs,
    WireRequest,
    canonical_query,
    canonical_request,
    digest,
    normalize_path,
    parse_query,
)
from iotsign.server.sigv4._keys import AccessKey, Keyring, Scope, sign, signing_key

ALGORITHM: Final = "AWS4-HMAC-SHA256"
CLOCK_SKEW: Final = timedelta(minutes=5)
MAX_EXPIRES_S: Final = 604_800
"""The longest life of a presigned URL, in seconds."""

_TIMESTAMP: Final = "%Y%m%dT%H%M%SZ"
_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_DATE: Final = re.compile(r"[0-9]{8}")
_STAMP: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_EXPIRES: Final = re.compile(r"[0-9]{1,6}")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_PARTS: Final = ("Credential", "SignedHeaders", "Signature")


class PayloadMode(Enum):
    """How a body is bound to the signature; the value is what ``x-amz-content-sha256`` says."""

    SIGNED = "SHA256"
    UNSIGNED = "UNSIGNED-PAYLOAD"
    SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    @property
    def chunked(self) -> bool:
        """Whether the body is ``aws-chunked``."""
        return self.value.startswith("STREAMING-")


@dataclass(frozen=True, slots=True)
class Service:
    """How one service signs.

    Attributes:
        name: Its name in the credential scope.
        raw_path: The path is signed as it is on the wire (S3), not normalised and encoded once more.
        payloads: The ways to bind a body that it accepts.
    """

    name: str
    raw_path: bool = False
    payloads: frozenset[PayloadMode] = frozenset({PayloadMode.SIGNED})


SIGNER: Final = Service("signer")
S3: Final = Service("s3", raw_path=True, payloads=frozenset(PayloadMode))


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says about its own signature.

    Attributes:
        access_key_id: The key that it claims.
        scope: Date, region and service.
        signed_headers: The names that are signed, in order.
        signature: 64 hex digits.
        token: The session token, if there is one.
        timestamp: When it was signed, as spelled: ``20260101T000000Z``.
        presigned: The claim is in the query.
        expires_s: How long a presigned URL is good for, in seconds.
        content_sha256: What it says of the body: a hash in hex, or a word.
    """

    access_key_id: str
    scope: Scope
    signed_headers: tuple[str, ...]
    signature: str
    token: str | None
    timestamp: str
    presigned: bool = False
    expires_s: int = 0
    content_sha256: str | None = None

    @property
    def signed_at(self) -> datetime:
        """When it was signed."""
        return _moment(self.timestamp)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A request whose signature holds, as far as it can be told without the body.

    The caller still owes: for `PayloadMode.SIGNED` the body's SHA-256 must be compared with `payload_sha256`, for the
    chunked modes the body must be read through `ChunkReader`.

    Attributes:
        key: Whose request it is.
        claim: What it said.
        path: The path to route on: as it was signed.
        query: The decoded query without the parameters of the signature.
        mode: How the body is bound.
        payload_sha256: The hash that the body must have, in hex; empty unless the mode is ``SIGNED``.
        signing_key: The derived key, for the chunks.
    """

    key: AccessKey
    claim: Claim
    path: bytes
    query: QueryPairs
    mode: PayloadMode
    payload_sha256: str
    signing_key: bytes = field(repr=False)


def read_claim(request: WireRequest) -> Claim:
    """Read what a request says about its signature; nothing is checked but the form.

    Raises:
        AccessDeniedError: It says nothing, says it twice, or not as AWS does.
    """
    pairs = parse_query(request.query)
    credentials = request.all("authorization")
    if credentials and _has_query_signature(pairs):
        raise _incomplete("expected one authentication mechanism, got an Authorization header and a presigned query")
    if credentials:
        if len(credentials) != 1:
            raise _incomplete("expected one Authorization header, got several")
        return _claim_of_header(request, credentials[0])
    if _has_query_signature(pairs):
        return _claim_of_query(request, pairs)
    raise AccessDeniedError("MissingAuthenticationTokenException", "Missing Authentication Token")


def authenticate(
    request: WireRequest,
    *,
    keyring: Keyring,
    service: Service,
    region: str,
    now: datetime,
    body_sha256: str | None = None,
    claim: Claim | None = None,
) -> Authenticated:
    """Check a request's signature.

    Args:
        request: The request.
        keyring: The access keys.
        service: The service that it must be signed for.
        region: The region that it must be signed for.
        now: The time, with a time zone.
        body_sha256: The body's SHA-256 in hex; needed where no ``x-amz-content-sha256`` is sent.
        claim: What `read_claim` gave, if it was called before.

    Returns:
        Who it is and what the body must be. What the caller owes then, `Authenticated` says.

    Raises:
        AccessDeniedError: It must not be served; ``code`` is the name of AWS's exception.
    """
    # 1. the form of the claim
    claim = claim or read_claim(request)
    # 2. the scope is ours
    _check_scope(claim, service, region)
    # 3. the time
    _check_time(claim, now)
    # 4. every header that changes the meaning is signed
    _check_signed_headers(request, claim)
    # 5. the way the body is bound is one that this service accepts
    mode, payload = _payload(claim, service, body_sha256)
    # 6. the key, its life and its session
    key = _find_key(keyring, claim, now)
    # 7. the signature
    path, pairs = _signed_target(request, claim, service)
    expected_key = signing_key(key.secret, claim.scope)
    canonical_path = path.decode("latin-1") if service.raw_path else quote(path, safe="/~")
    text = canonical_request(
        request,
        path=canonical_path,
        query=canonical_query(pairs),
        signed_headers=claim.signed_headers,
        payload=payload,
    )
    expected = sign(expected_key, f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{digest(text)}")
    if not hmac.compare_digest(expected, claim.signature):
        message = (
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )
        raise AccessDeniedError("InvalidSignatureException", message)
    query = tuple(pair for pair in pairs if not (claim.presigned and pair[0] in _QUERY_PARAMETERS))
    return Authenticated(
        key, claim, path, query, mode, payload if mode is PayloadMode.SIGNED else "", signing_key=expected_key
    )


def check_body(authenticated: Authenticated, body_sha256: str) -> None:
    """Compare the body that came with the one that was signed.

    Raises:
        AccessDeniedError: They differ.
    """
    if authenticated.payload_sha256 and not hmac.compare_digest(authenticated.payload_sha256, body_sha256):
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise AccessDeniedError("InvalidSignatureException", message)


_SIGNATURE: Final = b"X-Amz-Signature"
_QUERY_PARAMETERS: Final = frozenset(
    {
        b"X-Amz-Algorithm",
        b"X-Amz-Credential",
        b"X-Amz-Date",
        b"X-Amz-Expires",
        b"X-Amz-SignedHeaders",
        b"X-Amz-Security-Token",
        b"X-Amz-Content-Sha256",
        _SIGNATURE,
    }
)


def _has_query_signature(pairs: QueryPairs) -> bool:
    return any(name in {b"X-Amz-Algorithm", b"X-Amz-Credential", _SIGNATURE} for name, _ in pairs)


def _incomplete(problem: str) -> AccessDeniedError:
    return AccessDeniedError("IncompleteSignature", problem)


def _claim_of_header(request: WireRequest, value: str) -> Claim:
    algorithm, _, rest = value.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"Authorization header requires {ALGORITHM}, got {algorithm[:64]!r}")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, _, content = part.strip().partition("=")
        if name not in _PARTS or name in parts or not content:
            raise _incomplete(f"Authorization header requires each of {', '.join(_PARTS)} once, got {name[:64]!r}")
        parts[name] = content
    for name in _PARTS:
        if name not in parts:
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    access_key_id, scope = _credential(parts["Credential"])
    tokens = request.all("x-amz-security-token")
    if len(tokens) > 1:
        raise _incomplete("expected one X-Amz-Security-Token header, got several")
    return Claim(
        access_key_id,
        scope,
        _signed_header_names(parts["SignedHeaders"]),
        _signature(parts["Signature"]),
        tokens[0] if tokens else None,
        _header_timestamp(request),
        content_sha256=_content_sha256(request),
    )


def _claim_of_query(request: WireRequest, pairs: QueryPairs) -> Claim:
    values: dict[bytes, str] = {}
    for name, value in pairs:
        if name in _QUERY_PARAMETERS:
            if name in values:
                raise _incomplete(f"expected '{name.decode()}' once in the query, got it twice")
            values[name] = value.decode("latin-1")
    for required in _QUERY_PARAMETERS - {b"X-Amz-Security-Token", b"X-Amz-Content-Sha256"}:
        if required not in values:
            raise _incomplete(f"AWS query-string parameters must include '{required.decode()}'.")
    if values[b"X-Amz-Algorithm"] != ALGORITHM:
        raise _incomplete(f"X-Amz-Algorithm requires {ALGORITHM}, got {values[b'X-Amz-Algorithm'][:64]!r}")
    expires = values[b"X-Amz-Expires"]
    if not _EXPIRES.fullmatch(expires) or not 1 <= int(expires) <= MAX_EXPIRES_S:
        raise _incomplete(f"X-Amz-Expires must be 1 to {MAX_EXPIRES_S} seconds, got {expires[:32]!r}")
    access_key_id, scope = _credential(values[b"X-Amz-Credential"])
    return Claim(
        access_key_id,
        scope,
        _signed_header_names(values[b"X-Amz-SignedHeaders"]),
        _signature(values[_SIGNATURE]),
        values.get(b"X-Amz-Security-Token"),
        _timestamp(values[b"X-Amz-Date"]),
        presigned=True,
        expires_s=int(expires),
        content_sha256=_content_sha256(request) or values.get(b"X-Amz-Content-Sha256"),
    )


def _content_sha256(request: WireRequest) -> str | None:
    declared = request.all("x-amz-content-sha256")
    if len(declared) > 1:
        raise _incomplete("expected one X-Amz-Content-Sha256 header, got several")
    return declared[0].strip() if declared else None


def _credential(value: str) -> tuple[str, Scope]:
    parts = value.split("/")
    if len(parts) != 5 or not all(parts) or not _DATE.fullmatch(parts[1]) or parts[4] != "aws4_request":
        raise _incomplete("Credential must have the form <access-key-id>/<date>/<region>/<service>/aws4_request")
    return parts[0], Scope(parts[1], parts[2], parts[3])


def _signed_header_names(value: str) -> tuple[str, ...]:
    names = tuple(value.split(";"))
    if not all(map(_HEADER_NAME.fullmatch, names)) or list(names) != sorted(set(names)):
        raise _incomplete("SignedHeaders must be different lower-case header names in order, parted by ';'")
    return names


def _signature(value: str) -> str:
    if not _HEX_DIGEST.fullmatch(value):
        raise _incomplete("Signature must be 64 hexadecimal digits in lower case")
    return value


def _header_timestamp(request: WireRequest) -> str:
    stamps = request.all("x-amz-date")
    if len(stamps) > 1:
        raise _incomplete("expected one X-Amz-Date header, got several")
    if stamps:
        return _timestamp(stamps[0].strip())
    dates = request.all("date")
    if len(dates) != 1:
        raise _incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if _STAMP.fullmatch(dates[0].strip()):
        return _timestamp(dates[0].strip())
    try:
        moment = parsedate_to_datetime(dates[0])
        return _timestamp((moment.astimezone(UTC) if moment.tzinfo else moment).strftime(_TIMESTAMP))
    except (ValueError, OverflowError):
        raise _incomplete(f"Date must be in HTTP's or in ISO 8601 basic form, got {dates[0][:64]!r}") from None


def _timestamp(value: str) -> str:
    if not _STAMP.fullmatch(value) or not _is_date(value):
        message = (
            f"Date must be in ISO-8601 'basic format'. Got {value[:64]!r}. See http://en.wikipedia.org/wiki/ISO_8601"
        )
        raise _incomplete(message)
    return value


def _is_date(stamp: str) -> bool:
    try:
        _moment(stamp)
    except ValueError:
        return False
    return True


def _moment(stamp: str) -> datetime:
    """Read a timestamp of the right form; many times faster than strptime, and it is read twice a request."""
    year, month, day = int(stamp[:4]), int(stamp[4:6]), int(stamp[6:8])
    return datetime(year, month, day, int(stamp[9:11]), int(stamp[11:13]), int(stamp[13:15]), tzinfo=UTC)


def _check_scope(claim: Claim, service: Service, region: str) -> None:
    if claim.scope.date != claim.timestamp[:8]:
        message = (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"{claim.scope.date!r} != {claim.timestamp[:8]!r}"
        )
        raise AccessDeniedError("InvalidSignatureException", message)
    if claim.scope.service != service.name:
        message = f"Credential should be scoped to correct service: {service.name!r}."
        raise AccessDeniedError("InvalidSignatureException", message)
    if claim.scope.region != region:
        message = f"Credential should be scoped to a valid region: {region!r}."
        raise AccessDeniedError("InvalidSignatureException", message, region=region)


def _check_time(claim: Claim, now: datetime) -> None:
    signed_at = claim.signed_at
    if signed_at > now + CLOCK_SKEW:
        later = f"{_stamp(now + CLOCK_SKEW)} ({_stamp(now)} + 5 min.)"
        message = f"Signature not yet current: {claim.timestamp} is still later than {later}"
        raise AccessDeniedError("InvalidSignatureException", message, skewed=True)
    if claim.presigned:
        if now > signed_at + timedelta(seconds=claim.expires_s):
            lived = f"signed at {claim.timestamp} for {claim.expires_s} seconds, now it is {_stamp(now)}"
            message = f"Request has expired: {lived}"
            raise AccessDeniedError("RequestExpired", message)
    elif signed_at < now - CLOCK_SKEW:
        earlier = f"{_stamp(now - CLOCK_SKEW)} ({_stamp(now)} - 5 min.)"
        message = f"Signature expired: {claim.timestamp} is now earlier than {earlier}"
        raise AccessDeniedError("InvalidSignatureException", message, skewed=True)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIMESTAMP)


def _check_signed_headers(request: WireRequest, claim: Claim) -> None:
    signed = set(claim.signed_headers)
    if "host" not in signed:
        raise AccessDeniedError(
            "InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization."
        )
    if len(request.all("host")) != 1:
        raise _incomplete("expected one Host header")
    missing = signed - set(request.names())
    if missing:
        raise _incomplete(f"signed header {min(missing)!r} is not in the request")
    unsigned = {name for name in request.names() if name.startswith("x-amz-")} - signed
    if unsigned:
        message = f"There were headers present in the request which were not signed: {', '.join(sorted(unsigned))}"
        raise AccessDeniedError("InvalidSignatureException", message)


def _payload(claim: Claim, service: Service, body_sha256: str | None) -> tuple[PayloadMode, str]:
    if claim.content_sha256 is not None:
        value = claim.content_sha256
    elif claim.presigned and service.raw_path:
        value = PayloadMode.UNSIGNED.value
    elif body_sha256 is not None and not service.raw_path:
        value = body_sha256
    else:
        raise _incomplete("missing required header for this request: x-amz-content-sha256")
    if _HEX_DIGEST.fullmatch(value):
        return PayloadMode.SIGNED, value
    for mode in service.payloads - {PayloadMode.SIGNED}:
        if value == mode.value:
            return mode, value
    message = f"x-amz-content-sha256 must be the payload's SHA-256 in hexadecimal, got {value[:64]!r}"
    raise AccessDeniedError("InvalidSignatureException", message)


def _find_key(keyring: Keyring, claim: Claim, now: datetime) -> AccessKey:
    key = keyring.find(claim.access_key_id)
    token, expected = claim.token or "", (key.session_token or "") if key else ""
    if key is None or not hmac.compare_digest(token.encode("latin-1"), expected.encode()):
        message = "The security token included in the request is invalid."
        raise AccessDeniedError("UnrecognizedClientException", message)
    if key.expires_at is not None and now >= key.expires_at:
        message = "The security token included in the request is expired"
        raise AccessDeniedError("ExpiredTokenException", message)
    return key


def _signed_target(request: WireRequest, claim: Claim, service: Service) -> tuple[bytes, QueryPairs]:
    path = (request.path or b"/") if service.raw_path else normalize_path(request.path)
    pairs = parse_query(request.query)
    if claim.presigned:
        pairs = tuple(pair for pair in pairs if pair[0] != _SIGNATURE)
    return path, pairs


SERVICES: Final[Mapping[str, Service]] = {service.name: service for service in (SIGNER, S3)}
