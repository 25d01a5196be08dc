"""The FreeRTOS image descriptor, ``@AFRTOS``, of the boot loaders that FreeRTOS ships for several vendors.

Little-endian, 288 bytes at the start of a slot: magic[7] ``@AFRTOS``, u8 flags, u32 sequence number, u32 start address,
u32 end address, u32 execution address, u32 hardware id, u32 signature size, signature[256]. The signature is over the
application, descriptor excluded. OTA files of the PIC32MZ port carry only the 24 bytes from the sequence number on.

Source: amazon-freertos, Nordic port, bootloader.h (ImageDescriptor_t, ImageFlags_t).
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from iotsign.errors import MalformedImageError

_DESCRIPTOR: Final = struct.Struct("<7sBIIIIII256s")
assert _DESCRIPTOR.size == 288
DESCRIPTOR_SIZE: Final = _DESCRIPTOR.size
MAGIC: Final = b"@AFRTOS"


class ImageFlags(IntEnum):
    """State of the image; bits are only ever cleared, so that flash need not be erased."""

    NEW = 0xFF
    COMMIT_PENDING = 0xFE
    VALID = 0xFC
    INVALID = 0xF8


@dataclass(frozen=True, slots=True)
class ImageDescriptor:
    """One descriptor.

    Attributes:
        flags: State of the image.
        sequence: Grows with each update; the boot loader prefers the higher one.
        start: Address of the image's first byte.
        end: Address behind the image's last byte.
        execution: Address to start at.
        hardware_id: Which boards the image is for.
        signature: 0 to 256 bytes.
    """

    flags: ImageFlags
    sequence: int
    start: int
    end: int
    execution: int
    hardware_id: int
    signature: bytes

    def to_bytes(self) -> bytes:
        """The 288 bytes; the signature is padded with zeros."""
        size = len(self.signature)
        fields = (self.sequence, self.start, self.end, self.execution, self.hardware_id, size)
        return _DESCRIPTOR.pack(MAGIC, self.flags, *fields, self.signature)


def read_descriptor(data: bytes) -> ImageDescriptor:
    """Parse the descriptor at the start of `data`.

    Raises:
        MalformedImageError: Truncated, wrong magic, unknown flags, a signature size over 256, neither 00 nor ff
            behind the signature, an end before the start.
    """
    if len(data) < _DESCRIPTOR.size:
        message = f"expected a descriptor of {_DESCRIPTOR.size} bytes at offset 0, the data end at {len(data)}"
        raise MalformedImageError("TruncatedImage", message, offset=len(data), size=len(data))
    magic, flags, sequence, start, end, execution, hardware_id, size, signature = _DESCRIPTOR.unpack_from(data)
    if magic != MAGIC:
        raise MalformedImageError("WrongMagic", f"expected magic {MAGIC!r}, got {magic!r} at offset 0", offset=0)
    if flags not in set(ImageFlags):
        raise MalformedImageError(
            "UnknownFlags", f"expected flags ff, fe, fc or f8, got {flags:02x} at offset 7", offset=7
        )
    if size > len(signature):
        message = f"signature size {size} at offset 28 exceeds {len(signature)} bytes"
        raise MalformedImageError("SignatureTooLong", message, offset=28)
    padding = signature[size:]
    if padding.strip(b"\0") and padding.strip(b"\xff"):
        message = f"expected {len(padding)} bytes of 00 or ff behind the signature at offset {32 + size}"
        raise MalformedImageError("SignaturePadding", message, offset=32 + size)
    if end < start:
        raise MalformedImageError(
            "AddressOrder", f"end 0x{end:08x} at offset 16 lies before start 0x{start:08x}", offset=16
        )
    return ImageDescriptor(ImageFlags(flags), sequence, start, end, execution, hardware_id, signature[:size])
