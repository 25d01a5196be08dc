"""Versions as the image header holds them."""

import re
import struct
from dataclasses import dataclass
from typing import Final, Self

from iotsign.errors import ConfigError

# Source: MCUboot bootutil/image.h, struct image_version
VERSION: Final = struct.Struct("<BBHI")
assert VERSION.size == 8

_NUMBER: Final = "(0|[1-9][0-9]*)"
_PATTERN: Final = rf"{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?:\+{_NUMBER})?)?)?"
_LIMITS: Final = (0xFF, 0xFF, 0xFFFF, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True, order=True)
class ImageVersion:
    """A version, 8 bytes little-endian; versions compare field by field in this order.

    Attributes:
        major: 8 bits.
        minor: 8 bits.
        revision: 16 bits.
        build: 32 bits.

    Raises:
        ConfigError: A number does not fit its field.
    """

    major: int = 0
    minor: int = 0
    revision: int = 0
    build: int = 0

    def __post_init__(self) -> None:
        numbers = (self.major, self.minor, self.revision, self.build)
        for number, limit in zip(numbers, _LIMITS, strict=True):
            if not 0 <= number <= limit:
                message = f"expected version numbers up to 255.255.65535+4294967295, got {self}"
                raise ConfigError("VersionOutOfRange", message, version=str(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``major[.minor[.revision[+build]]]``.

        Raises:
            ConfigError: Another form, a leading zero, or a number that does not fit its field.
        """
        match = re.fullmatch(_PATTERN, text)
        if match is None:
            message = f"expected a version such as 1.2.3+4, got {text!r}"
            raise ConfigError("VersionMalformed", message, version=text)
        if any(len(group or "") > 10 for group in match.groups()):
            raise ConfigError("VersionOutOfRange", "expected version numbers of at most 10 digits", version=text[:80])
        return cls(*(int(group or 0) for group in match.groups()))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read 8 bytes."""
        return cls(*VERSION.unpack(data))

    def to_bytes(self) -> bytes:
        """Write 8 bytes."""
        return VERSION.pack(self.major, self.minor, self.revision, self.build)

    @property
    def security_counter(self) -> int:
        """The counter that ``auto`` derives from a version; the build number takes no part."""
        return (self.major << 24) + (self.minor << 16) + self.revision

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.revision}+{self.build}"
