"""UF2, the format that USB boot loaders take.

Source: Microsoft, USB Flashing Format (UF2) specification, https://github.com/microsoft/uf2: file format, flags,
file containers, MD5 checksum.
"""

import struct
from dataclasses import dataclass
from typing import IO, Final

from iotsign.errors import MalformedImageError, UnsupportedFormatError
from iotsign.formats.firmware._image import Segment, too_large

# magic 0, magic 1, flags, target address, payload size, block number, blocks, family id, data, magic at the end
_BLOCK: Final = struct.Struct("<8I476sI")
assert _BLOCK.size == 512
_MAGICS: Final = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_DATA_OFFSET: Final = 32
_MD5_SIZE: Final = 24  # start, length, checksum, at the end of the data field

_NOT_MAIN_FLASH: Final = 0x0001
_FILE_CONTAINER: Final = 0x1000
_FAMILY_PRESENT: Final = 0x2000
_MD5_PRESENT: Final = 0x4000


@dataclass(frozen=True, slots=True)
class Uf2Content:
    """What the blocks say.

    Attributes:
        segments: Places of the blocks' payloads.
        payloads: Their bytes, one for one.
    """

    segments: list[Segment]
    payloads: list[bytes]


def read_uf2(stream: IO[bytes], name: str, limit: int) -> Uf2Content:
    """Read all blocks, which must be there once each and in order.

    Blocks that are marked "not main flash" are comments: they count, and their payload is not taken.

    Args:
        stream: The file, opened for bytes.
        name: Its name, for messages.
        limit: The most data that is taken, in bytes.

    Raises:
        MalformedImageError: A block is wrong, missing, there twice or out of order.
        UnsupportedFormatError: The file is a container of files, or holds images of several families.
        ImageTooLargeError: The blocks hold more than ``limit`` bytes.
        OSError: The file cannot be read.
    """
    segments: list[Segment] = []
    payloads: list[bytes] = []
    offset = size = index = 0
    total: int | None = None
    family: int | None = None
    while block := stream.read(_BLOCK.size):
        if len(block) < _BLOCK.size:
            raise _error("Truncated", name, f"expected a block of {_BLOCK.size} bytes, got {len(block)}", offset)
        flags, address, count, number, blocks, family_id, data = _checked(block, name, offset)
        its_family = family_id if flags & _FAMILY_PRESENT else None
        if index == 0:
            total, family = blocks, its_family
        if its_family != family:
            message = f"{name}: expected one family, {_family(family)}, got {_family(its_family)} at offset {offset}"
            raise UnsupportedFormatError("SeveralFamilies", message, path=name, offset=offset)
        if blocks != total:
            raise _error("BlockCount", name, f"expected {total} blocks as in block 0, got {blocks}", offset)
        if number != index:
            raise _error("BlockOrder", name, f"expected block {index}, got block {number}", offset)
        if not flags & _NOT_MAIN_FLASH:
            size += count
            if size > limit:
                raise too_large(name, limit, f"more than that at offset {offset}")
            segments.append(Segment(address, count, offset + _DATA_OFFSET))
            payloads.append(data[:count])
        offset += _BLOCK.size
        index += 1
    if index != (total or 0):
        raise _error("MissingBlocks", name, f"expected {total} blocks, got {index}", offset)
    return Uf2Content(segments, payloads)


def _checked(block: bytes, name: str, offset: int) -> tuple[int, int, int, int, int, int, bytes]:
    """Check what one block alone can tell; give flags, address, size, number, blocks, family id, data."""
    magic0, magic1, flags, address, count, number, blocks, family_id, data, magic_end = _BLOCK.unpack(block)
    for got, expected, place in zip((magic0, magic1, magic_end), _MAGICS, (0, 4, 508), strict=True):
        if got != expected:
            raise _error("BadMagic", name, f"expected magic {expected:#010x}, got {got:#010x}", offset + place)
    if flags & _FILE_CONTAINER:
        message = f"{name}: expected a flash image, got a container of files at offset {offset}"
        raise UnsupportedFormatError("FileContainer", message, path=name, offset=offset)
    most = len(data) - (_MD5_SIZE if flags & _MD5_PRESENT else 0)
    if not 0 < count <= most:
        raise _error("PayloadSize", name, f"expected a payload of 1 to {most} bytes, got {count}", offset + 16)
    if address + count > 1 << 32:
        raise _error("AddressWraps", name, f"{count} bytes at {address:#x} go beyond address 2^32", offset + 12)
    return flags, address, count, number, blocks, family_id, data


def _family(family: int | None) -> str:
    return "none" if family is None else f"{family:#010x}"


def _error(code: str, name: str, problem: str, offset: int) -> MalformedImageError:
    return MalformedImageError(code, f"{name}: {problem} at offset {offset}", path=name, offset=offset)
