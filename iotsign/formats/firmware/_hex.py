"""Intel HEX, read by intelhex; checked before for sizes and addresses, which intelhex takes as they come.

Source: Intel, Hexadecimal Object File Format Specification, revision A (1988).
"""

import binascii
import io
import itertools
from dataclasses import dataclass
from typing import IO, Final

from iotsign.errors import MalformedImageError
from iotsign.formats.firmware._image import MAX_HEX_SIZE, Segment, too_large

_LONGEST_LINE: Final = 1 + 2 * (4 + 255 + 1)  # colon; length, offset, type, data, checksum
_DATA, _END, _SEGMENT_BASE, _LINEAR_BASE = 0, 1, 2, 4

# what intelhex finds wrong with a record, by its class: code, and what was expected
_PROBLEMS: Final = {
    "RecordLengthError": ("RecordLength", "as many data bytes as the record's first one says"),
    "RecordTypeError": ("RecordType", "a record type 00 to 05"),
    "RecordChecksumError": ("Checksum", "another checksum"),
    "DuplicateStartAddressRecordError": ("TwoEntries", "one start address"),
    "AddressOverlapError": ("OverlappingData", "data that do not overlap at address {address:#x}"),
}
_OTHER_PROBLEM: Final = ("BadRecord", "the length and offset that records of this type have")


@dataclass(frozen=True, slots=True)
class HexContent:
    """What the records of a file say.

    Attributes:
        entry: Start address, if a record states one.
        segments: The places that have data.
        runs: Their data, one for one.
    """

    entry: int | None
    segments: list[Segment]
    runs: list[bytes]


def read_hex(stream: IO[bytes], name: str, limit: int) -> HexContent:
    """Read the records up to the end record, after which only line ends may follow.

    Args:
        stream: The file, opened for bytes and seekable.
        name: Its name, for messages.
        limit: The most data that is taken, in bytes; never more than `MAX_HEX_SIZE`.

    Raises:
        MalformedImageError: A record is wrong, contradicts another, or the end record is missing.
        ImageTooLargeError: The records hold more than ``limit`` bytes of data.
        OSError: The file cannot be read.
    """
    from intelhex import HexReaderError, IntelHex

    _Check(name, min(limit, MAX_HEX_SIZE)).run(stream)
    stream.seek(0)
    program = IntelHex()
    text = io.TextIOWrapper(stream, "ascii", newline="\n")
    try:
        program.loadhex(text)
    except HexReaderError as error:
        code, expected = _PROBLEMS.get(type(error).__name__, _OTHER_PROBLEM)
        text.seek(0)
        offset = sum(map(len, itertools.islice(text, error.line - 1)))
        problem = f"expected {expected.format(**vars(error))}, got {text.readline().rstrip()}"
        raise _error(name, error.line, offset, code, problem) from None
    finally:
        text.detach()
    start = program.start_addr
    entry = None if start is None else start["EIP"] if "EIP" in start else (start["CS"] << 4) + start["IP"]
    places = program.segments()
    return HexContent(
        entry,
        [Segment(start, end - start, 0) for start, end in places],
        [program.tobinstr(start, end - 1) for start, end in places],
    )


class _Check:
    """Goes through a file and keeps nothing of it; refuses what intelhex would take."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._line = 0
        self._offset = 0  # of the line at hand
        self._base = 0
        self._linear = False
        self._size = 0  # bytes of data so far

    def run(self, stream: IO[bytes]) -> None:
        ended = False
        while line := stream.readline(_LONGEST_LINE + 3):
            self._line += 1
            record = line.rstrip(b"\r\n")
            if record and ended:
                raise self._error("DataAfterEnd", "expected nothing after the end record")
            if record:
                ended = self._record(self._decode(record))
            self._offset += len(line)
        if not ended:
            raise self._error("NoEndRecord", "expected an end record (:00000001FF), got the end of the file")

    def _decode(self, record: bytes) -> bytes:
        if len(record) > _LONGEST_LINE:
            raise self._error("RecordTooLong", f"expected at most {_LONGEST_LINE} characters, got more")
        if record[:1] != b":":
            raise self._error("NoRecord", f"expected a record that begins with ':', got {record[:16]!r}")
        try:
            content = binascii.unhexlify(record[1:])
        except binascii.Error as error:
            raise self._error("BadHexDigits", f"expected pairs of hexadecimal digits: {error}") from None
        if len(content) < 5:
            raise self._error("RecordLength", f"expected at least 5 bytes, got {len(content)}")
        return content

    def _record(self, content: bytes) -> bool:
        """Follow one record; tell whether it was the end record."""
        kind, data = content[3], content[4:-1]
        if kind == _DATA:
            self._data(int.from_bytes(content[1:3], "big"), len(data))
        elif kind in (_SEGMENT_BASE, _LINEAR_BASE):
            self._linear = kind == _LINEAR_BASE
            self._base = int.from_bytes(data, "big") << (16 if self._linear else 4)
        return kind == _END

    def _data(self, offset: int, size: int) -> None:
        address = self._base + offset
        if size and not self._linear and offset + size > 0x10000:
            raise self._error("AddressWraps", f"{size} bytes at {address:#x} cross the end of their 64 KiB segment")
        if size and address + size > 1 << 32:
            raise self._error("AddressWraps", f"{size} bytes at {address:#x} go beyond address 2^32")
        self._size += size
        if self._size > self._limit:
            raise too_large(self._name, self._limit, f"more than that at offset {self._offset}")

    def _error(self, code: str, problem: str) -> MalformedImageError:
        return _error(self._name, self._line, self._offset, code, problem)


def _error(name: str, line: int, offset: int, code: str, problem: str) -> MalformedImageError:
    message = f"{name}: line {line}: {problem} at offset {offset}"
    return MalformedImageError(code, message, path=name, offset=offset, line=line)
