"""Access keys, and the signing keys derived from them."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One access key.

    Attributes:
        access_key_id: Its public half.
        secret: Its secret half; it appears in no ``repr``, message or log.
        account: The account, 12 digits.
        arn: Who signs with it: an IAM user, or the session of a role.
        role: The ARN of the role, if it belongs to one.
        session_token: What a request must carry beside the signature, if anything.
        expires_at: When it ends, if it does; with a time zone.
        allow: The actions that its owner may call, such as ``signer:StartSigningJob``, ``signer:List*`` or ``*``.
    """

    access_key_id: str
    secret: str = field(repr=False)
    account: str
    arn: str
    role: str | None = None
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    allow: tuple[str, ...] = ("*",)


class Keyring(Protocol):
    """Where access keys are looked up."""

    def find(self, access_key_id: str) -> AccessKey | None:
        """Give the key of that id, or None."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for.

    Attributes:
        date: Eight digits, year first.
        region: The region's name.
        service: ``signer`` or ``s3``.
    """

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@lru_cache(maxsize=1024)
def signing_key(secret: str, scope: Scope) -> bytes:
    """Derive the key that signs within a scope, 32 bytes.

    Source: AWS Signature Version 4, "Derive a signing key".
    """
    key = ("AWS4" + secret).encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key


def sign(key: bytes, text: str) -> str:
    """Sign a string: HMAC-SHA256 in hex."""
    return hmac.digest(key, text.encode("latin-1"), hashlib.sha256).hex()
