import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from elftools.elf.elffile import ELFFile

from iotsign.errors import MalformedImageError
from iotsign.formats.firmware import read_firmware

Write = Callable[..., Path]

SAMPLES = Path(__file__).parents[4] / "firmware_samples" / "prebuilt"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [32, 64])
def test_all_classes_and_byte_orders(write: Write, build: SimpleNamespace, bits: int, order: str) -> None:
    path = write(build.elf((0x10000, b"code"), (0x10008, b"data"), bits=bits, order=order, entry=0x10001))
    image = read_firmware(path)
    assert (image.data, image.address, image.entry) == (b"code" + b"\xff" * 4 + b"data", 0x10000, 0x10001)
    with path.open("rb") as stream:
        theirs = [(segment["p_paddr"], segment.data()) for segment in ELFFile(stream).iter_segments("PT_LOAD")]
    assert theirs == [(0x10000, b"code"), (0x10008, b"data")]


def test_zero_entry_is_none(write: Write, build: SimpleNamespace) -> None:
    assert read_firmware(write(build.elf((0, b"A")))).entry is None


def test_segments_without_data_are_memory_not_image(write: Write, build: SimpleNamespace) -> None:
    path = write(build.elf((0x20000000, b""), (0x1000, b"A"), memory=8))
    assert (read_firmware(path).data, read_firmware(path).address) == (b"A", 0x1000)


# threat 15
@pytest.mark.parametrize("size", [2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF])
def test_segment_that_claims_more_than_the_file_has(write: Write, build: SimpleNamespace, size: int) -> None:
    content = bytearray(build.elf((0, b"A"), memory=0xFFFFFFFF))
    struct.pack_into("<I", content, 52 + 16, size)
    with pytest.raises(
        MalformedImageError, match=f"segment's {size} bytes at 84 go beyond the end of the file, 85"
    ) as e:
        read_firmware(write(content))
    assert (e.value.code, e.value.data["offset"]) == ("Truncated", 52)


def test_segment_of_four_gigabytes_in_64_bits(write: Write, build: SimpleNamespace) -> None:
    content = bytearray(build.elf((0, b"A"), bits=64, memory=1 << 32))
    struct.pack_into("<Q", content, 64 + 32, 1 << 32)
    with pytest.raises(MalformedImageError, match="segment's 4294967296 bytes"):
        read_firmware(write(content))


@pytest.mark.parametrize(
    ("at", "value", "code", "offset", "problem"),
    [
        (4, b"\x03", "BadElf", 0, "Invalid EI_CLASS"),
        (5, b"\x00", "BadElf", 0, "Invalid EI_DATA"),
        (28, b"\xff\xff\xff\xff", "Truncated", 0xFFFFFFFF, "1 program headers go beyond the end of the file"),
        (42, b"\x21\x00", "BadHeaderSize", 0, "expected program headers of 32 bytes, got 33"),
        (44, b"\x00\x00", "NoLoadSegment", 0, "expected load segments, got no program headers"),
        (44, b"\xff\xff", "TooManySegments", 0, "expected fewer than 65535"),
        (44, b"\x00\x01", "Truncated", 52, "256 program headers go beyond"),
        (52, b"\x02", "NoLoadSegment", 52, "got none in 1 headers"),
        (52 + 12, b"\xff\xff\xff\xff", "AddressWraps", 52, "segment's 2 bytes at 0xffffffff wrap around"),
        (52 + 20, b"\x01\x00\x00\x00", "BadSegment", 52, "segment has 2 bytes for 1 of memory"),
    ],
)
def test_wrong_headers(
    write: Write, build: SimpleNamespace, at: int, value: bytes, code: str, offset: int, problem: str
) -> None:
    content = bytearray(build.elf((0x1000, b"AB")))
    content[at : at + len(value)] = value
    with pytest.raises(MalformedImageError, match=problem) as caught:
        read_firmware(write(content))
    assert (caught.value.code, caught.value.data["offset"]) == (code, offset)


@pytest.mark.parametrize("length", [4, 15, 16, 51])
def test_truncated_header(write: Write, build: SimpleNamespace, length: int) -> None:
    with pytest.raises(MalformedImageError, match="got one with a wrong or truncated header at offset 0") as caught:
        read_firmware(write(build.elf((0, b"A"))[:length]))
    assert caught.value.code == "BadElf"


def test_load_segment_without_any_data(write: Write, build: SimpleNamespace) -> None:
    with pytest.raises(MalformedImageError, match="expected load segments with data"):
        read_firmware(write(build.elf((0, b""), memory=8)))


@pytest.fixture
def headers_in_segment() -> bytearray:
    """A sample whose first segment begins with the ELF headers, at 0x1fffff8c; the program begins at 0x20000000."""
    return bytearray((SAMPLES / "counter-riscv32-virt.elf").read_bytes())


def test_headers_in_a_segment_are_not_part_of_the_image(write: Write, headers_in_segment: bytearray) -> None:
    path = write(headers_in_segment)
    with path.open("rb") as stream:
        first = next(iter(ELFFile(stream).iter_segments("PT_LOAD")))
    assert (first["p_offset"], first["p_paddr"]) == (0, 0x1FFFFF8C)
    image = read_firmware(path)
    assert image.address == 0x20000000
    assert image.data == (SAMPLES / "counter-riscv32-virt.bin").read_bytes()


@pytest.mark.parametrize(
    ("at", "value", "code", "problem"),
    [
        (48, b"\x00\x00", "HeadersInSegment", "no section says where the program begins at offset 0"),
        (32, b"\xff\xff\xff\xff", "Truncated", "section headers go beyond the end of the file"),
        (46, b"\x29\x00", "BadHeaderSize", "expected section headers of 40 bytes, got 41"),
    ],
)
def test_headers_in_a_segment_and_no_sections(
    write: Write, headers_in_segment: bytearray, at: int, value: bytes, code: str, problem: str
) -> None:
    headers_in_segment[at : at + len(value)] = value
    with pytest.raises(MalformedImageError, match=problem) as caught:
        read_firmware(write(headers_in_segment))
    assert caught.value.code == code
