"""The checksums that S3's clients send."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

from iotsign.errors import ValidationError

PREFIX: Final = "x-amz-checksum-"


class Checksum(Protocol):
    """Computes a checksum of what it is given."""

    def update(self, data: bytes) -> None:
        """Take more."""

    def digest(self) -> bytes:
        """Give the checksum, big-endian."""


class _Crc:
    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function, self._size, self._value = function, size, 0

    def update(self, data: bytes) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size)


def _from_awscrt(name: str) -> Callable[[bytes, int], int]:
    try:
        from awscrt import checksums
    except ImportError:
        message = f"checksums {PREFIX}{name} need awscrt on the server (install iotsign[server])"
        raise ValidationError("NotImplemented", message) from None
    found: Callable[[bytes, int], int] = getattr(checksums, name)
    return found


_MAKERS: Final[dict[str, Callable[[], Any]]] = {
    "crc32": lambda: _Crc(zlib.crc32, 4),
    "crc32c": lambda: _Crc(_from_awscrt("crc32c"), 4),
    "crc64nvme": lambda: _Crc(_from_awscrt("crc64nvme"), 8),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
NAMES: Final = frozenset(PREFIX + name for name in _MAKERS)
"""The headers, or trailers, that hold a checksum."""


def new_checksum(header: str) -> Checksum:
    """Begin a checksum.

    Args:
        header: One of `NAMES`.

    Raises:
        ValidationError: This server cannot compute it.
    """
    made: Checksum = _MAKERS[header.removeprefix(PREFIX)]()
    return made


def encoded(checksum: Checksum) -> str:
    """Write a checksum as the header's value."""
    return base64.b64encode(checksum.digest()).decode()
