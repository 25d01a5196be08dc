from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from iotsign.errors import ImageTooLargeError, MalformedImageError, UnsupportedFormatError
from iotsign.formats.firmware import read_firmware

Write = Callable[..., Path]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 5000])
@pytest.mark.parametrize("payload", [256, 476])
def test_sizes(write: Write, build: SimpleNamespace, size: int, payload: int) -> None:
    data = bytes(index * 7 & 0xFF for index in range(size))
    image = read_firmware(write(build.uf2([(0x10000000, data)], payload=payload)))
    assert (image.data, image.address, image.entry, image.source_format) == (data, 0x10000000, None, "uf2")


def test_comments_count_but_are_not_taken(write: Write, build: SimpleNamespace) -> None:
    content = build.block(0, 3, 0, b"A") + build.block(1, 3, 0, b"note", flags=0x2001) + build.block(2, 3, 1, b"B")
    assert read_firmware(write(content)).data == b"AB"


def test_without_a_family_the_field_is_the_file_size(write: Write, build: SimpleNamespace) -> None:
    content = build.block(0, 2, 0, b"A", flags=0, family=2) + build.block(1, 2, 1, b"B", flags=0, family=3)
    assert read_firmware(write(content)).data == b"AB"


def test_several_families(write: Write, build: SimpleNamespace) -> None:
    content = build.block(0, 2, 0, b"A") + build.block(1, 2, 1, b"B", family=0xE48BFF59)
    with pytest.raises(UnsupportedFormatError, match="one family, 0xe48bff56, got 0xe48bff59 at offset 512") as caught:
        read_firmware(write(content))
    assert caught.value.data["offset"] == 512
    content = build.block(0, 2, 0, b"A", flags=0) + build.block(1, 2, 1, b"B")
    with pytest.raises(UnsupportedFormatError, match="expected one family, none, got"):
        read_firmware(write(content))


def test_container_of_files(write: Write, build: SimpleNamespace) -> None:
    with pytest.raises(UnsupportedFormatError, match="container of files at offset 0"):
        read_firmware(write(build.block(0, 1, 0, b"A", flags=0x1000)))


@pytest.mark.parametrize(
    ("numbers", "totals", "code", "offset", "problem"),
    [
        ([0, 2], [3, 3], "BlockOrder", 512, "expected block 1, got block 2"),
        ([1, 0], [2, 2], "BlockOrder", 0, "expected block 0, got block 1"),
        ([0, 0, 1], [2, 2, 2], "BlockOrder", 512, "expected block 1, got block 0"),
        ([0], [2], "MissingBlocks", 512, "expected 2 blocks, got 1"),
        ([0, 1], [1, 1], "MissingBlocks", 1024, "expected 1 blocks, got 2"),
        ([0, 1], [2, 3], "BlockCount", 512, "expected 2 blocks as in block 0, got 3"),
        ([0], [0], "MissingBlocks", 512, "expected 0 blocks, got 1"),
        ([0], [0xFFFFFFFF], "MissingBlocks", 512, "expected 4294967295 blocks, got 1"),
    ],
)
def test_blocks_missing_twice_or_out_of_order(
    write: Write, build: SimpleNamespace, numbers: list[int], totals: list[int], code: str, offset: int, problem: str
) -> None:
    blocks = [
        build.block(number, total, index * 4, b"AAAA")
        for index, (number, total) in enumerate(zip(numbers, totals, strict=True))
    ]
    with pytest.raises(MalformedImageError, match=problem) as caught:
        read_firmware(write(b"".join(blocks)))
    assert (caught.value.code, caught.value.data["offset"]) == (code, offset)


@pytest.mark.parametrize(
    ("at", "value", "code", "offset", "problem"),
    [
        (512, 0, "BadMagic", 512, "expected magic 0x0a324655, got 0x00000000"),
        (516, 0, "BadMagic", 516, "expected magic 0x9e5d5157, got 0x00000000"),
        (1020, 0, "BadMagic", 1020, "expected magic 0x0ab16f30, got 0x00000000"),
        (528, 0, "PayloadSize", 528, "a payload of 1 to 476 bytes, got 0"),
        (528, 477, "PayloadSize", 528, "a payload of 1 to 476 bytes, got 477"),
        (528, 0xFFFFFFFF, "PayloadSize", 528, "got 4294967295"),
        (524, 0xFFFFFFFF, "AddressWraps", 524, r"4 bytes at 0xffffffff go beyond address 2\^32"),
    ],
)
def test_wrong_fields(
    write: Write, build: SimpleNamespace, at: int, value: int, code: str, offset: int, problem: str
) -> None:
    content = bytearray(build.uf2([(0, b"A" * 4), (4, b"B" * 4)]))
    content[at : at + 4] = value.to_bytes(4, "little")
    with pytest.raises(MalformedImageError, match=problem) as caught:
        read_firmware(write(content))
    assert (caught.value.code, caught.value.data["offset"]) == (code, offset)


def test_checksum_leaves_less_room(write: Write, build: SimpleNamespace) -> None:
    assert len(read_firmware(write(build.block(0, 1, 0, b"A" * 452, flags=0x4000))).data) == 452
    with pytest.raises(MalformedImageError, match="1 to 452 bytes, got 453"):
        read_firmware(write(build.block(0, 1, 0, b"A" * 453, flags=0x4000)))


def test_truncated_block(write: Write, build: SimpleNamespace) -> None:
    with pytest.raises(MalformedImageError, match="expected a block of 512 bytes, got 511 at offset 512"):
        read_firmware(write(build.uf2([(0, b"A" * 500)])[:-1]))


def test_data_beyond_the_limit_stops_the_reading(write: Write, build: SimpleNamespace) -> None:
    content = build.uf2([(0, b"A" * 600)], payload=256) + b"never read"
    with pytest.raises(ImageTooLargeError, match="at most 300 bytes, got more than that at offset 512"):
        read_firmware(write(content), max_size=300)
