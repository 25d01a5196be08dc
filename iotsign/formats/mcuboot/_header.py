"""The image header: 32 bytes, little-endian, at the start of the image.

Source: MCUboot bootutil/image.h, struct image_header and IMAGE_F_*.
"""

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import Final, Self

from iotsign.errors import MalformedImageError
from iotsign.formats.mcuboot._version import VERSION, ImageVersion

IMAGE_MAGIC: Final = 0x96F3B83D
AES_BLOCK: Final = 16
MAX_HEADER_SIZE: Final = 0xFFFF
MAX_PROTECTED_SIZE: Final = 0xFFFF
MAX_PAYLOAD_SIZE: Final = 0xFFFFFFFF

# magic, load_addr, hdr_size, protected_tlv_size, img_size, flags, version, pad
HEADER: Final = struct.Struct("<IIHHII8sI")
assert HEADER.size == 32
assert VERSION.size == 8


class ImageFlag(IntFlag):
    """What the header says about the payload."""

    PIC = 0x1
    ENCRYPTED_AES128 = 0x4
    ENCRYPTED_AES256 = 0x8
    NON_BOOTABLE = 0x10
    RAM_LOAD = 0x20
    ROM_FIXED = 0x100
    COMPRESSED_LZMA1 = 0x200
    COMPRESSED_LZMA2 = 0x400
    COMPRESSED_ARM_THUMB = 0x800


ENCRYPTION_FLAGS: Final = ImageFlag.ENCRYPTED_AES128 | ImageFlag.ENCRYPTED_AES256
COMPRESSION_FLAGS: Final = ImageFlag.COMPRESSED_LZMA1 | ImageFlag.COMPRESSED_LZMA2 | ImageFlag.COMPRESSED_ARM_THUMB


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The header's fields.

    Attributes:
        load_addr: Address to load to (RAM_LOAD) or built for (ROM_FIXED); else 0.
        hdr_size: Bytes before the payload, at least 32.
        protected_tlv_size: Bytes of the protected TLV area with its 4-byte info; 0 without one.
        img_size: Bytes of payload as stored, that is compressed and encrypted.
        flags: `ImageFlag` bits; unknown bits are kept.
        version: The image's version.
        pad: The last word, 0 in all images that tools write; it is hashed like the rest.
    """

    load_addr: int
    hdr_size: int
    protected_tlv_size: int
    img_size: int
    flags: int
    version: ImageVersion
    pad: int = 0

    def to_bytes(self) -> bytes:
        """Write 32 bytes."""
        return HEADER.pack(
            IMAGE_MAGIC,
            self.load_addr,
            self.hdr_size,
            self.protected_tlv_size,
            self.img_size,
            self.flags,
            self.version.to_bytes(),
            self.pad,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read 32 bytes.

        Raises:
            MalformedImageError: Fewer than 32 bytes, another magic, or a header size under 32.
        """
        if len(data) < HEADER.size:
            message = f"expected a {HEADER.size}-byte image header at offset 0, got {len(data)} bytes"
            raise MalformedImageError("Truncated", message, offset=0, size=len(data))
        magic, load_addr, hdr_size, protected, img_size, flags, version, pad = HEADER.unpack(data[: HEADER.size])
        if magic != IMAGE_MAGIC:
            message = f"expected magic {IMAGE_MAGIC:#010x}, got {magic:#010x} at offset 0"
            raise MalformedImageError("BadMagic", message, offset=0)
        if hdr_size < HEADER.size:
            message = f"expected a header size of at least {HEADER.size}, got {hdr_size} at offset 8"
            raise MalformedImageError("BadHeaderSize", message, offset=8)
        return cls(load_addr, hdr_size, protected, img_size, flags, ImageVersion.from_bytes(version), pad)

    @property
    def encrypted(self) -> bool:
        """Whether the payload is meant to be encrypted while it travels (`clear` images are not)."""
        return bool(self.flags & ENCRYPTION_FLAGS)

    @property
    def compressed(self) -> bool:
        """Whether the payload is compressed."""
        return bool(self.flags & COMPRESSION_FLAGS)

    @property
    def content_key_size(self) -> int:
        """Bytes of the AES key that encrypts the payload."""
        return 32 if self.flags & ImageFlag.ENCRYPTED_AES256 else 16

    @property
    def flag_names(self) -> list[str]:
        """Names of the bits set; an unknown bit shows as its value."""
        known = [flag.name or "" for flag in ImageFlag if self.flags & flag]
        unknown = self.flags & ~sum(ImageFlag)
        return known + ([f"{unknown:#x}"] if unknown else [])
