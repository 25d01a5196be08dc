"""Every SIMD path of every hash, at every length, split and address, against hashlib and NIST's vectors."""

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

HASHES = ("sha1", "sha256", "sha384", "sha512")
EVERY_SPLIT, IN_ONE, FINISH, BLOCKS = 0, 4, 12, 16
DATA = random.Random(1).randbytes(6000)
NIST = Path(cryptography_vectors.__path__[0]) / "hashes"

MakeRequest = Callable[..., Any]


def digest(which: int, data: bytes) -> bytes:
    return hashlib.new(HASHES[which], data).digest()


def check(program: Any, selection: int, requests: Sequence[Any]) -> None:
    """Ask, and compare each answer with hashlib's."""
    answers = program.ask(requests, selection)
    for request in requests:
        expected = digest(request.operation % 4, request.data)
        answer, answers = answers[: len(expected)], answers[len(expected) :]
        assert answer == expected, f"{HASHES[request.operation % 4]} of {len(request.data)} bytes at {request.address}"
    assert not answers


def every_length(make_request: MakeRequest, last: int) -> Iterator[Any]:
    """Every length up to `last` at varied addresses, and some longer ones."""
    for which in range(4):
        for length in [*range(last + 1), *range(1111, len(DATA), 611)]:
            yield make_request(IN_ONE + which, DATA[:length], address=length * 5 % 64)


def every_split(make_request: MakeRequest, lengths: Sequence[int]) -> Iterator[Any]:
    for which in range(4):
        for length in lengths:
            yield make_request(EVERY_SPLIT + which, DATA[:length], address=length * 11 % 64)


def test_every_length_at_any_address(native: Any, make_request: MakeRequest) -> None:
    for selection in native.selections:
        check(native, selection, list(every_length(make_request, 1024)))


def test_every_address(native: Any, make_request: MakeRequest) -> None:
    requests = [
        make_request(IN_ONE + which, DATA[:777], address=address) for which in range(4) for address in range(64)
    ]
    for selection in native.selections:
        check(native, selection, requests)


def test_every_split(native: Any, make_request: MakeRequest) -> None:
    for selection in native.selections:
        check(native, selection, list(every_split(make_request, [*range(140), 255, 256, 257, 1023, 1024])))


def test_every_split_of_every_length(program_for: Callable[[str], Any], make_request: MakeRequest) -> None:
    program = program_for("gcc")
    check(program, program.selections[-1], list(every_split(make_request, range(1025))))


def test_foreign_architectures(foreign: Any, make_request: MakeRequest) -> None:
    for selection in foreign.selections:
        check(foreign, selection, list(every_length(make_request, 300)))
        check(foreign, selection, list(every_split(make_request, [1, 129, 257])))


def test_length_counters(native: Any, make_request: MakeRequest) -> None:
    # threat 15: lengths whose count of bits no longer fits 32 or 64 bits
    for which, (block_size, count_size) in enumerate([(64, 8), (64, 8), (128, 16), (128, 16)]):
        for length in (2**29 - 128, 2**29, 2**32 - 128, 2**32, 2**32 + 128, 2**61 - 128, 2**61, 2**64 - 128):
            if 8 * length >> 8 * count_size:
                continue  # a message that the standard does not know
            padding = b"\x80" + bytes(block_size - 1 - count_size) + (8 * length).to_bytes(count_size)
            finished = native.ask([make_request(FINISH + which, length.to_bytes(8))], 0)
            assert finished == native.ask([make_request(BLOCKS + which, padding)], 0)


def nist(which: int) -> Iterator[tuple[bytes, bytes]]:
    """Messages and digests of NIST's files for one hash."""
    name = HASHES[which].upper()
    for kind in ("Short", "Long"):
        path = NIST / ("SHA1" if which == 0 else "SHA2") / f"{name}{kind}Msg.rsp"
        found = re.findall(r"^Len = (\d+)\nMsg = (\w+)\nMD = (\w+)$", path.read_text().replace("\r", ""), re.MULTILINE)
        assert len(found) >= 64, path
        for bits, message, expected in found:
            yield bytes.fromhex(message)[: int(bits) // 8], bytes.fromhex(expected)


@pytest.mark.parametrize("which", range(4), ids=HASHES)
def test_nist_vectors(program_for: Callable[[str], Any], make_request: MakeRequest, which: int) -> None:
    program = program_for("gcc")
    cases = list(nist(which))
    for selection in program.selections:
        answers = program.ask([make_request(IN_ONE + which, message) for message, _ in cases], selection)
        assert answers == b"".join(expected for _, expected in cases)
