"""sha256_many agrees with hashlib on any mixture of lengths and threads."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign import core


def expected(buffers: list[bytes]) -> list[bytes]:
    return [hashlib.sha256(buffer).digest() for buffer in buffers]


@given(st.lists(st.binary(max_size=300), max_size=40), st.one_of(st.none(), st.integers(1, 3)))
def test_small_buffers(buffers: list[bytes], threads: int | None) -> None:
    assert core.sha256_many(buffers, threads=threads) == expected(buffers)


@pytest.mark.parametrize("threads", [None, 1, 2, 5, 1000])
def test_large_buffers_of_unequal_lengths(threads: int | None) -> None:
    buffers = [os.urandom(i * i * 211) for i in range(70)]
    assert core.sha256_many(buffers, threads=threads) == expected(buffers)


def test_every_kind_of_sequence_and_buffer() -> None:
    data = os.urandom(1000)
    sequences: list[Sequence[core.Data]] = [[data, bytearray(data)], (memoryview(data),), [data] * 3]
    for buffers in sequences:
        assert core.sha256_many(buffers) == expected([data] * len(buffers))


@pytest.mark.parametrize("buffers", [None, 5, ["text"], [b"ok", None], [b"ok", memoryview(b"abcd")[::2]]])
def test_what_is_no_sequence_of_buffers(buffers: Any) -> None:
    with pytest.raises((TypeError, BufferError)):
        core.sha256_many(buffers)


@pytest.mark.parametrize(
    ("threads", "error"), [(0, ValueError), (-1, OverflowError), (2**32, ValueError), ("1", TypeError)]
)
def test_threads_that_are_none(threads: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        core.sha256_many([b""], threads=threads)


def test_ctrl_c() -> None:
    program = """
import os, signal, threading
from iotsign import core
buffers = [bytes(2**28)] * 64
threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    core.sha256_many(buffers)
except KeyboardInterrupt:
    print("interrupted")
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "interrupted\n"), ran.stderr
