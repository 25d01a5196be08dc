"""Zip files, read so that no two readers can see different things in them.

Layout: local records, each right behind the one before it, then the central directory, then the end record, and nothing
else. A local record is a header of 30 bytes, the name, extra fields, the body and, with flag bit 3, a data descriptor.
All numbers are little-endian.

Source: PKWARE APPNOTE.TXT 6.3.10, §4.3 (layout), §4.4 (fields), §4.5 (extra fields).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from iotsign.errors import MalformedImageError, UnsupportedFormatError
from iotsign.formats.awslambda._names import check_name, check_names

__all__ = ["DEFLATED", "STORED", "Entry", "Zip", "read_zip"]

STORED: Final = 0
DEFLATED: Final = 8

LOCAL: Final = struct.Struct("<4s5H3I2H")
CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
END: Final = struct.Struct("<4s4H2IH")
LOCAL_MAGIC: Final = b"PK\x03\x04"
CENTRAL_MAGIC: Final = b"PK\x01\x02"
END_MAGIC: Final = b"PK\x05\x06"
DESCRIPTOR_MAGIC: Final = b"PK\x07\x08"
_LOCATOR_MAGIC: Final = b"PK\x06\x07"
_LOCATOR_SIZE: Final = 20
assert (LOCAL.size, CENTRAL.size, END.size) == (30, 46, 22)

_LONGEST_COMMENT: Final = 0xFFFF
_LARGEST_DIRECTORY: Final = 1 << 24  # bytes; 65,534 entries with names of 200 bytes
_WIDE: Final = 0xFFFFFFFF  # "look into the zip64 extra field"
_ZIP64: Final = 0x0001
_SECOND_NAME: Final = 0x7075  # Info-ZIP's Unicode path: a name that only some readers look at

_ENCRYPTED: Final = 0x2041  # bits 0, 6 and 13
_DESCRIPTOR: Final = 0x0008
_KNOWN_FLAGS: Final = 0x080E  # bits 1 and 2: how hard it was compressed; 3: data descriptor; 11: UTF-8

# of a Unix mode, in the upper half of the external attributes; 0 where it is not stated
_KIND: Final = 0o170000
_DIRECTORY: Final = 0o040000
_REGULAR_FILE: Final = 0o100000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as the central directory and its local record agree on it.

    Attributes:
        name: UTF-8, as stored; a directory's ends in a slash.
        method: `STORED` or `DEFLATED`.
        crc32: Of the body.
        compressed_size: Bytes of the body as stored.
        size: Bytes of the body.
        offset: Where the local record begins, in bytes from the file's start.
        body_offset: Where the body begins.
        end: Where the local record ends.
        flags: General purpose bits.
        directory_offset: Where its record in the central directory begins.
    """

    name: bytes
    method: int
    crc32: int
    compressed_size: int
    size: int
    offset: int
    body_offset: int
    end: int
    flags: int
    directory_offset: int


@dataclass(frozen=True, slots=True)
class Zip:
    """A zip file's layout.

    Attributes:
        entries: In the order of the central directory.
        directory_offset: Where the central directory begins, which is where the local records end.
        end_offset: Where the end record begins, which is where the central directory ends.
        comment: The file's.
    """

    entries: tuple[Entry, ...]
    directory_offset: int
    end_offset: int
    comment: bytes


def read_zip(file: BinaryIO, size: int) -> Zip:
    """Read a zip file's layout; bodies are passed over.

    Args:
        file: Seekable.
        size: Its length in bytes.

    Raises:
        MalformedImageError: It is no zip file, or different readers might see different things in it.
        UnsupportedFormatError: It is encrypted, compressed in another way than deflate, or has zip64 end records.
    """
    end_offset, end = _find_end(file, size)
    _, disk, directory_disk, count_here, count, directory_size, directory_offset, comment_size = end
    if disk or directory_disk or count_here != count:
        raise _malformed("SplitZip", "expected a zip of one piece, got one of several", end_offset)
    if directory_offset + directory_size != end_offset:
        message = f"expected the central directory to end at the end record, got {directory_offset + directory_size}"
        raise _malformed("DirectoryMisplaced", message, end_offset)
    if directory_size > _LARGEST_DIRECTORY:
        message = f"expected at most {_LARGEST_DIRECTORY} bytes of central directory, got {directory_size}"
        raise _malformed("DirectoryTooLarge", message, directory_offset)
    file.seek(directory_offset)
    directory = file.read(directory_size)
    file.seek(end_offset + END.size)
    comment = file.read(comment_size)
    entries = tuple(_read_entries(file, directory, directory_offset, count))
    _check_tiling(entries, directory_offset)
    check_names((entry.name, entry.directory_offset) for entry in entries)
    return Zip(entries, directory_offset, end_offset, comment)


def _find_end(file: BinaryIO, size: int) -> tuple[int, tuple[int, ...]]:
    start = max(0, size - END.size - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read(size - start)
    found = tail.rfind(END_MAGIC)
    if found < 0:
        raise _malformed("NotAZip", "expected a zip file with an end record, got none", size)
    if found + END.size > len(tail):
        raise _malformed("TruncatedZip", f"expected {END.size} bytes of end record, got fewer", start + found)
    end = END.unpack_from(tail, found)
    if found + END.size + end[-1] != len(tail):
        message = f"expected the file to end {end[-1]} bytes after its end record, got {len(tail) - found - END.size}"
        raise _malformed("TrailingData", message, start + found)
    if _another_end(tail, found):
        raise _malformed("TwoEndRecords", "expected one end record, got two that fit", start + found)
    if tail[max(0, found - _LOCATOR_SIZE) : found][:4] == _LOCATOR_MAGIC or 0xFFFF in end[1:5] or _WIDE in end[5:7]:
        message = f"expected a zip of at most 65,534 entries and 4 GiB, got zip64 records at offset {start + found}"
        raise UnsupportedFormatError("Zip64", message, offset=start + found)
    return start + found, end


def _another_end(tail: bytes, last: int) -> bool:
    """Whether a reader that looks for the first fitting end record would find another one."""
    at = tail.find(END_MAGIC)
    while at < last:
        if at + END.size + int.from_bytes(tail[at + END.size - 2 : at + END.size], "little") == len(tail):
            return True
        at = tail.find(END_MAGIC, at + 1)
    return False


def _read_entries(file: BinaryIO, directory: bytes, directory_offset: int, count: int) -> Iterator[Entry]:
    at = 0
    for _ in range(count):
        offset = directory_offset + at
        if len(directory) - at < CENTRAL.size or directory[at : at + 4] != CENTRAL_MAGIC:
            raise _malformed("BadDirectory", "expected a central directory record, got something else", offset)
        fields = CENTRAL.unpack_from(directory, at)
        name_size, extra_size, comment_size = fields[10:13]
        end = at + CENTRAL.size + name_size + extra_size + comment_size
        if end > len(directory):
            raise _malformed(
                "BadDirectory", "expected the record inside the central directory, got a longer one", offset
            )
        name = directory[at + CENTRAL.size : at + CENTRAL.size + name_size]
        extra = directory[at + CENTRAL.size + name_size : end - comment_size]
        yield _read_entry(file, fields, name, extra, offset, directory_offset)
        at = end
    if at != len(directory):
        message = f"expected {count} records in the central directory, got {len(directory) - at} more bytes"
        raise _malformed("BadDirectory", message, directory_offset + at)


def _read_entry(
    file: BinaryIO, fields: tuple[int, ...], name: bytes, extra: bytes, at: int, directory_offset: int
) -> Entry:
    _, _, _, flags, method, time, date, crc32, compressed, size, _, _, _, disk, _, attributes, offset = fields
    check_name(name, at)
    if flags & _ENCRYPTED:
        raise UnsupportedFormatError("EncryptedEntry", f"{_shown(name)} is encrypted, at offset {at}", offset=at)
    if flags & ~_KNOWN_FLAGS:
        message = f"{_shown(name)} has flags {flags:#06x}, of which some mean nothing here, at offset {at}"
        raise UnsupportedFormatError("UnknownFlags", message, offset=at)
    if method not in (STORED, DEFLATED):
        message = f"{_shown(name)}: expected a stored or deflated entry, got method {method} at offset {at}"
        raise UnsupportedFormatError("UnknownCompression", message, offset=at)
    if disk:
        raise _malformed("SplitZip", f"expected {_shown(name)} in this file, got disk {disk}", at)
    if (attributes >> 16) & _KIND not in (0, _DIRECTORY if name.endswith(b"/") else _REGULAR_FILE):
        message = f"expected {_shown(name)} as a file or directory, got another mode: {attributes >> 16:06o}"
        raise _malformed("SpecialFile", message, at)
    size, compressed, offset = _wide_sizes(extra, [size, compressed, offset], at)
    if method == STORED and size != compressed:
        message = f"{_shown(name)}: expected a stored entry of one size, got {compressed} and {size} bytes"
        raise _malformed("SizeMismatch", message, at)
    if name.endswith(b"/") and size:
        raise _malformed("DirectoryWithBody", f"expected no body in directory {_shown(name)}, got {size} bytes", at)
    if offset + LOCAL.size + len(name) + compressed > directory_offset:
        message = f"expected {_shown(name)} before the central directory, got offset {offset} and {compressed} bytes"
        raise _malformed("EntryMisplaced", message, at)
    agreed = (flags, method, time, date, crc32, compressed, size)
    body_offset, end = _read_local(file, name, offset, agreed)
    return Entry(name, method, crc32, compressed, size, offset, body_offset, end, flags, at)


def _read_local(file: BinaryIO, name: bytes, offset: int, agreed: tuple[int, ...]) -> tuple[int, int]:
    """Check a local record against the central directory; give where its body begins and where it ends."""
    flags, method, time, date, crc32, compressed, size = agreed
    file.seek(offset)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size or header[:4] != LOCAL_MAGIC:
        raise _malformed("BadLocalHeader", f"expected the local header of {_shown(name)}, got something else", offset)
    _, _, *got, local_crc32, local_compressed, local_size, name_size, extra_size = LOCAL.unpack(header)
    local_name, extra = file.read(name_size), file.read(extra_size)
    local_size, local_compressed = _wide_sizes(extra, [local_size, local_compressed], offset)
    descriptor = bool(flags & _DESCRIPTOR)
    sizes_agree = all(
        value == wanted or (descriptor and value == 0)  # a descriptor says later what is not known yet
        for value, wanted in ((local_crc32, crc32), (local_compressed, compressed), (local_size, size))
    )
    if local_name != name or tuple(got) != (flags, method, time, date) or not sizes_agree:
        message = f"expected the local header of {_shown(name)} as the central directory says, got another"
        raise _malformed("LocalHeaderMismatch", message, offset)
    body_offset = offset + LOCAL.size + name_size + extra_size
    end = body_offset + compressed
    if descriptor:
        end += _descriptor_size(file, end, (crc32, compressed, size), name)
    return body_offset, end


def _descriptor_size(file: BinaryIO, at: int, expected: tuple[int, int, int], name: bytes) -> int:
    file.seek(at)
    found = file.read(24)
    for layout in ("<4s3I", "<4sI2Q", "<3I", "<I2Q"):
        size = struct.calcsize(layout)
        if len(found) < size:
            continue
        values = struct.unpack_from(layout, found)
        if values[-3:] == expected and (len(values) == len(expected) or values[0] == DESCRIPTOR_MAGIC):
            return size
    message = f"expected the data descriptor of {_shown(name)} as the central directory says, got another"
    raise _malformed("DescriptorMismatch", message, at)


def _wide_sizes(extra: bytes, values: list[int], at: int) -> list[int]:
    """Replace what is 0xFFFFFFFF by what the zip64 extra field says; refuse a second name."""
    fields: dict[int, bytes] = {}
    rest = extra
    while rest:
        kind, size = struct.unpack_from("<2H", rest) if len(rest) >= 4 else (0, len(rest))
        if len(rest) < 4 + size or kind in fields:
            raise _malformed("BadExtraField", "expected well-formed extra fields, each once, got others", at)
        fields[kind] = rest[4 : 4 + size]
        rest = rest[4 + size :]
    if _SECOND_NAME in fields:
        raise _malformed("TwoNames", "expected one name for the entry, got a Unicode path beside it", at)
    wide = fields.get(_ZIP64, b"")
    for index, value in enumerate(values):
        if value == _WIDE:
            if len(wide) < 8:
                raise _malformed("BadExtraField", "expected sizes in a zip64 extra field, got none", at)
            values[index] = int.from_bytes(wide[:8], "little")
            wide = wide[8:]
    return values


def _check_tiling(entries: tuple[Entry, ...], directory_offset: int) -> None:
    """Every byte before the central directory belongs to one entry: no overlap, no prefix, no gap."""
    at = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.offset != at:
            kind = "overlapping entries" if entry.offset < at else "bytes that belong to no entry"
            raise _malformed("EntriesMisplaced", f"expected {_shown(entry.name)} to begin here, got {kind}", at)
        at = entry.end
    if at != directory_offset:
        raise _malformed("EntriesMisplaced", "expected the central directory here, got bytes of no entry", at)


def _shown(name: bytes) -> str:
    return repr(name.decode("utf-8", "replace"))[:200]


def _malformed(code: str, message: str, offset: int) -> MalformedImageError:
    return MalformedImageError(code, f"{message}, at offset {offset}", offset=offset)
