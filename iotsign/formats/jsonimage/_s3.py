"""Where the payload of a detached signature lives."""

import re
from dataclasses import dataclass
from typing import Final

from iotsign.errors import ConfigError

# Source: Amazon S3 User Guide, "General purpose bucket naming rules" and "Naming Amazon S3 objects"
_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_MAX_KEY_SIZE: Final = 1024  # bytes of UTF-8; a version id has the same limit
_CONTROL: Final = "[\x00-\x1f\x7f-\x9f]"
_SURROGATE: Final = "[\ud800-\udfff]"


@dataclass(frozen=True, slots=True)
class S3Location:
    """One version of one object.

    Attributes:
        bucket: Bucket name; empty where the payload was a local file.
        key: Object key, or the local file's name.
        version: Object version, ``null`` in a bucket without versions; empty where the payload was a local file.
    """

    bucket: str
    key: str
    version: str

    def __post_init__(self) -> None:
        for name in (self.bucket, self.key, self.version):
            if re.search(_SURROGATE, name):
                raise _bad("expected names that UTF-8 can encode", name)

    @classmethod
    def local(cls, name: str) -> "S3Location":
        """Stand in for S3 where the payload was a local file: no bucket, no version."""
        return cls("", re.sub(_SURROGATE, "\N{REPLACEMENT CHARACTER}", name), "")

    @classmethod
    def parse(cls, text: str) -> "S3Location":
        """Read ``BUCKET/KEY@VERSION``; the key may contain ``/`` and ``@``.

        Raises:
            ConfigError: A part is missing or is not a name that S3 takes.
        """
        bucket, slash, rest = text.partition("/")
        key, at, version = rest.rpartition("@")
        if not slash or not at:
            raise _bad("expected BUCKET/KEY@VERSION", text)
        if not re.fullmatch(_BUCKET, bucket) or ".." in bucket:
            raise _bad("expected a bucket name of 3 to 63 of a-z, 0-9, dot and hyphen", bucket)
        for what, name in (("key", key), ("version", version)):
            if not name or len(name.encode("utf-8", "surrogatepass")) > _MAX_KEY_SIZE or re.search(_CONTROL, name):
                raise _bad(f"expected a {what} of 1 to {_MAX_KEY_SIZE} bytes without control characters", name)
        if {".", ".."} & set(key.split("/")):
            raise _bad("expected a key without the path segments . and ..", key)
        return cls(bucket, key, version)


def _bad(expected: str, got: str) -> ConfigError:
    return ConfigError("BadS3Location", f"{expected}, got {got!r} in the S3 location", got=got)
