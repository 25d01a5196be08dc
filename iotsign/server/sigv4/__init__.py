"""AWS Signature Version 4: who sent a request, and that nobody changed it on the way."""

from iotsign.server.sigv4._authenticate import CLOCK_SKEW, Authenticated, authenticate, check_body
from iotsign.server.sigv4._canonical import QueryPairs, WireRequest
from iotsign.server.sigv4._chunks import ChunkReader
from iotsign.server.sigv4._claim import MAX_EXPIRES_S, Claim, read_claim
from iotsign.server.sigv4._keys import AccessKey, Keyring, Scope
from iotsign.server.sigv4._services import S3, SERVICES, SIGNER, PayloadMode, Service

__all__ = [
    "CLOCK_SKEW",
    "MAX_EXPIRES_S",
    "S3",
    "SERVICES",
    "SIGNER",
    "AccessKey",
    "Authenticated",
    "ChunkReader",
    "Claim",
    "Keyring",
    "PayloadMode",
    "QueryPairs",
    "Scope",
    "Service",
    "WireRequest",
    "authenticate",
    "check_body",
    "read_claim",
]
