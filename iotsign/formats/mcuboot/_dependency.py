"""Dependencies between images: 12 bytes each, little-endian.

Source: MCUboot bootutil/image.h, struct image_dependency.
"""

import struct
from dataclasses import dataclass
from typing import Final

from iotsign.formats.mcuboot._version import VERSION, ImageVersion

DEPENDENCY: Final = struct.Struct("<B3x8s")
assert DEPENDENCY.size == 12
assert VERSION.size == 8


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another image that must be there, at this version or later.

    Attributes:
        image: Index of the image, 8 bits.
        version: The least version.
    """

    image: int
    version: ImageVersion

    def to_bytes(self) -> bytes:
        """Write 12 bytes."""
        return DEPENDENCY.pack(self.image, self.version.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Dependency":
        """Read 12 bytes."""
        image, version = DEPENDENCY.unpack(data)
        return cls(image, ImageVersion.from_bytes(version))
