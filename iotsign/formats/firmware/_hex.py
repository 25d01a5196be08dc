"""Intel HEX.

Source: Intel, Hexadecimal Object File Format Specification, revision A (1988).
"""

import binascii
from dataclasses import dataclass, field
from typing import IO, Final

from iotsign.errors import MalformedImageError
from iotsign.formats.firmware._image import Segment, too_large

_LONGEST_LINE: Final = 1 + 2 * (4 + 255 + 1)  # colon; length, offset, type, data, checksum
_DATA, _END, _SEGMENT_BASE, _SEGMENT_START, _LINEAR_BASE, _LINEAR_START = range(6)
_SIZES: Final = {_END: 0, _SEGMENT_BASE: 2, _SEGMENT_START: 4, _LINEAR_BASE: 2, _LINEAR_START: 4}


@dataclass(slots=True)
class HexContent:
    """What the records of a file say.

    Attributes:
        entry: Start address, if a record states one.
        runs: Data by address; records that follow each other are one run.
        segments: The runs' places, one for one.
    """

    entry: int | None = None
    runs: list[bytearray] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)


def read_hex(stream: IO[bytes], name: str, limit: int) -> HexContent:
    """Read the records up to the end record, after which only line ends may follow.

    Args:
        stream: The file, opened for bytes.
        name: Its name, for messages.
        limit: The most data that is taken, in bytes.

    Raises:
        MalformedImageError: A record is wrong, contradicts another, or the end record is missing.
        ImageTooLargeError: The records hold more than ``limit`` bytes of data.
        OSError: The file cannot be read.
    """
    return _Reader(name, limit).read(stream)


class _Reader:
    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._content = HexContent()
        self._offset = 0  # of the record at hand
        self._line = 0
        self._base = 0
        self._linear = False
        self._size = 0  # bytes of data so far
        self._next_address = -1  # after the last data record

    def read(self, stream: IO[bytes]) -> HexContent:
        ended = False
        while line := stream.readline(_LONGEST_LINE + 3):
            self._line += 1
            record = line.rstrip(b"\r\n")
            if record:
                if ended:
                    raise self._error("DataAfterEnd", "expected nothing after the end record")
                ended = self._record(self._decode(record))
            self._offset += len(line)
        if not ended:
            raise self._error("NoEndRecord", "expected an end record (:00000001FF), got the end of the file")
        starts = self._content.segments
        self._content.segments = [
            Segment(start.address, len(run), start.offset)
            for start, run in zip(starts, self._content.runs, strict=True)
        ]
        return self._content

    def _decode(self, record: bytes) -> bytes:
        """Check one line's own consistency; give its bytes without the checksum."""
        if len(record) > _LONGEST_LINE:
            raise self._error("RecordTooLong", f"expected at most {_LONGEST_LINE} characters, got more")
        if record[:1] != b":":
            raise self._error("NoRecord", f"expected a record that begins with ':', got {record[:16]!r}")
        try:
            content = binascii.unhexlify(record[1:])
        except binascii.Error as error:
            raise self._error("BadHexDigits", f"expected pairs of hexadecimal digits: {error}") from None
        if len(content) < 5 or len(content) != content[0] + 5:
            expected = f"{content[0] + 5} bytes as its first one says" if content else "at least 5 bytes"
            raise self._error("RecordLength", f"expected {expected}, got {len(content)}")
        if sum(content) & 0xFF:
            expected_sum = -sum(content[:-1]) & 0xFF
            raise self._error("Checksum", f"expected checksum {expected_sum:02X}, got {content[-1]:02X}")
        return content[:-1]

    def _record(self, content: bytes) -> bool:
        """Take one record; tell whether it was the end record."""
        kind, data = content[3], content[4:]
        if kind == _DATA:
            self._data(int.from_bytes(content[1:3], "big"), data)
            return False
        if kind not in _SIZES:
            raise self._error("RecordType", f"expected a record type 00 to 05, got {kind:02X}")
        if len(data) != _SIZES[kind]:
            raise self._error("RecordLength", f"expected {_SIZES[kind]} data bytes in type {kind:02X}, got {len(data)}")
        if kind != _END and content[1:3] != b"\0\0":
            raise self._error(
                "RecordOffset", f"expected offset 0000 in type {kind:02X}, got {content[1:3].hex().upper()}"
            )
        value = int.from_bytes(data, "big")
        if kind == _SEGMENT_BASE:
            self._base, self._linear = value << 4, False
        elif kind == _LINEAR_BASE:
            self._base, self._linear = value << 16, True
        elif kind != _END:
            self._entry(((value >> 16) << 4) + (value & 0xFFFF) if kind == _SEGMENT_START else value)
        return kind == _END

    def _data(self, offset: int, data: bytes) -> None:
        if not data:
            return
        address = self._base + offset
        if not self._linear and offset + len(data) > 0x10000:
            raise self._error(
                "AddressWraps", f"{len(data)} bytes at {address:#x} cross the end of their 64 KiB segment"
            )
        if address + len(data) > 1 << 32:
            raise self._error("AddressWraps", f"{len(data)} bytes at {address:#x} go beyond address 2^32")
        self._size += len(data)
        if self._size > self._limit:
            raise too_large(self._name, self._limit, f"more than that at offset {self._offset}")
        if address != self._next_address:
            self._content.segments.append(Segment(address, 0, self._offset))
            self._content.runs.append(bytearray())
        self._content.runs[-1] += data
        self._next_address = address + len(data)

    def _entry(self, entry: int) -> None:
        if self._content.entry not in (None, entry):
            problem = f"expected one start address, got {entry:#x} after {self._content.entry:#x}"
            raise self._error("TwoEntries", problem)
        self._content.entry = entry

    def _error(self, code: str, problem: str) -> MalformedImageError:
        message = f"{self._name}: line {self._line}: {problem} at offset {self._offset}"
        return MalformedImageError(code, message, path=self._name, offset=self._offset, line=self._line)
