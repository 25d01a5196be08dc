"""What the readers have in common: one image, gaps filled, limits kept, errors that say where."""

import contextlib
import os
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.errors import (
    ConfigError,
    ImageTooLargeError,
    MalformedImageError,
    StoreError,
    UnsupportedFormatError,
)
from iotsign.formats.firmware import MAX_IMAGE_SIZE, Region, detect_firmware_format, read_firmware

Write = Callable[..., Path]

TWO_PIECES = [(0x8000, b"AAAA"), (0x8010, b"BBBB")]
JOINED = b"AAAA" + b"\xff" * 12 + b"BBBB"


@pytest.fixture(params=["hex", "elf", "uf2"])
def two_pieces(request: pytest.FixtureRequest, build: SimpleNamespace) -> bytes:
    content: bytes = {
        "hex": lambda: build.hex(*TWO_PIECES),
        "elf": lambda: build.elf(*TWO_PIECES),
        "uf2": lambda: build.uf2(TWO_PIECES),
    }[request.param]()
    return content


def test_pieces_become_one_image(write: Write, two_pieces: bytes) -> None:
    image = read_firmware(write(two_pieces))
    assert (image.data, image.address, image.left_out) == (JOINED, 0x8000, ())


def test_gaps_are_filled_with_the_stated_byte(write: Write, two_pieces: bytes) -> None:
    assert read_firmware(write(two_pieces), fill=0).data == b"AAAA" + bytes(12) + b"BBBB"


def test_order_of_pieces_does_not_matter(write: Write, build: SimpleNamespace) -> None:
    pieces = TWO_PIECES[::-1]
    for content in (build.hex(*pieces), build.elf(*pieces), build.uf2(pieces)):
        assert read_firmware(write(content)).data == JOINED


def test_flat_binary_is_taken_byte_for_byte(write: Write) -> None:
    image = read_firmware(write(b"\x00\x01anything", "app.bin"), address=0x10000)
    assert (bytes(image.data), image.address, image.entry, image.source_format) == (
        b"\x00\x01anything",
        0x10000,
        None,
        "bin",
    )
    assert read_firmware(write(b"x")).address is None


def test_flat_binary_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate((4 << 30) + 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    image = read_firmware(path)
    assert len(image.data) == (4 << 30) + 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB
    with pytest.raises(ImageTooLargeError, match=r"at most 4294967296 bytes, got 4294967297"):
        read_firmware(path, max_size=4 << 30)


def test_overlap(write: Write, build: SimpleNamespace) -> None:
    pieces = [(0x8000, b"AAAA"), (0x8003, b"B")]
    for content, offset in ((build.hex(*pieces), 52), (build.elf(*pieces), 120), (build.uf2(pieces), 512 + 32)):
        with pytest.raises(MalformedImageError, match="overlap at address 0x8003") as caught:
            read_firmware(write(content))
        assert caught.value.code == "OverlappingData"
        assert caught.value.data["offset"] == offset


# threat 15
def test_bytes_far_apart_are_refused_before_anything_is_allocated(write: Write, build: SimpleNamespace) -> None:
    pieces = [(0, b"A"), (0xFFFFFFFF, b"B")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for content in (build.hex(*pieces), build.elf(*pieces), build.uf2(pieces)):
        with pytest.raises(
            ImageTooLargeError, match=r"at most 67108864 bytes, got 4294967296 at 0x0\.\.0x100000000"
        ) as e:
            read_firmware(write(content), max_size=8 << 30)
        assert e.value.data["hint"].startswith("--address 0x0 signs one of its regions: 0x0..0x1, 0xffffffff..0x1")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB


def test_limit_is_the_callers_or_the_readers(write: Write, two_pieces: bytes, build: SimpleNamespace) -> None:
    path = write(two_pieces)
    assert len(read_firmware(path, max_size=20).data) == 20
    with pytest.raises(ImageTooLargeError, match="at most 19 bytes, got 20") as caught:
        read_firmware(path, max_size=19)
    assert "hint" not in caught.value.data
    wide = write(build.elf((0, b"A"), (MAX_IMAGE_SIZE, b"B")))
    with pytest.raises(ImageTooLargeError):
        read_firmware(wide)


def test_many_regions_are_listed_in_part(write: Write, build: SimpleNamespace) -> None:
    content = build.elf(*[(index << 24, b"A") for index in range(10)])
    with pytest.raises(ImageTooLargeError) as caught:
        read_firmware(write(content))
    assert caught.value.data["hint"].endswith("0x7000000..0x7000001, …")


def test_address_chooses_a_region(write: Write, build: SimpleNamespace) -> None:
    pieces = [(0, b"boot"), (0xC000, b"app"), (0xC010, b"data"), (0x10001000, b"settings")]
    for content in (build.hex(*pieces), build.elf(*pieces), build.uf2(pieces)):
        path = write(content)
        image = read_firmware(path, address=0xC000)
        assert image.data == b"app" + b"\xff" * 13 + b"data"
        assert image.left_out == (Region(0, 4), Region(0x10001000, 0x10001008))
        assert [str(region) for region in image.left_out] == ["0x0..0x4", "0x10001000..0x10001008"]
        assert len(read_firmware(path, address=0).data) == 0xC014
        for wrong in (1, 0xC001, 0xBFFF):
            with pytest.raises(MalformedImageError, match="data begins at 0x0, 0xc000, 0xc010, 0x10001000") as caught:
                read_firmware(path, address=wrong)
            assert caught.value.code == "NoDataAtAddress"


def test_address_in_the_middle_of_data_that_touches(write: Write, build: SimpleNamespace) -> None:
    with pytest.raises(MalformedImageError, match=r"data begins at 0x100$"):
        read_firmware(write(build.elf((0x100, b"AA"), (0x102, b"BB"))), address=0x102)


def test_entry_of_a_region_that_is_left_out_is_forgotten(write: Write, build: SimpleNamespace) -> None:
    path = write(build.elf((0x1000, b"A" * 16), (0x10000000, b"B" * 16), entry=0x1004))
    assert read_firmware(path, address=0x1000).entry == 0x1004
    assert read_firmware(path, address=0x10000000).entry is None


def test_entry_outside_of_the_image_is_kept(write: Write, build: SimpleNamespace) -> None:
    assert read_firmware(write(build.elf((0x1000, b"A"), entry=0x40000000))).entry == 0x40000000


@pytest.mark.parametrize("content", [b"", b":00000001FF\n", b":00000001FF\r\n"])
def test_files_without_firmware(write: Write, content: bytes) -> None:
    with pytest.raises(MalformedImageError, match="expected firmware"):
        read_firmware(write(content))


def test_uf2_of_comments_only(write: Write, build: SimpleNamespace) -> None:
    with pytest.raises(MalformedImageError, match="without any data"):
        read_firmware(write(build.block(0, 1, 0, b"x", flags=1)))


def test_files_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read: No such file or directory"):
        read_firmware(tmp_path / "none.hex")
    with pytest.raises(StoreError, match="expected a regular file"):
        read_firmware(tmp_path)
    with pytest.raises(StoreError, match="expected a regular file"):
        read_firmware(Path("/dev/null"))
    with pytest.raises(StoreError, match="null byte"):
        read_firmware(Path("a\0b"))


def test_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    caught: list[Exception] = []

    def read() -> None:
        try:
            read_firmware(tmp_path / "pipe")
        except StoreError as error:
            caught.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(5)
    assert len(caught) == 1


def test_file_that_shrinks_while_it_is_read(write: Write, build: SimpleNamespace) -> None:
    from iotsign.formats.firmware import _read
    from iotsign.formats.firmware._image import Segment

    with write(b"abc").open("rb") as stream, pytest.raises(StoreError, match="the file shrank"):
        _read._slice(stream, "x", Segment(0, 4, 0))


@pytest.mark.parametrize("fill", [-1, 256])
def test_fill_is_a_byte(write: Write, fill: int) -> None:
    with pytest.raises(ConfigError, match="fill byte"):
        read_firmware(write(b"x"), fill=fill)


@pytest.mark.parametrize("address", [-1, 1 << 64])
def test_address_has_64_bits(write: Write, address: int) -> None:
    with pytest.raises(ConfigError, match="address of 64 bits"):
        read_firmware(write(b"x"), address=address)


def test_caller_knows_better_than_the_content(write: Write, build: SimpleNamespace) -> None:
    content = build.hex((0, b"A"))
    assert bytes(read_firmware(write(content), source_format="bin").data) == content
    with pytest.raises(MalformedImageError, match=r"^app: line 1: expected a record that begins with ':'"):
        read_firmware(write(b"x"), source_format="hex", name="app")
    with pytest.raises(MalformedImageError, match="Magic number does not match"):
        read_firmware(write(content), source_format="elf")
    with pytest.raises(MalformedImageError, match="expected a block of 512"):
        read_firmware(write(content), source_format="uf2")


def test_content_tells_the_format(build: SimpleNamespace) -> None:
    for name in ("firmware", "app.img", "-", "app.BIN.signed"):
        assert detect_firmware_format(build.hex((0, b"A")), name) == "hex"
        assert detect_firmware_format(b"\r\n" + build.hex((0, b"A")), name) == "hex"
        assert detect_firmware_format(build.elf((0, b"A")), name) == "elf"
        assert detect_firmware_format(build.uf2([(0, b"A")]), name) == "uf2"
        for flat in (b"", b":", b":10", b":zz000000", b":00000009", b"\x7fEL", b"UF2\n", b"\xe9\x03"):
            assert detect_firmware_format(flat, name) == "bin"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.hex", "hex"),
        ("a.IHX", "hex"),
        ("a.ihex", "hex"),
        ("a.elf", "elf"),
        ("a.axf", "elf"),
        ("a.uf2", "uf2"),
        ("a.bin", "bin"),
        ("a.zip", "bin"),
    ],
)
def test_name_that_contradicts_the_content(build: SimpleNamespace, name: str, kind: str) -> None:
    contents = {
        "hex": build.hex((0, b"A")),
        "elf": build.elf((0, b"A")),
        "uf2": build.uf2([(0, b"A")]),
        "bin": b"\x00\x00\x02\x20",
    }
    for its_kind, content in contents.items():
        if its_kind == kind:
            assert detect_firmware_format(content, name) == kind
            continue
        with pytest.raises(MalformedImageError, match="as its name says, got") as caught:
            detect_firmware_format(content, name)
        assert caught.value.code == "NameContradictsContent"
    assert detect_firmware_format(b"", name) == kind  # an empty file is refused as such


PIECES = st.dictionaries(
    st.integers(0, 0xFFFF).map(lambda at: at * 300 & 0xFFFF),
    st.binary(min_size=1, max_size=300),
    min_size=1,
    max_size=8,
)


@given(pieces=PIECES, fill=st.integers(0, 255), base=st.sampled_from([0, 0x08000000, 0xFFFE0000]))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    build: SimpleNamespace,
    pieces: dict[int, bytes],
    fill: int,
    base: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip"
    listed = [(base + at, data) for at, data in pieces.items()]
    start, end = min(at for at, _ in listed), max(at + len(data) for at, data in listed)
    expected: bytearray | None = bytearray([fill]) * (end - start)
    taken: set[int] = set()
    for at, data in listed:
        if taken & set(range(at, at + len(data))):
            expected = None
            break
        taken |= set(range(at, at + len(data)))
        assert expected is not None
        expected[at - start : at - start + len(data)] = data
    for content in (
        build.hex(*listed),
        build.elf(*listed),
        build.elf(*listed, bits=64, order=">"),
        build.uf2(listed),
    ):
        path.write_bytes(content)
        if expected is None:
            with pytest.raises(MalformedImageError, match="overlap"):
                read_firmware(path, fill=fill)
        else:
            image = read_firmware(path, fill=fill)
            assert (image.data, image.address) == (bytes(expected), start)


@given(st.data())
def test_damaged_files_give_an_image_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, build: SimpleNamespace, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    pieces = [(0x8000, b"A" * 20), (0x9000, b"B" * 20)]
    content = bytearray(data.draw(st.sampled_from([build.hex(*pieces), build.elf(*pieces), build.uf2(pieces)])))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(MalformedImageError, ImageTooLargeError, UnsupportedFormatError):
        image = read_firmware(path)
        assert image.source_format == "bin" or len(image.data) <= MAX_IMAGE_SIZE
