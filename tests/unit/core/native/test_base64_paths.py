"""Every SIMD path of base64, against the standard library and the rules of RFC 4648 §3.5 and §4."""

import base64
import random
import string
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import pytest

ENCODE, DECODE = 8, 9
OK, MALFORMED = 0, 2
ALPHABET = (string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/").encode()
DATA = random.Random(2).randbytes(2000)

MakeRequest = Callable[..., Any]


@cache  # each path is asked for the same texts
def judge(text: bytes) -> tuple[int, int, bytes]:
    """The status, the number of bytes or the offset of the first offending character, and the bytes."""
    padding = 0 if len(text) % 4 else len(text[-2:]) - len(text[-2:].rstrip(b"="))
    if text[-1:] != b"=":
        padding = 0
    body = text[: len(text) - padding]
    foreign = next((offset for offset, character in enumerate(body) if character not in ALPHABET), None)
    if foreign is not None:
        return MALFORMED, foreign, b""
    if len(text) % 4:
        return MALFORMED, len(text), b""
    if padding and ALPHABET.index(body[-1]) % (1 << 2 * padding):
        return MALFORMED, len(body) - 1, b""
    data = base64.b64decode(text)
    return OK, len(data), data


def check_decoded(program: Any, selection: int, make_request: MakeRequest, texts: Sequence[bytes]) -> None:
    requests = [make_request(DECODE, text, address=number * 7 % 64) for number, text in enumerate(texts)]
    answers, used = program.ask(requests, selection), 0
    for text in texts:
        status, number, data = judge(text)
        assert struct.unpack_from(">BI", answers, used) == (status, number), text
        used += 5
        assert answers[used : used + len(data)] == data, text
        used += len(data)
    assert used == len(answers)


def check_encoded(program: Any, selection: int, make_request: MakeRequest, pieces: Sequence[bytes]) -> None:
    answers = program.ask(
        [make_request(ENCODE, data, address=number * 5 % 64) for number, data in enumerate(pieces)], selection
    )
    texts = [base64.b64encode(data) for data in pieces]
    assert answers == b"".join(struct.pack(">I", len(text)) + text for text in texts)


def every_length(last: int) -> list[bytes]:
    return [DATA[length % 97 :][:length] for length in range(last + 1)]


def test_every_length(native: Any, make_request: MakeRequest) -> None:
    pieces = every_length(1024)
    for selection in native.selections:
        check_encoded(native, selection, make_request, pieces)
        check_decoded(native, selection, make_request, [base64.b64encode(data) for data in pieces])


def test_every_value_in_every_place(native: Any, make_request: MakeRequest) -> None:
    pieces = [bytes([value]) * 200 for value in range(256)]
    for selection in native.selections:
        check_encoded(native, selection, make_request, pieces)


def mutations(places: Callable[[int], Sequence[int]]) -> Iterator[bytes]:
    """Texts with no, one and two characters of padding, in which one character is replaced by each of the 256."""
    for length in (94, 95, 96):
        text = base64.b64encode(DATA[:length])
        for place in places(len(text)):
            for value in range(256):
                yield text[:place] + bytes([value]) + text[place + 1 :]


def ends() -> Iterator[bytes]:
    """Truncated texts, and padding of every kind, after no, one and many good groups."""
    for start in (b"", b"QUJD", b"QUJD" * 50):
        for end in (b"", b"Q", b"QQ", b"QQQ", b"QQQQ", b"=", b"==", b"===", b"====", b"Q=", b"Q==", b"Q===", b"QQ="):
            yield start + end
        for end in (b"QQ==", b"QR==", b"QQE=", b"QQF=", b"QQ==\n", b"QQ== ", b"QQ==QQ==", b"QQ=Q", b"=QQQ", b"Q=QQ"):
            yield start + end
        for end in (b" QUJD", b"QU\nJD", b"QU-_", b"QU\0D", b"\xef\xbb\xbfQUJD", b"QQQ=QQ==", b"QQQQ=", b"QQQQ=="):
            yield start + end


# threat 12
def test_refuses_what_is_not_canonical(native: Any, make_request: MakeRequest) -> None:
    some = list(mutations(lambda length: sorted({*range(0, length, 19), *range(length - 8, length)})))
    for selection in native.selections:
        check_decoded(native, selection, make_request, [*ends(), *some])


# threat 12
def test_refuses_every_foreign_character_in_every_place(
    program_for: Callable[[str], Any], make_request: MakeRequest
) -> None:
    program = program_for("gcc")
    texts = list(mutations(range))
    for selection in program.selections:
        check_decoded(program, selection, make_request, texts)


def test_foreign_architectures(foreign: Any, make_request: MakeRequest) -> None:
    pieces = every_length(200)
    for selection in foreign.selections:
        check_encoded(foreign, selection, make_request, pieces)
        check_decoded(foreign, selection, make_request, [*map(base64.b64encode, pieces), *ends()])


@pytest.mark.parametrize(
    ("text", "offset"), [(b"QQ", 2), (b"QR==", 1), (b"QQF=", 2), (b"Q Q=", 1), (b"QQ=Q", 2), (b"AAAA-AAA", 4)]
)
def test_the_judge_itself(text: bytes, offset: int) -> None:
    assert judge(text) == (MALFORMED, offset, b"")
