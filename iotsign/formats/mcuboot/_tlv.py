"""Type-length-value records behind the payload: a protected area, which is hashed, and an unprotected one.

Source: MCUboot bootutil/image.h, struct image_tlv_info, struct image_tlv and IMAGE_TLV_*. All little-endian; the type
is 16 bits wide.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from iotsign.errors import ImageTooLargeError, MalformedImageError

INFO_MAGIC: Final = 0x6907
PROTECTED_INFO_MAGIC: Final = 0x6908
MAX_AREA_SIZE: Final = 0xFFFF

TLV_INFO: Final = struct.Struct("<HH")  # magic, total size with this info
TLV_HEAD: Final = struct.Struct("<HH")  # type, length of the data
assert TLV_INFO.size == TLV_HEAD.size == 4


class TlvType(IntEnum):
    """The record types that MCUboot defines."""

    KEYHASH = 0x01
    PUBKEY = 0x02
    SHA256 = 0x10
    SHA384 = 0x11
    SHA512 = 0x12
    RSA2048 = 0x20
    ECDSASIG = 0x22
    RSA3072 = 0x23
    ED25519 = 0x24
    SIG_PURE = 0x25
    ENCRSA2048 = 0x30
    ENCKW = 0x31
    ENCEC256 = 0x32
    ENCX25519 = 0x33
    ENCX25519_SHA512 = 0x34
    DEPENDENCY = 0x40
    SEC_CNT = 0x50
    BOOT_RECORD = 0x60
    DECOMP_SIZE = 0x70
    DECOMP_SHA = 0x71
    DECOMP_SIGNATURE = 0x72
    COMP_DEC_SIZE = 0x73
    UUID_VID = 0x74
    UUID_CID = 0x75


class PublicKeyFormat(StrEnum):
    """How an image names its key."""

    HASH = "hash"
    FULL = "full"


SIGNATURE_TYPES: Final = frozenset({TlvType.RSA2048, TlvType.ECDSASIG, TlvType.RSA3072, TlvType.ED25519})
HASH_TYPES: Final = frozenset({TlvType.SHA256, TlvType.SHA384, TlvType.SHA512})
ENCRYPTION_TYPES: Final = frozenset(
    {TlvType.ENCRSA2048, TlvType.ENCKW, TlvType.ENCEC256, TlvType.ENCX25519, TlvType.ENCX25519_SHA512}
)
UNPROTECTED_TYPES: Final = (
    SIGNATURE_TYPES | HASH_TYPES | ENCRYPTION_TYPES | {TlvType.KEYHASH, TlvType.PUBKEY, TlvType.SIG_PURE}
)
"""What may stand in the unprotected area: the boot loader's own allow list. All else must be hashed."""

COMPRESSION_TYPES: Final = frozenset(
    {TlvType.DECOMP_SIZE, TlvType.DECOMP_SHA, TlvType.DECOMP_SIGNATURE, TlvType.COMP_DEC_SIZE}
)
SINGLE_TYPES: Final = (
    HASH_TYPES
    | ENCRYPTION_TYPES
    | COMPRESSION_TYPES
    | {
        TlvType.SIG_PURE,
        TlvType.SEC_CNT,
        TlvType.BOOT_RECORD,
        TlvType.UUID_VID,
        TlvType.UUID_CID,
    }
)
"""What an image may carry only once, so that two readers cannot pick different ones."""

_LEGACY_NAMES: Final = {0x80: "UUID_VID", 0x81: "UUID_CID"}  # types that MCUboot's design.md gives these two


@dataclass(frozen=True, slots=True)
class Tlv:
    """One record.

    Attributes:
        type: 16 bits; a `TlvType` or a vendor's.
        data: The value.
        offset: Where its 4-byte head starts in the file; -1 for a record that is not in a file yet.
    """

    type: int
    data: bytes
    offset: int = -1

    @property
    def type_name(self) -> str:
        """MCUboot's name of the type, or UNKNOWN."""
        try:
            return TlvType(self.type).name
        except ValueError:
            return _LEGACY_NAMES.get(self.type, "UNKNOWN")

    def to_bytes(self) -> bytes:
        """Write head and data."""
        return TLV_HEAD.pack(self.type, len(self.data)) + self.data


def is_vendor_type(number: int) -> bool:
    """Whether a type is reserved for vendors: 0xXXA0 to 0xXXFF, without 0xFFFF."""
    return 0 <= number < 0xFFFF and number & 0xFF >= 0xA0


def pack_area(tlvs: Iterable[Tlv], magic: int) -> bytes:
    """Write one TLV area with its info.

    Raises:
        ImageTooLargeError: A record or the area exceeds 65535 bytes.
    """
    records = list(tlvs)
    total = TLV_INFO.size + sum(TLV_HEAD.size + len(tlv.data) for tlv in records)
    if total > MAX_AREA_SIZE:
        message = f"expected TLVs of at most {MAX_AREA_SIZE} bytes with their headers, got {total}"
        raise ImageTooLargeError("TlvAreaTooLarge", message, size=total)
    return TLV_INFO.pack(magic, total) + b"".join(tlv.to_bytes() for tlv in records)


def unpack_area(area: bytes, magic: int, offset: int) -> tuple[Tlv, ...]:
    """Read one TLV area.

    Args:
        area: Exactly the area's bytes, info included.
        magic: Which info magic is expected.
        offset: Where the area starts in the file, for messages.

    Raises:
        MalformedImageError: Another magic, a total that differs from the area's size, or records that do not fill it.
    """
    found, total = TLV_INFO.unpack_from(area)
    if found != magic:
        message = f"expected TLV info magic {magic:#06x}, got {found:#06x} at offset {offset:#x}"
        raise MalformedImageError("BadTlvInfoMagic", message, offset=offset)
    if total != len(area):
        message = f"expected a TLV area of {len(area)} bytes, got {total} at offset {offset + 2:#x}"
        raise MalformedImageError("BadTlvAreaSize", message, offset=offset + 2)
    tlvs = []
    position = TLV_INFO.size
    while position < total:
        if total - position < TLV_HEAD.size:
            message = f"expected a TLV head of 4 bytes, got {total - position} at offset {offset + position:#x}"
            raise MalformedImageError("TruncatedTlv", message, offset=offset + position)
        type_, length = TLV_HEAD.unpack_from(area, position)
        start = position + TLV_HEAD.size
        if length > total - start:
            message = (
                f"expected at most {total - start} bytes left in the TLV area, got a length of {length} "
                f"at offset {offset + position + 2:#x}"
            )
            raise MalformedImageError("TruncatedTlv", message, offset=offset + position + 2)
        tlvs.append(Tlv(type_, area[start : start + length], offset + position))
        position = start + length
    return tuple(tlvs)
