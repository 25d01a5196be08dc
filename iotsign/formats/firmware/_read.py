"""The door of the readers: one file in, one image out."""

import mmap
import os
import stat
from pathlib import Path
from typing import IO, Final

from iotsign.errors import ConfigError, MalformedImageError, StoreError
from iotsign.formats.firmware._detect import FirmwareFormat, detect_firmware_format
from iotsign.formats.firmware._image import MAX_IMAGE_SIZE, FirmwareImage, Segment, plan_image, too_large

_HEAD: Final = 1024


def read_firmware(
    path: Path,
    *,
    source_format: FirmwareFormat | None = None,
    name: str | None = None,
    address: int | None = None,
    fill: int = 0xFF,
    max_size: int | None = None,
) -> FirmwareImage:
    """Read a firmware file into one image.

    A flat binary is taken byte for byte; it is mapped, not loaded, so its size does not matter. Of the other formats
    the pieces are put together, and the gaps between them are filled.

    Args:
        path: The file, a regular one.
        source_format: What it is; by default its content tells.
        name: What to call it in messages and in telling formats apart, if not by its path.
        address: Of a flat binary, the load address. Of the others, the address at which the image begins: what lies
            before it, and what lies behind the next gap longer than 64 KiB, is left out.
        fill: The byte that fills gaps, 0 to 255.
        max_size: Largest image in bytes; HEX, ELF and UF2 never give more than `MAX_IMAGE_SIZE`.

    Raises:
        ConfigError: ``fill`` is no byte or ``address`` no address.
        StoreError: The file cannot be read, or is no regular file.
        MalformedImageError: The content is empty, contradicts itself or the file's name.
        UnsupportedFormatError: A UF2 file holds several images, or files.
        ImageTooLargeError: The image would exceed ``max_size``.
    """
    called = name or str(path)
    if not 0 <= fill <= 0xFF:
        raise ConfigError("BadFill", f"expected a fill byte of 0x00..0xff, got {fill:#x}", fill=fill)
    if address is not None and not 0 <= address < 1 << 64:
        raise ConfigError("BadAddress", f"expected an address of 64 bits, got {address:#x}", address=address)
    try:
        _check_kind(path, called)
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if not size:
                message = f"{called}: expected firmware, got an empty file"
                raise MalformedImageError("EmptyImage", message, path=called, offset=0)
            if source_format is None:
                source_format = detect_firmware_format(stream.read(_HEAD), called)
                stream.seek(0)
            if source_format == "bin":
                return _flat(stream, called, size, address, max_size)
            limit = MAX_IMAGE_SIZE if max_size is None else min(max_size, MAX_IMAGE_SIZE)
            return _assemble(stream, called, source_format, address, fill, limit)
    except OSError as error:
        message = f"{called}: cannot be read: {error.strerror}"
        raise StoreError("FileUnreadable", message, path=called) from error


def _check_kind(path: Path, name: str) -> None:
    """Look before opening, because a FIFO would be waited for."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except ValueError as error:  # a null byte in the name
        raise StoreError("FileUnreadable", f"{name}: cannot be read: {error}", path=name) from None
    if not regular:
        raise StoreError("NotARegularFile", f"{name}: expected a regular file, got another kind", path=name)


def _flat(stream: IO[bytes], name: str, size: int, address: int | None, max_size: int | None) -> FirmwareImage:
    if max_size is not None and size > max_size:
        raise too_large(name, max_size, str(size))
    data = memoryview(mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ))
    return FirmwareImage(data, address, None, "bin")


def _assemble(
    stream: IO[bytes], name: str, source_format: FirmwareFormat, address: int | None, fill: int, limit: int
) -> FirmwareImage:
    entry: int | None = None
    contents: dict[Segment, bytes | bytearray] = {}
    if source_format == "elf":
        from iotsign.formats.firmware._elf import read_elf

        elf = read_elf(stream, name)
        entry, segments = elf.entry, elf.segments
    elif source_format == "hex":
        from iotsign.formats.firmware._hex import read_hex

        hex_ = read_hex(stream, name, limit)
        entry, segments = hex_.entry, hex_.segments
        contents = dict(zip(segments, hex_.runs, strict=True))
    else:
        from iotsign.formats.firmware._uf2 import read_uf2

        uf2 = read_uf2(stream, name, limit)
        segments = uf2.segments
        contents = dict(zip(segments, uf2.payloads, strict=True))
    span, chosen, left_out = plan_image(name, segments, address=address, limit=limit)
    image = bytearray([fill]) * (span.end - span.start)
    for piece in chosen:
        content = contents.get(piece) or _slice(stream, name, piece)
        image[piece.address - span.start : piece.end - span.start] = content
    if left_out and entry is not None and not span.start <= entry < span.end:
        entry = None  # it belongs to what was left out
    return FirmwareImage(bytes(image), span.start, entry, source_format, left_out)


def _slice(stream: IO[bytes], name: str, piece: Segment) -> bytes:
    stream.seek(piece.offset)
    content = stream.read(piece.size)
    if len(content) != piece.size:
        message = f"{name}: expected {piece.size} bytes at offset {piece.offset}, got {len(content)}: the file shrank"
        raise StoreError("InputChanged", message, path=name, offset=piece.offset)
    return content
