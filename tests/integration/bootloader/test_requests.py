"""What the SMP server takes for a request, what it answers to the rest, and what it does not answer at all."""

import base64
import struct
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from smp import packet

INVALID, NOT_SUPPORTED, TOO_LARGE, TOO_NEW = 3, 8, 7, 13
UPLOAD = (2, 1, 1)
Recovery = Callable[..., Any]

REFUSED = {
    "no map": b"\x80",
    "nothing": b"",
    "nested map": cbor2.dumps({"d": {"d": "x"}}),
    "nested array": cbor2.dumps({"x": []}),
    "deep": b"\xa1\x61d" + b"\x81" * 900 + b"\x00",
    "a key twice": b"\xa2\x61d\x61x\x61d\x61y",
    "more pairs than bytes": b"\xb7\x61d\x61x",
    "24 pairs": b"\xb8\x18" + b"\x61x\x00" * 24,
    "fewer pairs than bytes": b"\xa0\x61d\x61x",
    "text of 2**62 bytes": b"\xa1\x61d\x7b\x40\0\0\0\0\0\0\0x",
    "text of 2**32 - 1 bytes": b"\xa1\x61d\x7a\xff\xff\xff\xffx",
    "text past the end": b"\xa1\x61d\x65abcd",
    "cut in a length": b"\xa1\x61d\x79\x00",
    "indefinite text": b"\xa1\x61d\x7f\x61x\xff",
    "indefinite key": b"\xa1\x7f\x61d\xff\x61x",
    "indefinite map without end": b"\xbf\x61d\x61x",
    "bytes behind an indefinite map": b"\xbf\x61d\x61x\xff\x00",
    "tag": b"\xa1\x61d\xc0\x61x",
    "float": b"\xa1\x61d\xf9\x00\x00",
    "reserved length": b"\xa1\x61d\x7c",
    "undefined simple value": b"\xa1\x61x\xe0",
    "long simple value": b"\xa1\x61x\xf8\xff",
    "number for text": cbor2.dumps({"d": 1}),
    "bytes for text": cbor2.dumps({"d": b"x"}),
    "key that is a number": b"\xa1\x01\x02",
    "no d": cbor2.dumps({}),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_malformed_requests_are_refused(name: str, recovery: Recovery) -> None:
    # threat 18
    with recovery() as (_, line):
        assert line.ask_raw(line.message(2, 0, 0, REFUSED[name])) == cbor2.dumps({"rc": INVALID})
        assert line.write(0, 0, d="still there") == {"r": "still there"}


def test_wrong_types_and_sizes_of_an_upload(recovery: Recovery) -> None:
    with recovery() as (_, line):
        for fields in (
            {"off": -1, "data": b""},
            {"off": 2**32, "data": b""},
            {"off": "0"},
            {"upgrade": None},
            {"off": 0},
        ):
            assert line.ask(*UPLOAD, **fields) == {"rc": INVALID}
        assert line.ask(*UPLOAD, data=b"x") == {"err": {"group": 1, "rc": 20}}
        assert line.ask(*UPLOAD, off=0, data=b"x") == {"err": {"group": 1, "rc": 21}}


def test_unknown_keys_and_indefinite_maps_are_fine(recovery: Recovery) -> None:
    with recovery() as (_, line):
        assert line.write(0, 0, d="x", other=1, more=b"y", none=None) == {"r": "x"}
        assert line.ask_raw(line.message(2, 0, 0, b"\xbf\x61d\x61x\xff")) == cbor2.dumps({"r": "x"})


def test_what_there_is_not(recovery: Recovery) -> None:
    with recovery() as (_, line):
        for operation, group, command in (
            (0, 0, 1),
            (0, 2, 0),
            (2, 1, 6),
            (0, 1, 1),
            (2, 0, 6),
            (0, 64, 4),
            (2, 64, 0),
        ):
            assert line.ask(operation, group, command) == {"rc": NOT_SUPPORTED}
        assert line.write(0, 5, boot_mode=2) == {"rc": NOT_SUPPORTED}
        assert line.ask_raw(line.message(2, 0, 0, b"\xa0", version=2)) == cbor2.dumps({"rc": TOO_NEW})
        assert line.read(0, 8, query="mode") == {"mode": 1, "no-downgrade": True}


def test_version_1_gets_general_codes(recovery: Recovery) -> None:
    with recovery() as (_, line):
        assert line.ask(0, 0, 8, version=0, query="size") == {"rc": NOT_SUPPORTED}
        assert line.ask(2, 1, 0, version=0, hash=bytes(32)) == {"rc": 5}
        assert line.ask(2, 1, 5, version=0, slot=0) == {"rc": 3}


def test_reset_into_recovery(recovery: Recovery) -> None:
    with recovery() as (_, line):
        line.text.clear()
        assert line.write(0, 5, boot_mode=1) == {}
        line.wait_for(b"recovery\r\n")
        assert line.write(0, 0, d="x") == {"r": "x"}


def test_largest_frame(recovery: Recovery) -> None:
    with recovery() as (_, line):
        size = line.read(0, 6)["buf_size"] - 12 - len(cbor2.dumps({"d": "x" * 900})) + 900
        assert line.write(0, 0, d="x" * size) == {"r": "x" * size}
        too_long = line.message(2, 0, 0, cbor2.dumps({"d": "x" * (size + 1)}))
        assert line.ask_raw(too_long, timeout_s=1) is None
        assert line.write(0, 0, d="x") == {"r": "x"}


def frame(message: bytes, length: int | None = None) -> bytes:
    """A frame with the right checksum, and perhaps a wrong length."""
    checksum = struct.pack(">H", packet.crc16_func(message))
    return struct.pack(">H", len(message) + 2 if length is None else length) + message + checksum


def in_lines(data: bytes, size: int = 93) -> bytes:
    starts = [b"\x06\x09", *[b"\x04\x14"] * (len(data) // size)]
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(start + base64.b64encode(part) + b"\n" for start, part in zip(starts, parts, strict=False))


UNANSWERED: dict[str, Callable[[bytes], bytes]] = {
    "wrong checksum": lambda message: in_lines(frame(message)[:-1] + b"!"),
    "length too small": lambda message: in_lines(frame(message, 4)),
    "length of nothing": lambda message: in_lines(frame(message, 0)),
    "length too large": lambda message: in_lines(frame(message, 0xFFFF)),
    "shorter than its length": lambda message: in_lines(frame(message, len(message) + 3)),
    "bytes behind the frame": lambda message: in_lines(frame(message) + b"\0"),
    "body length in the header": lambda message: in_lines(frame(message[:3] + b"\x7f" + message[4:])),
    "an answer": lambda message: in_lines(frame(bytes([message[0] | 1]) + message[1:])),
    "no base64": lambda message: in_lines(frame(message)).replace(b"A", b"*", 1),
    "base64 without padding": lambda message: in_lines(frame(message)).replace(b"=", b""),
    "a line of 128 bytes": lambda message: in_lines(frame(message + b"x" * 200), 96),
    "continuation without a start": lambda message: b"\x04\x14" + in_lines(frame(message))[2:],
    "no line feed": lambda message: in_lines(frame(message))[:-1],
    "endless": lambda message: b"\x06\x09" + b"A" * 100_000,
    "noise": lambda message: bytes(range(256)) * 20,
}


@pytest.mark.parametrize("name", list(UNANSWERED))
def test_broken_frames_are_dropped_and_the_next_one_is_answered(name: str, recovery: Recovery) -> None:
    # threat 19
    with recovery() as (_, line):
        message = line.message(2, 0, 0, cbor2.dumps({"d": "yyy"}))
        line.send(UNANSWERED[name](message))
        assert line.receive(0.5) is None
        assert line.write(0, 0, d="x") == {"r": "x"}


def test_frames_between_noise_and_in_short_lines(recovery: Recovery) -> None:
    with recovery() as (_, line):
        message = line.message(2, 0, 0, cbor2.dumps({"d": "x" * 300}))
        for parts in (in_lines(frame(message), 3), b"\x06\x06\x04" + in_lines(frame(message)).replace(b"\n", b"\r\n")):
            line.send(b"garbage\n\x04\x14AAAA\n" + parts)
            answer = line.receive()
            assert answer is not None
            assert cbor2.loads(answer[8:]) == {"r": "x" * 300}
