"""Frames in lines: written as the smp package reads them, read as it writes them, and anything else survived."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smp import packet

from iotsign.device._framing import FrameReader, encode_frame, line_bytes


@given(st.binary(min_size=1, max_size=2000))
def test_smp_reads_what_we_write(frame: bytes) -> None:
    written = encode_frame(frame)
    lines = written.splitlines(keepends=True)
    assert max(map(len, lines)) <= 127
    assert len(written) == line_bytes(len(frame))
    decoder = packet.decode()
    next(decoder)
    for line in lines[:-1]:
        decoder.send(line)
    with pytest.raises(StopIteration) as done:
        decoder.send(lines[-1])
    assert done.value.value == frame


@given(st.lists(st.binary(min_size=1, max_size=400), max_size=4), st.integers(1, 60), st.integers(8, 127))
def test_we_read_what_smp_writes_in_any_pieces(frames: list[bytes], piece: int, line_length: int) -> None:
    stream = b"".join(b"".join(packet.encode(frame, line_length)) for frame in frames)
    reader = FrameReader()
    found = []
    for at in range(0, len(stream), piece):
        found += reader.feed(stream[at : at + piece])
    assert found == frames
    assert (reader.dropped, reader.text()) == (0, [])


def test_console_lines_stand_between_frames() -> None:
    reader = FrameReader()
    stream = b"hello\r\n" + encode_frame(b"one") + b"half a line" + encode_frame(b"two") + b"\x1b[31mred\r\n\r\n"
    assert reader.feed(stream) == [b"one", b"two"]
    assert reader.text() == ["hello", "half a line", "\N{REPLACEMENT CHARACTER}[31mred"]
    assert reader.text() == []


@pytest.mark.parametrize(
    "lines",
    [
        b"\x06\x09!!!!\n",
        b"\x06\x09\n",
        b"\x06\x09AAA=\n",
        b"\x06\x09AAEA\n",
        b"\x06\x09AAMBAAAAAAAA\n",
        encode_frame(b"frame")[:-3] + b"AA\n",
        b"\x06\x09" + b"AAAA" * 3 + b"\n",
    ],
)
def test_broken_frames_are_dropped_and_the_next_one_is_read(lines: bytes) -> None:
    # threat 19
    reader = FrameReader()
    assert reader.feed(lines + encode_frame(b"next")) == [b"next"]
    assert reader.dropped == 1


def test_the_rest_of_a_frame_without_its_beginning_is_ignored() -> None:
    long = encode_frame(bytes(300))
    reader = FrameReader()
    assert reader.feed(long[long.index(b"\x04\x14") :] + encode_frame(b"next")) == [b"next"]
    assert reader.dropped == 0
    assert reader.feed(long[: long.index(b"\x04\x14")] + encode_frame(b"again")) == [b"again"]
    assert reader.dropped == 1


def test_noise_takes_no_memory() -> None:
    # threat 19
    reader = FrameReader()
    source = random.Random(1)
    for _ in range(200):
        reader.feed(source.randbytes(1000).replace(b"\n", b"."))
    assert len(reader._line) <= 4096
    assert reader.feed(b"\n" + encode_frame(b"next")) == [b"next"]
