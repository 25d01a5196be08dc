"""How each service signs, and how a body is bound to a signature.

Source: AWS Signature Version 4 for API requests (2024); Amazon S3 API Reference, "Authenticating Requests".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


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


SERVICES: Final[Mapping[str, Service]] = {service.name: service for service in (SIGNER, S3)}
