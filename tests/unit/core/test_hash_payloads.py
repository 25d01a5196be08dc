"""hash_payloads agrees with base64 and hashlib, and takes nothing that is not whole."""

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign import core

MakeFile = Callable[[bytes], int]


@pytest.fixture
def make_file() -> Iterator[MakeFile]:
    made: list[int] = []

    def make(data: bytes) -> int:
        made.append(os.memfd_create("object"))
        os.write(made[-1], data)
        return made[-1]

    yield make
    for fd in made:
        os.close(fd)


@given(st.lists(st.binary(max_size=200), max_size=20), st.integers(0, 9))
def test_agrees_with_base64_and_hashlib(payloads: list[bytes], offset: int) -> None:
    fds, jobs = [], []
    for payload in payloads:
        data = b"x" * offset + base64.b64encode(payload) + b'"}'
        fds.append(os.memfd_create("object"))
        os.write(fds[-1], data)
        jobs.append((fds[-1], offset, len(data)))
    found = core.hash_payloads(jobs)
    for fd in fds:
        os.close(fd)
    assert found == [(len(payload), hashlib.sha256(payload).digest()) for payload in payloads]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 49150, 49151, 49152, 49153, 49154, 300_000])
def test_around_the_size_of_a_block(make_file: MakeFile, size: int) -> None:
    payload = os.urandom(size)
    data = base64.b64encode(payload) + b'"}'
    fd = make_file(data)
    os.lseek(fd, 1, os.SEEK_SET)
    assert core.hash_payloads([(fd, 0, len(data))]) == [(size, hashlib.sha256(payload).digest())]
    assert os.lseek(fd, 0, os.SEEK_CUR) == 1


BLOCK = 65536  # characters that are decoded at once


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'"',
        b"AAAA",
        b'AAAA"',
        b'AAAA}"',
        b'AAA"}',
        b'AA"}',
        b'AA=="} ',
        b'AA==AAAA"}',
        b'AB=="}',
        b'AA A"}',
        b'AAA-"}',
        b"A" * (BLOCK - 2) + b'==AAAA"}',
        b"A" * BLOCK + b'AA"}',
    ],
)
def test_what_is_not_whole(make_file: MakeFile, data: bytes) -> None:
    # threat 12
    good = b'AAAA"}'
    found = core.hash_payloads([(make_file(good), 0, 6), (make_file(data), 0, len(data)), (make_file(good), 0, 6)])
    assert found[1] is None
    assert found[0] == found[2] == (3, hashlib.sha256(bytes(3)).digest())


@pytest.mark.parametrize("size", [0, 1, 5, 7, 10, 1 << 40, 1 << 63])
def test_a_size_that_is_not_the_files(make_file: MakeFile, size: int) -> None:
    # threat 15
    fd = make_file(b'AAAA"}')
    if size >= 1 << 40:
        with pytest.raises((MemoryError, OverflowError)):
            core.hash_payloads([(fd, 0, size), (fd, 0, (1 << 63) - 1), (fd, 0, (1 << 63) - 1)])
    else:
        assert core.hash_payloads([(fd, 0, size)]) == [None]


def test_an_offset_behind_the_end(make_file: MakeFile) -> None:
    assert core.hash_payloads([(make_file(b'AAAA"}'), 7, 6)]) == [None]


def test_what_cannot_be_read(make_file: MakeFile) -> None:
    reader, writer = os.pipe()
    assert core.hash_payloads([(reader, 0, 6), (-1, 0, 6)]) == [None, None]
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    ("files", "error"),
    [
        (None, TypeError),
        ([None], TypeError),
        ([[0, 0, 0]], TypeError),
        ([(0, 0)], TypeError),
        ([("0", 0, 0)], TypeError),
        ([(0, -1, 0)], ValueError),
        ([(0, 0, -1)], ValueError),
    ],
)
def test_what_is_no_list_of_files(files: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        core.hash_payloads(files)
