"""UF2, the format that USB boot loaders take; its block is described to construct.

Source: Microsoft, USB Flashing Format (UF2) specification, https://github.com/microsoft/uf2: file format, flags,
file containers, MD5 checksum.
"""

import functools
from dataclasses import dataclass
from typing import IO, Any, Final

from iotsign.errors import MalformedImageError, UnsupportedFormatError
from iotsign.formats.firmware._image import Segment, too_large

_BLOCK_SIZE: Final = 512
_DATA_OFFSET: Final = 32
_DATA_SIZE: Final = 476
_MAGICS: Final = (("magic_0", 0x0A324655, 0), ("magic_1", 0x9E5D5157, 4), ("magic_end", 0x0AB16F30, 508))
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
    while content := stream.read(_BLOCK_SIZE):
        if len(content) < _BLOCK_SIZE:
            raise _error("Truncated", name, f"expected a block of {_BLOCK_SIZE} bytes, got {len(content)}", offset)
        block = _checked(content, name, offset)
        its_family = block.family_id if block.flags & _FAMILY_PRESENT else None
        if index == 0:
            total, family = block.blocks, its_family
        if its_family != family:
            message = f"{name}: expected one family, {_family(family)}, got {_family(its_family)} at offset {offset}"
            raise UnsupportedFormatError("SeveralFamilies", message, path=name, offset=offset)
        if block.blocks != total:
            raise _error("BlockCount", name, f"expected {total} blocks as in block 0, got {block.blocks}", offset)
        if block.number != index:
            raise _error("BlockOrder", name, f"expected block {index}, got block {block.number}", offset)
        if not block.flags & _NOT_MAIN_FLASH:
            size += block.count
            if size > limit:
                raise too_large(name, limit, f"more than that at offset {offset}")
            segments.append(Segment(block.address, block.count, offset + _DATA_OFFSET))
            payloads.append(block.data[: block.count])
        offset += _BLOCK_SIZE
        index += 1
    if index != (total or 0):
        raise _error("MissingBlocks", name, f"expected {total} blocks, got {index}", offset)
    return Uf2Content(segments, payloads)


@functools.cache
def _layout() -> Any:
    from construct import Bytes, Int32ul, Struct

    layout = Struct(
        "magic_0" / Int32ul,
        "magic_1" / Int32ul,
        "flags" / Int32ul,
        "address" / Int32ul,
        "count" / Int32ul,  # bytes of payload
        "number" / Int32ul,
        "blocks" / Int32ul,
        "family_id" / Int32ul,
        "data" / Bytes(_DATA_SIZE),
        "magic_end" / Int32ul,
    )
    assert layout.sizeof() == _BLOCK_SIZE
    return layout


def _checked(content: bytes, name: str, offset: int) -> Any:
    """Check what one block alone can tell; give its fields."""
    block = _layout().parse(content)
    for field, expected, place in _MAGICS:
        if block[field] != expected:
            problem = f"expected magic {expected:#010x}, got {block[field]:#010x}"
            raise _error("BadMagic", name, problem, offset + place)
    if block.flags & _FILE_CONTAINER:
        message = f"{name}: expected a flash image, got a container of files at offset {offset}"
        raise UnsupportedFormatError("FileContainer", message, path=name, offset=offset)
    most = _DATA_SIZE - (_MD5_SIZE if block.flags & _MD5_PRESENT else 0)
    if not 0 < block.count <= most:
        raise _error("PayloadSize", name, f"expected a payload of 1 to {most} bytes, got {block.count}", offset + 16)
    if block.address + block.count > 1 << 32:
        problem = f"{block.count} bytes at {block.address:#x} go beyond address 2^32"
        raise _error("AddressWraps", name, problem, offset + 12)
    return block


def _family(family: int | None) -> str:
    return "none" if family is None else f"{family:#010x}"


def _error(code: str, name: str, problem: str, offset: int) -> MalformedImageError:
    return MalformedImageError(code, f"{name}: {problem} at offset {offset}", path=name, offset=offset)
