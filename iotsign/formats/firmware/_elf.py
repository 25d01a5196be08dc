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
_SHT_NOBITS: Final = 8
_SHF_ALLOC: Final = 2
_BYTE_ORDERS: Final = {1: "<", 2: ">"}


class _Layout(NamedTuple):
    """What differs between the classes: formats of `struct`, and where in them the fields stand."""

    header: str  # after the ident: type machine version entry phoff shoff flags ehsize phentsize phnum shentsize shnum
    segment: str
    segment_fields: tuple[int, int, int, int]  # offset paddr filesz memsz
    section: str  # name type flags addr offset size link info addralign entsize
    address_bits: int


_LAYOUTS: Final = {
    1: _Layout("HHIIIIIHHHHH", "IIIIIIII", (1, 3, 4, 5), "IIIIIIIIII", 32),  # type offset vaddr paddr filesz memsz …
    2: _Layout("HHIQQQIHHHHH", "IIQQQQQQ", (2, 4, 5, 6), "IIQQQQIIQQ", 64),  # type flags offset vaddr paddr filesz …
}
for _layout, _sizes in zip(_LAYOUTS.values(), [(52 - 16 - 2, 32, 40), (64 - 16 - 2, 56, 64)], strict=True):
    assert tuple(struct.calcsize("<" + form) for form in (_layout.header, _layout.segment, _layout.section)) == _sizes


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

    A linker may let the first segment begin with the ELF headers themselves. They are not part of the program: such a
    segment is taken from its first section on, as objcopy does.

    Args:
        stream: The file, opened for bytes and seekable.
        name: Its name, for messages.

    Raises:
        MalformedImageError: A header is wrong or truncated, or a segment lies outside of the file.
        OSError: The file cannot be read.
    """
    return _Reader(stream, name).read()


class _Reader:
    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._name = name
        self._size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        self._layout, self._order = self._identify(stream.read(_IDENT_SIZE))

    def read(self) -> ElfContent:
        header = struct.Struct(self._order + self._layout.header)
        content = self._stream.read(header.size)
        if len(content) < header.size:
            problem = f"expected an ELF header of {_IDENT_SIZE + header.size} bytes and more"
            raise self._error("Truncated", problem, self._size)
        _, _, _, entry, place, sections, _, _, width, count, section_width, section_count = header.unpack(content)
        if not count:
            raise self._error("NoLoadSegment", "expected load segments, got no program headers", 0)
        if count == _PN_XNUM:
            raise self._error("TooManySegments", f"expected fewer than {_PN_XNUM} program headers", 0)
        rows = self._table("program", self._layout.segment, place, width, count)
        found = [
            self._segment([row[field] for field in self._layout.segment_fields], place + index * width)
            for index, row in enumerate(rows)
            if row[0] == _PT_LOAD
        ]
        if not any(piece.size for piece in found):
            problem = f"expected load segments with data, got none in {count} headers"
            raise self._error("NoLoadSegment", problem, place)
        if any(piece.size and piece.offset < _IDENT_SIZE for piece in found):
            rows = self._table("section", self._layout.section, sections, section_width, section_count)
            starts = [row[4] for row in rows if row[1] != _SHT_NOBITS and row[2] & _SHF_ALLOC and row[5]]
            found = [self._without_headers(piece, starts) for piece in found]
        return ElfContent(entry or None, found)

    def _identify(self, ident: bytes) -> tuple[_Layout, str]:
        if len(ident) < _IDENT_SIZE or not ident.startswith(ELF_MAGIC):
            raise self._error("BadMagic", f"expected {ELF_MAGIC!r} and 12 bytes more, got {ident!r}", 0)
        layout, order = _LAYOUTS.get(ident[4]), _BYTE_ORDERS.get(ident[5])
        if layout is None:
            raise self._error("BadClass", f"expected ELF class 1 or 2, got {ident[4]}", 4)
        if order is None:
            raise self._error("BadByteOrder", f"expected byte order 1 or 2, got {ident[5]}", 5)
        return layout, order

    def _table(self, kind: str, row: str, place: int, width: int, count: int) -> list[tuple[int, ...]]:
        layout = struct.Struct(self._order + row)
        if count and width != layout.size:
            raise self._error("BadHeaderSize", f"expected {kind} headers of {layout.size} bytes, got {width}", 0)
        if place + count * width > self._size:
            problem = f"{count} {kind} headers go beyond the end of the file, {self._size}"
            raise self._error("Truncated", problem, place)
        self._stream.seek(place)
        return list(layout.iter_unpack(self._stream.read(count * width)))

    def _segment(self, fields: list[int], place: int) -> Segment:
        offset, address, size, memory = fields
        if size > memory:
            raise self._error("BadSegment", f"segment has {size} bytes for {memory} of memory", place)
        if offset + size > self._size:
            problem = f"segment's {size} bytes at {offset} go beyond the end of the file, {self._size}"
            raise self._error("Truncated", problem, place)
        if address + size > 1 << self._layout.address_bits:
            raise self._error("AddressWraps", f"segment's {size} bytes at {address:#x} wrap around", place)
        return Segment(address, size, offset)

    def _without_headers(self, piece: Segment, starts: list[int]) -> Segment:
        if piece.offset >= _IDENT_SIZE or not piece.size:
            return piece
        first = min((start for start in starts if _IDENT_SIZE <= start < piece.offset + piece.size), default=None)
        if first is None:
            problem = "segment begins with the ELF header, and no section says where the program begins"
            raise self._error("HeadersInSegment", problem, piece.offset)
        skipped = first - piece.offset
        return Segment(piece.address + skipped, piece.size - skipped, first)

    def _error(self, code: str, problem: str, offset: int) -> MalformedImageError:
        return MalformedImageError(code, f"{self._name}: {problem} at offset {offset}", path=self._name, offset=offset)
