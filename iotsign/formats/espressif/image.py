"""Espressif application and boot loader images.

Little-endian. 24-byte header: u8 magic 0xE9, u8 segment count, u8 SPI mode, u8 flash frequency (low nibble) and size
(high nibble), u32 entry, u8 WP pin, 3 drive settings, u16 chip id, u8 minimum revision (old), u16 minimum and maximum
revision (major × 100 + minor), 4 reserved, u8 hash_appended. Then the segments: u32 load address, u32 length, data. The
checksum, the XOR of all segment data seeded with 0xEF, is the last byte of a 16-byte line; if hash_appended, the
SHA-256 of everything before follows. An application's description (esp_app_desc_t, 256 bytes) is the start of the first
segment's data, at offset 0x20.

Source: ESP-IDF, esp_app_format.h and esp_app_desc.h; esptool documentation, Firmware Image Format.
"""

import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO, Final

from iotsign.errors import DigestMismatchError, MalformedImageError

_HEADER: Final = struct.Struct("<BBBBIB3sHBHH4sB")
assert _HEADER.size == 24
_SEGMENT: Final = struct.Struct("<II")
_APP_DESCRIPTION: Final = struct.Struct("<II8s32s32s16s16s32s32s80s")
assert _APP_DESCRIPTION.size == 256

IMAGE_MAGIC: Final = 0xE9
_APP_MAGIC: Final = 0xABCD5432
CHECKSUM_SEED: Final = 0xEF
_MAX_SEGMENTS: Final = 16


class ChipId(IntEnum):
    """esp_chip_id_t."""

    ESP32 = 0
    ESP32_S2 = 2
    ESP32_C3 = 5
    ESP32_S3 = 9
    ESP32_C2 = 12
    ESP32_C6 = 13
    ESP32_H2 = 16
    ESP32_P4 = 18
    ESP32_C61 = 20
    ESP32_C5 = 23

    @property
    def display_name(self) -> str:
        """The chip's name as Espressif writes it, for example ``ESP32-C3``."""
        return self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: load address, offset of its data in the file, and length in bytes."""

    address: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class AppDescription:
    """esp_app_desc_t: what the application says of itself; `elf_sha256` is the SHA-256 of its ELF file."""

    secure_version: int
    version: str
    project: str
    time: str
    date: str
    idf_version: str
    elf_sha256: bytes


@dataclass(frozen=True, slots=True)
class EspressifImage:
    """A parsed image.

    Attributes:
        chip: The chip that the image is for; None for an id that is not listed.
        chip_id: The number itself.
        entry: Address of the entry point.
        segments: In file order.
        checksum: Exclusive or of all segment data and 0xEF, as the image states it.
        sha256: The appended hash, or None.
        app: The application description, or None (a boot loader has none).
        size: Bytes of the image, appended hash included; what follows is padding or signatures.
    """

    chip: ChipId | None
    chip_id: int
    minimum_revision: int
    maximum_revision: int
    entry: int
    segments: tuple[Segment, ...]
    checksum: int
    sha256: bytes | None
    app: AppDescription | None
    size: int


def read_image(file: BinaryIO) -> EspressifImage:
    """Read an image at the start of a seekable file; its segments' data are not looked at, so nothing is verified.

    Raises:
        MalformedImageError: Wrong magic, segments that leave the file.
    """
    end = file.seek(0, os.SEEK_END)
    raw = _read(file, 0, _HEADER.size, end, "header")
    magic, count, _, _, entry, _, _, chip_id, _, minimum, maximum, _, hash_appended = _HEADER.unpack(raw)
    if magic != IMAGE_MAGIC:
        raise MalformedImageError("WrongMagic", f"expected magic 0xe9, got 0x{magic:02x} at offset 0", offset=0)
    if not 0 < count <= _MAX_SEGMENTS:
        raise MalformedImageError(
            "SegmentCount", f"expected 1 to {_MAX_SEGMENTS} segments, got {count} at offset 1", offset=1
        )
    if hash_appended not in (0, 1):
        raise MalformedImageError("HashFlag", f"hash_appended is 0 or 1, got {hash_appended} at offset 23", offset=23)
    segments = []
    offset = _HEADER.size
    for number in range(count):
        address, length = _SEGMENT.unpack(_read(file, offset, _SEGMENT.size, end, f"header of segment {number}"))
        offset += _SEGMENT.size
        if offset + length > end:
            message = f"segment {number} has {length} bytes at offset {offset}, the file ends at {end}"
            raise MalformedImageError("TruncatedImage", message, offset=offset)
        segments.append(Segment(address, offset, length))
        offset += length
    position = offset | 15  # the checksum ends a 16-byte line
    checksum = _read(file, position, 1, end, "checksum")[0]
    size, sha256 = position + 1, None
    if hash_appended:
        sha256 = _read(file, size, 32, end, "appended SHA-256")
        size += 32
    chip = ChipId(chip_id) if chip_id in set(ChipId) else None
    app = _app_description(file, segments[0])
    return EspressifImage(chip, chip_id, minimum, maximum, entry, tuple(segments), checksum, sha256, app, size)


def checksum_mismatch(image: EspressifImage, computed: int) -> MalformedImageError:
    """The error of an image whose checksum is another."""
    offset = image.size - 1 - len(image.sha256 or b"")
    message = f"expected checksum 0x{computed:02x}, got 0x{image.checksum:02x} at offset {offset}"
    return MalformedImageError("ChecksumMismatch", message, offset=offset)


def appended_hash_mismatch(image: EspressifImage, computed: bytes) -> DigestMismatchError:
    """The error of an image whose appended SHA-256 is another."""
    offset = image.size - len(computed)
    stated = image.sha256.hex() if image.sha256 is not None else "none"
    message = f"appended SHA-256 at offset {offset} is {stated}, the image has {computed.hex()}"
    return DigestMismatchError("AppendedHashMismatch", message, offset=offset)


def looks_like_image(head: bytes) -> bool:
    """Tell whether a file may be an image, by its first 24 bytes."""
    if len(head) < _HEADER.size or head[0] != IMAGE_MAGIC:
        return False
    return 0 < head[1] <= _MAX_SEGMENTS and head[_HEADER.size - 1] in (0, 1)


def _read(file: BinaryIO, offset: int, length: int, end: int, what: str) -> bytes:
    if offset + length > end:
        message = f"expected {length} bytes of {what} at offset {offset}, the file ends at {end}"
        raise MalformedImageError("TruncatedImage", message, offset=offset)
    file.seek(offset)
    return file.read(length)


def _app_description(file: BinaryIO, first: Segment) -> AppDescription | None:
    if first.length < _APP_DESCRIPTION.size:
        return None
    file.seek(first.offset)
    magic, secure_version, _, version, project, time, date, idf, elf, _ = _APP_DESCRIPTION.unpack(
        file.read(_APP_DESCRIPTION.size)
    )
    if magic != _APP_MAGIC:
        return None
    return AppDescription(
        secure_version, _text(version), _text(project), _text(time), _text(date), _text(idf), elf_sha256=elf
    )


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode(errors="replace")
