"""sha256_many on every path: equal and unequal buffers, more and fewer than there are lanes and threads."""

import hashlib
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pytest

MANY = 10
RANDOM = random.Random(3)
DATA = RANDOM.randbytes(6000)

MakeRequest = Callable[..., Any]


def check(program: Any, make_request: MakeRequest, batches: Sequence[tuple[int, Sequence[bytes]]]) -> None:
    requests = [
        make_request(MANY, bytes([threads]) + b"".join(struct.pack(">I", len(data)) + data for data in buffers))
        for threads, buffers in batches
    ]
    expected = b"".join(hashlib.sha256(data).digest() for _, buffers in batches for data in buffers)
    for selection in program.selections:
        assert program.ask(requests, selection) == expected


def unequal(count: int) -> list[bytes]:
    """Buffers of all lengths, those around the ends of blocks more often."""
    lengths = (0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, RANDOM.randrange(len(DATA)))
    return [DATA[: RANDOM.choice(lengths)] for _ in range(count)]


def test_unequal_buffers(native: Any, make_request: MakeRequest) -> None:
    counts = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 100)
    check(native, make_request, [(threads, unequal(count)) for threads in (0, 1, 2, 5) for count in counts])


def test_equal_buffers(native: Any, make_request: MakeRequest) -> None:
    check(native, make_request, [(1, [DATA[:length]] * 20) for length in (0, 64, 1000)])


@pytest.mark.parametrize("threads", [1, 2, 200])
def test_enough_for_all_threads(program_for: Callable[[str], Any], make_request: MakeRequest, threads: int) -> None:
    buffers = [RANDOM.randbytes(length) for length in (3 << 20, 300_000, 300_001, 0, 299_999, 1 << 20)] + unequal(40)
    check(program_for("gcc"), make_request, [(threads, buffers)])


def test_foreign_architectures(foreign: Any, make_request: MakeRequest) -> None:
    check(foreign, make_request, [(2, unequal(19))])
