"""ELF: the load segments, at their physical addresses.

Source: Tool Interface Standard, Executable and Linking Format 1.2, book I (ELF header, program header); System V ABI,
gABI 4.1, chapters 4 and 5 (the 64-bit layouts, PN_XNUM).
"""

import os
import struct
from dataclasses import dataclass
from typing import IO, Final, NamedTuple

from iotsign.errors import MalformedImageError
from iotsign.formats.firmware._detect import ELF_MAGIC
from iotsign.formats.firmware._image import Segment

_IDENT_SIZE: Final = 16
_PT_LOAD: Final = 1
_PN_XNUM: Final = 0xFFFF  # there are more segments than 16 bits can count
_BYTE_ORDERS: Final = {1: "<", 2: ">"}


class _Layout(NamedTuple):
    """What differs between the classes; `fields` are the places of offset, paddr, filesz, memsz in a program header."""

    header: str  # after the ident: type, machine, version, entry, phoff, shoff, flags, ehsize, phentsize, phnum
    segment: str
    fields: tuple[int, int, int, int]
    address_bits: int


_LAYOUTS: Final = {
    1: _Layout("HHIIIIIHHH", "IIIIIIII", (1, 3, 4, 5), 32),  # type offset vaddr paddr filesz memsz flags align
    2: _Layout("HHIQQQIHHH", "IIQQQQQQ", (2, 4, 5, 6), 64),  # type flags offset vaddr paddr filesz memsz align
}
assert [struct.calcsize("<" + layout.header) for layout in _LAYOUTS.values()] == [52 - 16 - 6, 64 - 16 - 6]
assert [struct.calcsize("<" + layout.segment) for layout in _LAYOUTS.values()] == [32, 56]


@dataclass(frozen=True, slots=True)
class ElfContent:
    """What the file says.

    Attributes:
        entry: Address of the first instruction; None if it is 0.
        segments: Places of the load segments that have bytes in the file.
    """

    entry: int | None
    segments: list[Segment]


def read_elf(stream: IO[bytes], name: str) -> ElfContent:
    """Read the headers; of the segments only the places, not the bytes.

    Args:
        stream: The file, opened for bytes and seekable.
        name: Its name, for messages.

    Raises:
        MalformedImageError: A header is wrong or truncated, or a segment lies outside of the file.
        OSError: The file cannot be read.
    """
    file_size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    layout, order = _identify(stream.read(_IDENT_SIZE), name)
    header = struct.Struct(order + layout.header)
    content = stream.read(header.size)
    if len(content) < header.size:
        raise _error("Truncated", name, f"expected an ELF header of {_IDENT_SIZE + header.size} bytes", file_size)
    _, _, _, entry, table, _, _, _, entry_size, count = header.unpack(content)
    segment = struct.Struct(order + layout.segment)
    if not count:
        raise _error("NoLoadSegment", name, "expected load segments, got no program headers", 0)
    if count == _PN_XNUM:
        raise _error("TooManySegments", name, f"expected fewer than {_PN_XNUM} program headers", 0)
    if entry_size != segment.size:
        raise _error("BadHeaderSize", name, f"expected program headers of {segment.size} bytes, got {entry_size}", 0)
    if table + count * entry_size > file_size:
        raise _error("Truncated", name, f"{count} program headers go beyond the end of the file, {file_size}", table)
    stream.seek(table)
    found = [
        _segment([fields[field] for field in layout.fields], table + index * entry_size, name, layout, file_size)
        for index, fields in enumerate(segment.iter_unpack(stream.read(count * entry_size)))
        if fields[0] == _PT_LOAD
    ]
    if not any(piece.size for piece in found):
        raise _error("NoLoadSegment", name, f"expected load segments with data, got none in {count} headers", table)
    return ElfContent(entry or None, found)


def _identify(ident: bytes, name: str) -> tuple[_Layout, str]:
    if len(ident) < _IDENT_SIZE or not ident.startswith(ELF_MAGIC):
        raise _error("BadMagic", name, f"expected {ELF_MAGIC!r} and 12 bytes more, got {ident!r}", 0)
    layout, order = _LAYOUTS.get(ident[4]), _BYTE_ORDERS.get(ident[5])
    if layout is None:
        raise _error("BadClass", name, f"expected ELF class 1 or 2, got {ident[4]}", 4)
    if order is None:
        raise _error("BadByteOrder", name, f"expected byte order 1 or 2, got {ident[5]}", 5)
    return layout, order


def _segment(fields: list[int], place: int, name: str, layout: _Layout, file_size: int) -> Segment:
    offset, address, size, memory = fields
    if size > memory:
        raise _error("BadSegment", name, f"segment has {size} bytes for {memory} of memory", place)
    if offset + size > file_size:
        problem = f"segment's {size} bytes at {offset} go beyond the end of the file, {file_size}"
        raise _error("Truncated", name, problem, place)
    if address + size > 1 << layout.address_bits:
        raise _error("AddressWraps", name, f"segment's {size} bytes at {address:#x} wrap around", place)
    return Segment(address, size, offset)


def _error(code: str, name: str, problem: str, offset: int) -> MalformedImageError:
    return MalformedImageError(code, f"{name}: {problem} at offset {offset}", path=name, offset=offset)
