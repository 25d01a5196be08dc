"""Bytes in memory: digest and Hasher agree with hashlib."""

import hashlib
import mmap
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType

ALGORITHMS = st.sampled_from(list(HashAlgorithm))


def expected(algorithm: HashAlgorithm, data: bytes) -> bytes:
    return hashlib.new(algorithm.value, data).digest()


@given(algorithm=ALGORITHMS, data=st.binary(max_size=600))
def test_digest_agrees_with_hashlib(algorithm: HashAlgorithm, data: bytes) -> None:
    assert core.digest(algorithm, data) == expected(algorithm, data)


@given(algorithm=ALGORITHMS, parts=st.lists(st.binary(max_size=300)))
def test_parts_hash_like_the_whole(algorithm: HashAlgorithm, parts: list[bytes]) -> None:
    hasher = core.Hasher(algorithm)
    for part in parts:
        hasher.update(part)
    assert hasher.digest() == expected(algorithm, b"".join(parts))


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_every_split_point_of_three_blocks(algorithm: HashAlgorithm) -> None:
    data = os.urandom(3 * 128 + 1)
    for split in range(len(data) + 1):
        hasher = core.Hasher(algorithm)
        hasher.update(data[:split])
        hasher.update(data[split:])
        assert hasher.digest() == expected(algorithm, data)


def test_digest_of_a_hasher_may_be_asked_for_in_between() -> None:
    hasher = core.Hasher(HashAlgorithm.SHA384)
    assert hasher.digest() == expected(HashAlgorithm.SHA384, b"")
    hasher.update(b"one")
    assert hasher.digest() == hasher.digest() == expected(HashAlgorithm.SHA384, b"one")
    hasher.update(b"two")
    assert hasher.digest() == expected(HashAlgorithm.SHA384, b"onetwo")


def test_all_kinds_of_buffers() -> None:
    data = os.urandom(5000)
    with mmap.mmap(-1, len(data)) as mapped:
        mapped[:] = data
        for buffer in (data, bytearray(data), memoryview(data), mapped):
            assert core.digest(HashAlgorithm.SHA1, buffer) == expected(HashAlgorithm.SHA1, data)


def test_a_hasher_may_be_shared_by_threads() -> None:
    block = b"x" * 100_000
    hasher = core.Hasher(HashAlgorithm.SHA256)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hasher.update, [block] * 40))
    assert hasher.digest() == expected(HashAlgorithm.SHA256, block * 40)


@pytest.mark.parametrize("algorithm", ["SHA256", None, KeyType.P256, 256])
def test_an_algorithm_that_is_none(algorithm: object) -> None:
    with pytest.raises(TypeError, match="expected a HashAlgorithm, got"):
        core.digest(algorithm, b"")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a HashAlgorithm, got"):
        core.Hasher(algorithm)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", ["text", 5, None, memoryview(b"abcd")[::2]])
def test_data_that_is_no_contiguous_buffer(data: object) -> None:
    with pytest.raises((TypeError, BufferError)):
        core.digest(HashAlgorithm.SHA256, data)  # type: ignore[arg-type]
    with pytest.raises((TypeError, BufferError)):
        core.Hasher(HashAlgorithm.SHA256).update(data)  # type: ignore[arg-type]


@given(data=st.binary(max_size=100))
def test_exclusive_or_of_all_bytes(data: bytes) -> None:
    expected = 0
    for byte in data:
        expected ^= byte
    assert core.xor_bytes(data) == core.xor_bytes(memoryview(b"x" + data)[1:]) == expected


def test_exclusive_or_wants_bytes() -> None:
    with pytest.raises(TypeError):
        core.xor_bytes("text")  # type: ignore[arg-type]
