"""The one authenticating step that every route passes: signature version 4, in headers or in the query.

A request that is not understood wholly is denied; there is no mode that falls through. Errors carry in `code` the
name of AWS's exception.

Source: AWS Signature Version 4 for API requests (2024); Amazon S3 API Reference, "Authenticating Requests".
"""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
from iotsign.server.sigv4._claim import (
    ALGORITHM,
    HEX_DIGEST,
    QUERY_PARAMETERS,
    SIGNATURE,
    TIMESTAMP,
    Claim,
    incomplete,
    read_claim,
)
from iotsign.server.sigv4._keys import AccessKey, Keyring, sign, signing_key
from iotsign.server.sigv4._services import PayloadMode, Service

CLOCK_SKEW: Final = timedelta(minutes=5)


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
    query = tuple(pair for pair in pairs if not (claim.presigned and pair[0] in QUERY_PARAMETERS))
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
    return moment.astimezone(UTC).strftime(TIMESTAMP)


def _check_signed_headers(request: WireRequest, claim: Claim) -> None:
    signed = set(claim.signed_headers)
    if "host" not in signed:
        raise AccessDeniedError(
            "InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization."
        )
    if len(request.all("host")) != 1:
        raise incomplete("expected one Host header")
    missing = signed - set(request.names())
    if missing:
        raise incomplete(f"signed header {min(missing)!r} is not in the request")
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
        raise incomplete("missing required header for this request: x-amz-content-sha256")
    if HEX_DIGEST.fullmatch(value):
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
        pairs = tuple(pair for pair in pairs if pair[0] != SIGNATURE)
    return path, pairs
