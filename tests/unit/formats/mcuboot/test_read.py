"""Reading: every size is checked against the file before anything is used."""

import contextlib
import io
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.errors import IotsignError, MalformedImageError, StoreError
from iotsign.formats.mcuboot import check_integrity, inspect_image, is_image, read_image

Make = Callable[..., bytes]


def patched(image: bytes, offset: int, layout: str, value: int) -> bytes:
    data = bytearray(image)
    struct.pack_into(layout, data, offset, value)
    return bytes(data)


def test_a_whole_image(make: Make) -> None:
    data = make(security_counter=9)
    image = read_image(io.BytesIO(data))
    assert is_image(data[:4])
    assert image.security_counter == 9
    assert (image.tlv_offset, image.end, image.file_size) == (64, len(data), len(data))
    assert [tlv.type_name for tlv in image.unprotected] == ["SHA256", "KEYHASH", "ED25519"]
    assert image.trailer is None
    (entry,) = image.signatures
    assert entry.key == image.unprotected[1]


# header size at 8, protected size at 10, payload size at 12
@pytest.mark.parametrize("value", [0, 1, 31, 33, 0xFFFF])
def test_header_sizes(value: int, make: Make) -> None:
    # threat 15
    with pytest.raises(MalformedImageError):
        read_image(io.BytesIO(patched(make(security_counter=1), 8, "<H", value)))


@pytest.mark.parametrize("value", [0, 1, 3, 4, 13, 0xFFFF])
def test_protected_sizes(value: int, make: Make) -> None:
    # threat 15
    with pytest.raises(MalformedImageError) as caught:
        read_image(io.BytesIO(patched(make(security_counter=1), 10, "<H", value)))
    assert "offset" in caught.value.data


@pytest.mark.parametrize("value", [0, 31, 33, 0xFFFF, 1 << 31, (1 << 32) - 1])
def test_payload_sizes(value: int, make: Make) -> None:
    # threat 15
    with pytest.raises(MalformedImageError) as caught:
        read_image(io.BytesIO(patched(make(), 12, "<I", value)))
    assert "offset" in caught.value.data


@pytest.mark.parametrize("value", [0, 3, 5, 0xFFFF])
def test_tlv_totals(value: int, make: Make) -> None:
    # threat 15
    with pytest.raises(MalformedImageError):
        read_image(io.BytesIO(patched(make(), 66, "<H", value)))


def test_every_truncation_is_named(make: Make) -> None:
    data = make(security_counter=1)
    for size in range(len(data)):
        with pytest.raises(MalformedImageError) as caught:
            read_image(io.BytesIO(data[:size]))
        assert "offset" in caught.value.data


@pytest.mark.parametrize("size", [(2 << 30) - 1, 2 << 30, (4 << 30) - 100])
def test_large_payload_sizes_add_up(size: int, make: Make, tmp_path: Any) -> None:
    # threat 15
    data = make()
    header, tlvs = patched(data[:32], 12, "<I", size), data[64:]
    with (tmp_path / "large").open("w+b") as file:
        file.write(header)
        file.seek(32 + size)
        file.write(tlvs)
        image = read_image(file)
    assert image.tlv_offset == 32 + size
    assert image.unprotected[0].offset == 32 + size + 4


@given(st.binary(max_size=300), st.integers(0, 250), st.binary(min_size=1, max_size=8))
def test_noise_is_refused_or_read(noise: bytes, position: int, patch: bytes) -> None:
    header = bytes.fromhex("3db8f396 00000000 2000 0000 04000000 00000000 01000000 00000000 00000000")
    data = bytearray(header + bytes(4) + bytes.fromhex("0769 0400") + noise)
    data[position : position + len(patch)] = patch
    for reader in (read_image, inspect_image, check_integrity):
        with contextlib.suppress(IotsignError):
            reader(io.BytesIO(bytes(data)))


def test_records_of_a_wrong_length(make: Make) -> None:
    for type_, name in ((0x50, "security_counter"), (0x40, "dependencies"), (0x70, "decompressed_size")):
        data = bytearray(make(custom_tlvs=((0xA0, b"12345"),)))
        data[68:70] = type_.to_bytes(2, "little")
        image = read_image(io.BytesIO(bytes(data)))
        with pytest.raises(MalformedImageError) as caught:
            getattr(image, name)
        assert caught.value.data["offset"] == 68


def test_a_compressed_size_beyond_the_payload(make: Make) -> None:
    data = bytearray(make(custom_tlvs=((0xA0, bytes([33, 0, 0, 0])),)))
    data[68:70] = (0x73).to_bytes(2, "little")
    with pytest.raises(MalformedImageError, match="COMP_DEC_SIZE"):
        _ = read_image(io.BytesIO(bytes(data))).compressed_size


class Broken(io.BytesIO):
    """A file whose disk fails."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")

    def write(self, data: Any, /) -> int:
        raise OSError(28, "No space left on device")


def test_a_failing_disk_is_a_store_error(make: Make) -> None:
    with pytest.raises(StoreError, match="Input/output error"):
        read_image(Broken(make()))


def test_a_file_that_shrinks_while_it_is_read(make: Make) -> None:
    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 8))

    with pytest.raises(MalformedImageError) as caught:
        read_image(Shrinking(make()))
    assert caught.value.code == "Truncated"
