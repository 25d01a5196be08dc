"""What a request says about its own signature, in headers or in the query; nothing is believed yet.

Source: AWS Signature Version 4 for API requests (2024), "Create a signed request"; Amazon S3 API Reference,
"Authenticating Requests".
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from iotsign.errors import AccessDeniedError
from iotsign.server.sigv4._canonical import QueryPairs, WireRequest, parse_query
from iotsign.server.sigv4._keys import Scope

ALGORITHM: Final = "AWS4-HMAC-SHA256"
MAX_EXPIRES_S: Final = 604_800
"""The longest life of a presigned URL, in seconds."""
TIMESTAMP: Final = "%Y%m%dT%H%M%SZ"
HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

_DATE: Final = re.compile(r"[0-9]{8}")
_STAMP: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_EXPIRES: Final = re.compile(r"[0-9]{1,6}")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_PARTS: Final = ("Credential", "SignedHeaders", "Signature")
SIGNATURE: Final = b"X-Amz-Signature"
QUERY_PARAMETERS: Final = frozenset(
    {
        b"X-Amz-Algorithm",
        b"X-Amz-Credential",
        b"X-Amz-Date",
        b"X-Amz-Expires",
        b"X-Amz-SignedHeaders",
        b"X-Amz-Security-Token",
        b"X-Amz-Content-Sha256",
        SIGNATURE,
    }
)


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


def read_claim(request: WireRequest) -> Claim:
    """Read what a request says about its signature; nothing is checked but the form.

    Raises:
        AccessDeniedError: It says nothing, says it twice, or not as AWS does.
    """
    pairs = parse_query(request.query)
    credentials = request.all("authorization")
    if credentials and _has_query_signature(pairs):
        raise incomplete("expected one authentication mechanism, got an Authorization header and a presigned query")
    if credentials:
        if len(credentials) != 1:
            raise incomplete("expected one Authorization header, got several")
        return _claim_of_header(request, credentials[0])
    if _has_query_signature(pairs):
        return _claim_of_query(request, pairs)
    raise AccessDeniedError("MissingAuthenticationTokenException", "Missing Authentication Token")


def _has_query_signature(pairs: QueryPairs) -> bool:
    return any(name in {b"X-Amz-Algorithm", b"X-Amz-Credential", SIGNATURE} for name, _ in pairs)


def incomplete(problem: str) -> AccessDeniedError:
    """Refuse a request whose signature is not there wholly."""
    return AccessDeniedError("IncompleteSignature", problem)


def _claim_of_header(request: WireRequest, value: str) -> Claim:
    algorithm, _, rest = value.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise incomplete(f"Authorization header requires {ALGORITHM}, got {algorithm[:64]!r}")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, _, content = part.strip().partition("=")
        if name not in _PARTS or name in parts or not content:
            raise incomplete(f"Authorization header requires each of {', '.join(_PARTS)} once, got {name[:64]!r}")
        parts[name] = content
    for name in _PARTS:
        if name not in parts:
            raise incomplete(f"Authorization header requires '{name}' parameter.")
    access_key_id, scope = _credential(parts["Credential"])
    tokens = request.all("x-amz-security-token")
    if len(tokens) > 1:
        raise incomplete("expected one X-Amz-Security-Token header, got several")
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
        if name in QUERY_PARAMETERS:
            if name in values:
                raise incomplete(f"expected '{name.decode()}' once in the query, got it twice")
            values[name] = value.decode("latin-1")
    for required in QUERY_PARAMETERS - {b"X-Amz-Security-Token", b"X-Amz-Content-Sha256"}:
        if required not in values:
            raise incomplete(f"AWS query-string parameters must include '{required.decode()}'.")
    if values[b"X-Amz-Algorithm"] != ALGORITHM:
        raise incomplete(f"X-Amz-Algorithm requires {ALGORITHM}, got {values[b'X-Amz-Algorithm'][:64]!r}")
    expires = values[b"X-Amz-Expires"]
    if not _EXPIRES.fullmatch(expires) or not 1 <= int(expires) <= MAX_EXPIRES_S:
        raise incomplete(f"X-Amz-Expires must be 1 to {MAX_EXPIRES_S} seconds, got {expires[:32]!r}")
    access_key_id, scope = _credential(values[b"X-Amz-Credential"])
    return Claim(
        access_key_id,
        scope,
        _signed_header_names(values[b"X-Amz-SignedHeaders"]),
        _signature(values[SIGNATURE]),
        values.get(b"X-Amz-Security-Token"),
        _timestamp(values[b"X-Amz-Date"]),
        presigned=True,
        expires_s=int(expires),
        content_sha256=_content_sha256(request) or values.get(b"X-Amz-Content-Sha256"),
    )


def _content_sha256(request: WireRequest) -> str | None:
    declared = request.all("x-amz-content-sha256")
    if len(declared) > 1:
        raise incomplete("expected one X-Amz-Content-Sha256 header, got several")
    return declared[0].strip() if declared else None


def _credential(value: str) -> tuple[str, Scope]:
    parts = value.split("/")
    if len(parts) != 5 or not all(parts) or not _DATE.fullmatch(parts[1]) or parts[4] != "aws4_request":
        raise incomplete("Credential must have the form <access-key-id>/<date>/<region>/<service>/aws4_request")
    return parts[0], Scope(parts[1], parts[2], parts[3])


def _signed_header_names(value: str) -> tuple[str, ...]:
    names = tuple(value.split(";"))
    if not all(map(_HEADER_NAME.fullmatch, names)) or list(names) != sorted(set(names)):
        raise incomplete("SignedHeaders must be different lower-case header names in order, parted by ';'")
    return names


def _signature(value: str) -> str:
    if not HEX_DIGEST.fullmatch(value):
        raise incomplete("Signature must be 64 hexadecimal digits in lower case")
    return value


def _header_timestamp(request: WireRequest) -> str:
    stamps = request.all("x-amz-date")
    if len(stamps) > 1:
        raise incomplete("expected one X-Amz-Date header, got several")
    if stamps:
        return _timestamp(stamps[0].strip())
    dates = request.all("date")
    if len(dates) != 1:
        raise incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if _STAMP.fullmatch(dates[0].strip()):
        return _timestamp(dates[0].strip())
    try:
        moment = parsedate_to_datetime(dates[0])
        return _timestamp((moment.astimezone(UTC) if moment.tzinfo else moment).strftime(TIMESTAMP))
    except (ValueError, OverflowError):
        raise incomplete(f"Date must be in HTTP's or in ISO 8601 basic form, got {dates[0][:64]!r}") from None


def _timestamp(value: str) -> str:
    if not _STAMP.fullmatch(value) or not _is_date(value):
        message = (
            f"Date must be in ISO-8601 'basic format'. Got {value[:64]!r}. See http://en.wikipedia.org/wiki/ISO_8601"
        )
        raise incomplete(message)
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
