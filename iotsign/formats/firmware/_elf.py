"""ELF, read by pyelftools: the load segments, at their physical addresses.

Of pyelftools only the header structures are used, so that a damaged symbol table or note does not end the reading of a
sound program.
"""

import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from iotsign.errors import MalformedImageError
from iotsign.formats.firmware._image import Segment

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_IDENT_SIZE: Final = 16
_PN_XNUM: Final = 0xFFFF  # there are more segments than 16 bits can count
_SHF_ALLOC: Final = 2


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
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        return _Reader(ELFFile(stream), name).read()
    except ELFError as error:
        message = f"{name}: expected an ELF file, got one with a wrong or truncated header at offset 0: {error}"
        raise MalformedImageError("BadElf", message, path=name, offset=0) from None


class _Reader:
    def __init__(self, file: "ELFFile", name: str) -> None:
        self._file = file
        self._name = name
        self._size = file.stream.seek(0, os.SEEK_END)

    def read(self) -> ElfContent:
        header = self._file.header
        place, width, count = header["e_phoff"], header["e_phentsize"], header["e_phnum"]
        if not count:
            raise self._error("NoLoadSegment", "expected load segments, got no program headers", 0)
        if count == _PN_XNUM:
            raise self._error("TooManySegments", f"expected fewer than {_PN_XNUM} program headers", 0)
        rows = self._table("program", self._file.structs.Elf_Phdr, place, width, count)
        found = [
            self._segment(row, place + index * width) for index, row in enumerate(rows) if row["p_type"] == "PT_LOAD"
        ]
        if not any(piece.size for piece in found):
            problem = f"expected load segments with data, got none in {count} headers"
            raise self._error("NoLoadSegment", problem, place)
        if any(piece.size and piece.offset < _IDENT_SIZE for piece in found):
            place, width, count = header["e_shoff"], header["e_shentsize"], header["e_shnum"]
            rows = self._table("section", self._file.structs.Elf_Shdr, place, width, count)
            held = [row for row in rows if row["sh_flags"] & _SHF_ALLOC and row["sh_type"] != "SHT_NOBITS"]
            found = [
                self._without_headers(piece, [row["sh_offset"] for row in held if row["sh_size"]]) for piece in found
            ]
        return ElfContent(header["e_entry"] or None, found)

    def _table(self, kind: str, layout: Any, place: int, width: int, count: int) -> list[Any]:
        from elftools.common.utils import struct_parse

        if count and width != layout.sizeof():
            raise self._error("BadHeaderSize", f"expected {kind} headers of {layout.sizeof()} bytes, got {width}", 0)
        if place + count * width > self._size:
            problem = f"{count} {kind} headers go beyond the end of the file, {self._size}"
            raise self._error("Truncated", problem, place)
        return [struct_parse(layout, self._file.stream, place + index * width) for index in range(count)]

    def _segment(self, row: Any, place: int) -> Segment:
        offset, address, size, memory = row["p_offset"], row["p_paddr"], row["p_filesz"], row["p_memsz"]
        if size > memory:
            raise self._error("BadSegment", f"segment has {size} bytes for {memory} of memory", place)
        if offset + size > self._size:
            problem = f"segment's {size} bytes at {offset} go beyond the end of the file, {self._size}"
            raise self._error("Truncated", problem, place)
        if address + size > 1 << self._file.elfclass:
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
