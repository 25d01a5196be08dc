import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.errors import MalformedImageError
from iotsign.formats.ti import ImageDescriptor, ImageFlags, read_descriptor

U32 = st.integers(0, 2**32 - 1)


@given(st.sampled_from(ImageFlags), U32, U32, U32, U32, U32, st.binary(max_size=256))
def test_what_is_written_is_read(
    flags: ImageFlags, sequence: int, a: int, b: int, execution: int, hardware: int, signature: bytes
) -> None:
    descriptor = ImageDescriptor(flags, sequence, min(a, b), max(a, b), execution, hardware, signature)
    raw = descriptor.to_bytes()
    assert len(raw) == 288
    assert raw[:8] == b"@AFRTOS" + bytes([flags])
    assert read_descriptor(raw + b"application") == descriptor


GOOD = ImageDescriptor(ImageFlags.NEW, 1, 0x1000, 0x2000, 0x1100, 0, b"s" * 70).to_bytes()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (GOOD[:287], "288 bytes at offset 0, the data end at 287"),
        (b"@AFRTOs" + GOOD[7:], "magic"),
        (GOOD[:7] + b"\xfb" + GOOD[8:], "got fb at offset 7"),
        (GOOD[:28] + b"\x01\x01\x00\x00" + GOOD[32:], "signature size 257"),
        (GOOD[:287] + b"\x01", "186 bytes of 00 or ff"),
        (GOOD[:12] + b"\xff\xff\xff\xff" + GOOD[16:], "lies before start"),
    ],
)
def test_descriptors_that_lie_are_refused(data: bytes, match: str) -> None:
    with pytest.raises(MalformedImageError, match=match):
        read_descriptor(data)
