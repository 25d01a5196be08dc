"""LZMA2-compressed payloads, with memory and ratio capped when they are read.

The payload begins with two bytes that .xz files keep elsewhere: dictionary size and literal/position bits.

Source: MCUboot imgtool's compression as its boot loader port reads it; .xz file format §5.3.1 for the dictionary byte.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Final

from iotsign.errors import MalformedImageError
from iotsign.formats.mcuboot._stream import BLOCK_SIZE

COMPRESSION_HEADER_SIZE: Final = 2
MAX_DICTIONARY_SIZE: Final = 16 * 1024 * 1024
RATIO_FLOOR: Final = 64 * 1024 * 1024
MAX_RATIO: Final = 256

_DICTIONARY_SIZE: Final = 128 * 1024
_LC, _LP, _PB = 3, 1, 2
_PRESET: Final = 9
_MAX_LC_LP: Final = 4
_ZERO_PADDING: Final = 15  # what encryption adds at most


def compression_header() -> bytes:
    """The two bytes before our compressed payloads."""
    bits = next(bits for bits in range(41) if _dictionary_size(bits) >= _DICTIONARY_SIZE)
    return bytes([bits, (_PB * 5 + _LP) * 9 + _LC])


def compress(blocks: Iterable[bytes | memoryview], *, arm_thumb: bool) -> Iterator[bytes]:
    """Compress a payload, header included."""
    import lzma

    filters: list[dict[str, Any]] = [
        {
            "id": lzma.FILTER_LZMA2,
            "preset": _PRESET,
            "dict_size": _DICTIONARY_SIZE,
            "lc": _LC,
            "lp": _LP,
            "pb": _PB,
        }
    ]
    compressor = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=_with_thumb(filters, arm_thumb=arm_thumb))
    yield compression_header()
    for block in blocks:
        yield compressor.compress(block)
    yield compressor.flush()


def check_ratio(compressed: int, decompressed: int) -> None:
    """Refuse a payload that claims to grow beyond reason.

    Raises:
        MalformedImageError: More than 64 MiB and more than 256 times the compressed size.
    """
    if decompressed > max(RATIO_FLOOR, MAX_RATIO * compressed):
        message = (
            f"expected at most {RATIO_FLOOR} decompressed bytes or {MAX_RATIO} times the {compressed} compressed ones, "
            f"got {decompressed}"
        )
        raise MalformedImageError("CompressionRatio", message, size=decompressed)


def decompress(
    blocks: Iterable[bytes | memoryview], compressed_size: int, size: int, *, arm_thumb: bool
) -> Iterator[bytes]:
    """Decompress a payload, header included, holding one dictionary and one block.

    Args:
        blocks: The compressed payload.
        compressed_size: Its bytes.
        size: Bytes that must come out.
        arm_thumb: Undo the ARM Thumb filter.

    Raises:
        MalformedImageError: Not LZMA2, a dictionary over 16 MiB, too high a ratio, another size, data behind the end.
    """
    import lzma

    check_ratio(compressed_size, size)
    stream = iter(blocks)
    first = bytes(next(stream, b""))
    _check_header(first)
    filters: list[dict[str, Any]] = [{"id": lzma.FILTER_LZMA2, "dict_size": max(4096, _dictionary_size(first[0]))}]
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_with_thumb(filters, arm_thumb=arm_thumb))
    produced = 0
    data: bytes | memoryview = first[COMPRESSION_HEADER_SIZE:]
    while not decompressor.eof:
        if decompressor.needs_input and not data:
            data = next(stream, b"")
            if not data:
                raise MalformedImageError("CompressedTruncated", "expected more compressed payload, got its end")
        try:
            block = decompressor.decompress(data, BLOCK_SIZE)
        except lzma.LZMAError as error:
            raise MalformedImageError("NotLzma2", f"expected LZMA2 payload: {error}") from None
        data = b""
        produced += len(block)
        if produced > size:
            raise MalformedImageError("DecompressedSize", f"expected {size} decompressed bytes, got more", size=size)
        yield block
    if produced != size:
        message = f"expected {size} decompressed bytes, got {produced}"
        raise MalformedImageError("DecompressedSize", message, size=size)
    _check_tail(itertools.chain([decompressor.unused_data], stream))


def _check_tail(blocks: Iterable[bytes | memoryview]) -> None:
    size = 0
    for block in blocks:
        size += len(block)
        if size > _ZERO_PADDING or any(block):
            message = f"expected the end of the compressed payload, got {size} more bytes or more"
            raise MalformedImageError("CompressedTail", message)


def _with_thumb(filters: list[dict[str, Any]], *, arm_thumb: bool) -> list[dict[str, Any]]:
    import lzma

    return [{"id": lzma.FILTER_ARMTHUMB}, *filters] if arm_thumb else filters


def _dictionary_size(bits: int) -> int:
    return (2 | (bits & 1)) << (bits // 2 + 11)


def _check_header(first: bytes) -> None:
    if len(first) < COMPRESSION_HEADER_SIZE:
        message = f"expected {COMPRESSION_HEADER_SIZE} bytes before the compressed payload, got {len(first)}"
        raise MalformedImageError("CompressedTruncated", message)
    if first[0] > 40 or _dictionary_size(first[0]) > MAX_DICTIONARY_SIZE:
        message = f"expected an LZMA2 dictionary of at most {MAX_DICTIONARY_SIZE} bytes, got size code {first[0]}"
        raise MalformedImageError("DictionaryTooLarge", message)
    lc, rest = first[1] % 9, first[1] // 9
    if rest // 5 > 4 or lc + rest % 5 > _MAX_LC_LP:
        raise MalformedImageError("BadCompressionHeader", f"expected LZMA2 lc, lp and pb, got {first[1]:#04x}")
