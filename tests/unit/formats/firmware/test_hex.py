import resource
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intelhex import IntelHex

from iotsign.errors import ImageTooLargeError, MalformedImageError
from iotsign.formats.firmware import read_firmware

Write = Callable[..., Path]

END = ":00000001FF\n"


def test_published_images(nrf_hex: Path) -> None:
    theirs = IntelHex(str(nrf_hex))
    image = read_firmware(nrf_hex)
    assert image.source_format == "hex"
    assert image.address == theirs.minaddr() == 0
    expected = bytearray(b"\xff") * (theirs.maxaddr() + 1)
    for start, end in theirs.segments():
        expected[start:end] = theirs.tobinstr(start, end - 1)
    assert image.data == bytes(expected)


def test_published_image_with_settings_in_another_memory(microbit_hex: Path) -> None:
    with pytest.raises(ImageTooLargeError) as caught:
        read_firmware(microbit_hex)
    assert caught.value.data["hint"].endswith("0x0..0x3b88c, 0x100010c0..0x100010dc")
    theirs = IntelHex(str(microbit_hex))
    image = read_firmware(microbit_hex, address=0)
    assert image.data == bytes(theirs.tobinarray(0, 0x3B88B))
    assert image.entry == theirs.start_addr["EIP"]
    settings = read_firmware(microbit_hex, address=0x100010C0)
    assert settings.data == bytes(theirs.tobinarray(0x100010C0, 0x100010DB))


def test_segment_addresses(write: Write, build: SimpleNamespace) -> None:
    records = build.record(2, 0, b"\x12\x34") + build.record(0, 5, b"AB") + build.record(3, 0, b"\x12\x34\x00\x05")
    image = read_firmware(write((records + END).encode()))
    assert (image.data, image.address, image.entry) == (b"AB", 0x12345, 0x12345)


def test_linear_data_may_cross_64_kib(write: Write, build: SimpleNamespace) -> None:
    records = build.record(4, 0, b"\x00\x01") + build.record(0, 0xFFFF, b"AB")
    image = read_firmware(write((records + END).encode()))
    assert (image.data, image.address) == (b"AB", 0x1FFFF)


def test_start_address(write: Write, build: SimpleNamespace) -> None:
    start = build.record(5, 0, b"\x08\x00\x01\x01")
    data = build.record(0, 0, b"A")
    assert read_firmware(write((data + start + END).encode())).entry == 0x08000101
    for second in (start, build.record(5, 0, b"\0\0\0\1"), build.record(3, 0, b"\0\0\0\1")):
        with pytest.raises(MalformedImageError, match="line 3: expected one start address, got :0400000") as caught:
            read_firmware(write((data + start + second + END).encode()))
        assert (caught.value.code, caught.value.data["offset"]) == ("TwoEntries", 34)


def test_what_tools_write_differently(write: Write, build: SimpleNamespace) -> None:
    data = build.record(0, 0, b"A")
    for text in (
        data.lower() + END.lower(),
        (data + END).replace("\n", "\r\n"),
        (data + END).replace("\n", "\n\n"),
        data + END.rstrip("\n"),
        data + build.record(0, 0x10, b"") + END,
        data + END + "\r\n\n",
    ):
        assert read_firmware(write(text.encode())).data == b"A"


@pytest.mark.parametrize(
    ("text", "code", "line", "offset", "problem"),
    [
        (":0100000041BE", "NoEndRecord", 1, 13, r"expected an end record \(:00000001FF\), got the end of the file"),
        (":0100000041BF\n" + END, "Checksum", 1, 0, "expected another checksum, got :0100000041BF"),
        ("\n:010000004\n" + END, "BadHexDigits", 2, 1, "Odd-length string"),
        (":01000000 1BE\n" + END, "BadHexDigits", 1, 0, "Non-hexadecimal digit found"),
        (":0100000041BE00\n" + END, "RecordLength", 1, 0, "first one says, got :0100000041BE00"),
        (":00000000\n" + END, "RecordLength", 1, 0, "expected at least 5 bytes, got 4"),
        (":\n" + END, "RecordLength", 1, 0, "expected at least 5 bytes, got 0"),
        (END + ":0100000041BE\n", "DataAfterEnd", 2, 12, "expected nothing after the end record"),
        (END + "x", "DataAfterEnd", 2, 12, "expected nothing after the end record"),
        (":00000006FA\n" + END, "RecordType", 1, 0, "expected a record type 00 to 05, got :00000006FA"),
        (":0100000401FA\n" + END, "BadRecord", 1, 0, "records of this type have, got :0100000401FA"),
        (":0100000100FE\n", "BadRecord", 1, 0, "records of this type have, got :0100000100FE"),
        (":020001040800F1\n" + END, "BadRecord", 1, 0, "records of this type have, got :020001040800F1"),
        (";comment\n" + END, "NoRecord", 1, 0, "expected a record that begins with ':', got b';comment'"),
        (" :0100000041BE\n" + END, "NoRecord", 1, 0, "expected a record that begins with ':'"),
        (":" + "0" * 600 + "\n" + END, "RecordTooLong", 1, 0, "expected at most 521 characters"),
        (":02FFFF0041427D\n" + END, "AddressWraps", 1, 0, "2 bytes at 0xffff cross the end of their 64 KiB segment"),
        (
            ":02000004FFFFFC\n:02FFFF0041427D\n" + END,
            "AddressWraps",
            2,
            16,
            r"2 bytes at 0xffffffff go beyond address 2\^32",
        ),
    ],
)
def test_wrong_records(write: Write, text: str, code: str, line: int, offset: int, problem: str) -> None:
    with pytest.raises(MalformedImageError, match=problem) as caught:
        read_firmware(write(text.encode(), "app"), source_format="hex")
    assert caught.value.code == code
    assert (caught.value.data["line"], caught.value.data["offset"]) == (line, offset)


def test_data_beyond_the_limit_stops_the_reading(write: Write, build: SimpleNamespace) -> None:
    content = build.hex((0, b"A" * 64)) + b"never read"
    with pytest.raises(ImageTooLargeError, match="at most 20 bytes, got more than that at offset 60"):
        read_firmware(write(content), max_size=20)


# threat 15
def test_hundred_megabytes_are_refused_before_memory_is_spent(tmp_path: Path, build: SimpleNamespace) -> None:
    path = tmp_path / "large.hex"
    block = "".join(build.record(0, at, b"A" * 64) for at in range(0, 0x10000, 64))
    with path.open("w") as file:
        for base in range(700):
            file.write(build.record(4, 0, base.to_bytes(2, "big")) + block)
        file.write(END)
    assert path.stat().st_size > 100_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageTooLargeError, match="at most 16777216 bytes, got more than that at offset"):
        read_firmware(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB


@given(
    pieces=st.dictionaries(st.integers(0, 0x1FFFF), st.binary(min_size=1, max_size=40), min_size=1, max_size=5),
    width=st.integers(1, 255),
)
def test_reads_what_intelhex_writes(
    tmp_path_factory: pytest.TempPathFactory, pieces: dict[int, bytes], width: int
) -> None:
    theirs = IntelHex()
    for address, data in pieces.items():
        theirs.puts(address, data)
    text = StringIO()
    theirs.write_hex_file(text, byte_count=width)
    path = tmp_path_factory.getbasetemp() / "theirs.hex"
    path.write_text(text.getvalue())
    image = read_firmware(path)
    assert (image.data, image.address) == (bytes(theirs.tobinarray()), theirs.minaddr())
