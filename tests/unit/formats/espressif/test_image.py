import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import DigestMismatchError, MalformedImageError
from iotsign.formats.espressif import ChipId, EspressifImage, OnePass, read_image


def build(*segments: tuple[int, bytes], chip: int = 5, hash_appended: bool = False) -> bytearray:
    """An image made by hand; the hash, if asked for, is left zero."""
    header = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, len(segments), 0, 0, 0x40380000, 0, b"", chip, 0, 0, 99, b"", 0)
    image = bytearray(header)
    checksum = 0xEF
    for address, data in segments:
        image += struct.pack("<II", address, len(data)) + data
        for byte in data:
            checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    image[23] = hash_appended
    return image


@pytest.fixture
def opened(tmp_path: Path) -> "Opened":
    def make(data: bytes | bytearray) -> BinaryIO:
        path = tmp_path / "image.bin"
        path.write_bytes(data)
        return path.open("rb")

    return make


Opened = Callable[[bytes | bytearray], BinaryIO]


def read_all(file: BinaryIO) -> EspressifImage:
    """Structure and content."""
    image = read_image(file)
    OnePass(file, image, image.size).read()
    return image


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 8, 9, 255, 4096, (1 << 20) + 3])
def test_the_checksum_covers_segments_of_any_length(length: int, opened: Opened) -> None:
    image = build((0x3C000000, bytes(i * 7 & 0xFF for i in range(length))), (0x40380000, b"\x5a"))
    with opened(image) as file:
        parsed = read_all(file)
    assert parsed.size == len(image)
    assert parsed.chip is ChipId.ESP32_C3
    assert parsed.app is None
    assert [segment.length for segment in parsed.segments] == [length, 1]


def test_an_unlisted_chip_is_told_by_its_number(opened: Opened) -> None:
    with opened(build((0, b"data"), chip=777)) as file:
        parsed = read_image(file)
    assert (parsed.chip, parsed.chip_id) == (None, 777)


def test_chips_are_spelled_as_espressif_does() -> None:
    assert ChipId.ESP32_S3.display_name == "ESP32-S3"


@pytest.mark.parametrize(
    ("offset", "value", "match"),
    [
        (0, 0xE8, "magic 0xe9, got 0xe8 at offset 0"),
        (1, 0, "1 to 16 segments, got 0"),
        (1, 17, "1 to 16 segments, got 17"),
        (23, 2, "hash_appended is 0 or 1, got 2"),
        (32, 0x01, "expected checksum"),
        (31, 0xFF, "the file ends at"),  # threat 15: the first segment claims 4 GiB
        (1, 3, "header of segment 2|segment 2 has"),
    ],
)
def test_a_header_that_lies_is_refused(offset: int, value: int, match: str, opened: Opened) -> None:
    image = build((0, bytes(range(16))), (4, b"\0" * 16))
    image[offset] = value
    with opened(image) as file, pytest.raises(MalformedImageError, match=match):
        read_all(file)


def test_each_truncation_is_refused(opened: Opened) -> None:
    image = build((0, bytes(range(40))), (4, b"abc"), hash_appended=True)
    for length in range(len(image)):
        with opened(image[:length]) as file, pytest.raises(MalformedImageError, match="the file ends at"):
            read_image(file)


def test_a_wrong_appended_hash_is_a_digest_mismatch(opened: Opened) -> None:
    image = build((0, b"data"), hash_appended=True) + bytes(32)
    with opened(image) as file, pytest.raises(DigestMismatchError, match="appended SHA-256"):
        read_all(file)


def test_an_empty_file_is_truncated() -> None:
    with pytest.raises(MalformedImageError, match="expected 24 bytes of header at offset 0"):
        read_image(io.BytesIO())


def test_a_file_that_shrinks_while_it_is_read_is_refused(opened: Opened) -> None:
    # threat 22
    image = build((0, bytes(1 << 20)))
    with opened(image) as file:
        parsed = read_image(file)
        with pytest.raises(MalformedImageError, match="ended 1 bytes early"):
            OnePass(file, parsed, len(image) + 1).read()


def test_one_pass_hashes_what_is_signed_and_padded(opened: Opened) -> None:
    image = bytes(build((0, bytes(5 << 20)), hash_appended=True))
    image += core.digest(HashAlgorithm.SHA256, image) + b"behind"
    with opened(image) as file:
        reading = OnePass(file, read_image(file), len(image), {HashAlgorithm.SHA384})
        padded = b"".join(reading.chunks())
    assert padded == image + b"\xff" * (-len(image) % 4096)
    assert reading.digests[HashAlgorithm.SHA384] == core.digest(HashAlgorithm.SHA384, padded)


@pytest.mark.parametrize("length", [(1 << 31) - 1, 1 << 31, (1 << 32) - 1])
def test_large_segments_add_up(length: int, tmp_path: Path) -> None:
    # threat 15
    header = bytes(build((0x3C000000, b"")))[:24] + struct.pack("<II", 0x3C000000, length)
    position = (len(header) + length) | 15
    with (tmp_path / "large.bin").open("w+b") as file:
        file.write(header)
        file.truncate(position + 1)
        assert read_image(file).size == position + 1
        file.truncate(position)
        with pytest.raises(MalformedImageError, match=f"checksum at offset {position}"):
            read_image(file)
        file.truncate(len(header) + length - 1)
        with pytest.raises(MalformedImageError, match=f"has {length} bytes at offset 32"):
            read_image(file)
